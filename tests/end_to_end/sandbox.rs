//! A guest that misbehaves costs one call and a reason; the healthy one beside it does not notice.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use playrelay::app::App;
use playrelay::config;
use playrelay_plugin_host::capabilities::Check;
use playrelay_tests::harness::{TestContext, binary, fixture};
use playrelay_tests::server::Server;
use serde_json::Value;
use sha2::Sha256;

pub fn token(source: &str) -> String {
    format!("the-token-of-{source}")
}

/// A home with the rogue and the sound plugin, approved. `target` is what a look-up tries to reach.
pub fn home(url: &str, target: &str) -> TestContext {
    let source = |name: &str| {
        format!(
            "[sources.{name}]\nplugin = {name:?}\nwebhook_token = {:?}\nurl = {url:?}\ntoken = \"the-guests-secret-key\"\n\
             target = {target:?}\n\n",
            token(name)
        )
    };
    let home = TestContext::new(&(source("rogue") + &source("sound") + &source("signed")));
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["rogue", "sound", "signed"] {
        std::fs::copy(fixture(&format!("{name}.wasm")), folder.join(format!("{name}.wasm"))).unwrap();
        assert!(home.run(&["plugin", "approve", name]).status.success());
    }
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn each_misbehaviour_costs_one_call_with_a_reason() {
    let home = home("http://127.0.0.1:9", "");
    let daemon = home.start();
    let send = async |source: &str, body: &str| -> i64 {
        let response = daemon
            .send(&format!("/webhook/{source}"), Some(&token(source)), "text/plain", body.as_bytes().to_vec())
            .await;
        response.text().await.unwrap().trim().rsplit(' ').next().unwrap().parse().unwrap()
    };
    let verdict = async |id: i64| -> (String, String, String) {
        let story = daemon.settled(id).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (
            text(&story["verdict"]["outcome"]),
            text(&story["verdict"]["code"]),
            text(&story["verdict"]["detail"]),
        )
    };
    // A success between two faults: the breaker must not hide the reason of the next.
    for (order, code, words) in [
        ("loop", "cpu-limit", "250 ms"),
        ("spin", "cpu-limit", "250 ms"),
        ("allocate", "memory-limit", "32 MiB"),
        ("panic", "trap", "crashed"),
        ("recurse", "trap", "stack"),
        ("list", "output-limit", "2 MiB"),
        ("many", "output-limit", "257 reports"),
        ("giant", "trap", "out of bounds"),
    ] {
        let (rogue, healthy, sound) =
            (send("rogue", order).await, send("rogue", "hello").await, send("sound", "hi").await);
        let (outcome, found, detail) = verdict(rogue).await;
        assert_eq!((outcome.as_str(), found.as_str()), ("failed", code), "{order}: {detail}");
        assert!(detail.contains(words), "{order}: {detail}");
        assert_eq!(verdict(healthy).await.2, "hello", "after {order}");
        assert_eq!(verdict(sound).await.2, "hi", "beside {order}");
    }
    // What a parser may not do is refused without a fault.
    for (order, answer) in [
        ("fetch", "Error::Denied(\"this call may send no requests\")"),
        ("store", "Err(Error::Denied)"),
        ("time", "true"),
    ] {
        let (outcome, _, detail) = verdict(send("rogue", order).await).await;
        assert_eq!(outcome, "ignored", "{order}: {detail}");
        assert!(detail.contains(answer), "{order}: {detail}");
    }
    let (_, _, detail) = verdict(send("rogue", "secrets").await).await;
    assert!(detail.starts_with("None") && !detail.contains(&token("rogue")), "{detail}");
    assert_eq!(verdict(send("rogue", "shout").await).await.1, "shouted");
    assert_eq!(home.log().matches("shouting ").count(), 100, "100 lines a call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_keeps_failing_is_paused_and_loses_nothing() {
    let home = home("http://127.0.0.1:9", "");
    let daemon = home.start();
    let mut last = 0;
    for body in ["panic", "panic", "panic", "panic", "panic", "well again"] {
        let response = daemon
            .send("/webhook/rogue", Some(&token("rogue")), "text/plain", body.as_bytes().to_vec())
            .await;
        last = response.text().await.unwrap().trim().rsplit(' ').next().unwrap().parse().unwrap();
    }
    assert_eq!(daemon.settled(last).await["verdict"]["detail"], "well again");
    assert!(home.log().contains("call=\"webhook\""), "{}", home.log());
}

/// What a plugin gets when it tries to reach a place, in its own words.
pub async fn reach(plugin: &str, url: &str, target: &str) -> String {
    let home = home(url, target);
    let config = config::load(Some(&home.path().join("playrelay.toml"))).unwrap();
    let app = App::open_with(config, binary()).await.unwrap();
    let (plugin, caller) = app.plugin(plugin).unwrap();
    plugin.call::<Check>(&caller, ()).await.0.unwrap().unwrap().name
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_typed_server_is_reached() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let elsewhere = Server::start(Router::new().route("/", get(|| async { "elsewhere" }))).await;
    let away = elsewhere.url();
    let allowed = Server::start(
        Router::new()
            .route(
                "/",
                get(async move |headers: HeaderMap| {
                    record.lock().unwrap().push(headers);
                    "here, and the-guests-secret-key"
                }),
            )
            .route("/away", get(async move || (StatusCode::FOUND, [(header::LOCATION, away)]))),
    )
    .await;
    let url = allowed.url();
    assert_eq!(
        reach("rogue", &url, &format!("{url}/")).await,
        "200 Body::Text(\"here, and [secret]\")",
        "an echoed secret is taken out"
    );
    let headers = seen.lock().unwrap()[0].clone();
    assert_eq!(headers["x-api-key"], "the-guests-secret-key", "not what the guest forged");
    assert_eq!(headers["x-own"], "forged", "a header of no meaning is the guest's own");
    assert!(!headers.contains_key("authorization") && !headers.contains_key("cookie"), "{headers:?}");
    // A redirect is not followed once a credential was added.
    assert!(reach("rogue", &url, &format!("{url}/away")).await.starts_with("302"));
    // Without one it is, but not to where the plugin may not go.
    let redirected = reach("sound", &url, &format!("{url}/away")).await;
    assert!(redirected.starts_with("Error::Denied") && redirected.contains(&elsewhere.url()), "{redirected}");
    // A name with a password, and a signature over what is sent: the guest sees neither, and cannot forge them.
    assert!(reach("signed", &url, &format!("{url}/?a=b%20c")).await.starts_with("200"));
    let headers = seen.lock().unwrap().last().unwrap().clone();
    let secret = "the-guests-secret-key";
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("mia:{secret}"));
    assert_eq!(headers["authorization"], format!("Basic {basic}"), "{headers:?}");
    let at = headers["x-at"].to_str().unwrap();
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    let mac = mac.chain_update(format!("GET\n/\na=b%20c\n{at}")).finalize().into_bytes();
    let signature: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(headers["x-signature"], signature, "{headers:?}");
    let port = url.rsplit(':').next().unwrap();
    for target in [
        elsewhere.url(),
        format!("http://localhost:{port}/"),
        format!("http://0x7f.1:{port}1/"),
        format!("https://127.0.0.1:{port}/"),
        format!("http://127.0.0.1:{port}@evil.example/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "file:///etc/passwd".to_owned(),
        "/etc/passwd".to_owned(),
    ] {
        let answer = reach("rogue", &url, &target).await;
        assert!(answer.starts_with("Error::Denied"), "{target}: {answer}");
    }
}
