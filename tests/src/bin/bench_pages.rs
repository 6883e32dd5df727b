//! `cargo xtask bench pages`: how long each page takes, and how large it is, with 100,000 events stored; and what an open page costs.

#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use playrelay_tests::browser::{Browser, begins};
use playrelay_tests::harness::TestContext;
use playrelay_tests::load::Usage;
use playrelay_tests::plex_webhook;
use reqwest::Method;
use rusqlite::Connection;

/// Events, plays and deliveries that are stored.
const STORED: u32 = 100_000;
/// How often each page is asked for; the mean is shown.
const ROUNDS: u32 = 20;
/// How long an open page is watched while nothing happens.
const IDLE: Duration = Duration::from_secs(30);
/// How long the daemon may take to come to rest after its start.
const SETTLING: Duration = Duration::from_secs(10);
/// The pages, those that read most first.
const PAGES: [&str; 8] = [
    "/",
    "/history",
    "/history?title=inception&user=mia",
    "/history?show=inputs",
    "/events/3",
    "/deliveries",
    "/deliveries?show=there",
    "/setup",
];

#[tokio::main]
async fn main() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let film = plex_webhook::movie("7", "Inception", 2010, 8_880_000, &["imdb://tt1375666"]);
    for (name, position) in [("media.play", 0), ("media.scrobble", 8_000_000), ("media.stop", 8_000_000)] {
        let id = daemon.plex(&plex_webhook::event(name, &film, Some(position), (7, "mia"), "TV")).await;
        daemon.settled(id).await;
    }
    let mut reader = Browser::new(&daemon);
    reader.set_up(&home).await;
    let cookie = reader.cookie.clone();
    drop(daemon);
    multiply(&home.data().join("playrelay.db"));
    let daemon = home.start();
    let mut reader = Browser::new(&daemon);
    reader.cookie = cookie;
    println!("{STORED} events, plays and deliveries; the mean of {ROUNDS} requests");
    for page in PAGES {
        let mut bytes = 0;
        let began = Instant::now();
        for _ in 0..ROUNDS {
            let answer = reader.request(Method::GET, page).send().await.expect("the daemon answers");
            bytes = answer.text().await.expect("the daemon answers").len();
        }
        let ms = began.elapsed().as_secs_f64() * 1e3 / f64::from(ROUNDS);
        println!("  {page:<36} {ms:>7.1} ms {bytes:>8} bytes");
    }
    // What comes with the start is not measured.
    tokio::time::sleep(SETTLING).await;
    let before = Usage::of(daemon.pid());
    tokio::time::sleep(IDLE).await;
    let share = Usage::of(daemon.pid()).share_since(&before, IDLE);
    println!("no open page, nothing happens: {share:.2} % of a core over {} s", IDLE.as_secs());
    let before = Usage::of(daemon.pid());
    let mut stream = reader.request(Method::GET, "/live?page=now").send().await.expect("the daemon answers");
    tokio::time::sleep(IDLE).await;
    let after = Usage::of(daemon.pid());
    let share = after.share_since(&before, IDLE);
    let grown = after.resident.saturating_sub(before.resident);
    println!(
        "one open page, nothing happens: {share:.2} % of a core over {} s, {grown} KiB more",
        IDLE.as_secs()
    );
    let began = Instant::now();
    daemon.plex(&begins("mia")).await;
    let heard = async {
        while let Ok(Some(chunk)) = stream.chunk().await {
            if String::from_utf8_lossy(&chunk).contains("data-position") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.expect("the page hears of the play");
    println!("from a webhook to the change of an open page: {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
}

/// Copies what is stored, with other ids and earlier times.
fn multiply(database: &std::path::Path) {
    let connection = Connection::open(database).expect("the database is there");
    let copies = format!(
        "CREATE TEMP TABLE copies AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {STORED}) SELECT n FROM n;
         INSERT INTO inbox (source, received_at, settled_at, outcome, code, detail, user, item, household)
             SELECT source, received_at - n * 60000, settled_at, outcome, code, detail, user, item, household
             FROM copies, (SELECT * FROM inbox ORDER BY id LIMIT 1);
         INSERT INTO outbox (inbox, tracker, subject, action, weight, body, next_at, state, attempts, uncertain, note, settled_at, later, since, household)
             SELECT inbox, tracker, subject || n, action, weight, body, next_at, 'delivered', 1, 0, note, settled_at, 0, since, household
             FROM copies, (SELECT * FROM outbox WHERE weight = 'watch' ORDER BY id LIMIT 1);
         INSERT INTO plays (household, id, server, user, started_at, last_seen_at, ended_at, watched_at, body)
             SELECT household, id || n, server, user, started_at - n * 60000, last_seen_at - n * 60000, ended_at - n * 60000, watched_at,
                 json_set(body, '$.id', id || n)
             FROM copies, (SELECT * FROM plays LIMIT 1);"
    );
    connection.execute_batch(&copies).expect("rows can be copied");
}
