//! A sink in JavaScript, from the plugin directory, beside the bundled plugins.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, fixture};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::server::Server;
use serde_json::Value;
use tokio::sync::Notify;

/// The sink, where it is built. In CI it must be.
pub(crate) fn notebook() -> Option<PathBuf> {
    let component = fixture("notebook.wasm");
    if component.exists() {
        return Some(component);
    }
    assert!(std::env::var_os("CI").is_none(), "in CI the fixture must be built");
    println!("SKIPPED: the fixture was not built, because Node.js is missing");
    None
}

/// A tracker that is the notebook at this address, with a route to it.
pub(crate) fn notebook_config(url: &str) -> String {
    format!(
        "[trackers.notes]\nplugin = \"notebook\"\nurl = {url:?}\nkey = \"the-notebooks-key\"\n\n\
         [[routes]]\nsource = \"home\"\ntracker = \"notes\"\nusers = [\"*\"]\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_in_javascript_receives_a_play_and_its_heartbeats() {
    let Some(component) = notebook() else { return };
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
    let extra = notebook_config(&notebook.url());
    let mut home = TestContext::plex_to_trakt(None, &trakt, &extra);
    let clock = home.set_clock(&[trakt.clock()]);
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(component, folder.join("notebook.wasm")).unwrap();
    let approved = home.run(&["plugin", "approve", "notebook"]);
    assert!(approved.status.success(), "{approved:?}");
    home.connect().await;
    let daemon = home.start();
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    let noted = async |count: usize| {
        while lines.0.lock().unwrap().len() < count {
            lines.1.notified().await;
        }
        lines.0.lock().unwrap()[count - 1].clone()
    };
    daemon.plex(&event("media.play", &film, Some(0), (1, "sean"), "TV")).await;
    assert_eq!(noted(1).await.1["progress"], 0.0);
    // The notebook wants to hear once a minute that it still plays; Trakt never does.
    clock.pass(720);
    let (_, beat) = noted(2).await;
    let progress = beat["progress"].as_f64().unwrap();
    assert!(beat["action"] == "playing" && (10.0..11.0).contains(&progress), "{beat}");
    daemon.plex(&event("media.scrobble", &film, None, (1, "sean"), "TV")).await;
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    assert_eq!(trakt.story(), ["POST /scrobble/start 201", "POST /scrobble/stop 201"]);
    let (key, line) = noted(3).await;
    assert_eq!(key, "the-notebooks-key", "the host adds what the guest never sees");
    assert_eq!((line["action"].as_str(), line["title"].as_str()), (Some("watched"), Some("Inception")));
    // A route may ask for fewer heartbeats, not for more than the notebook allows.
    let path = home.path().join("playrelay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    for (set, is_sound) in [("\"30s\"", false), ("\"10m\"", true), ("false", true)] {
        let changed =
            config.replace("tracker = \"notes\"", &format!("tracker = \"notes\"\nheartbeat = {set}"));
        std::fs::write(&path, changed).unwrap();
        let check = home.run(&["check"]);
        let said = String::from_utf8_lossy(&check.stdout).into_owned();
        assert_eq!(check.status.success(), is_sound, "{set}: {said}");
        assert!(is_sound || said.contains("expected at least 60 s"), "{said}");
    }
}
