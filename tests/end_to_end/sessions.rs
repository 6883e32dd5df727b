//! Evenings as captured sessions tell them, told by webhook: what plays in each snapshot becomes the message that the
//! server would have sent of it.

use std::collections::BTreeMap;

use playrelay_tests::fake_trakt::{episode, movie};
use playrelay_tests::harness::payloads;
use playrelay_tests::webhook_scenario::{Scenario, WebhookScript};
use playrelay_tests::{jellyfin_webhook as jellyfin, plex_webhook as plex};
use serde_json::{Value, json};

const MIA: jellyfin::User = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");

/// The snapshots of a captured story; absent where the captured messages are not on this machine.
fn snapshots(file: &str) -> Option<Vec<Vec<Value>>> {
    let Some(folder) = payloads() else {
        assert!(std::env::var_os("CI").is_none(), "CI has the captured messages beside the project");
        println!("SKIPPED: the captured messages are not on this machine");
        return None;
    };
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let messages = messages.map(|mut line| if line["msg"].is_object() { line["msg"].take() } else { line });
    let of_sessions = messages.filter(|message| message["MessageType"] == "Sessions");
    Some(of_sessions.map(|message| message["Data"].as_array().unwrap().clone()).collect())
}

/// What the server would have sent of a session: of which event, and of what.
fn events<'a>(
    before: Option<&'a Value>,
    now: &'a Value,
    names: [&'static str; 5],
) -> Vec<(&'static str, &'a Value)> {
    let [start, progress, pause, resume, stop] = names;
    let item = |session: &'a Value| Some(&session["NowPlayingItem"]["Id"]).filter(|id| id.is_string());
    let paused = |session: &Value| session["PlayState"]["IsPaused"] == true;
    match (before.and_then(item), item(now)) {
        (None, None) => Vec::new(),
        (Some(_), None) => before.map(|before| (stop, before)).into_iter().collect(),
        // Clients that play the next one often say nothing of the last.
        (last, Some(this)) if last != Some(this) => vec![(start, now)],
        (_, Some(_)) => match (before.is_some_and(paused), paused(now)) {
            (false, true) => vec![(pause, now)],
            (true, false) => vec![(resume, now)],
            _ => vec![(progress, now)],
        },
    }
}

/// How long it took from one snapshot to the next, in seconds: as long as it played.
fn between(before: &BTreeMap<String, Value>, now: &[Value]) -> i64 {
    let ticks = |session: &Value| session["PlayState"]["PositionTicks"].as_i64().unwrap_or(0);
    let moved = |session: &Value| {
        let before = before.get(session["Id"].as_str().unwrap())?;
        (before["NowPlayingItem"]["Id"] == session["NowPlayingItem"]["Id"])
            .then(|| ticks(session) - ticks(before))
    };
    now.iter().filter_map(moved).max().unwrap_or(0).max(0) / 10_000_000
}

fn unofficial(event: &str, session: &Value) -> Value {
    json!({
        "Event": event, "Item": session["NowPlayingItem"], "Session": session, "Series": null,
        "User": { "Id": session["UserId"], "Name": session["UserName"] },
        "Server": { "Id": session["ServerId"], "Name": "jf" },
    })
}

fn emby(event: &str, session: &Value) -> Value {
    json!({
        "Event": event, "Item": session["NowPlayingItem"], "Session": session,
        "User": { "Id": session["UserId"], "Name": session["UserName"] }, "Server": { "Id": session["ServerId"] },
        "PlaybackInfo": { "PositionTicks": session["PlayState"]["PositionTicks"] },
    })
}

async fn play(stage: &Scenario, snapshots: Vec<Vec<Value>>, server: &str) {
    let daemon = stage.home.start();
    let script = WebhookScript { stage, daemon: &daemon };
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for snapshot in snapshots {
        // A little more than the pause that a pause must last.
        stage.pass(between(&known, &snapshot).max(10));
        for session in snapshot {
            let id = session["Id"].as_str().unwrap().to_owned();
            let before = known.insert(id, session.clone());
            match server {
                "emby" => {
                    let names = [
                        "playback.start",
                        "playback.progress",
                        "playback.pause",
                        "playback.unpause",
                        "playback.stop",
                    ];
                    for (event, of) in events(before.as_ref(), &session, names) {
                        script.emby(&emby(event, of)).await;
                    }
                }
                _ => {
                    for (event, of) in
                        events(before.as_ref(), &session, ["Play", "Progress", "Pause", "Resume", "Stop"])
                    {
                        let mut message = unofficial(event, of);
                        if event == "Stop" {
                            // The play state has been reset by then.
                            message["Session"]["PlayState"] = json!({ "IsPaused": false });
                        }
                        script.jellyfin(&message).await;
                    }
                }
            }
        }
        // What was delayed by a few seconds is due by now.
        stage.pass(6);
        stage.quiet().await;
    }
}

