//! `cargo xtask run --demo`: a fake Plex server, a fake Trakt, the real daemon between them, and an evening.

#![forbid(unsafe_code)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext, binary, plex_to_trakt_config};
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const KID: (u32, &str) = (90_000_123, "kid");
const HOUR: u32 = 3_600_000;

#[tokio::main]
async fn main() {
    let ends_at_once = std::env::args().any(|argument| argument == "--once");
    let (plex, trakt) = (FakePlex::start().await, FakeTrakt::start().await);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/demo");
    // A good set-up names whose plays go where: the account bob at Trakt is that of Plex's user sean.
    let config = plex_to_trakt_config(Some(&plex), &trakt).replace("users = [\"*\"]", "users = [\"sean\"]");
    let mut home = TestContext::at(&folder, &config);
    home.set("PLAYRELAY_LOG", "info");
    println!("A fake Plex server is at {}, a fake Trakt at {}.", plex.server.url(), trakt.server.url());
    println!("The account `bob` at Trakt belongs to sean, who shares the Plex server with a kid.");
    println!("Logging in at Trakt: `playrelay connect bob`");
    home.connect().await;
    let daemon = home.start();
    println!("The daemon is at {}.\n\nAn evening:", daemon.url());
    let waited = evening(&home, &daemon, &plex, &trakt).await;
    tell_of(&home, &trakt, waited);
    let command = short_command(&folder);
    println!("\nLook around, in another terminal:");
    for arguments in ["status", "events", "event 1", "outbox list", "users list", "doctor"] {
        println!("  {command} {arguments}");
    }
    if ends_at_once {
        return;
    }
    println!("\nThe daemon and the fakes run until you press Ctrl-C.");
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("error: Ctrl-C cannot be listened to: {error}");
    }
}

/// What came of the evening.
fn tell_of(home: &TestContext, trakt: &FakeTrakt, waited: usize) {
    println!(
        "  (The numbers between are what the server's own list of sessions told: `events --all` shows them.)"
    );
    println!("\nWhat arrived at Trakt:");
    let history = trakt.history();
    for play in &history {
        println!("  watched {} at {}", play.entry.name(), play.watched_at.strftime("%H:%M:%S UTC"));
    }
    let mut once: Vec<String> = history.iter().map(|play| play.entry.name()).collect();
    once.sort();
    once.dedup();
    println!(
        "  {waited} waited while Trakt was away; {} arrived, {} of them twice",
        history.len(),
        history.len() - once.len()
    );
    println!(
        "What did not arrive: the kid's film. No route names the kid, so it is held until you say whose it is:"
    );
    for person in home.json(&["users", "list"]).as_array().into_iter().flatten() {
        println!(
            "  {} watched {}",
            person["user"]["name"].as_str().unwrap_or_default(),
            person["last_item"].as_str().unwrap_or_default()
        );
    }
    println!("The story of event 1, as `playrelay event 1` tells it:");
    let story = home.json(&["event", "1"]);
    for step in story["timeline"].as_array().into_iter().flatten() {
        println!(
            "  {:<9} {}",
            step["stage"].as_str().unwrap_or_default(),
            step["text"].as_str().unwrap_or_default()
        );
    }
}

/// A short way to call the program with the demo's configuration.
fn short_command(folder: &Path) -> String {
    let config = folder.canonicalize().expect("it was just made").join("playrelay.toml");
    let program = binary().canonicalize().expect("it was just run");
    let script = folder.join("playrelay");
    let text = format!("#!/bin/sh\nexec '{}' --config '{}' \"$@\"\n", program.display(), config.display());
    std::fs::write(&script, text).expect("the folder is ours");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
    "target/demo/playrelay".to_owned()
}

/// Plays it. Gives how many events waited for Trakt while it was away.
async fn evening(home: &TestContext, daemon: &Daemon<'_>, plex: &FakePlex, trakt: &FakeTrakt) -> usize {
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
    let last =
        tell(daemon, "the kid goes to bed halfway", event("media.stop", &film, Some(HOUR), KID, "Tablet"))
            .await;
    daemon.settled(last).await;
    let waiting = home.json(&["outbox", "list", "--state", "waiting"]);
    let waited = waiting.as_array().map_or(0, Vec::len);
    tell(daemon, &format!("Trakt is back; {waited} events have waited"), Value::Null).await;
    trakt.server.come_up().await;
    trakt.until("the first episode", |trakt| trakt.history().len() == 1).await;
    let last = tell(
        daemon,
        "sean stops 1x02 at 97 %",
        event("media.stop", &second, Some(HOUR / 100 * 97), SEAN, "TV"),
    )
    .await;
    trakt.until("the second episode", |trakt| trakt.history().len() == 2).await;
    daemon.settled(last).await;
    waited
}

/// Sends a message, where it is one.
async fn tell(daemon: &Daemon<'_>, what: &str, message: Value) -> i64 {
    let id = if message.is_null() { 0 } else { daemon.plex(&message).await };
    let event = if id == 0 { String::new() } else { format!("  [event {id}]") };
    println!("  {what}{event}");
    id
}
