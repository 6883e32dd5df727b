//! What trackers do wrong, and what becomes of the events.

use std::time::Duration;

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{Daemon, TestContext};
use playrelay_tests::plex_webhook::{event, movie};
use serde_json::Value;

const SEAN: (u32, &str) = (31_646_104, "sean");
const RUNTIME: u32 = 7_200_000;
/// Short pauses: the tests are about what happens, not about how long it takes.
const QUICK: &str = "[delivery]\nretry_first = \"100ms\"\nretry_longest = \"400ms\"\n";

fn inception() -> Value {
    movie("27205", "Inception", 2010, RUNTIME, &["imdb://tt1375666"])
}

async fn watch(daemon: &Daemon<'_>) -> i64 {
    daemon.plex(&event("media.scrobble", &inception(), None, SEAN, "TV")).await
}

/// The state of the one event that `id` led to, once it no longer waits, and its note.
async fn delivered(daemon: &Daemon<'_>, id: i64) -> (String, String) {
    let story = daemon.until(id, "its delivery", |story| story["outbox"][0]["state"] != "waiting").await;
    let text = |name: &str| story["outbox"][0][name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("note"))
}

#[tokio::test(flavor = "multi_thread")]
async fn overload_is_waited_out() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    for fault in [Fault::retry_after(429, 1), Fault::status(429), Fault::status(408)] {
        trakt.faults().next("/scrobble/stop", 1, fault);
    }
    let id = watch(&daemon).await;
    assert_eq!(delivered(&daemon, id).await.0, "delivered");
    assert_eq!(trakt.history().len(), 1);
    let scrobbles = trakt.calls().into_iter().filter(|call| call.path.starts_with("/scrobble"));
    assert_eq!(scrobbles.map(|call| call.status).collect::<Vec<_>>(), [429, 429, 408, 201]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_may_have_applied_the_write() {
    for status in [500, 502, 503, 520] {
        let (trakt, home) = TestContext::logged_in(QUICK).await;
        let daemon = home.start();
        trakt.faults().next("/scrobble/stop", 1, Fault::status(status));
        let id = watch(&daemon).await;
        assert_eq!(delivered(&daemon, id).await.0, "delivered");
        let failed = format!("POST /scrobble/stop {status}");
        let told = [
            &failed,
            "GET /sync/history/movies 200",
            "POST /sync/history 200",
            "GET /sync/playback/movies 200",
        ];
        assert_eq!(trakt.story(), told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_an_answer_is_checked_before_it_is_repeated() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    trakt.faults().next("/scrobble/stop", 1, Fault::CutAfter);
    let id = watch(&daemon).await;
    let (state, note) = delivered(&daemon, id).await;
    assert_eq!((state.as_str(), note.as_str()), ("duplicate", "the history has this play already"));
    assert_eq!(trakt.history().len(), 1);
    assert_eq!(trakt.story()[1], "GET /sync/history/movies 200");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_never_arrived_is_repeated_with_its_own_time() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    trakt.faults().next("/scrobble/stop", 1, Fault::CutBefore);
    let id = watch(&daemon).await;
    assert_eq!(delivered(&daemon, id).await.0, "delivered");
    let story = daemon.settled(id).await;
    assert_eq!(trakt.history()[0].watched_at.to_string(), story["outbox"][0]["at"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_late_is_checked_too() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    trakt.faults().next("/scrobble/stop", 1, Fault::Slow(Duration::from_secs(12)));
    let id = watch(&daemon).await;
    delivered(&daemon, id).await;
    trakt.until("the slow answer", |trakt| trakt.history().len() == 1 || trakt.story().len() > 3).await;
    let adds = trakt.story().iter().filter(|call| call.contains("POST /sync/history 200")).count();
    assert_eq!((trakt.history().len(), adds), (1, 1), "{:?}", trakt.story());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_is_a_receipt() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    let body = r#"{"watched_at":"2026-11-01T20:58:11.000Z","expires_at":"2026-11-01T21:58:11.000Z"}"#;
    trakt.faults().next(
        "/scrobble/stop",
        1,
        Fault::Answer { status: 409, headers: vec![], body: body.to_owned() },
    );
    let id = watch(&daemon).await;
    let (state, note) = delivered(&daemon, id).await;
    assert_eq!(state, "duplicate");
    assert!(note.contains("2026-11-01T20:58:11"), "{note}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_item_is_unmatched_and_says_what_was_tried() {
    let (_trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    let unknown = movie("1", "Home Video", 2020, RUNTIME, &["tmdb://99999999"]);
    let id = daemon.plex(&event("media.scrobble", &unknown, None, SEAN, "TV")).await;
    let (state, note) = delivered(&daemon, id).await;
    assert_eq!((state.as_str(), note.as_str()), ("unmatched", "not found by movie ids"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_error_is_the_end_of_a_presence() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    trakt.faults().next("/scrobble/start", 1, Fault::status(422));
    let id = daemon.plex(&event("media.play", &inception(), Some(0), SEAN, "TV")).await;
    assert_eq!(delivered(&daemon, id).await.0, "unsupported");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_login_is_refreshed_and_the_request_repeated() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    trakt.expire_access();
    let id = watch(&daemon).await;
    assert_eq!(delivered(&daemon, id).await.0, "delivered");
    let refreshes = trakt.calls().iter().filter(|call| call.path == "/oauth/token").count();
    assert_eq!(refreshes, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_refreshed_at_half_of_its_life_once() {
    let (trakt, mut home) = TestContext::logged_in(QUICK).await;
    let clock = home.set_clock(&[trakt.clock()]);
    let daemon = home.start();
    // Three and a half days of the seven that a login lives, and a bit.
    clock.pass(303_000);
    for number in 0..3 {
        let film = movie(&format!("{number}"), "Inception", 2010, RUNTIME, &["imdb://tt1375666"]);
        daemon.plex(&event("media.play", &film, Some(0), SEAN, &format!("TV {number}"))).await;
    }
    trakt.until("all starts", |trakt| trakt.story().len() == 3).await;
    let refreshes = trakt.calls().iter().filter(|call| call.path == "/oauth/token").count();
    assert_eq!(refreshes, 1);
    assert!(trakt.calls().iter().all(|call| call.status != 401));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refresh_waits_for_a_login_and_loses_nothing() {
    let (trakt, home) = TestContext::logged_in(QUICK).await;
    let daemon = home.start();
    trakt.forget_login();
    let id = watch(&daemon).await;
    trakt.until("a refresh", |trakt| trakt.calls().iter().any(|call| call.path == "/oauth/token")).await;
    let story = daemon.settled(id).await;
    assert_eq!(story["outbox"][0]["state"], "waiting", "{story:#}");
    home.connect().await;
    assert_eq!(delivered(&daemon, id).await.0, "delivered");
    assert_eq!(trakt.history().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_never_logged_in_waits_and_says_so() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, QUICK);
    let daemon = home.start();
    let id = watch(&daemon).await;
    let note = loop {
        let story = daemon.settled(id).await;
        if let Some(note) = story["outbox"][0]["note"].as_str() {
            break note.to_owned();
        }
    };
    assert!(note.contains("playrelay connect bob"), "{note}");
    assert!(trakt.calls().is_empty(), "nothing is sent without a login");
    home.connect().await;
    assert_eq!(delivered(&daemon, id).await.0, "delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_refused_are_parked_with_the_reason() {
    for (status, words) in [(403, "app.trakt.tv"), (423, "locked"), (426, "VIP")] {
        let (trakt, home) = TestContext::logged_in(QUICK).await;
        let daemon = home.start();
        trakt.faults().always("/scrobble", Fault::status(status));
        let id = watch(&daemon).await;
        let story = daemon.until(id, "an attempt", |story| story["outbox"][0]["note"].is_string()).await;
        assert_eq!(story["outbox"][0]["state"], "waiting");
        let note = story["outbox"][0]["note"].as_str().unwrap();
        assert!(note.contains(words), "{status}: {note}");
        assert_eq!(trakt.story().len(), 1, "a parked account is left alone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_superseded_and_a_late_watch_goes_to_the_history() {
    // After its first failure the account is left alone until the clock has jumped: nothing is under way when it does.
    let (trakt, mut home) =
        TestContext::logged_in("[delivery]\nretry_first = \"1h\"\nretry_longest = \"1h\"\n").await;
    let clock = home.set_clock(&[trakt.clock()]);
    trakt.server.go_down().await;
    let daemon = home.start();
    let start = daemon.plex(&event("media.play", &inception(), Some(0), SEAN, "TV")).await;
    daemon.until(start, "a failed attempt", |story| story["outbox"][0]["attempts"] == 1).await;
    let id = watch(&daemon).await;
    daemon.settled(id).await;
    clock.pass(7_200);
    trakt.server.come_up().await;
    let (state, note) = delivered(&daemon, id).await;
    assert_eq!(state, "delivered", "{note}");
    let story = daemon.settled(start).await;
    assert_eq!(story["outbox"][0]["state"], "superseded", "{story:#}");
    let at = daemon.settled(id).await["outbox"][0]["at"].as_str().unwrap().to_owned();
    assert_eq!(trakt.history()[0].watched_at.to_string(), at, "with its own time, not the tracker's");
    let told = ["GET /sync/history/movies 200", "POST /sync/history 200", "GET /sync/playback/movies 200"];
    assert_eq!(trakt.story(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_for_too_long_is_kept_and_can_be_retried() {
    let more =
        "[scrobble]\noffline_keep = \"1d\"\n[delivery]\nretry_first = \"1s\"\nretry_longest = \"1h\"\n";
    let (trakt, mut home) = TestContext::logged_in(more).await;
    let clock = home.set_clock(&[trakt.clock()]);
    trakt.server.go_down().await;
    let daemon = home.start();
    let id = watch(&daemon).await;
    let dead = daemon.until(id, "that it is given up", |story| {
        clock.pass(900);
        story["outbox"][0]["state"] == "dead"
    });
    let row = dead.await["outbox"][0].clone();
    let note = row["note"].as_str().unwrap();
    assert!(note.contains("undelivered for") && note.contains("cannot be reached"), "{note}");
    assert!(clock.passed() > 24 * 60 * 60 && row["attempts"].as_u64().unwrap() > 20, "{row}");
    trakt.server.come_up().await;
    let (success, text) = home.run_with_fakes(&["outbox", "retry", "--failed"]).await;
    assert!(success && text.contains("1 event is tried again"), "{text}");
    daemon.until(id, "the delivery", |story| story["outbox"][0]["state"] == "delivered").await;
    assert_eq!(trakt.history()[0].watched_at.to_string(), row["at"].as_str().unwrap(), "with its own time");
}
