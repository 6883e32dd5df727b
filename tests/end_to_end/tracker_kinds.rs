//! Everything that a tracker can be told, of everything that it can be told about: the table of docs/trackers.md,
//! a test for each cell.

use jiff::{SignedDuration, Timestamp};
use playrelay::app::App;
use playrelay::config;
use playrelay_engine::event::{Action, Receipt, ReceiptOutcome};
use playrelay_engine::model::{Episode, Item, ItemKind, Movie, Season, Show};
use playrelay_plugin_host::capabilities::{AddWatchlist, ReadWatchlist, RemoveWatchlist, Sink, SinkEvent};
use playrelay_plugin_host::failure::Failure;
use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_simkl::{CLIENT_ID, FakeSimkl};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, binary, mdblist_account, simkl_account, trakt_account};

/// An account at a tracker. Tests call its plugin as the daemon does.
pub struct Told {
    pub app: App,
    /// Removes the folder at its end.
    _home: TestContext,
}

impl Told {
    pub async fn new(account: &str, needs_login: bool) -> Self {
        let home = TestContext::new(account);
        if needs_login {
            home.connect().await;
        }
        let config = config::load(Some(&home.path().join("playrelay.toml"))).unwrap();
        let app = App::open_with(config, binary()).await.unwrap();
        Self { app, _home: home }
    }

    pub async fn of(&self, action: Action, item: &Item, late: bool) -> Receipt {
        let (plugin, caller) = self.app.plugin("bob").unwrap();
        let now = Timestamp::now();
        let at = if late { now - SignedDuration::from_hours(30) } else { now };
        let event = SinkEvent {
            id: "playrelay-test".to_owned(),
            action,
            item: item.clone(),
            at,
            started_at: Some(at - SignedDuration::from_mins(40)),
            late,
            uncertain: false,
            attempt: 1,
            remote_id: None,
        };
        let answer = plugin.call::<Sink>(&caller, event).await.0.unwrap();
        answer.unwrap_or_else(|failure| panic!("{action:?} of {}: {failure:?}", item.key()))
    }

    async fn enlist(&self, item: &Item) -> Result<Receipt, Failure> {
        let (plugin, caller) = self.app.plugin("bob").unwrap();
        plugin.call::<AddWatchlist>(&caller, item.clone()).await.0.unwrap()
    }

    async fn unlist(&self, item: &Item) -> Receipt {
        let (plugin, caller) = self.app.plugin("bob").unwrap();
        plugin.call::<RemoveWatchlist>(&caller, item.clone()).await.0.unwrap().unwrap()
    }

    /// The titles on the watchlist, over all of its pages.
    pub async fn watchlist(&self) -> Vec<String> {
        let (plugin, caller) = self.app.plugin("bob").unwrap();
        let (mut titles, mut cursor) = (Vec::new(), None);
        for _ in 0..10 {
            let page = plugin.call::<ReadWatchlist>(&caller, cursor).await.0.unwrap().unwrap();
            titles.extend(page.entries.iter().map(|(item, _)| match &item.kind {
                ItemKind::Movie(movie) => movie.title.clone(),
                ItemKind::Show(show) => show.title.clone(),
                other => panic!("{other:?} on a watchlist"),
            }));
            cursor = page.cursor;
            if cursor.is_none() {
                titles.sort();
                return titles;
            }
        }
        panic!("the watchlist has no end");
    }

    /// Tells of something that must be taken.
    async fn takes(&self, action: Action, item: &Item, late: bool) -> String {
        let receipt = self.of(action, item, late).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted, "{action:?} of {}: {receipt:?}", item.key());
        receipt.note.unwrap_or_default()
    }
}

pub fn film() -> Item {
    Item::of(ItemKind::Movie(Movie {
        title: "Inception".to_owned(),
        original_title: None,
        year: Some(2010),
        ids: [("imdb", "tt1375666"), ("tmdb", "27205")].into_iter().collect(),
    }))
}

fn breaking_bad() -> Show {
    Show {
        title: "Breaking Bad".to_owned(),
        original_title: None,
        year: Some(2008),
        ids: [("imdb", "tt0903747"), ("tmdb", "1396"), ("tvdb", "81189")].into_iter().collect(),
    }
}

