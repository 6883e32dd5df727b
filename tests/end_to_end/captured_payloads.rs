//! Every captured message gives what its manifest entry expects, through the real binary.

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext, payloads, sources_to_trakt_config};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn captured_plex_webhooks() {
    captured("plex", 24).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captured_jellyfin_webhooks() {
    captured("jellyfin", 23).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn captured_emby_webhooks() {
    captured("emby", 22).await;
}

async fn captured(server: &str, at_least: usize) {
    let Some(folder) = payloads() else {
        assert!(std::env::var_os("CI").is_none(), "CI has the captured messages beside the project");
        println!("SKIPPED: the captured messages are not on this machine");
        return;
    };
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    let entries = manifest["entries"].as_array().unwrap();
    let expected = |file: &str| {
        entries.iter().find(|entry| entry["file"] == file).map(|entry| &entry["expect"]).unwrap()
    };
    let is_webhook = |entry: &&Value| {
        let transport = entry["transport"].as_str().unwrap_or_default();
        entry["server"] == server && (transport.starts_with("webhook") || transport.starts_with("raw HTTP"))
    };
    let webhooks: Vec<_> = entries.iter().filter(is_webhook).collect();
    assert!(webhooks.len() >= at_least, "the manifest has changed its form: {} webhooks", webhooks.len());
    let trakt = FakeTrakt::start().await;
    for entry in webhooks {
        let file = entry["file"].as_str().unwrap();
        // Each with a daemon of its own: some share user, player and item.
        let home = TestContext::new(&sources_to_trakt_config(&[server], &trakt, ""));
        let daemon = home.start();
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let id = send(&daemon, server, file, bytes).await;
        let story = daemon.settled(id).await;
        let mut expect = expected(file);
        if let Some(other) = expect["same_as"].as_str() {
            expect = expected(other);
        }
        let replay = home.json(&["replay", &id.to_string()]);
        assert_eq!(replay["differences"], json!([]), "{file}: a replay gives the same");
        check(server, file, expect, &story, &replay["reports"][0]);
    }
}

async fn send(daemon: &Daemon<'_>, source: &str, file: &str, bytes: Vec<u8>) -> i64 {
    if !file.ends_with(".http") {
        return daemon.message(source, "application/json", bytes).await;
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap().trim();
    daemon.message(source, content_type, bytes[end + 4..].to_vec()).await
}

/// Holds what the plugin reported, and how it ended, against what is expected.
pub fn check(server: &str, file: &str, expect: &Value, story: &Value, report: &Value) {
    let outcome = story["verdict"]["outcome"].as_str().unwrap();
    let action = expect["action"].as_str().unwrap();
    if action == "ignore" {
        assert_eq!(outcome, "ignored", "{file}: {story:#}");
        return;
    }
    check_item(server, file, expect, report);
    check_people(file, expect, report);
    let (kind, told) = match action {
        "rate" => {
            assert_eq!(report["rating"], expect["rating_10"], "{file}");
            assert_eq!(story["verdict"]["code"], "rating", "{file}: {story:#}");
            return;
        }
        "unwatch" => ("marked", "unwatched"),
        "start" | "resume" | "progress" => ("playback", "playing"),
        "pause" => ("playback", "paused"),
        "stop" if is_a_watch(expect) => ("playback", "watched"),
        "stop" => ("playback", "stopped"),
        "scrobble" => ("", "watched"),
        other => panic!("{file}: unknown action {other}"),
    };
    assert!(kind.is_empty() || report["report"] == kind, "{file}: {report:#}");
    if told == "unwatched" {
        assert_eq!((&report["watched"], expect["played"].as_bool()), (&json!(false), Some(false)), "{file}");
    }
    let has_user = report["user"]["id"].is_string() || report["user"]["name"].is_string();
    if !has_user {
        let says_watched = report["watched"] == true || report["completion"] == "counted";
        assert_eq!(says_watched, told == "watched", "{file}: {report:#}");
        assert_eq!(story["verdict"]["code"], "no-user", "{file}: {story:#}");
        return;
    }
    assert_eq!(outcome, "queued", "{file}: {story:#}");
    let row = &story["outbox"][0];
    assert_eq!(row["action"], told, "{file}: {story:#}");
    if let Some(progress) = expect["progress_pct"].as_f64() {
        let found = row["value"].as_f64().unwrap();
        assert!((found - progress).abs() < 0.05, "{file}: {found} is not {progress}");
    }
}

/// Whether a stop is a watch: past the threshold, or complete by a server that could measure it and told no position.
fn is_a_watch(expect: &Value) -> bool {
    match expect["progress_pct"].as_f64() {
        Some(progress) => progress >= 80.0,
        None => expect["played_to_completion"] == true && expect["watched"] != false,
    }
}

pub fn check_item(server: &str, file: &str, expect: &Value, report: &Value) {
    let item = &report["item"];
    assert_eq!(item["kind"], expect["media_type"], "{file}");
    if let Some(title) = expect.get("title") {
        assert_eq!(item["title"].as_str(), title.as_str(), "{file}: {item:#}");
    }
    assert_eq!(&item["ids"], &expect["ids"], "{file}: {item:#}");
    if expect["media_type"] != "episode" {
        assert_eq!(&item["year"], &expect["year"], "{file}");
        return;
    }
    let clean = expect.get("show_title_clean").unwrap_or(&expect["show_title"]);
    let title = item["show"]["title"].as_str().filter(|title| !title.is_empty());
    assert_eq!(title, clean.as_str(), "{file}");
    assert_eq!(item["season"], expect["season"], "{file}");
    let last = expect["episode_end"].as_u64().or(expect["episode"].as_u64());
    let numbers: Vec<u64> = match (expect["episode"].as_u64(), last) {
        (Some(first), Some(last)) => (first..=last).collect(),
        _ => Vec::new(),
    };
    assert_eq!(item["numbers"], json!(numbers), "{file}");
    if let Some(year) = expect.get("show_year") {
        assert_eq!(&item["show"]["year"], year, "{file}");
    }
    // Jellyfin's own plugin sends the year of the series with an episode; everybody else the episode's.
    let of_series = server == "jellyfin" && expect.get("show_year").is_none();
    let year = if of_series { &item["show"]["year"] } else { &item["year"] };
    assert!(expect.get("year").is_none() || *year == expect["year"], "{file}: {item:#}");
    let none = json!({});
    assert_eq!(&item["show"]["ids"], expect.get("show_ids").unwrap_or(&none), "{file}: {item:#}");
}

pub fn check_people(file: &str, expect: &Value, report: &Value) {
    let text = |value: &Value| value.as_str().map(str::to_owned).or(value.as_u64().map(|id| id.to_string()));
    for (key, found) in [("user", &report["user"]["name"]), ("user_id", &report["user"]["id"])] {
        if let Some(wanted) = text(&expect[key]) {
            assert_eq!(found.as_str(), Some(wanted.as_str()), "{file}: {key}");
        }
    }
    if let Some(wanted) = expect["server_id"].as_str() {
        assert_eq!(report["server"]["id"], wanted, "{file}");
    }
}
