//! What must not change when names in the code do: the words that are stored, and those that people and other programs read.
//!
//! A changed snapshot is a changed format: stored words need a migration, public ones a line in the changelog.

mod skeleton;

use std::path::Path;

use playrelay_test_postgres::Cluster;
use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family};
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::fake_tmdb::FakeTmdb;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext, plex_to, tmdb_account, trakt_account};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::{fake_mediabrowser, fake_plex_tv};
use rusqlite::types::ValueRef;
use serde_json::{Value, json};
use skeleton::Skeleton;

const SEAN: (u32, &str) = (31_646_104, "sean");
const MIA: (u32, &str) = (31_646_105, "mia");
const HOUR: u32 = 3_600_000;

/// A home in which one of everything has happened.
struct World {
    trakt: FakeTrakt,
    /// Running as long as the home.
    _others: (FakePlexTv, FakeTmdb, FakeMediaBrowser),
    home: TestContext,
}

impl World {
    async fn new() -> Self {
        let (trakt, tmdb) = (FakeTrakt::start().await, FakeTmdb::start().await);
        let list = FakePlexTv::start(&["Inception", "Mirror"]).await;
        let attic = FakeMediaBrowser::start(Family::Jellyfin).await;
        trakt.add_to_watchlist(&["Inception"]);
        let (url, token) = (list.server.url(), fake_plex_tv::TOKEN);
        let accounts = [
            trakt_account("bob", &trakt),
            tmdb_account(&tmdb),
            format!(
                "[trackers.list]\nplugin = \"plex\"\ntoken = {token:?}\ndiscover_url = {url:?}\nmetadata_url = {url:?}\n\
                 account_url = {url:?}\n"
            ),
            format!(
                "[sources.attic]\nplugin = \"jellyfin\"\nmode = \"watch\"\nurl = {:?}\ntoken = {:?}\n\
                 [[routes]]\nsource = \"attic\"\ntracker = \"bob\"\nusers = [\"sean\"]\n",
                attic.server.url(),
                fake_mediabrowser::TOKEN
            ),
        ];
        let route = "ratings = true\nunwatched = true\nwatchlist_remove = true\nwatchlist_remove_from = [\"bob\", \"list\"]";
        let config = plex_to(&accounts, &["bob"], route).replace("users = [\"*\"]", "users = [\"sean\"]");
        let home = TestContext::new(&("[scrobble]\npause_debounce = 0\n".to_owned() + &config));
        home.connect().await;
        Self { trakt, _others: (list, tmdb, attic), home }
    }

    /// What happens until something plays: the ids of the events.
    async fn play(&self, daemon: &Daemon<'_>) -> Vec<i64> {
        daemon.connected("attic").await;
        let film = movie("1", "Inception", 2010, 2 * HOUR, &[]);
        let mut ids = Vec::new();
        for (name, position) in
            [("media.play", Some(0)), ("media.pause", Some(HOUR)), ("media.resume", Some(HOUR))]
        {
            let id = daemon.plex(&event(name, &film, position, SEAN, "TV")).await;
            told(daemon, id).await;
            ids.push(id);
        }
        // What plays is known a moment after the event is settled.
        let plays = |answer: &Value| answer["currently_watching"]["state"] == "playing";
        daemon.get_until("/api/v1/currently-watching", "it plays again", plays).await;
        ids
    }

    /// The rest.
    async fn finish(&self, daemon: &Daemon<'_>) -> Vec<i64> {
        let film = movie("1", "Inception", 2010, 2 * HOUR, &[]);
        let mut ids = Vec::new();
        for name in ["media.scrobble", "media.stop"] {
            let id = daemon.plex(&event(name, &film, Some(2 * HOUR / 100 * 95), SEAN, "TV")).await;
            told(daemon, id).await;
            ids.push(id);
        }
        let mut rated = event("media.rate", &film, None, SEAN, "TV");
        rated["Metadata"]["userRating"] = json!(8.0);
        rated["rating"] = json!(8.0);
        for message in [rated, event("media.play", &film, Some(0), MIA, "TV"), json!({ "event": "odd" })] {
            let id = daemon.plex(&message).await;
            told(daemon, id).await;
            ids.push(id);
        }
        ids
    }
}

/// Waits until an event was processed, and all that it led to was delivered.
async fn told(daemon: &Daemon<'_>, id: i64) {
    let story = daemon.until(id, "its deliveries", |story| {
        story["outbox"].as_array().expect("a list").iter().all(|row| row["state"] != "waiting")
    });
    story.await;
}

