//! What the trackers' documents give as answers is given to the plugins: each example of each endpoint that they ask.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use jiff::Timestamp;
use playrelay::app::App;
use playrelay::config;
use playrelay_engine::event::{Action, Receipt, ReceiptOutcome};
use playrelay_engine::model::{Item, ItemKind};
use playrelay_plugin_host::capabilities::{
    AddWatchlist, Check, ReadWatchlist, RemoveWatchlist, Sink, SinkEvent,
};
use playrelay_plugin_host::failure::Failure;
use playrelay_tests::contracts::{Documents, Example, answers};
use playrelay_tests::fake_simkl::{CLIENT_ID, FakeSimkl};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, binary, simkl_account, trakt_account};
use playrelay_tests::server::Server;
use serde_json::Value;

use crate::tracker_kinds::{film, pilot, season, show};

/// The documents of the services; absent where the folder is not there.
fn documents() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/contracts");
    folder.exists().then_some(folder)
}

/// A server that gives examples: one that is set, and the first one of any other endpoint.
struct Replay {
    service: &'static str,
    documents: Documents,
    examples: Vec<Example>,
    set: Mutex<Option<Example>>,
    /// How often it was asked whether something has changed.
    times: AtomicU32,
    /// Whether the one that is set was given.
    given: Mutex<bool>,
}

