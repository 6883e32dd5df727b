//! Ways out of the sandbox by the network, each tried by a plugin in the real daemon.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use flate2::Compression;
use flate2::write::GzEncoder;
use playrelay_tests::harness::{Daemon, event_of};
use playrelay_tests::server::Server;

use crate::sandbox::{home, token};

/// What is inside of the bomb. Bytes.
const INFLATED: usize = 64 << 20;

/// A server that counts its requests, and answers each path with the same.
async fn counting() -> (Server, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let router = Router::new().fallback(async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        "somewhere else"
    });
    (Server::start(router).await, requests)
}

/// What a plugin gets when it tries to reach a place, as the story of the event tells it.
async fn attempt(plugin: &str, url: &str, target: &str) -> String {
    let home = home(url, target);
    play(&home.start(), plugin, "mia").await
}

/// The story of a play that the plugin looks up.
async fn play(daemon: &Daemon<'_>, plugin: &str, what: &str) -> String {
    let body = format!("play {what}").into_bytes();
    let answer = daemon.send(&format!("/webhook/{plugin}"), Some(&token(plugin)), "text/plain", body).await;
    daemon.settled(event_of(answer).await).await.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_leads_no_plugin_to_the_metadata_of_a_cloud() {
    let away = async || (StatusCode::FOUND, [(header::LOCATION, "http://169.254.169.254/latest/meta-data")]);
    let server = Server::start(Router::new().route("/away", get(away))).await;
    let url = server.url();
    // Without a credential a redirect is followed, as far as the plugin may go.
    let story = attempt("sound", &url, &format!("{url}/away")).await;
    assert!(story.contains("Denied") && story.contains("169.254.169.254"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_another_spelling_is_another_server() {
    let server = Server::start(Router::new().route("/", get(async || "here"))).await;
    let (elsewhere, requests) = counting().await;
    let port = elsewhere.url().rsplit(':').next().unwrap().to_owned();
    let home = home(&server.url(), "");
    let daemon = home.start();
    for host in [
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "127.0.0.1",
    ] {
        let story = play(&daemon, "rogue", &format!("http://{host}:{port}/")).await;
        assert!(story.contains("Denied"), "{host}: {story}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_of_the_environment_is_asked() {
    let server = Server::start(Router::new().route("/", get(async || "here"))).await;
    let (proxy, requests) = counting().await;
    let (url, proxy) = (server.url(), proxy.url());
    let mut home = home(&url, &format!("{url}/"));
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        home.set(name, &proxy);
    }
    let story = play(&home.start(), "rogue", "mia").await;
    assert!(story.contains("here") && !story.contains("somewhere else"), "{story}");
    assert_eq!(requests.load(Ordering::SeqCst), 0, "credentials would have been shown to it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_inflates_is_cut_off() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&vec![0; INFLATED]).unwrap();
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "it is small on the wire");
    let answer = async move || ([(header::CONTENT_ENCODING, "gzip")], bomb.clone());
    let server = Server::start(Router::new().route("/", get(answer))).await;
    let story = attempt("rogue", &server.url(), &format!("{}/", server.url())).await;
    assert!(story.contains("TooLarge"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_holds_no_second_one() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let router = Router::new().route(
        "/",
        get(async move |headers: HeaderMap| {
            counted.fetch_add(1, Ordering::SeqCst);
            format!("{}", headers.contains_key("x-smuggled"))
        }),
    );
    let server = Server::start(router).await;
    let story = attempt("rogue", &server.url(), &format!("smuggle {}/", server.url())).await;
    assert!(story.contains("Denied"), "{story}");
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}
