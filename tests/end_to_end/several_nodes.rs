//! Several nodes on one database: one owns the household, the others take webhooks and stand by.

use std::time::{Duration, Instant};

use playrelay_test_postgres::Cluster;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{
    DEADLINE, Daemon, STORE_URL, TestContext, WEBHOOK_TOKEN, free_port, postgres_database,
};
use playrelay_tests::plex_webhook;
use playrelay_tests::plex_webhook::event;
use reqwest::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};

use crate::documented_proxies::{caddy, documented_in, start_caddy};
use crate::postgres_store::{MIA, film, learn};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// How long a takeover may take after a node is gone: its lease of 12 s, two looks, and the start of the tasks on a busy machine.
const MAX_TAKEOVER: Duration = Duration::from_secs(30);

/// A node of its own data folder, on a database that it shares.
fn node(trakt: &FakeTrakt, address: &str) -> TestContext {
    let mut home = TestContext::plex_to_trakt(None, trakt, "");
    home.set(STORE_URL, address);
    home.set("PLAYRELAY_SECRET_KEY", KEY);
    home
}

async fn owner_status(daemon: &Daemon<'_>) -> StatusCode {
    daemon.api(Method::GET, "/healthz/owner").send().await.unwrap().status()
}

/// Waits until a node owns the household. Gives how long that took.
async fn owns(daemon: &Daemon<'_>) -> Duration {
    let start = Instant::now();
    while owner_status(daemon).await != StatusCode::OK {
        assert!(start.elapsed() < DEADLINE, "it never becomes the owner");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    start.elapsed()
}

/// A film is watched to its end, and its server tells a node.
async fn watch(daemon: &Daemon<'_>, number: u32) {
    daemon.plex(&event("media.scrobble", &film(number), None, MIA, "TV")).await;
}

async fn has_watched(trakt: &FakeTrakt, count: usize) {
    trakt.until(&format!("{count} watches"), |trakt| trakt.history().len() >= count).await;
    assert_eq!(trakt.history().len(), count, "each once");
}

fn signal(daemon: &Daemon<'_>, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(daemon.pid()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_takes_over_and_nothing_is_lost_or_told_twice() {
    if Cluster::shared().is_none() {
        return;
    }
    let (trakt, address) = (FakeTrakt::start().await, postgres_database());
    learn(&trakt);
    let (first_home, second_home) = (node(&trakt, &address), node(&trakt, &address));
    first_home.connect().await;
    let mut first = first_home.start();
    assert_eq!(owner_status(&first).await, StatusCode::OK, "nobody else is there");
    let second = second_home.start();

    // It takes webhooks, and refuses the rest.
    assert_eq!(owner_status(&second).await, StatusCode::SERVICE_UNAVAILABLE);
    let refused = second.api(Method::GET, "/api/v1/events").send().await.unwrap();
    assert_eq!(
        (refused.status(), &refused.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"5".parse().unwrap())
    );
    assert!(refused.text().await.unwrap().contains("another one owns the household"));
    let ready = second.get("/readyz").await;
    assert!(ready["components"]["household"].as_str().unwrap().ends_with("owns it"), "{ready}");
    watch(&second, 1).await;
    has_watched(&trakt, 1).await;

    // The owner ends in order: the other one need not wait for its lease.
    signal(&first, Signal::TERM);
    let took = owns(&second).await;
    assert!(took < Duration::from_secs(12), "it took {took:?}");
    watch(&second, 2).await;
    has_watched(&trakt, 2).await;
    assert_eq!(second.get("/api/v1/events").await["items"].as_array().unwrap().len(), 2);

    // The owner is killed: what comes meanwhile waits for the next one.
    first.stop();
    first.start_again();
    assert_eq!(owner_status(&first).await, StatusCode::SERVICE_UNAVAILABLE);
    tokio::time::sleep(Duration::from_secs(13)).await;
    second.kill();
    watch(&first, 3).await;
    let took = owns(&first).await;
    assert!(took < MAX_TAKEOVER, "it took {took:?}");
    has_watched(&trakt, 3).await;

    // The owner is frozen for longer than its lease lasts, and finds that it is no longer.
    let second = second_home.start();
    tokio::time::sleep(Duration::from_secs(13)).await;
    signal(&first, Signal::STOP);
    owns(&second).await;
    watch(&second, 4).await;
    has_watched(&trakt, 4).await;
    signal(&first, Signal::CONT);
    let end = Instant::now() + DEADLINE;
    while owner_status(&first).await == StatusCode::OK {
        assert!(Instant::now() < end, "it takes itself for the owner for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    watch(&first, 5).await;
    has_watched(&trakt, 5).await;
    assert_eq!(owner_status(&second).await, StatusCode::OK);
    let rows = second_home.json(&["outbox", "list"]);
    let states: Vec<&str> = rows.as_array().unwrap().iter().filter_map(|row| row["state"].as_str()).collect();
    assert_eq!(states, ["delivered"; 5]);
}

/// Media servers do not send a webhook again: what comes while the database is away waits on the node's disk.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_database_is_away_is_kept() {
    let Some(mut cluster) = Cluster::start(&["fsync=off"]) else { return };
    let trakt = FakeTrakt::start().await;
    learn(&trakt);
    let home = node(&trakt, &cluster.database());
    home.connect().await;
    let daemon = home.start();
    watch(&daemon, 1).await;
    has_watched(&trakt, 1).await;
    cluster.stop();
    for number in [2, 3] {
        let answer = send(&daemon, number).await;
        assert_eq!(answer, (StatusCode::OK, "stored until the database is back\n".to_owned()));
    }
    assert_eq!(trakt.history().len(), 1);
    // A token that the database alone knows is not a wrong one.
    let unknown = daemon
        .send(
            "/webhook/home",
            Some("pr_0123456789012345678901234567890123456789"),
            "application/json",
            b"{}".to_vec(),
        )
        .await;
    assert_eq!(unknown.status(), StatusCode::SERVICE_UNAVAILABLE);
    cluster.start_again();
    has_watched(&trakt, 3).await;
    watch(&daemon, 4).await;
    has_watched(&trakt, 4).await;
    let order: Vec<String> = trakt.history().iter().map(|play| play.entry.name()).collect();
    assert_eq!(order, ["Film 1", "Film 2", "Film 3", "Film 4"]);
}

/// A film is watched to its end. Gives the answer.
async fn send(daemon: &Daemon<'_>, number: u32) -> (StatusCode, String) {
    let message = event("media.scrobble", &film(number), None, MIA, "TV");
    let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
    let body = plex_webhook::multipart(&message, 2_000);
    let answer = daemon.send("/webhook/plextrakt", Some(WEBHOOK_TOKEN), &content_type, body).await;
    (answer.status(), answer.text().await.unwrap())
}

/// The balancer of docs/scale.md: webhooks to any node, the rest to the owner.
#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_as_documented_finds_the_owner() {
    let Some(program) = caddy() else { return };
    if Cluster::shared().is_none() {
        return;
    }
    let (trakt, address) = (FakeTrakt::start().await, postgres_database());
    learn(&trakt);
    let port = free_port();
    let homes = [node(&trakt, &address), node(&trakt, &address)];
    for home in &homes {
        let path = home.path().join("playrelay.toml");
        let text =
            std::fs::read_to_string(&path).unwrap() + "\n[access]\ntrusted_proxies = [\"127.0.0.1\"]\n";
        std::fs::write(&path, text).unwrap();
    }
    homes[0].connect().await;
    let mut owner = homes[0].start();
    let other = homes[1].start();
    let mut block = documented_in("scale.md", "caddy");
    for (name, daemon) in [("node1.lan:8787", &owner), ("node2.lan:8787", &other)] {
        block = block.replace(name, daemon.url().trim_start_matches("http://"));
    }
    let _proxy = start_caddy(program, &block, homes[0].path(), port);
    let through = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let get = async |path: &str| homes[0].client.get(through(path)).send().await.unwrap().status();
    let send = async |number: u32| {
        let message = event("media.scrobble", &film(number), None, MIA, "TV");
        let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
        let request = homes[0].client.post(through(&format!("/webhook/plextrakt?{WEBHOOK_TOKEN}")));
        let body = plex_webhook::multipart(&message, 2_000);
        request.header("content-type", content_type).body(body).send().await.unwrap().status()
    };
    for _ in 0..4 {
        assert_eq!(get("/setup").await, StatusCode::OK, "the owner answers, whoever is asked first");
    }
    assert_eq!(send(1).await, StatusCode::OK);
    has_watched(&trakt, 1).await;
    // The owner ends, and the pages come from the next one. No webhook is refused meanwhile.
    signal(&owner, Signal::TERM);
    for number in [2, 3] {
        assert_eq!(send(number).await, StatusCode::OK);
    }
    tokio::task::block_in_place(|| owner.wait());
    assert_eq!(send(4).await, StatusCode::OK);
    let end = Instant::now() + DEADLINE;
    while get("/setup").await != StatusCode::OK {
        assert!(Instant::now() < end, "the balancer does not find the next owner");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    has_watched(&trakt, 4).await;
}
