//! The plugins of `plugins/examples`: each is built and tested as its author does it, and runs in the plugin directory of the real binary.

use std::fs;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use playrelay_tests::daemon::{event_of, has_delivered};
use playrelay_tests::example_plugin::{self, install};
use playrelay_tests::fake_kodi::FakeKodi;
use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_push_services::FakePushServices;
use playrelay_tests::harness::{TestContext, mdblist_account, plex_to};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::server::Server;
use serde_json::{Value, json};

use crate::author_kit::{has_program, has_rust_target};

/// The first block of JSON in the README of an example.
fn readme_json(name: &str) -> String {
    let readme = fs::read_to_string(example_plugin::folder(name).join("README.md")).unwrap();
    readme.split("```json").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

/// Sends a message to the only source, and gives the story of its event.
async fn story(home: &TestContext, source: &str, message: String) -> Value {
    let daemon = home.start();
    let path = format!("/webhook/{source}");
    let sent = daemon.send(&path, Some("token-of-it"), "application/json", message.into_bytes()).await;
    daemon.settled(event_of(sent).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tautulli_tells_what_plays_in_the_form_of_its_readme() {
    if !has_program("npm", &["--version"]) {
        return;
    }
    let home = TestContext::new("[sources.attic]\nplugin = \"tautulli\"\nwebhook_token = \"token-of-it\"\n");
    install("tautulli", &home);
    let known = [
        ("action", "watched"),
        ("username", "mia"),
        ("user_id", "31646104"),
        ("media_type", "movie"),
        ("title", "Mirror"),
        ("year", "1975"),
        ("imdb_id", "tt0072443"),
        ("view_offset", "5550000"),
        ("duration_ms", "6420000"),
        ("player", "Living room"),
    ];
    let mut message: Value = serde_json::from_str(&readme_json("tautulli")).unwrap();
    for (_, value) in message.as_object_mut().unwrap() {
        let name = value.as_str().unwrap().trim_matches(['{', '}']).to_owned();
        let known = known.iter().find(|(known, _)| *known == name);
        *value = known.map_or("", |(_, value)| value).into();
    }
    let story = story(&home, "attic", message.to_string()).await;
    assert_eq!((&story["item"], &story["user"]), (&"Mirror (1975)".into(), &"mia".into()), "{story:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_any_form_is_read_as_the_settings_say() {
    if !has_rust_target() {
        return;
    }
    let settings = "title = \"/film/name\"\nuser = \"/who\"\nyear = \"/film/year\"\n";
    let source = "[sources.any]\nplugin = \"generic-json\"\nwebhook_token = \"token-of-it\"\n";
    let home = TestContext::new(&format!("{source}{settings}"));
    install("generic-json", &home);
    let message = json!({ "state": "playing", "who": "mia", "film": { "name": "Mirror", "year": 1975 } });
    let story = story(&home, "any", message.to_string()).await;
    assert_eq!((&story["item"], &story["user"]), (&"Mirror (1975)".into(), &"mia".into()), "{story:#}");
    // The form of the README is the one that needs no settings.
    let message: Value = serde_json::from_str(&readme_json("generic-json")).unwrap();
    for key in ["state", "user", "player", "session", "title", "year", "imdb", "position", "duration"] {
        assert!(!message[key].is_null(), "{key}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ntfy_shows_a_test_on_a_phone() {
    if !has_program("npm", &["--version"]) {
        return;
    }
    let push = FakePushServices::start().await;
    let home = TestContext::new(&push.account("ntfy"));
    install("ntfy", &home);
    let (is_sent, said) = home.run_with_fakes(&["notify", "test", "ntfy"]).await;
    assert!(is_sent, "{said}");
    let shown = push.shown();
    assert_eq!((shown.len(), shown[0].title.as_str()), (1, "Playrelay can reach you"), "{shown:#?}");
    assert_eq!((&shown[0].message["topic"], &shown[0].message["priority"]), (&"relay".into(), &3.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn kodi_is_listened_to_until_a_film_has_arrived() {
    if !has_rust_target() {
        return;
    }
    let (kodi, mdblist) = (FakeKodi::start().await, FakeMdbList::start().await);
    let mut home = TestContext::new(&format!(
        "[sources.livingroom]\nplugin = \"kodi\"\nurl = {:?}\nuser = \"mia\"\n\n{}\n[[routes]]\nsource = \"livingroom\"\ntracker = \
         \"mia\"\nusers = [\"mia\"]\n",
        kodi.server.url(),
        mdblist_account("mia", &mdblist, true)
    ));
    install("kodi", &home);
    let clock = home.set_clock(&[mdblist.clock()]);
    let daemon = home.start();
    daemon.connected("livingroom").await;
    kodi.sockets().until_heard("Player.GetActivePlayers").await;
    let film = json!({
        "id": 12, "type": "movie", "title": "Mirror", "year": 1975, "season": -1, "episode": -1, "tvshowid": -1,
        "uniqueid": { "imdb": "tt0072443" }, "file": "/films/Mirror (1975).mkv", "runtime": 6_420,
    });
    kodi.play(&film, 6_418);
    daemon.get_until("/api/v1/outbox", "that it plays", |list| has_delivered(list, "playing")).await;
    clock.pass(6_200);
    kodi.pause(6_200);
    daemon.get_until("/api/v1/outbox", "the pause", |list| list.to_string().contains("\"paused\"")).await;
    clock.pass(30);
    kodi.end();
    daemon.get_until("/api/v1/outbox", "the film", |list| has_delivered(list, "watched")).await;
}

/// A Movary with one user: it counts each request as a play, and breaks off its answer to the first one.
#[derive(Default)]
struct FakeMovary {
    plays: Vec<Value>,
    looks: usize,
    refused: usize,
}

type Movary = Arc<Mutex<FakeMovary>>;

fn is_refused(movary: &Movary, headers: &HeaderMap) -> bool {
    let is_refused = headers.get("x-movary-token").is_none_or(|token| token != "the-token-of-mia");
    movary.lock().unwrap().refused += usize::from(is_refused);
    is_refused
}

async fn add_movie(State(movary): State<Movary>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if is_refused(&movary, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    match body["tmdbId"].as_u64() {
        Some(27_205) => Json(json!({ "movaryId": 12 })).into_response(),
        _ => (StatusCode::BAD_REQUEST, Json(json!({ "error": "ProviderIdNotFound" }))).into_response(),
    }
}

async fn add_plays(State(movary): State<Movary>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    if is_refused(&movary, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut movary = movary.lock().unwrap();
    movary.plays.extend(body.as_array().unwrap().iter().cloned());
    if movary.plays.len() > 1 {
        return StatusCode::NO_CONTENT.into_response();
    }
    let broken = futures_util::stream::iter([Ok(Bytes::from("{")), Err(std::io::Error::other("gone"))]);
    Body::from_stream(broken).into_response()
}

async fn history(State(movary): State<Movary>, headers: HeaderMap) -> Response {
    if is_refused(&movary, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut movary = movary.lock().unwrap();
    movary.looks += 1;
    let rows = movary.plays.iter().map(
        |play| json!({ "movie": { "ids": { "movary": play["movaryId"] } }, "watchedAt": play["watchedAt"] }),
    );
    Json(json!({ "history": rows.collect::<Vec<_>>(), "currentPage": 1, "maxPage": 1 })).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn movary_has_a_film_once_though_an_answer_was_lost() {
    if !has_program("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let movary = Movary::default();
    let router = Router::new()
        .route("/api/movies/add", post(add_movie))
        .route("/api/users/mia/history/movies", get(history).post(add_plays))
        .with_state(Arc::clone(&movary));
    let server = Server::start(router).await;
    let account = format!(
        "[trackers.mia]\nplugin = \"movary\"\nurl = {:?}\nuser = \"mia\"\ntoken = \"the-token-of-mia\"\n",
        server.url()
    );
    let home = TestContext::new(&plex_to(&[account], &["mia"], ""));
    install("movary", &home);
    let daemon = home.start();
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666", "tmdb://27205"]);
    daemon.plex(&event("media.scrobble", &film, None, (1, "mia"), "TV")).await;
    // The second attempt finds the play in the history.
    let is_there = |list: &Value| list["events"].as_array().is_some_and(|events| events.len() == 1);
    daemon.get_until("/api/v1/outbox?state=duplicate", "the film", is_there).await;
    let movary = movary.lock().unwrap();
    assert_eq!((movary.plays.len(), movary.looks, movary.refused), (1, 1, 0), "{:?}", movary.plays);
    assert_eq!(movary.plays[0]["movaryId"], 12);
}
