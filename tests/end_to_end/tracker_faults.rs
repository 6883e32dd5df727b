//! Everything that a tracker can answer, and what becomes of the watch: the state and the words, and that it arrives once in the
//! end.

use std::time::Duration;

use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_simkl::FakeSimkl;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::{Fault, Faults};
use playrelay_tests::harness::{Daemon, TestContext, mdblist_account, plex_to, simkl_account, trakt_account};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::{catalogue, fake_simkl};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const HOUR: u32 = 3_600_000;
/// Short pauses: the tests are about what happens, not about how long it takes.
const QUICK: &str = "[delivery]\nretry_first = \"100ms\"\nretry_longest = \"400ms\"\n";

/// How it ends.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    /// By itself.
    Delivered,
    /// By itself: the tracker has it.
    Duplicate,
    /// The tracker's account is left alone; a person tries again when the tracker is well.
    Parked,
    /// It can never be sent as it is; the same.
    Dead,
}

type Case = (&'static str, Fault, End, &'static str);

fn answer(status: u16, body: Value) -> Fault {
    Fault::Answer { status, headers: Vec::new(), body: body.to_string() }
}

fn signed(status: u16, headers: &[(&'static str, &str)], body: Value) -> Fault {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Fault::Answer { status, headers, body: body.to_string() }
}

/// What goes for every tracker.
fn common() -> Vec<Case> {
    vec![
        ("429 with a pause", Fault::retry_after(429, 1), End::Delivered, ""),
        (
            "429 until a date",
            signed(429, &[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], json!({})),
            End::Delivered,
            "",
        ),
        ("500", Fault::status(500), End::Delivered, ""),
        ("502", Fault::status(502), End::Delivered, ""),
        ("520", Fault::status(520), End::Delivered, ""),
        ("cut before", Fault::CutBefore, End::Delivered, ""),
        ("cut after", Fault::CutAfter, End::Duplicate, "has this"),
        ("slow", Fault::Slow(Duration::from_secs(11)), End::Delivered, ""),
    ]
}

/// A tracker under test.
struct Tracker<'a> {
    faults: &'a Faults,
    add: &'a dyn Fn(catalogue::Entry),
    history: &'a dyn Fn() -> Vec<String>,
}

async fn run(home: &TestContext, tracker: Tracker<'_>, cases: Vec<Case>) {
    let daemon = home.start();
    for (index, (what, fault, end, words)) in cases.into_iter().enumerate() {
        let (title, imdb) = (format!("Film {index}"), format!("tt77000{index:02}"));
        (tracker.add)(catalogue::movie(&title, 2020, json!({ "imdb": imdb })));
        let film = movie(&format!("{index}"), &title, 2020, 2 * HOUR, &[&format!("imdb://{imdb}")]);
        let times = if matches!(end, End::Parked | End::Dead) { u32::MAX } else { 1 };
        tracker.faults.next("/scrobble/stop", times, fault);
        let id = daemon.plex(&event("media.scrobble", &film, None, SEAN, "TV")).await;
        let row = settled(&daemon, id, end).await;
        let note = row["note"].as_str().unwrap_or_default().to_owned();
        assert!(note.contains(words), "{what}: {note}");
        tracker.faults.clear();
        if matches!(end, End::Parked | End::Dead) {
            let line = tokio::task::block_in_place(|| home.run(&["outbox", "list", "--limit", "1"]));
            let line = String::from_utf8_lossy(&line.stdout).into_owned();
            let next = if end == End::Parked { "attempt 2 at " } else { "playrelay outbox retry" };
            assert!(line.contains(next) && line.contains(words), "{what}: {line}");
            let (success, text) = home.run_with_fakes(&["outbox", "retry", &row["id"].to_string()]).await;
            assert!(success, "{text}");
            daemon.until(id, "the delivery", |story| story["outbox"][0]["state"] == "delivered").await;
        }
        let count = (tracker.history)().iter().filter(|name| **name == title).count();
        assert_eq!(count, 1, "{what}: {:?}", (tracker.history)());
    }
}

async fn settled(daemon: &Daemon<'_>, id: i64, end: End) -> Value {
    let what = format!("{end:?}");
    let story = daemon.until(id, &what, |story| {
        let row = &story["outbox"][0];
        match end {
            End::Delivered => row["state"] == "delivered",
            End::Duplicate => row["state"] == "duplicate",
            End::Parked => row["state"] == "waiting" && row["attempts"] == 1,
            End::Dead => row["state"] == "dead",
        }
    });
    story.await["outbox"][0].clone()
}

fn names(library: playrelay_tests::user_library::Library) -> Vec<String> {
    library.history.iter().map(|play| play.entry.name()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_simkl_answers() {
    let simkl = FakeSimkl::start().await;
    let home = TestContext::new(
        &(QUICK.to_owned() + &plex_to(&[simkl_account("bob", &simkl, fake_simkl::CLIENT_ID)], &["bob"], "")),
    );
    home.connect().await;
    let mut cases = common();
    cases.extend([
        ("a lock", answer(400, json!({ "error": "RATE_LIMIT", "code": 400 })), End::Delivered, ""),
        ("429 a second", answer(429, json!({ "error": "rate_limit" })), End::Delivered, ""),
        (
            "403",
            answer(403, json!({ "error": "oauth2_token_required" })),
            End::Parked,
            "simkl.com/settings/developer",
        ),
        ("412", answer(412, json!({ "error": "client_id_failed" })), End::Parked, "too many writes"),
        (
            "429 a day",
            answer(429, json!({ "error": "user_limit_exceeded" })),
            End::Parked,
            "used up for today",
        ),
        (
            "400",
            answer(400, json!({ "error": "wrong_parameter", "message": "no" })),
            End::Dead,
            "SIMKL answered 400: no",
        ),
        ("423", Fault::status(423), End::Dead, "423"),
    ]);
    let history = || names(simkl.library());
    let tracker = Tracker { faults: simkl.faults(), add: &|entry| simkl.add(entry), history: &history };
    run(&home, tracker, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_mdblist_answers() {
    let mdblist = FakeMdbList::start().await;
    let home = TestContext::new(
        &(QUICK.to_owned() + &plex_to(&[mdblist_account("bob", &mdblist, true)], &["bob"], "")),
    );
    let mut cases = common();
    cases.extend([
        (
            "403",
            answer(403, json!({ "error": "Forbidden" })),
            End::Parked,
            "refused the request (403): Forbidden",
        ),
        (
            "429 a day",
            answer(429, json!({ "error": "Daily API limit exceeded!" })),
            End::Parked,
            "used up for today",
        ),
        (
            "400",
            answer(400, json!({ "error": { "progress": ["This field is required."] } })),
            End::Dead,
            "This field is required",
        ),
    ]);
    let history = || names(mdblist.library());
    let tracker = Tracker { faults: mdblist.faults(), add: &|entry| mdblist.add(entry), history: &history };
    run(&home, tracker, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_trakt_answers() {
    let trakt = FakeTrakt::start().await;
    let home =
        TestContext::new(&(QUICK.to_owned() + &plex_to(&[trakt_account("bob", &trakt)], &["bob"], "")));
    home.connect().await;
    let mut cases = common();
    cases.extend([
        ("403", Fault::status(403), End::Parked, "app.trakt.tv/settings/apps/api"),
        ("1010", signed(403, &[], json!("error code: 1010")), End::Parked, "gateway blocks this program"),
        ("412", Fault::status(412), End::Dead, "content type"),
        ("420", Fault::status(420), End::Parked, "a limit of the Trakt account"),
        ("423", signed(423, &[("x-account-locked", "true")], json!({})), End::Parked, "is locked"),
        (
            "423 deactivated",
            signed(423, &[("x-account-deactivated", "true")], json!({})),
            End::Parked,
            "is deactivated",
        ),
        (
            "426",
            signed(426, &[("x-upgrade-url", "https://trakt.tv/vip")], json!({})),
            End::Parked,
            "VIP members only (426); see https://trakt.tv/vip",
        ),
    ]);
    let history = || trakt.history().iter().map(|play| play.entry.name()).collect();
    let tracker = Tracker { faults: trakt.faults(), add: &|entry| trakt.add(entry), history: &history };
    run(&home, tracker, cases).await;
}
