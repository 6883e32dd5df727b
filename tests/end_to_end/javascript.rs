//! A sink in JavaScript, from the plugin directory, beside the bundled plugins.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Home, fixture};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::server::Server;
use serde_json::Value;
use tokio::sync::Notify;

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_in_javascript_receives_a_play() {
    let component = fixture("notebook.wasm");
    if !component.exists() {
        assert!(std::env::var_os("CI").is_none(), "in CI the fixture must be built");
        println!("SKIPPED: the fixture was not built, because Node.js is missing");
        return;
    }
    type Lines = Arc<(Mutex<Vec<(String, Value)>>, Notify)>;
    let lines = Lines::default();
    let noted = Arc::clone(&lines);
    let router = Router::new().route(
        "/lines",
        post(async move |headers: HeaderMap, axum::Json(line): axum::Json<Value>| {
            let key = headers.get("x-notebook-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
            noted.0.lock().unwrap().push((key.to_owned(), line));
            noted.1.notify_one();
            StatusCode::CREATED
        }),
    );
    let notebook = Server::start(router).await;
    let trakt = FakeTrakt::start().await;
    let extra = format!(
        "[trackers.notes]\nplugin = \"notebook\"\nurl = {:?}\nkey = \"the-notebooks-key\"\n\n\
         [[routes]]\nsource = \"home\"\ntracker = \"notes\"\nusers = [\"*\"]\n",
        notebook.url()
    );
    let home = Home::plex_to_trakt(None, &trakt, &extra);
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(component, folder.join("notebook.wasm")).unwrap();
    let approved = home.run(&["plugin", "approve", "notebook"]);
    assert!(approved.status.success(), "{approved:?}");
    home.connect().await;
    let daemon = home.start();
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    daemon.plex(&event("media.scrobble", &film, None, (1, "sean"), "TV")).await;
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    while lines.0.lock().unwrap().is_empty() {
        lines.1.notified().await;
    }
    let (key, line) = lines.0.lock().unwrap()[0].clone();
    assert_eq!(key, "the-notebooks-key", "the host adds what the guest never sees");
    assert_eq!((line["action"].as_str(), line["title"].as_str()), (Some("watched"), Some("Inception")));
}
