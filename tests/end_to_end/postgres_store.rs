//! `[store] url`: everything on a server, as it is in a file.

use playrelay_test_postgres::{Cluster, PASSWORD};
use playrelay_tests::catalogue;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{DEADLINE, Daemon, STORE_URL, TestContext, postgres_database};
use playrelay_tests::plex_webhook::{event, movie};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

pub const MIA: (u32, &str) = (31_646_104, "mia");

pub fn film(number: u32) -> Value {
    let ids = [format!("imdb://tt00{number:05}")];
    movie(
        &number.to_string(),
        &format!("Film {number}"),
        1975,
        6_420_000,
        &ids.each_ref().map(String::as_str),
    )
}

/// Films that the tracker knows.
pub fn learn(trakt: &FakeTrakt) {
    for number in 1..=5 {
        let ids = json!({ "trakt": 9_000 + number, "slug": format!("film-{number}"), "imdb": format!("tt00{number:05}") });
        trakt.add(catalogue::movie(&format!("Film {number}"), 1975, ids));
    }
}

async fn watch(daemon: &Daemon<'_>, number: u32) -> i64 {
    let id = daemon.plex(&event("media.scrobble", &film(number), None, MIA, "TV")).await;
    daemon.settled(id).await;
    id
}

/// The ids of all deliveries.
fn ids(home: &TestContext) -> Vec<i64> {
    let rows = home.json(&["outbox", "list"]);
    rows.as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_moves_to_a_server_and_back() {
    if Cluster::shared().is_none() {
        return;
    }
    let trakt = FakeTrakt::start().await;
    let mut home = TestContext::plex_to_trakt(None, &trakt, "");
    // Also where all tests run on a server, this one begins in a file.
    home.unset(STORE_URL);
    home.connect().await;
    learn(&trakt);
    let daemon = home.start();
    watch(&daemon, 1).await;
    trakt.until("the first watch", |trakt| trakt.history().len() == 1).await;
    drop(daemon);
    let (file, address) = (home.data().join("playrelay.db"), postgres_database());
    let path = file.to_str().unwrap();
    let copied = home.run(&["store", "copy", path, &address]);
    assert!(copied.status.success(), "{copied:?}");
    let again = home.run(&["store", "copy", path, &address]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("has rows"), "{again:?}");
    let before = (home.json(&["events", "--all"]), ids(&home));
    // A variable stays for all that runs here.
    home.set(STORE_URL, &address);
    assert_eq!((home.json(&["events", "--all"]), ids(&home)), before);
    let daemon = home.start();
    // The login and its key go on; ids go on, too.
    let id = watch(&daemon, 2).await;
    trakt.until("the second watch", |trakt| trakt.history().len() == 2).await;
    assert!(id > 1 && ids(&home).len() > before.1.len());
    for page in ["/", "/events", "/library", "/deliveries", "/settings"] {
        let page = daemon.api(Method::GET, page).send().await.unwrap();
        assert_ne!(page.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    // The password of the address is shown to nobody.
    let settings = daemon.get("/api/v1/settings").await.to_string();
    assert!(!settings.contains(PASSWORD), "{settings}");
    let backup = home.path().join("backup.tar.gz");
    let written = home.run(&["backup", backup.to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    drop(daemon);
    let back = home.path().join("back.db");
    let copied = home.run(&["store", "copy", &address, back.to_str().unwrap()]);
    assert!(copied.status.success(), "{copied:?}");
    let known = (home.json(&["events", "--all"]), ids(&home));
    std::fs::rename(&back, &file).unwrap();
    home.unset(STORE_URL);
    assert_eq!((home.json(&["events", "--all"]), ids(&home)), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_end_are_made_again() {
    let Some(cluster) = Cluster::shared() else { return };
    let address = postgres_database();
    let name = address.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
    let (trakt, mut home) = TestContext::logged_in("").await;
    learn(&trakt);
    home.set(STORE_URL, &address);
    home.connect().await;
    let daemon = home.start();
    for number in 1..=5 {
        let end =
            format!("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'");
        cluster.query("postgres", &end);
        // As somebody does who was answered 503.
        let message = event("media.scrobble", &film(number), None, MIA, "TV");
        tokio::time::timeout(DEADLINE, async { while daemon.try_plex(&message).await != StatusCode::OK {} })
            .await
            .unwrap();
    }
    trakt.until("all watches", |trakt| trakt.history().len() == 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_used_is_said_without_its_password() {
    let (_trakt, mut home) = TestContext::logged_in("").await;
    for (address, expected) in [
        ("postgres://ada:hunter22@127.0.0.1:1/playrelay", "postgres://127.0.0.1:1/playrelay failed"),
        ("mysql://ada:hunter22@127.0.0.1/playrelay", "expected \"postgres://USER:PASSWORD@HOST/DATABASE\""),
        (
            "postgres://ada:hunter22@127.0.0.1:none/playrelay",
            "expected `postgres://USER:PASSWORD@HOST:PORT/DATABASE`",
        ),
    ] {
        home.set(STORE_URL, address);
        let refused = home.run(&["events"]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(expected) && !said.contains("hunter22"), "{said}");
    }
}
