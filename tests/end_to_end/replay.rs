//! An event once more, dry.

use playrelay_tests::harness::{fixture, payloads};
use playrelay_tests::jellyfin_webhook as jellyfin;
use playrelay_tests::webhook_scenario::{Scenario, WebhookScript};
use serde_json::{Value, json};

const MIA: jellyfin::User = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
const HOUR: u32 = 3_600_000;

fn pilot() -> Value {
    jellyfin::episode(&"1".repeat(32), ("Breaking Bad", 2008), 1, 1, HOUR, &[("tvdb", "349232")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_event_gives_the_same_until_something_changes() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(), Some(0), MIA, "TV")).await;
    stage.pass(3_060);
    script.jellyfin(&jellyfin::event("PlaybackStop", &pilot(), Some(HOUR / 100 * 85), MIA, "TV")).await;
    let told = stage.trakt.deliveries();
    let replay = stage.home.json(&["replay", "2"]);
    assert_eq!((&replay["context"], &replay["differences"]), (&json!(1), &json!([])), "{replay:#}");
    assert_eq!(replay["reports"][0]["state"], "stopped");
    assert_eq!(
        (&replay["events"][0]["action"], &replay["events"][0]["tracker"]),
        (&json!("watched"), &json!("bob"))
    );
    // Another threshold: now it would be a resume point.
    let path = stage.home.path().join("playrelay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("[scrobble]\nwatched_at = 90\ncredits = false\n{config}")).unwrap();
    let output = stage.home.run(&["replay", "2", "--check"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("+ bob: stopped at 85.0 % Breaking Bad S01E01"), "{text}");
    assert!(text.contains("- bob: watched at 85.0 % Breaking Bad S01E01"), "{text}");
    assert_eq!(stage.trakt.deliveries(), told, "nothing is sent");
    assert_eq!(stage.home.json(&["events"]).as_array().unwrap().len(), 2, "nothing is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_from_a_file_and_another_plugin() {
    let stage = Scenario::new("", "").await;
    let file = stage.home.path().join("message.json");
    std::fs::write(&file, jellyfin::event("PlaybackStart", &pilot(), Some(0), MIA, "TV").to_string())
        .unwrap();
    let name = file.to_str().unwrap();
    let replay = stage.home.json(&["replay", name, "--source", "jellyfin"]);
    assert_eq!((&replay["verdict"]["outcome"], &replay["differences"]), (&json!("queued"), &Value::Null));
    assert_eq!(replay["plugin"], "jellyfin 0.1.0");
    let unsaid = stage.home.run(&["replay", name]);
    assert!(String::from_utf8_lossy(&unsaid.stderr).contains("--source emby or jellyfin or plex"));
    // A component that nobody approved may be tried: it is given nothing.
    let other = fixture("sound.wasm");
    let replay =
        stage.home.json(&["replay", name, "--source", "jellyfin", "--plugin", other.to_str().unwrap()]);
    assert_eq!(replay["plugin"].as_str().unwrap().split(' ').next(), Some("sound"), "{replay:#}");
    let missing = stage.home.run(&["replay", "77"]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no event 77"));
    let Some(folder) = payloads() else { return };
    let raw = folder.join("jellyfin/mp-02-genericform-urlencoded.http");
    let replay = stage.home.json(&["replay", raw.to_str().unwrap(), "--source", "jellyfin"]);
    assert_eq!(replay["reports"][0]["item"]["title"], "The Menu", "{replay:#}");
}