/// Every table with its columns, and what their rows look like.
fn tables(database: &Path) -> Skeleton {
    let connection = rusqlite::Connection::open(database).unwrap();
    let mut names =
        connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").unwrap();
    let names: Vec<String> =
        names.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut skeleton = Skeleton::default();
    for table in names {
        let mut rows = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = rows.column_names().map(str::to_owned).collect();
        for column in &columns {
            skeleton.name(&format!("{table}.{column}"));
        }
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for (index, column) in columns.iter().enumerate() {
                let value = match row.get_ref(index).unwrap() {
                    ValueRef::Null => Value::Null,
                    ValueRef::Integer(number) => json!(number),
                    ValueRef::Real(number) => json!(number),
                    ValueRef::Text(text) | ValueRef::Blob(text) => {
                        let text = String::from_utf8_lossy(text).into_owned();
                        // A random name in hexadecimal digits may look like a number.
                        let is_json = text.starts_with(['{', '[']);
                        let value = is_json.then(|| serde_json::from_str(&text).ok()).flatten();
                        value.unwrap_or(Value::String(text))
                    }
                };
                let place = format!("{table}.{column}");
                // The keys of small stores are words of ours.
                let is_key =
                    ["credentials.name", "plugin_values.account", "plugin_values.key", "removals.key"];
                match value.as_str().filter(|_| is_key.contains(&place.as_str())) {
                    Some(key) => skeleton.word(&place, key),
                    None => skeleton.add(&place, &value),
                }
            }
        }
    }
    skeleton
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_and_what_is_read_keeps_its_words() {
    let world = World::new().await;
    let home = &world.home;
    let daemon = home.start();
    let mut ids = world.play(&daemon).await;
    let board = home.data().join("state/currently_watching.json");
    let playing: Value = serde_json::from_slice(&std::fs::read(board).unwrap()).unwrap();
    let mut public = Skeleton::default();
    public.add("currently_watching.json", &playing);
    public.add("GET currently-watching", &daemon.get("/api/v1/currently-watching").await);
    ids.extend(world.finish(&daemon).await);
    world.trakt.until("its history", |trakt| trakt.history().len() == 1).await;
    for path in ["accounts", "sources", "outbox"] {
        public.add(&format!("GET {path}"), &daemon.get(&format!("/api/v1/{path}")).await);
    }
    let removed = home.data().join("state/watchlist_wl_autoremove.json");
    let removed: Value = serde_json::from_slice(&std::fs::read(removed).unwrap()).unwrap();
    public.add("watchlist_wl_autoremove.json", &removed);
    for id in &ids {
        public.add("event", &home.json(&["event", &id.to_string()]));
        public.add("replay", &home.json(&["replay", &id.to_string()]));
    }
    for command in [
        &["status"][..],
        &["check"],
        &["doctor"],
        &["events", "--all"],
        &["outbox", "list"],
        &["users", "list"],
        &["plugin", "list"],
        &["plugin", "inspect", "plex"],
        &["plugin", "inspect", "trakt"],
        &["catch-up", "attic"],
    ] {
        let mut arguments = command.to_vec();
        arguments.push("--json");
        let output = home.run(&arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!text.is_empty(), "{command:?}: {complaint}");
        // One value, or one a line.
        let values: Vec<Value> = serde_json::Deserializer::from_str(&text)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{command:?}: {error}: {text}"));
        for value in &values {
            public.add(&format!("playrelay {}", command.join(" ")), value);
        }
    }
    // What plugins reached is written down now and then.
    let has_list = |accesses: &Value| accesses.to_string().contains("\"list\"");
    daemon.get_until("/api/v1/plugins/plex/accesses", "the way to the list", has_list).await;
    drop(daemon);
    insta::assert_snapshot!("stored", tables(&home.data().join("playrelay.db")).to_string());
    insta::assert_snapshot!("public", public.to_string());
}

/// A configuration with every key: a key that is renamed is unknown.
#[test]
fn every_key_of_the_configuration_keeps_its_name() {
    let text = include_str!("every-key.toml");
    let address = "url = \"postgres://playrelay:a-password@127.0.0.1/playrelay\"";
    assert!(text.contains(address), "the store has its key");
    // The check asks the store for approvals. Without PostgreSQL on this machine it is a file.
    let key = Cluster::shared().map(|cluster| format!("url = {:?}", cluster.database()));
    let text = text.replace(address, &key.unwrap_or_default());
    let home = TestContext::without_data_dir("");
    let path = home.path().join("playrelay.toml");
    std::fs::write(&path, text).unwrap();
    let output = home.run(&["check"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stdout));
}
