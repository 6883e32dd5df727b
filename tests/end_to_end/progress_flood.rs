//! A hundred reports a second of one session.

use playrelay_tests::jellyfin_webhook as jellyfin;
use playrelay_tests::webhook_scenario::{Scenario, WebhookScript};
use serde_json::{Value, json};

const MIA: jellyfin::User = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
const LENGTH: u32 = 7_200_000;
const REPORTS: u32 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn costs_the_tracker_one_call_and_the_log_one_line() {
    let mut stage = Scenario::new("", "").await;
    stage.home.set("PLAYRELAY_LOG", "info");
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let film = jellyfin::movie(&"7".repeat(32), "Inception", 2010, LENGTH, &[("imdb", "tt1375666")]);
    let before = stage.home.log().lines().count();
    script.jellyfin(&jellyfin::event("PlaybackStart", &film, Some(0), MIA, "TV")).await;
    let mut last = 0;
    for index in 0..REPORTS {
        // The server reckons a second for each, a client pauses and goes on, and another lags behind by two.
        let position = index * 1_000 - if index % 7 == 6 { 2_000 } else { 0 };
        let mut progress = jellyfin::event("PlaybackProgress", &film, Some(position), MIA, "TV");
        (progress["IsAutomated"], progress["IsPaused"]) = (json!(true), json!(index % 50 >= 45));
        last = daemon.json("jellyfin", &progress).await;
        if index % 100 == 99 {
            stage.pass(1);
        }
    }
    let story = daemon.settled(last).await;
    assert_eq!(story["verdict"]["code"], "no-change", "{story:#}");
    assert_eq!(stage.trakt.deliveries(), ["start 0 Inception"]);
    let log = stage.home.log();
    let lines: Vec<&str> = log.lines().skip(before).filter(|line| !line.contains("ready")).collect();
    let of_storm: Vec<&&str> = lines.iter().filter(|line| line.contains("Inception")).collect();
    assert_eq!(of_storm.len(), 1, "{of_storm:#?}");
    assert!(of_storm[0].contains("delivered"));
    assert!(lines.len() <= 4, "what a start says, and nothing of a thousand reports: {lines:#?}");
    // Each of them is there to be asked about.
    let events: Value = stage.home.json(&["events", "--limit", "2000"]);
    let merged =
        events.as_array().unwrap().iter().filter(|event| event["verdict"]["outcome"] == "merged").count();
    assert!(merged > 900, "{merged} were merged");
}
