//! What a confirmed watch takes off watchlists, and that nothing else ever goes.

use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_plex_tv;
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::fake_simkl::{CLIENT_ID, FakeSimkl};
use playrelay_tests::fake_tmdb::FakeTmdb;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{
    Daemon, TestContext, mdblist_account, plex_to, simkl_account, tmdb_account, trakt_account,
};
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const HOUR: u32 = 3_600_000;
const QUICK: &str = "[delivery]\nretry_first = \"100ms\"\nretry_longest = \"400ms\"\n";
const LISTED: [&str; 4] = ["Inception", "Mirror", "Breaking Bad", "Guardians of the Galaxy"];

struct Setup {
    trakt: FakeTrakt,
    simkl: FakeSimkl,
    mdblist: FakeMdbList,
    plex: FakePlexTv,
    tmdb: FakeTmdb,
    home: TestContext,
}

impl Setup {
    /// Everything is on every list; SIMKL is told nothing, so its list has titles that were never watched there.
    async fn new(route: &str) -> Self {
        let (trakt, simkl, mdblist, tmdb) = (
            FakeTrakt::start().await,
            FakeSimkl::start().await,
            FakeMdbList::start().await,
            FakeTmdb::start().await,
        );
        let plex = FakePlexTv::start(&LISTED).await;
        trakt.add_to_watchlist(&LISTED);
        simkl.change(|library| library.watchlist.extend(LISTED.map(str::to_owned)));
        mdblist.change(|library| library.watchlist.extend(LISTED.map(str::to_owned)));
        let url = plex.server.url();
        let token = fake_plex_tv::TOKEN;
        let accounts = [
            trakt_account("trakt", &trakt),
            simkl_account("simkl", &simkl, CLIENT_ID),
            mdblist_account("mdblist", &mdblist, true),
            format!(
                "[trackers.list]\nplugin = \"plex\"\ntoken = {token:?}\ndiscover_url = {url:?}\nmetadata_url = {url:?}\n"
            ),
            tmdb_account(&tmdb),
        ];
        let home = TestContext::new(&(QUICK.to_owned() + &plex_to(&accounts, &["trakt"], route)));
        home.connect_account("trakt").await;
        home.connect_account("simkl").await;
        Self { trakt, simkl, mdblist, plex, tmdb, home }
    }

    fn lists(&self) -> [Vec<String>; 4] {
        [
            self.trakt.watchlist(),
            self.simkl.library().watchlist,
            self.mdblist.library().watchlist,
            self.plex.watchlist(),
        ]
    }
}

async fn watch(daemon: &Daemon<'_>, item: &Value) -> Value {
    let id = daemon.plex(&event("media.scrobble", item, None, SEAN, "TV")).await;
    let story = daemon.until(id, "everything that follows", |story| {
        story["outbox"].as_array().unwrap().iter().all(|row| row["state"] != "waiting")
    });
    story.await
}

fn without(title: &str) -> Vec<&'static str> {
    LISTED.into_iter().filter(|listed| *listed != title).collect()
}

const EVERYWHERE: &str = "watchlist_remove_from = [\"trakt\", \"simkl\", \"mdblist\", \"list\"]";

