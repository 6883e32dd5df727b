//! What waited while the trackers were away is sent in a few requests, and counts once.

use std::collections::BTreeMap;

use playrelay_tests::catalogue::{Entry, movie};
use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_simkl::{CLIENT_ID, FakeSimkl};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{TestContext, mdblist_account, plex_to, simkl_account, trakt_account};
use playrelay_tests::plex_webhook;
use serde_json::{Value, json};

/// Pauses that a test can wait for.
const QUICK: &str = "[delivery]\nretry_first = \"100ms\"\nretry_longest = \"1s\"\n\n";
const SEAN: (u32, &str) = (31_646_104, "sean");
const FILMS: u32 = 120;
/// The most requests that a tracker may get for all of it.
const MOST_REQUESTS: usize = 5;

/// Films: their entries in the catalogues, and their metadata in the webhooks of Plex. The tests of the plugins have batches with episodes.
fn programme() -> Vec<(Entry, Value)> {
    let film = |number: u32| {
        let (title, imdb) = (format!("Film {number}"), format!("tt90{number:05}"));
        let ids = json!({ "trakt": 50_000 + number, "slug": format!("film-{number}"), "imdb": imdb, "simkl": 60_000 + number });
        let told = plex_webhook::movie(&title, &title, 2001, 5_400_000, &[&format!("imdb://{imdb}")]);
        (movie(&title, 2001, ids), told)
    };
    (0..FILMS).map(film).collect()
}

/// How often each title is there, where that is not once.
fn not_once(found: impl Iterator<Item = String>, expected: &[String]) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = expected.iter().map(|name| (name.clone(), 0)).collect();
    found.for_each(|name| *counts.entry(name).or_default() += 1);
    counts.into_iter().filter(|(_, count)| *count != 1).collect()
}

struct Trackers {
    trakt: FakeTrakt,
    simkl: FakeSimkl,
    mdblist: FakeMdbList,
}

impl Trackers {
    async fn start(entries: &[Entry]) -> Self {
        let trackers = Self {
            trakt: FakeTrakt::start().await,
            simkl: FakeSimkl::start().await,
            mdblist: FakeMdbList::start().await,
        };
        for entry in entries {
            trackers.trakt.add(entry.clone());
            trackers.simkl.add(entry.clone());
            trackers.mdblist.add(entry.clone());
        }
        trackers
    }

    fn config(&self) -> String {
        let accounts = [
            trakt_account("bob", &self.trakt),
            simkl_account("sim", &self.simkl, CLIENT_ID),
            mdblist_account("mdb", &self.mdblist, true),
        ];
        QUICK.to_owned() + &plex_to(&accounts, &["bob", "sim", "mdb"], "")
    }

    /// The requests about plays that each of them got.
    fn requests(&self) -> [Vec<String>; 3] {
        let told = |calls: Vec<playrelay_tests::service::Call>| {
            let told = calls
                .into_iter()
                .filter(|call| call.path.starts_with("/sync") || call.path.starts_with("/scrobble"));
            told.map(|call| format!("{} {} {}", call.method, call.path, call.status)).collect()
        };
        [told(self.trakt.calls()), told(self.simkl.calls()), told(self.mdblist.calls())]
    }
}