async fn replay(State(replay): State<Arc<Replay>>, request: Request) -> Response {
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    // SIMKL's document has the one path for all ratings as a POST; it is a GET everywhere else.
    let endpoint = replay.documents.find(replay.service, &method, &path);
    let endpoint = endpoint.or_else(|| replay.documents.find(replay.service, "POST", &path));
    // The list of a history without an item is in older documents only: there is nothing in it.
    let Some(endpoint) = endpoint else { return Json(Value::Array(Vec::new())).into_response() };
    let is_of_it = |it: &Example| (&it.template, &it.method) == (&endpoint.template, &endpoint.method);
    let set = replay.set.lock().unwrap().clone().filter(is_of_it);
    *replay.given.lock().unwrap() |= set.is_some();
    let other =
        replay.examples.iter().find(|it| is_of_it(it) && it.status.is_some_and(|status| status < 300));
    match set.as_ref().or(other) {
        Some(example) => {
            let status = StatusCode::from_u16(example.status.unwrap_or(200)).unwrap();
            let mut body = example.body.clone();
            // Lists are read again only where something has changed.
            if endpoint.template == "/sync/activities" {
                let times = replay.times.fetch_add(1, Ordering::SeqCst);
                for part in ["tv_shows", "anime", "movies"] {
                    body[part]["all"] = format!("2026-10-01T00:{:02}:{:02}Z", times / 60, times % 60).into();
                }
            }
            (status, Json(body)).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// An account whose service is a [`Replay`].
struct Played {
    app: App,
    replay: Arc<Replay>,
    _home: TestContext,
    _server: Server,
}

impl Played {
    /// `real` is the fake at which the account was logged in.
    async fn new(service: &'static str, folder: &std::path::Path, home: TestContext, real: &str) -> Self {
        let examples = answers(folder, service).unwrap();
        let documents = Documents::read(folder).unwrap();
        let (set, times, given) = Default::default();
        let replay = Arc::new(Replay { service, documents, examples, set, times, given });
        let server =
            Server::start(Router::new().fallback(self::replay).with_state(Arc::clone(&replay))).await;
        let file = home.path().join("playrelay.toml");
        let text = std::fs::read_to_string(&file).unwrap().replace(real, &server.url());
        std::fs::write(&file, text).unwrap();
        let app = App::open_with(config::load(Some(&file)).unwrap(), binary()).await.unwrap();
        Self { app, replay, _home: home, _server: server }
    }

    /// Tells the plugin all that leads to an endpoint, once for each of its examples. Gives the endpoints that were asked.
    async fn run(&self, most: usize) -> BTreeSet<String> {
        let mut asked = BTreeSet::new();
        let mut seen = std::collections::BTreeMap::new();
        for example in self.replay.examples.clone() {
            let endpoint = format!("{} {}", example.method, example.template);
            let times = seen.entry(format!("{endpoint} {:?}", example.status)).or_insert(0);
            *times += 1;
            if *times > most {
                continue;
            }
            *self.replay.set.lock().unwrap() = Some(example.clone());
            *self.replay.given.lock().unwrap() = false;
            for action in actions_for(self.replay.service, &example) {
                self.tell(action, &example, &endpoint).await;
            }
            if *self.replay.given.lock().unwrap() {
                asked.insert(endpoint);
            }
        }
        asked
    }

    async fn tell(&self, told: Told, example: &Example, endpoint: &str) {
        let (plugin, caller) = self.app.plugin("bob").unwrap();
        let answer: Result<Option<Receipt>, Failure> = match told {
            Told::Sink(action, item, late) => {
                let event = SinkEvent {
                    id: "playrelay-test".to_owned(),
                    action,
                    item: *item,
                    at: Timestamp::now(),
                    started_at: None,
                    late,
                    uncertain: false,
                    attempt: 1,
                    remote_id: None,
                };
                plugin.call::<Sink>(&caller, event).await.0.unwrap().map(Some)
            }
            Told::Enlist(item) => plugin.call::<AddWatchlist>(&caller, *item).await.0.unwrap().map(Some),
            Told::Unlist(item) => plugin.call::<RemoveWatchlist>(&caller, *item).await.0.unwrap().map(Some),
            Told::Read => plugin.call::<ReadWatchlist>(&caller, None).await.0.unwrap().map(|_| None),
            Told::Check => plugin.call::<Check>(&caller, ()).await.0.unwrap().map(|account| {
                assert!(!account.name.is_empty(), "{endpoint}: nobody is named in {}", example.body);
                None
            }),
        };
        let is_success = example.status.is_some_and(|status| status < 300);
        let words = format!("{answer:?}");
        assert!(
            !words.contains("cannot be read") && !words.contains("expected"),
            "{endpoint}: {words}\n{}",
            example.body
        );
        if is_success {
            // What was taken for another title than the one that was sent is held, and is no error.
            let receipt =
                answer.unwrap_or_else(|failure| panic!("{endpoint}: {failure:?}\n{}", example.body));
            assert!(receipt.is_none_or(|it| it.outcome != ReceiptOutcome::Unsupported || it.note.is_some()));
        }
    }
}

enum Told {
    Sink(Action, Box<Item>, bool),
    Enlist(Box<Item>),
    Unlist(Box<Item>),
    Read,
    Check,
}

/// What has to be told so that a plugin asks an endpoint.
fn actions_for(service: &str, example: &Example) -> Vec<Told> {
    let sink = |action, item: Item| Told::Sink(action, Box::new(item), false);
    let late = |action, item: Item| Told::Sink(action, Box::new(item), true);
    let each = |of: fn(Box<Item>) -> Told| vec![of(Box::new(film())), of(Box::new(show()))];
    let items = || item_of(&example.body).map_or_else(|| vec![film(), pilot()], |item| vec![item]);
    let all = |action: Action| items().into_iter().map(move |item| sink(action, item)).collect::<Vec<_>>();
    match (example.method.as_str(), example.template.as_str()) {
        ("POST", "/scrobble/start") => all(Action::Playing(20.0)),
        ("POST", "/scrobble/pause") => all(Action::Paused(20.0)),
        // A stop at 90 % that is taken as a pause is tried again, and not delivered.
        ("POST", "/scrobble/stop") if example.body["action"] == "pause" => all(Action::Stopped(20.0)),
        ("POST", "/scrobble/stop") => {
            [all(Action::Stopped(20.0)), all(Action::Watched(90.0))].into_iter().flatten().collect()
        }
        ("POST", "/sync/history" | "/sync/watched")
            if service != "simkl" || example.template == "/sync/history" =>
        {
            vec![late(Action::Watched(90.0), film()), late(Action::Watched(90.0), pilot())]
        }
        ("GET", "/sync/watched") => {
            vec![late(Action::Watched(90.0), film()), late(Action::Watched(90.0), pilot())]
        }
        ("POST", "/sync/history/remove" | "/sync/watched/remove") => {
            vec![sink(Action::Unwatched, film()), sink(Action::Unwatched, pilot())]
        }
        ("POST", "/scrobble/clear") | ("GET", "/sync/playback/:type" | "/sync/playback/movies") => {
            vec![sink(Action::Unwatched, film()), sink(Action::Unwatched, pilot())]
        }
        ("POST", "/sync/ratings") => [film(), show(), season(), pilot()]
            .map(|item| sink(Action::Rated(8.0), item))
            .into_iter()
            .collect(),
        ("POST", "/sync/ratings/remove") => {
            [film(), show(), season(), pilot()].map(|item| sink(Action::Unrated, item)).into_iter().collect()
        }
        ("POST", "/sync/watched") | ("POST" | "GET", "/sync/ratings/{type}/{rating}") => each(Told::Unlist),
        ("POST", "/sync/watchlist/remove" | "/watchlist/items/remove") => each(Told::Unlist),
        ("POST", "/sync/watchlist" | "/watchlist/items/add" | "/sync/add-to-list") => each(Told::Enlist),
        ("GET", "/sync/watchlist/:type/:sort_by/:sort_how" | "/watchlist/items" | "/sync/activities")
        | ("GET", "/sync/all-items/{type}/{status}") => vec![Told::Read],
        ("GET" | "POST", "/users/settings" | "/user") => vec![Told::Check],
        _ => Vec::new(),
    }
}

/// The item that an answer names, so that it is the one that was sent.
fn item_of(answer: &Value) -> Option<Item> {
    let pairs = |ids: &Value| -> Vec<(String, String)> {
        let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let fields = ids.as_object().into_iter().flatten().filter(|(_, id)| id.is_string() || id.is_u64());
        fields.map(|(name, id)| (name.strip_suffix("id").unwrap_or(name).to_owned(), text(id))).collect()
    };
    let year = |of: &Value| of["year"].as_u64().and_then(|year| year.try_into().ok());
    let title = |of: &Value| of["title"].as_str().unwrap_or_default().to_owned();
    let mut item = film();
    if let (ItemKind::Movie(movie), true) = (&mut item.kind, answer["movie"].is_object()) {
        let named = &answer["movie"];
        (movie.title, movie.year, movie.ids) =
            (title(named), year(named), pairs(&named["ids"]).into_iter().collect());
        return Some(item);
    }
    let named = ["show", "anime"].into_iter().map(|key| &answer[key]).find(|it| it.is_object())?;
    let mut item = pilot();
    if let ItemKind::Episode(episode) = &mut item.kind {
        episode.show.title = title(named);
        episode.show.year = year(named);
        episode.show.ids = pairs(&named["ids"]).into_iter().collect();
        let number = |key: &str| answer["episode"][key].as_u64().and_then(|number| number.try_into().ok());
        episode.season = number("season").or(Some(1));
        episode.numbers = number("number").into_iter().collect();
        episode.ids = Default::default();
    }
    Some(item)
}

fn endpoints(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|it| (*it).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_simkl_are_read() {
    let Some(folder) = documents() else { return println!("the documents are not there") };
    let simkl = FakeSimkl::start().await;
    let home = TestContext::new(&simkl_account("bob", &simkl, CLIENT_ID));
    home.connect().await;
    let played = Played::new("simkl", &folder, home, &simkl.server.url()).await;
    let asked = played.run(usize::MAX).await;
    let wanted = endpoints(&[
        "GET /sync/activities",
        "GET /sync/all-items/{type}/{status}",
        "POST /scrobble/pause",
        "POST /scrobble/start",
        "POST /scrobble/stop",
        "POST /sync/add-to-list",
        "POST /sync/history",
        "POST /sync/watched",
        "POST /users/settings",
    ]);
    assert!(asked.is_superset(&wanted), "{:?} were not asked", wanted.difference(&asked));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_mdblist_are_read() {
    let Some(folder) = documents() else { return println!("the documents are not there") };
    let account = "[trackers.bob]\nplugin = \"mdblist\"\napi_key = \"a-key-of-the-account\"\napi_url = \"http://127.0.0.1:9\"\n";
    let played = Played::new("mdblist", &folder, TestContext::new(account), "http://127.0.0.1:9").await;
    let asked = played.run(usize::MAX).await;
    let wanted = endpoints(&[
        "GET /sync/watched",
        "GET /user",
        "GET /watchlist/items",
        "POST /scrobble/clear",
        "POST /scrobble/pause",
        "POST /scrobble/start",
        "POST /scrobble/stop",
        "POST /sync/ratings",
        "POST /sync/ratings/remove",
        "POST /sync/watched",
        "POST /sync/watched/remove",
        "POST /watchlist/items/add",
        "POST /watchlist/items/remove",
    ]);
    assert!(asked.is_superset(&wanted), "{:?} were not asked", wanted.difference(&asked));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_schemas_of_trakt_allow_is_read() {
    let Some(folder) = documents() else { return println!("the documents are not there") };
    let trakt = FakeTrakt::start().await;
    let home = TestContext::new(&trakt_account("bob", &trakt));
    home.connect().await;
    let played = Played::new("trakt", &folder, home, &trakt.server.url()).await;
    let asked = played.run(4).await;
    let wanted = endpoints(&[
        "GET /sync/playback/movies",
        "GET /sync/watchlist/:type/:sort_by/:sort_how",
        "GET /users/settings",
        "POST /scrobble/start",
        "POST /scrobble/stop",
        "POST /sync/history",
        "POST /sync/history/remove",
        "POST /sync/ratings",
        "POST /sync/ratings/remove",
        "POST /sync/watchlist",
        "POST /sync/watchlist/remove",
    ]);
    assert!(asked.is_superset(&wanted), "{:?} were not asked", wanted.difference(&asked));
}