async fn the_office() -> Scenario {
    let stage = Scenario::new("", "").await;
    let show = || ("The Office", 2005, json!({ "trakt": 2, "imdb": "tt0386676", "tvdb": 73_244 }));
    stage.trakt.add(episode(show(), 1, 1, json!({ "trakt": 21, "tvdb": 110_413, "imdb": "tt0664521" })));
    stage.trakt.add(episode(show(), 1, 2, json!({ "trakt": 22, "tvdb": 110_414 })));
    stage.trakt.add(movie("The Menu", 2022, json!({ "trakt": 23, "tmdb": 593_643, "imdb": "tt9764362" })));
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jellyfin_evening() {
    let Some(snapshots) = snapshots("jellyfin/ws-01-session-story.jsonl") else { return };
    let stage = the_office().await;
    play(&stage, snapshots, "jellyfin").await;
    let told = [
        "start 0 The Office 1x01",
        "stop 11 The Office 1x01",
        "start 11 The Office 1x01",
        "stop 96 The Office 1x01",
    ];
    assert_eq!(stage.trakt.deliveries(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn autoplay_two_people_and_a_seek() {
    let Some(snapshots) = snapshots("jellyfin/ws-02-autoplay-two-sessions-seek.jsonl") else { return };
    let stage = the_office().await;
    play(&stage, snapshots, "jellyfin").await;
    let mut told = stage.trakt.deliveries();
    let expected = [
        "start 95 The Office 1x01",
        "stop 95 The Office 1x01",
        "start 0 The Office 1x02",
        "start 50 The Menu",
        "start 10 The Office 1x02",
        "stop 50 The Menu",
    ];
    // The seek is told when it has settled, which is about when the other one stops.
    told[4..].sort();
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emby_evening() {
    let Some(snapshots) = snapshots("emby/ws-01-session-story.jsonl") else { return };
    let stage = Scenario::new("", "").await;
    let show = || ("The Old Man", 2022, json!({ "trakt": 3, "imdb": "tt5645432" }));
    stage.trakt.add(episode(show(), 2, 1, json!({ "trakt": 31, "tvdb": 10_585_954, "imdb": "tt21152280" })));
    stage.trakt.add(episode(show(), 2, 2, json!({ "trakt": 32, "tvdb": 10_585_955 })));
    play(&stage, snapshots, "emby").await;
    let told = [
        "start 0 The Old Man 2x01",
        "stop 48 The Old Man 2x01",
        "start 48 The Old Man 2x01",
        "stop 96 The Old Man 2x01",
        "start 0 The Old Man 2x02",
    ];
    assert_eq!(stage.trakt.deliveries(), told);
    assert_eq!(stage.trakt.history().len(), 1);
}

const SEAN: (u32, &str) = (31_646_104, "sean");
const LENGTH: u32 = 1_500_000;

fn chapter(number: u32) -> Value {
    let id = ["tvdb://349232", "tvdb://349235"][number as usize - 1];
    plex::episode(&format!("4029{number}"), "Breaking Bad", 1, number, LENGTH, &[id])
}

/// The story of `plex/ws-08`, as far as webhooks tell it: no progress, no buffering, no seeks.
#[tokio::test(flavor = "multi_thread")]
async fn a_plex_binge() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let say = |event: &'static str, number: u32, position: Option<u32>| {
        plex::event(event, &chapter(number), position, SEAN, "Android")
    };
    script.plex(&say("media.play", 1, Some(0))).await;
    stage.pass(21);
    script.plex(&say("media.pause", 1, Some(21_000))).await;
    script.plex(&say("media.pause", 1, Some(21_000))).await;
    stage.pass(60);
    stage.quiet().await;
    script.plex(&say("media.resume", 1, Some(21_000))).await;
    stage.pass(500);
    script.plex(&say("media.scrobble", 1, None)).await;
    script.plex(&say("media.stop", 1, Some(1_402_000))).await;
    script.plex(&say("media.play", 2, Some(0))).await;
    stage.pass(10);
    script.plex(&say("media.stop", 2, Some(0))).await;
    let told = [
        "start 0 Breaking Bad 1x01",
        "stop 1 Breaking Bad 1x01",
        "start 1 Breaking Bad 1x01",
        "stop 80 Breaking Bad 1x01",
        "start 0 Breaking Bad 1x02",
    ];
    assert_eq!(stage.trakt.deliveries(), told);
    assert_eq!(stage.trakt.history().len(), 1);
}

/// The stories of `plex/ws-05` to `ws-07`: a stop under another key, stops without an item or a user, three of one play.
#[tokio::test(flavor = "multi_thread")]
async fn stops_of_many_kinds_are_one_stop() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let say =
        |event: &'static str, position: Option<u32>| plex::event(event, &chapter(1), position, SEAN, "Kodi");
    script.plex(&say("media.play", Some(0))).await;
    stage.pass(1_440);
    // One with a user and no item,
    let mut no_item = say("media.stop", None);
    no_item.as_object_mut().unwrap().remove("Metadata");
    let story = script.plex(&no_item).await;
    assert_eq!(story["verdict"]["outcome"], "ignored", "{story:#}");
    // one with an item and no user,
    let mut no_user = say("media.stop", Some(1_440_000));
    no_user.as_object_mut().unwrap().remove("Account");
    let story = script.plex(&no_user).await;
    let inferred = story["timeline"].as_array().unwrap().iter().any(|step| step["code"] == "user-inferred");
    assert!(inferred, "{story:#}");
    // and one with both, from a player that calls itself something else by now.
    let mut whole = say("media.stop", Some(1_440_000));
    whole["Player"].as_object_mut().unwrap().remove("uuid");
    let story = script.plex(&whole).await;
    assert_eq!(story["verdict"]["code"], "finish-repeated", "{story:#}");
    assert_eq!(stage.trakt.deliveries(), ["start 0 Breaking Bad 1x01", "stop 96 Breaking Bad 1x01"]);
    // Nobody plays it now: whose stop it is cannot be known.
    let story = script.plex(&no_user).await;
    assert_eq!(story["verdict"]["code"], "no-user", "{story:#}");
}

/// A client that is killed leaves no stop: its server moves the position on, and tells of an end minutes later that it made up.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_makes_up_for_a_client_that_left_is_no_watch() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let pilot = pilot(1);
    let told = |kind: &str, percent: u32, silence: i64| {
        let now = stage.trakt.clock().now();
        let mut message = jellyfin::event(kind, &pilot, Some(3_600_000 / 100 * percent), MIA, "Roku");
        message["UtcTimestamp"] = json!(now.to_string());
        let since = now.saturating_sub(jiff::SignedDuration::from_secs(silence)).unwrap().to_string();
        (message["LastPlaybackCheckIn"], message["LastActivityDate"]) = (json!(since), json!(since));
        message["IsAutomated"] = json!(silence > 0);
        message
    };
    script.jellyfin(&told("PlaybackStart", 0, 0)).await;
    for percent in 1..=72 {
        stage.pass(36);
        if percent % 10 < 4 {
            script.jellyfin(&told("PlaybackProgress", percent, 0)).await;
        }
    }
    for minute in 1..=10_u32 {
        stage.pass(60);
        let guess =
            script.jellyfin(&told("PlaybackProgress", 72 + minute * 5 / 3, i64::from(minute) * 60)).await;
        assert_eq!(guess["verdict"]["code"], "guess", "{guess:#}");
    }
    let mut stop = told("PlaybackStop", 91, 600);
    stop["PlayedToCompletion"] = json!(true);
    script.jellyfin(&stop).await;
    script.jellyfin(&jellyfin::saved("PlaybackFinished", &pilot, true, MIA)).await;
    assert!(stage.trakt.history().is_empty(), "{:?}", stage.trakt.deliveries());
    // A stop that a client tells of is believed, however long it had said nothing before.
    stage.pass(3_600);
    script.jellyfin(&told("PlaybackStart", 72, 0)).await;
    stage.pass(900);
    let mut stop = told("PlaybackStop", 97, 900);
    stop["LastActivityDate"] = stop["UtcTimestamp"].clone();
    script.jellyfin(&stop).await;
    assert_eq!(stage.trakt.history().len(), 1, "{:?}", stage.trakt.deliveries());
}

/// A whole season is ticked, of which an episode was watched so long ago that it is not remembered but for the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_season_that_is_ticked_counts_what_was_not_watched_yet() {
    let stage = Scenario::new("", "unwatched = true").await;
    let mut daemon = stage.home.start();
    {
        let script = WebhookScript { stage: &stage, daemon: &daemon };
        script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(1), Some(0), MIA, "TV")).await;
        stage.pass(3_500);
        script.jellyfin(&jellyfin::event("PlaybackStop", &pilot(1), Some(3_500_000), MIA, "TV")).await;
    }
    assert_eq!(stage.trakt.history().len(), 1);
    daemon.stop();
    stage.pass(20 * 24 * 60 * 60);
    daemon.start_again();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    for number in [1, 2, 3] {
        script.jellyfin(&jellyfin::saved("TogglePlayed", &pilot(number), true, MIA)).await;
    }
    stage.quiet().await;
    assert_eq!(stage.trakt.history().len(), 3, "{:?}", stage.trakt.deliveries());
    // What was taken back may be watched anew.
    script.jellyfin(&jellyfin::saved("TogglePlayed", &pilot(1), false, MIA)).await;
    stage.quiet().await;
    assert_eq!(stage.trakt.history().len(), 2);
    stage.pass(60);
    script.jellyfin(&jellyfin::saved("TogglePlayed", &pilot(1), true, MIA)).await;
    stage.quiet().await;
    assert_eq!(stage.trakt.history().len(), 3);
}

fn pilot(number: u32) -> Value {
    let id = ["349232", "349235", "349236"][number as usize - 1];
    jellyfin::episode(
        &format!("{number:0>32}"),
        ("Breaking Bad", 2008),
        1,
        number,
        3_600_000,
        &[("tvdb", id)],
    )
}
