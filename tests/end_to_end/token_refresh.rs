//! Logins that expire, rotate, are refused, and are killed in the middle: events wait, and nobody is asked twice.

use std::time::Duration;

use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_simkl;
use playrelay_tests::fake_simkl::FakeSimkl;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{Daemon, TestContext, mdblist_account, plex_to, simkl_account, trakt_account};
use playrelay_tests::plex_webhook::{event, movie};

const SEAN: (u32, &str) = (31_646_104, "sean");
const QUICK: &str = "[delivery]\nretry_first = \"100ms\"\nretry_longest = \"400ms\"\n";

async fn watch(daemon: &Daemon<'_>) -> i64 {
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    daemon.plex(&event("media.scrobble", &film, None, SEAN, "TV")).await
}

async fn delivered(daemon: &Daemon<'_>, id: i64) {
    daemon.until(id, "the delivery", |story| story["outbox"][0]["state"] == "delivered").await;
}

async fn at_simkl() -> (FakeSimkl, TestContext) {
    let simkl = FakeSimkl::start().await;
    let account = simkl_account("bob", &simkl, fake_simkl::CLIENT_ID);
    let home = TestContext::new(&(QUICK.to_owned() + &plex_to(&[account], &["bob"], "")));
    home.connect().await;
    (simkl, home)
}

