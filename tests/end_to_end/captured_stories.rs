//! The stories that were captured from real servers, line by line. What is expected follows the words of the manifest.

use std::path::Path;
use std::time::{Duration, Instant};

use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family};
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::harness::{TestContext, payloads, server_to_trakt};
use playrelay_tests::sockets::Sockets;
use playrelay_tests::{fake_mediabrowser, fake_plex};
use serde_json::{Value, json};

/// Of what Plex plays in its stories, whose notifications say nothing. Ms.
const RUNTIME: u64 = 1_500_000;

fn lines(folder: &Path, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn folder() -> Option<std::path::PathBuf> {
    let folder = payloads();
    if folder.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI has the captured messages beside the project");
        println!("SKIPPED: the captured messages are not on this machine");
    }
    folder
}

/// The last of the events; 0 where there is none.
fn newest(events: &Value) -> i64 {
    events.as_array().unwrap().iter().filter_map(|event| event["id"].as_i64()).max().unwrap_or(0)
}

/// What became of a line: the codes of the inputs that it led to, with who was told what.
async fn outcome(home: &TestContext, sockets: &Sockets, seen: &mut i64) -> Vec<String> {
    sockets.wait_until_drained().await;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < end, "an input was not decided");
        let events = home.json(&["events"]);
        let mut new: Vec<&Value> =
            events.as_array().unwrap().iter().filter(|event| event["id"].as_i64() > Some(*seen)).collect();
        new.sort_by_key(|event| event["id"].as_i64());
        if new.iter().any(|event| event["verdict"].is_null()) {
            continue;
        }
        let mut told = Vec::new();
        for event in &new {
            let story = home.json(&["event", &event["id"].to_string()]);
            told.push(event["verdict"]["code"].as_str().unwrap().to_owned());
            for row in story["outbox"].as_array().unwrap() {
                let at = row["value"].as_f64().unwrap();
                told.push(format!("{} {at:.2}", row["action"].as_str().unwrap()));
            }
        }
        *seen = newest(&events);
        return told;
    }
}

/// An item of the library that is long enough for a position.
fn film(key: &str, position: u64) -> Value {
    json!({
        "ratingKey": key, "key": format!("/library/metadata/{key}"), "type": "movie", "title": format!("Film {key}"),
        "year": 2020, "duration": RUNTIME.max(position + 100_000), "guid": format!("plex://movie/{key}"),
        "Guid": [{ "id": format!("tmdb://{key}") }], "librarySectionTitle": "Films",
    })
}

/// It in a list of sessions.
fn entry(session: &str, item: &Value, player: &str, state: &str) -> Value {
    let mut entry = item.clone();
    entry["sessionKey"] = json!(session);
    entry["User"] = json!({ "id": "1", "title": "mia" });
    entry["Player"] = json!({ "machineIdentifier": player, "title": "TV", "state": state });
    entry
}

/// Plays a Plex story. What is listed follows what is told, as at a real server: what has stopped is gone.
async fn plex_story(file: &str, folder: &Path) -> Vec<Vec<String>> {
    let plex = FakePlex::start().await;
    let (_trakt, home) = server_to_trakt(("plex", "watch"), (&plex.server.url(), fake_plex::TOKEN), "").await;
    if file.contains("ws-06") {
        // It begins with the end of a session that was there before.
        plex.list_raw(vec![entry("35", &film("7", 0), "46eb7f5b-0000-4a0b-b262-e4496ff09572", "playing")]);
    }
    let daemon = home.start();
    daemon.connected("plex").await;
    let mut seen = newest(&home.json(&["events"]));
    let mut told = Vec::new();
    for line in lines(folder, file) {
        let playing = &line["NotificationContainer"]["PlaySessionStateNotification"][0];
        let legacy = &line["_children"][0];
        let one = if playing.is_object() { playing } else { legacy };
        if let (Some(key), Some(session)) =
            (one["ratingKey"].as_str().filter(|key| !key.is_empty()), one["sessionKey"].as_str())
            && one["state"] != "stopped"
        {
            let item = film(key, one["viewOffset"].as_u64().unwrap_or(0));
            plex.add(item.clone());
            let player = one["clientIdentifier"].as_str().unwrap_or("player");
            plex.list_raw(vec![entry(session, &item, player, one["state"].as_str().unwrap())]);
        } else {
            plex.list_raw(Vec::new());
        }
        plex.sockets().push(line.to_string());
        told.push(outcome(&home, plex.sockets(), &mut seen).await);
    }
    told
}