#[tokio::test(flavor = "multi_thread")]
async fn a_movie_that_was_watched_goes_off_the_lists_that_are_named() {
    let setup = Setup::new(&format!("watchlist_remove = true\n{EVERYWHERE}")).await;
    let daemon = setup.home.start();
    setup.simkl.change(|library| library.ratings.push(("Guardians of the Galaxy".to_owned(), 9)));
    let inception = movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666", "tmdb://27205"]);
    let story = watch(&daemon, &inception).await;
    assert_eq!(setup.lists(), [(); 4].map(|()| without("Inception")), "{story:#}");
    // The number of the movie is also that of a show, which stays.
    let mirror = movie("1", "Mirror", 1975, HOUR, &["tmdb://1396"]);
    watch(&daemon, &mirror).await;
    assert_eq!(setup.lists(), [(); 4].map(|()| vec!["Breaking Bad", "Guardians of the Galaxy"]));
    // At SIMKL its rating would have gone with it.
    let guardians = movie("2", "Guardians of the Galaxy", 2014, HOUR, &["tmdb://118340"]);
    let story = watch(&daemon, &guardians).await;
    let lists = setup.lists();
    assert_eq!(lists[1], ["Breaking Bad", "Guardians of the Galaxy"], "{story:#}");
    assert!([0, 2, 3].iter().all(|list| lists[*list] == ["Breaking Bad"]), "{lists:?}");
    // An episode in the middle takes no show off, whatever is switched on.
    watch(&daemon, &episode("3", "Breaking Bad", 1, 1, HOUR, &["tvdb://349232"])).await;
    assert_eq!(setup.lists()[0], ["Breaking Bad"]);
    // Nothing else has changed anywhere.
    assert_eq!(setup.simkl.library().ratings, [("Guardians of the Galaxy".to_owned(), 9)]);
    assert!(setup.simkl.library().history.is_empty() && setup.mdblist.library().history.is_empty());
    assert_eq!(setup.trakt.history().len(), 4);
    let ledger = std::fs::read(setup.home.data().join("state/watchlist_wl_autoremove.json")).unwrap();
    let ledger: Value = serde_json::from_slice(&ledger).unwrap();
    for key in ["trakt:trakt", "simkl:simkl", "mdblist:mdblist", "plex:list"] {
        let key = format!("{key}|movie|tmdb:27205|imdb:tt1375666");
        assert!(ledger[&key].as_f64().is_some_and(|at| at > 1.7e9), "{key}: {ledger}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_show_goes_when_its_last_aired_episode_was_watched() {
    let setup = Setup::new(&format!("watchlist_remove = [\"show\"]\n{EVERYWHERE}")).await;
    let daemon = setup.home.start();
    let numbered = |number: u32| {
        let mut item = episode(&format!("{number}"), "Breaking Bad", 1, number, HOUR, &[]);
        item["guid"] = json!(format!("com.plexapp.agents.thetvdb://81189/1/{number}?lang=en"));
        item
    };
    let story = watch(&daemon, &numbered(2)).await;
    assert_eq!(setup.lists(), [(); 4].map(|()| LISTED.to_vec()), "{story:#}");
    let rows = story["outbox"].as_array().unwrap();
    let unlisted: Vec<_> = rows.iter().filter(|row| row["action"] == "unlisted").collect();
    assert_eq!(unlisted.len(), 4, "{story:#}");
    for row in unlisted {
        assert_eq!(row["state"], "skipped");
        assert!(row["note"].as_str().unwrap().contains("the last to air was Breaking Bad S01E03"), "{row}");
    }
    let story = watch(&daemon, &numbered(3)).await;
    assert_eq!(setup.lists(), [(); 4].map(|()| without("Breaking Bad")), "{story:#}");
    // A movie is not what was switched on.
    watch(&daemon, &movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666"])).await;
    assert!(setup.lists()[0].contains(&"Inception".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_before_the_watch_is_confirmed_or_where_nobody_asked() {
    let setup = Setup::new(&format!("watchlist_remove = true\n{EVERYWHERE}")).await;
    let daemon = setup.home.start();
    setup.trakt.faults().always("/scrobble", Fault::status(423));
    let inception = movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666"]);
    let id = daemon.plex(&event("media.scrobble", &inception, None, SEAN, "TV")).await;
    daemon.until(id, "an attempt", |story| story["outbox"][0]["attempts"] == 1).await;
    assert_eq!(setup.lists(), [(); 4].map(|()| LISTED.to_vec()));
    setup.trakt.faults().clear();
    // A list that does not answer is asked again.
    setup.plex.faults().next("/actions", 2, Fault::status(503));
    let (success, text) = setup.home.run_with_fakes(&["outbox", "retry", "--waiting"]).await;
    assert!(success && text.contains("1 event is tried again"), "{text}");
    setup.plex.until("the removal", |plex| plex.watchlist() == without("Inception")).await;

    let quiet = Setup::new("").await;
    let daemon = quiet.home.start();
    watch(&daemon, &inception).await;
    assert_eq!(quiet.lists(), [(); 4].map(|()| LISTED.to_vec()));
}

/// What a catalogue cannot say is a matter of the removal alone: the tracker's lane goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_that_is_down_holds_no_tracker_up() {
    let setup = Setup::new("watchlist_remove = [\"show\"]\nwatchlist_remove_from = [\"mdblist\"]").await;
    setup.tmdb.faults().always("/3", Fault::status(401));
    let config = std::fs::read_to_string(setup.home.path().join("playrelay.toml")).unwrap();
    let more = "[[routes]]\nsource = \"home\"\ntracker = \"mdblist\"\nusers = [\"*\"]\n";
    std::fs::write(setup.home.path().join("playrelay.toml"), config + more).unwrap();
    let daemon = setup.home.start();
    let mut last = episode("3", "Breaking Bad", 1, 3, HOUR, &[]);
    last["guid"] = json!("com.plexapp.agents.thetvdb://81189/1/3?lang=en");
    let id = daemon.plex(&event("media.scrobble", &last, None, SEAN, "TV")).await;
    let refused = |story: &Value| {
        let rows = story["outbox"].as_array().unwrap();
        rows.iter().any(|row| {
            row["action"] == "unlisted" && row["note"].as_str().is_some_and(|it| it.contains("TMDb"))
        })
    };
    daemon.until(id, "the catalogue's refusal", refused).await;
    let inception = movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666"]);
    daemon.plex(&event("media.scrobble", &inception, None, SEAN, "TV")).await;
    setup.mdblist.until("the next watch", |mdblist| mdblist.library().history.len() == 2).await;
    setup.tmdb.faults().clear();
    setup
        .mdblist
        .until("the removal", |mdblist| mdblist.library().watchlist == without("Breaking Bad"))
        .await;
}

#[test]
fn what_can_be_removed_is_said() {
    let config = "[sources.home]\nplugin = \"plex\"\n[trackers.bob]\nplugin = \"trakt\"\nclient_id = \"x\"\n[[routes]]\n\
                  source = \"home\"\ntracker = \"bob\"\nusers = [\"*\"]\nwatchlist_remove = [\"episode\"]\n\
                  watchlist_remove_from = [\"bbo\"]\n";
    let home = TestContext::new(config);
    let output = home.run(&["check"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("has \"episode\"; expected \"movie\" or \"show\""), "{text}");
    assert!(text.contains("did you mean `bob`?"), "{text}");
}