async fn at_mdblist() -> (FakeMdbList, TestContext) {
    let mdblist = FakeMdbList::start().await;
    let account = mdblist_account("bob", &mdblist, false);
    let home = TestContext::new(&(QUICK.to_owned() + &plex_to(&[account], &["bob"], "")));
    home.connect().await;
    (mdblist, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_that_stay_serve_again_and_again() {
    let (simkl, home) = at_simkl().await;
    let daemon = home.start();
    simkl.expire(false);
    delivered(&daemon, watch(&daemon).await).await;
    assert_eq!((simkl.refreshes(), simkl.library().history.len()), (1, 1));
    let (mdblist, home) = at_mdblist().await;
    let daemon = home.start();
    for refreshes in 1..=2 {
        // The answer to the first refresh leaves the refresh token out: the old one is kept.
        mdblist.expire(false);
        let film = movie(&format!("{refreshes}"), "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
        let id = daemon.plex(&event("media.play", &film, Some(0), SEAN, &format!("TV {refreshes}"))).await;
        delivered(&daemon, id).await;
        assert_eq!(mdblist.refreshes(), refreshes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_refresh_is_said_once_and_events_wait() {
    let (simkl, home) = at_simkl().await;
    let daemon = home.start();
    simkl.expire(true);
    let id = watch(&daemon).await;
    let story = daemon.until(id, "a refusal", |story| story["outbox"][0]["attempts"] == 1).await;
    assert_eq!(story["outbox"][0]["state"], "waiting");
    let (_, text) = home.run_with_fakes(&["outbox", "list"]).await;
    assert!(text.contains("waits for `playrelay connect bob`"), "{text}");
    let (_, text) = home.run_with_fakes(&["event", &id.to_string()]).await;
    assert!(text.contains("waits for `playrelay connect bob`"), "{text}");
    let asked = simkl.calls().iter().filter(|call| call.path == "/oauth2/token").count();
    home.connect().await;
    delivered(&daemon, id).await;
    let again = simkl.calls().iter().filter(|call| call.path == "/oauth2/token").count();
    assert_eq!(again - asked, 1, "the new login, and no refresh with what was refused");
}

/// A proxy that answers for the service says nothing about the login.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_without_a_reason_costs_no_login() {
    let (simkl, home) = at_simkl().await;
    let daemon = home.start();
    simkl.expire(false);
    simkl.faults().next("/oauth2/token", 2, Fault::status(401));
    delivered(&daemon, watch(&daemon).await).await;
    assert_eq!(simkl.library().history.len(), 1);
}

/// Where a login that was renewed just now is refused, another one helps no better: it is tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_login_that_is_refused_is_tried_again() {
    let (simkl, mut home) = at_simkl().await;
    let clock = home.set_clock(&[simkl.clock()]);
    let daemon = home.start();
    simkl.faults().next("/", 2, Fault::status(401));
    let id = watch(&daemon).await;
    let story = daemon.until(id, "a refusal", |story| story["outbox"][0]["attempts"] == 1).await;
    let note = story["outbox"][0]["note"].as_str().expect("a note");
    assert!(note.contains("should that stay so, run `playrelay connect bob`"), "{note}");
    clock.pass(2 * 60 * 60);
    delivered(&daemon, id).await;
    assert_eq!(simkl.library().history.len(), 1);
}

/// Killed after the service has renewed the login, and before we have heard of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_refresh_is_survived_where_the_token_stays() {
    let (simkl, home) = at_simkl().await;
    let daemon = home.start();
    simkl.expire(false);
    simkl.faults().next("/oauth2/token", 1, Fault::CutAfter);
    simkl.faults().always("/oauth2/token", Fault::Slow(Duration::from_secs(60)));
    let id = watch(&daemon).await;
    simkl.until("a refresh that was cut off", |simkl| simkl.refreshes() == 1).await;
    daemon.kill();
    simkl.faults().clear();
    let daemon = home.start();
    delivered(&daemon, id).await;
    assert_eq!((simkl.refreshes(), simkl.library().history.len()), (2, 1));
}

/// Where each refresh token serves once, that makes a new login necessary: it is said once, and nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_a_refresh_asks_for_a_login_where_the_token_rotates() {
    let trakt = FakeTrakt::start().await;
    let account = trakt_account("bob", &trakt);
    let home = TestContext::new(&(QUICK.to_owned() + &plex_to(&[account], &["bob"], "")));
    home.connect().await;
    let daemon = home.start();
    trakt.expire_access();
    let refreshes =
        |trakt: &FakeTrakt| trakt.calls().iter().filter(|call| call.path == "/oauth/token").count();
    trakt.faults().next("/oauth/token", 1, Fault::CutAfter);
    trakt.faults().always("/oauth/token", Fault::Slow(Duration::from_secs(60)));
    let id = watch(&daemon).await;
    trakt.until("a refresh that was cut off", |trakt| refreshes(trakt) >= 1).await;
    daemon.kill();
    trakt.faults().clear();
    let before = refreshes(&trakt);
    let daemon = home.start();
    let story = daemon
        .until(id, "the refusal", |story| {
            story["outbox"][0]["note"].as_str().is_some_and(|note| note.contains("refused the login"))
        })
        .await;
    assert_eq!(story["outbox"][0]["state"], "waiting");
    assert_eq!(refreshes(&trakt) - before, 1, "a refused token is not tried again");
    home.connect().await;
    delivered(&daemon, id).await;
    assert_eq!(trakt.history().len(), 1);
}

/// The day's requests: what is known of them outlives a kill, presence leaves the last of them to watches, and what does not fit
/// into a day goes on the next.
#[tokio::test(flavor = "multi_thread")]
async fn a_daily_quota_is_never_exceeded() {
    let (simkl, mut home) = at_simkl().await;
    let clock = home.set_clock(&[simkl.clock()]);
    simkl.allow(20);
    let mut daemon = home.start();
    let mut last = 0;
    for number in 0..24 {
        let (title, imdb) = (format!("Film {number}"), format!("tt77000{number:02}"));
        simkl.add(playrelay_tests::catalogue::movie(&title, 2020, serde_json::json!({ "imdb": imdb })));
        let film = movie(&format!("{number}"), &title, 2020, 7_200_000, &[&format!("imdb://{imdb}")]);
        last = daemon.plex(&event("media.scrobble", &film, None, SEAN, "TV")).await;
        daemon.until(last, "an attempt", |story| story["outbox"][0]["next_at"].is_string()).await;
        clock.pass(2);
        if number % 5 == 4 {
            daemon.kill();
            daemon = home.start();
        }
    }
    daemon
        .until(last, "the end of the day's requests", |story| {
            clock.pass(1);
            let note = story["outbox"][0]["note"].as_str().unwrap_or_default();
            let parked = home.json(&["outbox", "list", "--state", "waiting"]);
            note.contains("used up")
                || parked
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|row| row["note"].as_str().is_some_and(|note| note.contains("used up")))
        })
        .await;
    assert_eq!(simkl.load().0, 20);
    clock.pass(24 * 60 * 60);
    let end = std::time::Instant::now() + Duration::from_secs(90);
    while simkl.library().history.len() < 24 {
        assert!(std::time::Instant::now() < end, "{} of 24 watches arrived", simkl.library().history.len());
        clock.pass(2);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (most, too_fast) = simkl.load();
    assert!(most <= 20 && too_fast == 0, "{most} requests in a day, {too_fast} too fast");
}
