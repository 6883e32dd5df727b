//! `cargo xtask run --demo`: a fake Plex server, a fake Trakt, the real daemon between them, and an evening.

#![forbid(unsafe_code)]

use std::path::Path;

use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, Home, binary, plex_to_trakt_config};
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const KID: (u32, &str) = (90_000_123, "kid");
const HOUR: u32 = 3_600_000;

#[tokio::main]
async fn main() {
    let (plex, trakt) = (FakePlex::start().await, FakeTrakt::start().await);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/demo");
    let mut home = Home::at(&folder, &plex_to_trakt_config(Some(&plex), &trakt));
    home.set("PLAYRELAY_LOG", "info");
    println!("A fake Plex server is at {}, a fake Trakt at {}.", plex.server.url(), trakt.server.url());
    println!("Logging in: `playrelay connect bob`");
    home.connect().await;
    let daemon = home.start();
    println!("The daemon is at {}.\n", daemon.url());
    evening(&daemon, &plex, &trakt).await;

    println!("\nWhat arrived at Trakt:");
    for play in trakt.history() {
        println!("  watched {} ({})", play.entry.name(), play.watched_at);
    }
    for (entry, progress) in trakt.resume_points() {
        println!("  to be resumed at {progress:.0} %: {}", entry.name());
    }
    let config = folder.canonicalize().expect("it was just made").join("playrelay.toml");
    let program = binary().canonicalize().expect("it was just run");
    println!("\nWhere to look (the data folder stays until the next demo):");
    for command in ["events", "event 1", "outbox list", "plugin list", "plugin inspect trakt"] {
        println!("  {} --config {} {command}", program.display(), config.display());
    }
}

async fn evening(daemon: &Daemon<'_>, plex: &FakePlex, trakt: &FakeTrakt) {
    let pilot = episode("101", "Breaking Bad", 1, 1, HOUR, &["tvdb://349232"]);
    let second = episode("102", "Breaking Bad", 1, 2, HOUR, &["tvdb://349235"]);
    let film = movie("200", "Guardians of the Galaxy", 2014, 2 * HOUR, &["imdb://tt2015381"]);
    let show = json!({ "ratingKey": "1010", "type": "show", "title": "Breaking Bad", "Guid": [{ "id": "tvdb://81189" }] });
    for item in [&pilot, &second, &film, &show] {
        plex.add(item.clone());
    }
    tell(daemon, "sean starts Breaking Bad 1x01", event("media.play", &pilot, Some(0), SEAN, "TV")).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    tell(daemon, "the kid starts a film on the tablet", event("media.play", &film, Some(0), KID, "Tablet"))
        .await;
    tell(daemon, "Trakt goes away, as trackers do", Value::Null).await;
    trakt.server.go_down().await;
    tell(
        daemon,
        "sean reaches 90 % of 1x01",
        event("media.scrobble", &pilot, Some(HOUR / 10 * 9), SEAN, "TV"),
    )
    .await;
    tell(
        daemon,
        "autoplay goes on with 1x02; nobody tells of a stop",
        event("media.play", &second, Some(0), SEAN, "TV"),
    )
    .await;
    tell(daemon, "the kid goes to bed halfway", event("media.stop", &film, Some(HOUR), KID, "Tablet")).await;
    tell(daemon, "Trakt is back", Value::Null).await;
    trakt.server.come_up().await;
    trakt.until("the first episode", |trakt| trakt.history().len() == 1).await;
    let last = tell(
        daemon,
        "sean stops 1x02 at 97 %",
        event("media.stop", &second, Some(HOUR / 100 * 97), SEAN, "TV"),
    )
    .await;
    trakt.until("the second episode", |trakt| trakt.history().len() == 2).await;
    trakt.until("the resume point", |trakt| trakt.resume_points().len() == 1).await;
    daemon.settled(last).await;
}

/// Sends a message, where it is one.
async fn tell(daemon: &Daemon<'_>, what: &str, message: Value) -> i64 {
    let id = if message.is_null() { 0 } else { daemon.plex(&message).await };
    let event = if id == 0 { String::new() } else { format!("  [event {id}]") };
    println!("  {what}{event}");
    id
}