/// The words of a story, a line each; a line of which nothing came is `-`.
fn words(told: &[Vec<String>]) -> Vec<String> {
    let in_words = |line: &Vec<String>| {
        // Progress is stored or held back, as the clock goes: it says nothing either way.
        let codes: Vec<&str> = line.iter().map(String::as_str).filter(|code| *code != "no-change").collect();
        if codes.is_empty() { "-".to_owned() } else { codes.join(", ") }
    };
    told.iter().map(in_words).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn plex_stories() {
    let Some(folder) = folder() else { return };
    let none = "-";
    for (file, expected) in [
        // Whose session it was that stops, nobody has seen.
        ("plex/ws-01-2018-mixed-real.jsonl", vec![none; 6]),
        (
            "plex/ws-02-2021-play-stop-transcode-real.jsonl",
            vec!["started, playing 2.60", "ended, stopped 2.73"],
        ),
        ("plex/ws-03-2016-subsecond-cadence-real.jsonl", vec!["started, playing 95.49", none, none, none]),
        ("plex/ws-04-2016-legacy-children-real.jsonl", vec!["started, playing 19.09"]),
        (
            "plex/ws-05-new-sessionkey-on-stop-real.jsonl",
            vec!["paused-unseen, paused 98.27", "ended, watched 98.27"],
        ),
        ("plex/ws-06-stop-empty-item-real.jsonl", vec!["ended, watched 86.66", none]),
        (
            "plex/ws-07-pkc-triple-stop.jsonl",
            vec!["started, playing 97.52", "ended, watched 97.80", none, none],
        ),
        (
            "plex/ws-08-binge-seek-pause-autoplay.jsonl",
            vec![
                none,
                "started, playing 0.00",
                none,
                none,
                "paused, paused 1.40",
                none,
                "resumed, playing 1.40",
                none,
                "sought, playing 60.00",
                "sought, playing 92.67",
                none,
                "ended, watched 93.47",
                "started, playing 0.00",
                none,
                "ended, stopped 0.67",
            ],
        ),
    ] {
        assert_eq!(words(&plex_story(file, &folder).await), expected, "{file}");
    }
}

async fn browser_story(family: Family, plugin: &str, file: &str, folder: &Path) -> Vec<Vec<String>> {
    let server = FakeMediaBrowser::start(family).await;
    let (_trakt, home) =
        server_to_trakt((plugin, "watch"), (&server.server.url(), fake_mediabrowser::TOKEN), "").await;
    let daemon = home.start();
    daemon.connected(plugin).await;
    server.sockets().until_subscribed().await;
    let mut seen = newest(&home.json(&["events"]));
    let mut told = Vec::new();
    for line in lines(folder, file) {
        let message = if line["msg"].is_object() { &line["msg"] } else { &line };
        if line["dir"] == "out" {
            let word = message["MessageType"].as_str().unwrap();
            // A client that leaves may say so; ours closes the connection.
            if word != "SessionsStop" {
                server.sockets().until_heard(word).await;
            }
            told.push(vec![format!("says {word}")]);
            continue;
        }
        if message["MessageType"] == "Sessions" {
            server.list_raw(message["Data"].as_array().unwrap().clone());
        }
        match message["MessageType"].as_str() {
            Some("Sessions") => assert_eq!(server.tell_raw(message), 1, "nobody has subscribed"),
            _ => assert_eq!(server.sockets().push(message.to_string()), 1),
        }
        told.push(outcome(&home, server.sockets(), &mut seen).await);
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn jellyfin_and_emby_stories() {
    let Some(folder) = folder() else { return };
    let none = "-";
    for (family, plugin, file, expected) in [
        (
            Family::Jellyfin,
            "jellyfin",
            "jellyfin/ws-01-session-story.jsonl",
            vec![
                none,
                "says SessionsStart",
                "says KeepAlive",
                none,
                "started, playing 0.00",
                none,
                none,
                "paused, paused 11.08",
                none,
                "resumed, playing 11.08",
                "sought, playing 96.00",
                "vanished, watched 96.00",
                none,
            ],
        ),
        (
            Family::Jellyfin,
            "jellyfin",
            "jellyfin/ws-02-autoplay-two-sessions-seek.jsonl",
            vec![
                "started, playing 95.00",
                "started, watched 95.00, playing 0.00",
                "sought, playing 40.00, playing 50.00",
                "sought, playing 10.00, stopped 50.00",
                none,
            ],
        ),
        (
            Family::Emby,
            "emby",
            "emby/ws-01-session-story.jsonl",
            vec![
                "says SessionsStart",
                "started, playing 0.00",
                none,
                "paused, paused 47.85",
                "resumed, playing 47.85",
                "sought, playing 95.92",
                "started, watched 95.92, playing 0.00",
                "vanished, stopped 0.00",
                "says SessionsStop",
            ],
        ),
    ] {
        assert_eq!(words(&browser_story(family, plugin, file, &folder).await), expected, "{file}");
    }
}