/// A day without trackers, on which everything is watched; then they are back. Whether the answer to the first write of each is lost.
async fn outage(loses_answers: bool) {
    let programme = programme();
    let entries: Vec<Entry> = programme.iter().map(|(entry, _)| entry.clone()).collect();
    let trackers = Trackers::start(&entries).await;
    let mut home = TestContext::new(&trackers.config());
    let clock = home.set_clock(&[trackers.trakt.clock(), trackers.simkl.clock(), trackers.mdblist.clock()]);
    home.connect_account("bob").await;
    home.connect_account("sim").await;
    trackers.trakt.server.go_down().await;
    trackers.simkl.server.go_down().await;
    trackers.mdblist.server.go_down().await;
    let daemon = home.start();
    let mut last = 0;
    for (_, item) in &programme {
        last = daemon.plex(&plex_webhook::event("media.scrobble", item, None, SEAN, "TV")).await;
        clock.pass(300);
    }
    daemon.settled(last).await;
    // All of them have waited in vain, at each of the trackers: what was never tried would come after the rest.
    let was_tried = |delivery: &Value| delivery["attempts"].as_u64().is_some_and(|attempts| attempts > 0);
    daemon
        .until(last, "an attempt at each tracker", |story| {
            story["outbox"].as_array().is_some_and(|rows| rows.len() == 3 && rows.iter().all(was_tried))
        })
        .await;
    if loses_answers {
        trackers.trakt.faults().next_exactly("/sync/history", 1, Fault::CutAfter);
        trackers.simkl.faults().next_exactly("/sync/history", 1, Fault::CutAfter);
        trackers.mdblist.faults().next_exactly("/sync/watched?report_added=true", 1, Fault::CutAfter);
    }
    let before = trackers.requests().map(|requests| requests.len());
    trackers.trakt.server.come_up().await;
    trackers.simkl.server.come_up().await;
    trackers.mdblist.server.come_up().await;
    let all = programme.len();
    trackers.trakt.until("every watch", |it| it.history().len() >= all).await;
    trackers.simkl.until("every watch", |it| it.library().history.len() >= all).await;
    trackers.mdblist.until("every watch", |it| it.library().history.len() >= all).await;
    // Nothing more may come: wait until the outbox is empty.
    daemon
        .get_until("/api/v1/outbox?state=waiting", "an empty outbox", |list| list["events"] == json!([]))
        .await;
    let names: Vec<String> = entries.iter().map(Entry::name).collect();
    let once = BTreeMap::new();
    let of_trakt = trackers.trakt.history().into_iter().map(|play| play.entry.name());
    assert_eq!(not_once(of_trakt, &names), once, "Trakt");
    let of_simkl = trackers.simkl.library().history.into_iter().map(|play| play.entry.name());
    assert_eq!(not_once(of_simkl, &names), once, "SIMKL");
    let of_mdblist = trackers.mdblist.library().history.into_iter().map(|play| play.entry.name());
    assert_eq!(not_once(of_mdblist, &names), once, "MDBList");
    for (requests, before) in trackers.requests().iter().zip(before) {
        let told = &requests[before..];
        assert!(told.len() <= MOST_REQUESTS, "{} requests: {told:#?}", told.len());
    }
    // Each play's own time is there, and each event tells what became of it.
    let mut times: Vec<_> = trackers.trakt.history().iter().map(|play| play.watched_at).collect();
    times.sort();
    times.dedup();
    assert_eq!(times.len(), all, "each with its own time");
    let ended = async |state: &str| {
        let list = daemon.get(&format!("/api/v1/outbox?state={state}&tracker=bob&limit=500")).await;
        list["events"].as_array().unwrap().len()
    };
    let (delivered, duplicates) = (ended("delivered").await, ended("duplicate").await);
    assert_eq!((delivered + duplicates, duplicates > 0), (all, loses_answers));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_watches_after_an_outage_takes_a_few_requests() {
    outage(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_lost_double_nothing() {
    outage(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_cannot_tell_is_sent_alone() {
    let programme: Vec<_> = programme().into_iter().take(4).collect();
    // The tracker knows three of four, and rates what it knows.
    let known: Vec<Entry> = programme.iter().skip(1).map(|(entry, _)| entry.clone()).collect();
    let trackers = Trackers::start(&known).await;
    let account = trakt_account("bob", &trackers.trakt);
    let mut home = TestContext::new(&(QUICK.to_owned() + &plex_to(&[account], &["bob"], "")));
    let clock = home.set_clock(&[trackers.trakt.clock()]);
    home.connect_account("bob").await;
    trackers.trakt.server.go_down().await;
    let daemon = home.start();
    let mut events = Vec::new();
    for (_, item) in &programme {
        events.push(daemon.plex(&plex_webhook::event("media.scrobble", item, None, SEAN, "TV")).await);
        clock.pass(300);
    }
    daemon.settled(events[3]).await;
    trackers.trakt.server.come_up().await;
    let unmatched = daemon
        .get_until("/api/v1/outbox?state=unmatched", "the one that is unknown", |list| {
            list["events"].as_array().is_some_and(|events| events.len() == 1)
        })
        .await;
    assert_eq!(unmatched["events"][0]["inbox"], events[0], "{unmatched:#}");
    trackers.trakt.until("the others", |trakt| trakt.history().len() == 3).await;
    let names: Vec<String> = known.iter().map(Entry::name).collect();
    let found = trackers.trakt.history().into_iter().map(|play| play.entry.name());
    assert_eq!(not_once(found, &names), BTreeMap::new());
}
