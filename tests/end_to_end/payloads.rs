//! Every captured message gives what its manifest entry expects, through the real binary.

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, Home, WEBHOOK_TOKEN, payloads};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn captured_plex_webhooks() {
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
    let webhooks: Vec<_> = entries
        .iter()
        .filter(|entry| {
            entry["server"] == "plex"
                && matches!(entry["transport"].as_str(), Some("webhook" | "raw HTTP multipart"))
        })
        .collect();
    assert!(webhooks.len() >= 20, "the manifest has changed its form");
    let trakt = FakeTrakt::start().await;
    for entry in webhooks {
        let file = entry["file"].as_str().unwrap();
        // Each in a house of its own: some share user, player and item.
        let home = Home::plex_to_trakt(None, &trakt, "");
        let daemon = home.start();
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let id = send(&daemon, file, bytes).await;
        let story = daemon.settled(id).await;
        let mut expect = expected(file);
        if let Some(other) = expect["same_as"].as_str() {
            expect = expected(other);
        }
        check(file, expect, &story);
    }
}

async fn send(daemon: &Daemon<'_>, file: &str, bytes: Vec<u8>) -> i64 {
    let response = if file.ends_with(".http") {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: ")).unwrap().trim();
        daemon.send("/webhook/home", Some(WEBHOOK_TOKEN), content_type, bytes[end + 4..].to_vec()).await
    } else {
        daemon.send("/webhook/plextrakt", Some(WEBHOOK_TOKEN), "application/json", bytes).await
    };
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{file}: {status} {text}");
    text.trim().rsplit(' ').next().unwrap().parse().unwrap()
}

fn check(file: &str, expect: &Value, story: &Value) {
    let outcome = story["verdict"]["outcome"].as_str().unwrap();
    let action = expect["action"].as_str().unwrap();
    match action {
        "ignore" => return assert_eq!(outcome, "ignored", "{file}: {story:#}"),
        // The route carries no ratings; that it was understood is what counts here.
        "rate" => {
            assert_eq!(story["verdict"]["code"], "rating", "{file}: {story:#}");
            let text = story["verdict"]["detail"].as_str().unwrap();
            let rating = expect["rating_10"].as_f64().unwrap();
            return assert!(
                text.contains(expect["title"].as_str().unwrap()) && text.ends_with(&format!("with {rating}")),
                "{file}: {text}"
            );
        }
        _ => {}
    }
    // wh-12 names its user by number only, and no entry has none at all: everything else reaches the tracker's outbox.
    assert_eq!(outcome, "queued", "{file}: {story:#}");
    let row = &story["outbox"][0];
    let told = match action {
        "start" | "resume" => "playing",
        "pause" => "paused",
        "stop" => "stopped",
        "scrobble" => "watched",
        other => panic!("{file}: unknown action {other}"),
    };
    assert_eq!(row["action"], told, "{file}: {story:#}");
    if let Some(progress) = expect["progress_pct"].as_f64() {
        let found = row["value"].as_f64().unwrap();
        assert!((found - progress).abs() < 0.05, "{file}: {found} is not {progress}");
    }
    let item = &row["item"];
    assert_eq!(item["kind"], expect["media_type"], "{file}");
    let title = &expect["title"];
    assert_eq!(item["title"].as_str(), title.as_str(), "{file}: {item:#}");
    if expect["media_type"] == "episode" {
        let clean = expect.get("show_title_clean").unwrap_or(&expect["show_title"]);
        assert_eq!(
            item["show"]["title"].as_str().filter(|title| !title.is_empty()),
            clean.as_str(),
            "{file}"
        );
        assert_eq!(item["season"], expect["season"], "{file}");
        assert_eq!(item["numbers"].get(0).unwrap_or(&Value::Null), &expect["episode"], "{file}");
        if let Some(year) = expect.get("show_year") {
            assert_eq!(&item["show"]["year"], year, "{file}");
        }
        let none = serde_json::json!({});
        assert_eq!(&item["show"]["ids"], expect.get("show_ids").unwrap_or(&none), "{file}: {item:#}");
    }
    assert_eq!(&item["year"], &expect["year"], "{file}");
    assert_eq!(&item["ids"], &expect["ids"], "{file}: {item:#}");
    let parsed = story["timeline"].as_array().unwrap().iter().find(|step| step["stage"] == "parsed").unwrap();
    let said = parsed["text"].as_str().unwrap();
    for user in
        [expect["user"].as_str().map(str::to_owned), expect["user_id"].as_u64().map(|id| format!("id:{id}"))]
    {
        assert!(user.is_none_or(|user| said.contains(&user)), "{file}: {said}");
    }
}