pub fn show() -> Item {
    Item::of(ItemKind::Show(breaking_bad()))
}

pub fn season() -> Item {
    let ids = [("tvdb", "30272")].into_iter().collect();
    Item::of(ItemKind::Season(Season { show: breaking_bad(), number: 1, ids }))
}

fn episode(season: u32, number: u32, tvdb: &str) -> Item {
    Item::of(ItemKind::Episode(Episode {
        show: breaking_bad(),
        season: Some(season),
        numbers: vec![number],
        absolute_number: None,
        title: None,
        year: None,
        ids: [("tvdb", tvdb)].into_iter().collect(),
    }))
}

pub fn pilot() -> Item {
    episode(1, 1, "349232")
}

fn special() -> Item {
    episode(0, 1, "3859781")
}

fn title_of(item: &Item) -> &'static str {
    match &item.kind {
        ItemKind::Movie(_) => "Inception",
        ItemKind::Show(_) => "Breaking Bad",
        ItemKind::Season(_) => "Breaking Bad season 1",
        ItemKind::Episode(episode) if episode.season == Some(0) => "Breaking Bad 0x01",
        ItemKind::Episode(_) => "Breaking Bad 1x01",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trakt_takes_everything() {
    let trakt = FakeTrakt::start().await;
    let told = Told::new(&trakt_account("bob", &trakt), true).await;
    // Ratings of movies, shows, seasons and episodes, each set, changed and taken back.
    let mut nameless = season();
    if let ItemKind::Season(season) = &mut nameless.kind {
        season.ids = Default::default();
    }
    for item in [film(), show(), season(), nameless, pilot(), special()] {
        let name = title_of(&item).to_owned();
        told.takes(Action::Rated(8.0), &item, false).await;
        assert_eq!(trakt.ratings(), [(name.clone(), 8)]);
        told.takes(Action::Rated(6.5), &item, false).await;
        assert_eq!(trakt.ratings(), [(name, 7)], "half stars are rounded");
        told.takes(Action::Unrated, &item, false).await;
        assert!(trakt.ratings().is_empty());
        let again = told.of(Action::Unrated, &item, false).await;
        assert_eq!(
            (again.outcome, again.note.as_deref()),
            (ReceiptOutcome::Duplicate, Some("Trakt has no rating of it"))
        );
    }
    let names = || -> Vec<String> { trakt.history().iter().map(|play| play.entry.name()).collect() };
    for item in [film(), pilot(), special()] {
        // Watched just now; the same play told late is there already; a second watch is a second play; all go when it is unwatched.
        told.takes(Action::Watched(92.0), &item, false).await;
        let late = told.of(Action::Watched(92.0), &item, true).await;
        assert_eq!(late.outcome, ReceiptOutcome::Accepted, "a day earlier is another play: {late:?}");
        let again = told.of(Action::Watched(92.0), &item, true).await;
        assert_eq!(again.outcome, ReceiptOutcome::Duplicate, "{again:?}");
        assert_eq!(names(), [title_of(&item); 2]);
        // A resume point goes with the watch.
        told.takes(Action::Stopped(30.0), &item, false).await;
        assert_eq!(trakt.resume_points().len(), 1);
        let note = told.takes(Action::Unwatched, &item, false).await;
        assert!(names().is_empty() && trakt.resume_points().is_empty(), "{note}");
        assert!(note.contains("resume point was cleared"), "{note}");
    }
    // Watched to its end elsewhere.
    told.takes(Action::Stopped(30.0), &film(), false).await;
    told.takes(Action::Watched(95.0), &film(), true).await;
    assert!(trakt.resume_points().is_empty());
    assert_eq!(trakt.too_fast(), 0, "one write a second");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchlist_of_trakt_is_read_in_pages_and_never_overfilled() {
    let trakt = FakeTrakt::start().await;
    let told = Told::new(&trakt_account("bob", &trakt), true).await;
    for number in 0..260_u32 {
        let ids = serde_json::json!({ "trakt": 900_000 + number, "slug": format!("film-{number}") });
        trakt.add(playrelay_tests::catalogue::movie(&format!("Film {number}"), 2020, ids));
        trakt.add_to_watchlist(&[&format!("Film {number}")]);
    }
    trakt.limit_watchlist(262);
    assert_eq!(told.watchlist().await.len(), 260, "more than a page");
    assert_eq!(told.enlist(&film()).await.unwrap().outcome, ReceiptOutcome::Accepted);
    assert_eq!(told.enlist(&film()).await.unwrap().outcome, ReceiptOutcome::Duplicate);
    assert_eq!(told.enlist(&show()).await.unwrap().outcome, ReceiptOutcome::Accepted);
    assert_eq!(told.watchlist().await.len(), 262);
    let calls = trakt.calls().len();
    let full = told.enlist(&show()).await.unwrap_err();
    assert!(full.reason().contains("the watchlist is full: the Trakt account may have 262"), "{full:?}");
    assert!(
        trakt.calls()[calls..].iter().all(|call| call.method == "GET"),
        "nothing is sent beyond the limit"
    );
    assert_eq!(told.unlist(&show()).await.outcome, ReceiptOutcome::Accepted);
    assert_eq!(told.unlist(&show()).await.outcome, ReceiptOutcome::Duplicate);
}

#[tokio::test(flavor = "multi_thread")]
async fn simkl_takes_what_it_keeps() {
    let simkl = FakeSimkl::start().await;
    let told = Told::new(&simkl_account("bob", &simkl, CLIENT_ID), true).await;
    for item in [film(), show()] {
        let name = title_of(&item).to_owned();
        told.takes(Action::Rated(8.0), &item, false).await;
        assert_eq!(simkl.library().ratings, [(name, 8)]);
        told.takes(Action::Unrated, &item, false).await;
        assert!(simkl.library().ratings.is_empty());
    }
    for item in [season(), pilot(), special()] {
        assert_eq!(told.of(Action::Rated(8.0), &item, false).await.outcome, ReceiptOutcome::Unsupported);
    }
    let names = || -> Vec<String> { simkl.library().history.iter().map(|it| it.entry.name()).collect() };
    for item in [pilot(), special()] {
        told.takes(Action::Watched(92.0), &item, false).await;
        // A second watch is nothing new, told at once or late.
        assert_eq!(told.of(Action::Watched(92.0), &item, true).await.outcome, ReceiptOutcome::Duplicate);
        assert_eq!(names(), [title_of(&item)]);
        told.takes(Action::Stopped(30.0), &item, false).await;
        told.takes(Action::Unwatched, &item, false).await;
        assert!(names().is_empty());
        assert_eq!(simkl.library().resume.len(), 1, "its resume points are left alone");
        told.takes(Action::Watched(92.0), &item, true).await;
        assert_eq!(names(), [title_of(&item)], "late");
        told.takes(Action::Unwatched, &item, false).await;
    }
    told.takes(Action::Watched(92.0), &film(), true).await;
    // A movie would lose its rating and its list as well.
    assert_eq!(told.of(Action::Unwatched, &film(), false).await.outcome, ReceiptOutcome::Unsupported);
    assert_eq!(names(), ["Inception"]);
    assert_eq!(simkl.load().1, 0, "one write a second");
}

/// The documents: `result` is whether a title is on any list, `list` is on which.
#[tokio::test(flavor = "multi_thread")]
async fn simkl_takes_off_plan_to_watch_what_has_nothing_to_lose() {
    let simkl = FakeSimkl::start().await;
    let told = Told::new(&simkl_account("bob", &simkl, CLIENT_ID), true).await;
    for item in [film(), show()] {
        told.enlist(&item).await.unwrap();
    }
    assert_eq!(told.watchlist().await, ["Breaking Bad", "Inception"]);
    for item in [film(), show()] {
        let receipt = told.unlist(&item).await;
        assert_eq!(receipt.outcome, ReceiptOutcome::Accepted, "{receipt:?}");
        let again = told.unlist(&item).await;
        assert_eq!(again.note.as_deref(), Some("it is not on the list"), "{again:?}");
    }
    assert!(simkl.library().watchlist.is_empty());
    // What is rated, or was watched, would be forgotten: it stays.
    told.enlist(&show()).await.unwrap();
    told.takes(Action::Rated(8.0), &show(), false).await;
    let rated = told.unlist(&show()).await;
    assert_eq!(rated.outcome, ReceiptOutcome::Unsupported, "{rated:?}");
    told.takes(Action::Rated(8.0), &film(), false).await;
    let filed = told.unlist(&film()).await;
    assert!(
        filed.note.as_deref().is_some_and(|note| note.contains("\u{201c}completed\u{201d}")),
        "{filed:?}"
    );
    assert_eq!(simkl.library().ratings.len(), 2);
}

/// A second watch counts for PRO and VIP, where it is asked for, and never within two days.
#[tokio::test(flavor = "multi_thread")]
async fn simkl_counts_rewatches_in_its_history_only() {
    let simkl = FakeSimkl::start().await;
    let account = simkl_account("bob", &simkl, CLIENT_ID);
    let told =
        Told::new(&account.replace("plugin = \"simkl\"\n", "plugin = \"simkl\"\nrewatches = true\n"), true)
            .await;
    simkl.be_pro();
    told.takes(Action::Watched(92.0), &film(), false).await;
    assert_eq!(simkl.library().history.len(), 1, "the same play, told twice, is one");
    let film_entry = simkl.library().history[0].entry.clone();
    simkl.change(|library| {
        library.history.clear();
        library.add_play(film_entry, Timestamp::now() - SignedDuration::from_hours(24 * 7), true);
    });
    let note = told.takes(Action::Watched(92.0), &film(), false).await;
    assert_eq!(simkl.library().history.len(), 2, "{note}");
    let scrobbles = simkl.calls().into_iter().filter(|call| call.path.starts_with("/scrobble"));
    assert!(scrobbles.into_iter().all(|call| !call.path.contains("allow_rewatch")), "not with a scrobble");
}

#[tokio::test(flavor = "multi_thread")]
async fn mdblist_takes_everything() {
    let mdblist = FakeMdbList::start().await;
    let told = Told::new(&mdblist_account("bob", &mdblist, true), false).await;
    for item in [film(), show(), season(), pilot(), special()] {
        let name = title_of(&item).to_owned();
        told.takes(Action::Rated(8.0), &item, false).await;
        assert_eq!(mdblist.library().ratings, [(name, 8)]);
        told.takes(Action::Unrated, &item, false).await;
        assert!(mdblist.library().ratings.is_empty());
    }
    let names = || -> Vec<String> { mdblist.library().history.iter().map(|it| it.entry.name()).collect() };
    for item in [film(), pilot(), special()] {
        told.takes(Action::Watched(92.0), &item, false).await;
        told.takes(Action::Watched(92.0), &item, true).await;
        assert_eq!(told.of(Action::Watched(92.0), &item, true).await.outcome, ReceiptOutcome::Duplicate);
        assert_eq!(names(), [title_of(&item); 2], "a second watch is a second play");
        told.takes(Action::Stopped(30.0), &item, false).await;
        assert_eq!(mdblist.library().resume.len(), 1);
        let note = told.takes(Action::Unwatched, &item, false).await;
        assert!(names().is_empty() && mdblist.library().resume.is_empty(), "{note}");
    }
    for item in [film(), show()] {
        told.enlist(&item).await.unwrap();
    }
    assert_eq!(told.watchlist().await, ["Breaking Bad", "Inception"]);
    assert_eq!(told.unlist(&film()).await.outcome, ReceiptOutcome::Accepted);
    assert_eq!(told.unlist(&film()).await.outcome, ReceiptOutcome::Duplicate);
}

/// More requests than MDBList allows in five minutes are late, and are not taken for those of a day.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_five_minutes_is_not_that_of_a_day() {
    let mdblist = FakeMdbList::start().await;
    let told = Told::new(&mdblist_account("bob", &mdblist, true), false).await;
    mdblist.exhaust();
    let (plugin, caller) = told.app.plugin("bob").unwrap();
    let event = SinkEvent {
        id: "playrelay-test".to_owned(),
        action: Action::Rated(8.0),
        item: film(),
        at: Timestamp::now(),
        started_at: None,
        late: false,
        uncertain: false,
        attempt: 1,
        remote_id: None,
    };
    let failure = plugin.call::<Sink>(&caller, event).await.0.unwrap().unwrap_err();
    let Failure::Retry { after_ms, reason } = &failure else { panic!("it is over soon: {failure:?}") };
    assert!(after_ms.is_some_and(|wait| wait <= 300_000) && !reason.contains("today"), "{failure:?}");
}
