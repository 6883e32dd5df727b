//! What SIMKL and MDBList are told of everything that can be watched, and how they take it.

use playrelay_tests::catalogue;
use playrelay_tests::fake_mdblist::{API_KEY, FakeMdbList};
use playrelay_tests::fake_simkl::{CLIENT_ID, FakeSimkl};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{Daemon, TestContext, mdblist_account, plex_to, simkl_account, trakt_account};
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const HOUR: u32 = 3_600_000;
/// Short pauses: the tests are about what happens, not about how long it takes.
const QUICK: &str =
    "[delivery]\nretry_first = \"100ms\"\nretry_longest = \"400ms\"\n[scrobble]\npause_debounce = \"0s\"\n";

/// A home with an account at each of the three.
struct Three {
    trakt: FakeTrakt,
    simkl: FakeSimkl,
    mdblist: FakeMdbList,
    home: TestContext,
}

impl Three {
    async fn new(route: &str) -> Self {
        let (trakt, simkl, mdblist) =
            (FakeTrakt::start().await, FakeSimkl::start().await, FakeMdbList::start().await);
        let accounts = [
            trakt_account("trakt", &trakt),
            simkl_account("simkl", &simkl, CLIENT_ID),
            mdblist_account("mdblist", &mdblist, true),
        ];
        let home = TestContext::new(
            &(QUICK.to_owned() + &plex_to(&accounts, &["trakt", "simkl", "mdblist"], route)),
        );
        home.connect_account("trakt").await;
        home.connect_account("simkl").await;
        Self { trakt, simkl, mdblist, home }
    }
}

/// What became of an event at each tracker, in alphabetical order, once none waits.
async fn outcome(daemon: &Daemon<'_>, id: i64) -> Vec<(String, String, String)> {
    let story = daemon.until(id, "its deliveries", |story| {
        story["outbox"].as_array().unwrap().iter().all(|row| row["state"] != "waiting")
    });
    let story = story.await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = story["outbox"].as_array().unwrap().iter();
    let mut rows: Vec<_> =
        rows.map(|row| (text(&row["tracker"]), text(&row["state"]), text(&row["note"]))).collect();
    rows.sort();
    rows
}

async fn states(daemon: &Daemon<'_>, id: i64) -> Vec<String> {
    outcome(daemon, id).await.into_iter().map(|(tracker, state, _)| format!("{tracker} {state}")).collect()
}

const ALL_DELIVERED: [&str; 3] = ["mdblist delivered", "simkl delivered", "trakt delivered"];

fn inception() -> Value {
    movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666", "tmdb://27205"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evening_with_a_film_is_told_to_all_three() {
    let three = Three::new("ratings = true").await;
    let daemon = three.home.start();
    let at = |kind: &str, position: u32| event(kind, &inception(), Some(position), SEAN, "TV");
    let start = daemon.plex(&at("media.play", 60_000)).await;
    assert_eq!(states(&daemon, start).await, ALL_DELIVERED);
    let pause = daemon.plex(&at("media.pause", HOUR)).await;
    assert_eq!(states(&daemon, pause).await, ALL_DELIVERED);
    assert_eq!(three.simkl.library().resume[0].1, 50.0);
    assert_eq!(three.mdblist.library().resume[0].1, 50.0);
    let resume = daemon.plex(&at("media.resume", HOUR)).await;
    assert_eq!(states(&daemon, resume).await, ALL_DELIVERED);
    let watch = daemon.plex(&event("media.scrobble", &inception(), None, SEAN, "TV")).await;
    assert_eq!(states(&daemon, watch).await, ALL_DELIVERED);
    for library in [three.simkl.library(), three.mdblist.library()] {
        assert_eq!(library.history.len(), 1);
        assert_eq!(library.history[0].entry.name(), "Inception");
        assert!(library.history[0].live && library.watching.is_none() && library.resume.is_empty());
    }
    let mut rated = event("media.rate", &inception(), None, SEAN, "TV");
    rated["rating"] = json!(7.5);
    let rating = daemon.plex(&rated).await;
    assert_eq!(states(&daemon, rating).await, ALL_DELIVERED);
    for library in [three.simkl.library(), three.mdblist.library()] {
        assert_eq!(library.ratings, [("Inception".to_owned(), 8)], "half stars are rounded");
    }
    rated["rating"] = json!(-1);
    let cleared = daemon.plex(&rated).await;
    assert_eq!(states(&daemon, cleared).await, ALL_DELIVERED);
    assert!(three.simkl.library().ratings.is_empty() && three.mdblist.library().ratings.is_empty());
    assert!(three.trakt.ratings().is_empty());
    // MDBList's key stands in the query of every request, and nowhere else.
    let secrets = [three.simkl.tokens(), three.trakt.tokens(), vec![API_KEY.to_owned()]].concat();
    let log = three.home.log();
    assert!(
        log.contains("delivered") && secrets.iter().all(|secret| !log.contains(secret)),
        "a secret was logged"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_midway_is_a_resume_point_and_nothing_more() {
    let three = Three::new("").await;
    let daemon = three.home.start();
    let stop = daemon.plex(&event("media.stop", &inception(), Some(2 * HOUR / 10 * 6), SEAN, "TV")).await;
    assert_eq!(states(&daemon, stop).await, ALL_DELIVERED);
    for library in [three.simkl.library(), three.mdblist.library()] {
        assert!(library.history.is_empty());
        assert_eq!(library.resume[0].1, 60.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_counts_later_than_a_tracker_makes_no_watch_there() {
    let three = Three::new("watched_at = 95\ncredits = false").await;
    let daemon = three.home.start();
    let start = daemon.plex(&event("media.play", &inception(), Some(2 * HOUR / 100 * 85), SEAN, "TV")).await;
    let told = outcome(&daemon, start).await;
    assert_eq!(told[0].1, "unsupported", "MDBList counts a start at 85 %: {told:?}");
    let stop = daemon.plex(&event("media.stop", &inception(), Some(2 * HOUR / 100 * 90), SEAN, "TV")).await;
    assert_eq!(states(&daemon, stop).await, ALL_DELIVERED);
    assert!(three.simkl.library().history.is_empty() && three.mdblist.library().history.is_empty());
    assert!(three.trakt.history().is_empty());
}

/// Episodes as servers have them: what each is told to be, and what the trackers make of it.
#[tokio::test(flavor = "multi_thread")]
async fn episodes_specials_anime_and_files_with_several() {
    let cases: [(&str, Value, [&str; 3]); 6] = [
        // Its own ids are out of date: the next variant is tried.
        (
            "show ids beat a stale id",
            shown(episode("101", "Breaking Bad", 1, 1, HOUR, &["tvdb://1"]), &["tvdb://81189"], 2008),
            ["Breaking Bad 1x01"; 3],
        ),
        (
            "title and year",
            shown(episode("102", "Breaking Bad", 1, 2, HOUR, &[]), &[], 2008),
            ["Breaking Bad 1x02"; 3],
        ),
        (
            "a special",
            shown(episode("103", "Breaking Bad", 0, 1, HOUR, &["tvdb://3859781"]), &["tvdb://81189"], 2008),
            ["Breaking Bad 0x01"; 3],
        ),
        (
            "anime by the season of the whole series",
            shown(episode("104", "Attack on Titan", 2, 4, HOUR, &[]), &["tvdb://267440"], 2013),
            ["Attack on Titan 2x04"; 3],
        ),
        (
            "a show and a movie with one number",
            movie("105", "Mirror", 1975, HOUR, &["tmdb://1396"]),
            ["Mirror"; 3],
        ),
        ("unknown to all", movie("106", "Home Video", 2020, HOUR, &["tmdb://99999999"]), [""; 3]),
    ];
    let three = Three::new("ratings = true").await;
    let daemon = three.home.start();
    for (what, item, expected) in cases {
        let known = known(&three);
        if !expected[0].is_empty() {
            // Everything else that happens to it is told as well, and counts nowhere.
            for (kind, position) in [
                ("media.play", 0),
                ("media.pause", HOUR / 4),
                ("media.resume", HOUR / 4),
                ("media.stop", HOUR / 2),
            ] {
                let id = daemon.plex(&event(kind, &item, Some(position), SEAN, "TV")).await;
                assert_eq!(states(&daemon, id).await, ALL_DELIVERED, "{what}: {kind}");
            }
            assert_eq!(self::known(&three), known, "{what}");
            let simkl = if item["type"] == "movie" { "simkl delivered" } else { "simkl unsupported" };
            for rating in [7.0, -1.0] {
                let mut rated = event("media.rate", &item, None, SEAN, "TV");
                rated["rating"] = json!(rating);
                let id = daemon.plex(&rated).await;
                let expected = ["mdblist delivered", simkl, "trakt delivered"];
                assert_eq!(states(&daemon, id).await, expected, "{what}: rated {rating}");
                assert_eq!(three.trakt.ratings().len(), usize::from(rating > 0.0), "{what}: rated {rating}");
            }
        }
        let id = daemon.plex(&event("media.scrobble", &item, None, SEAN, "TV")).await;
        let told = outcome(&daemon, id).await;
        let found: Vec<String> =
            self::known(&three).iter().zip(&known).map(|(now, then)| now[then.len()..].join(", ")).collect();
        assert_eq!(found, expected, "{what}: {told:?}");
        let state = if expected[0].is_empty() { "unmatched" } else { "delivered" };
        assert!(told.iter().all(|(_, it, _)| it == state), "{what}: {told:?}");
        let says = |note: &str| note.contains(if state == "unmatched" { "not found by" } else { "matched" });
        // MDBList does not say what it has counted.
        assert!(
            told.iter().all(|(who, _, note)| says(note) || (who == "mdblist" && state == "delivered")),
            "{told:?}"
        );
    }
}

fn known(three: &Three) -> [Vec<String>; 3] {
    let names = |library: playrelay_tests::user_library::Library| {
        library.history.iter().map(|play| play.entry.name()).collect()
    };
    let trakt = three.trakt.history().iter().map(|play| play.entry.name()).collect();
    [trakt, names(three.simkl.library()), names(three.mdblist.library())]
}

/// An episode with the ids and the year of its show, as Plex's legacy agents give them.
fn shown(mut item: Value, ids: &[&str], year: u16) -> Value {
    if let Some(id) = ids.first().and_then(|id| id.strip_prefix("tvdb://")) {
        let (season, number) = (&item["parentIndex"], &item["index"]);
        item["guid"] = json!(format!("com.plexapp.agents.thetvdb://{id}/{season}/{number}?lang=en"));
    }
    item["grandparentTitle"] = json!(format!("{} ({year})", item["grandparentTitle"].as_str().unwrap()));
    item
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_watched_is_taken_back_where_that_takes_nothing_else() {
    let three = Three::new("unwatched = true").await;
    let config = std::fs::read_to_string(three.home.path().join("playrelay.toml")).unwrap();
    let config = config.replace("plugin = \"plex\"", "plugin = \"jellyfin\"");
    std::fs::write(three.home.path().join("playrelay.toml"), config).unwrap();
    let daemon = three.home.start();
    use playrelay_tests::harness::WEBHOOK_TOKEN;
    use playrelay_tests::jellyfin_webhook as jellyfin;
    let user = ("a1b2", "sean");
    let film = jellyfin::movie("f1", "Inception", 2010, 2 * HOUR, &[("imdb", "tt1375666")]);
    let pilot = jellyfin::episode("e1", ("Breaking Bad", 2008), 1, 1, HOUR, &[("tvdb", "349232")]);
    for item in [&film, &pilot] {
        for played in [true, false] {
            let saved = jellyfin::saved("TogglePlayed", item, played, user).to_string().into_bytes();
            let response = daemon.send("/webhook/home", Some(WEBHOOK_TOKEN), "text/plain", saved).await;
            let id = playrelay_tests::harness::event_of(response).await;
            let told = outcome(&daemon, id).await;
            let kept = !played && item["ItemType"] == "Movie";
            let expected = if kept { "unsupported" } else { "delivered" };
            assert_eq!((told[1].0.as_str(), told[1].1.as_str()), ("simkl", expected), "{told:?}");
            assert!(told[0].1 == "delivered" && told[2].1 == "delivered", "{told:?}");
        }
    }
    assert!(three.trakt.history().is_empty() && three.mdblist.library().history.is_empty());
    // SIMKL would have forgotten the film's rating and list as well.
    assert_eq!(three.simkl.library().history.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_play_is_undone_here_and_at_the_tracker_that_gave_its_id() {
    let three = Three::new("").await;
    let daemon = three.home.start();
    let named = json!({ "movie": { "ids": { "imdb": "tt1375666" } } });
    let film = catalogue::find(&catalogue::sample_titles(), &named).cloned().unwrap();
    let earlier = three.trakt.clock().now() - jiff::SignedDuration::from_hours(24 * 30);
    three.trakt.add_play(film, earlier);
    let watch = daemon.plex(&event("media.scrobble", &inception(), None, SEAN, "TV")).await;
    assert_eq!(states(&daemon, watch).await, ALL_DELIVERED);
    let stop = daemon.plex(&event("media.stop", &inception(), Some(2 * HOUR - 60_000), SEAN, "TV")).await;
    outcome(&daemon, stop).await;
    assert_eq!(three.trakt.history().len(), 2);
    let play = daemon.get("/api/v1/plays").await["items"][0]["id"].as_str().unwrap().to_owned();
    let undo = |trackers: &[&str]| {
        let path = format!("/api/v1/plays/{play}/undo");
        let request = daemon.api(reqwest::Method::POST, &path).json(&json!({ "trackers": trackers }));
        async { request.send().await.unwrap().status().as_u16() }
    };
    let page =
        daemon.api(reqwest::Method::GET, &format!("/library/plays/{play}/remove")).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains(r#"name="tracker" value="trakt""#) && !page.contains(r#"value="simkl""#), "{page}");
    // One that could only remove all plays of the film is not asked, and then nothing is undone at all.
    assert_eq!((undo(&["trakt", "simkl"]).await, undo(&["nobody"]).await), (409, 409));
    assert_eq!((three.trakt.history().len(), undo(&["trakt"]).await, undo(&[]).await), (2, 200, 404));
    let told = outcome(&daemon, watch).await;
    let removal = told.iter().find(|(.., note)| note.contains("this one play was removed"));
    assert!(
        removal.is_some_and(|(tracker, state, _)| tracker == "trakt" && state == "delivered"),
        "{told:?}"
    );
    let left: Vec<_> = three.trakt.history().iter().map(|play| play.watched_at).collect();
    assert_eq!(left, [earlier], "the play from elsewhere stays");
    assert_eq!((three.simkl.library().history.len(), three.mdblist.library().history.len()), (1, 1));
    let steps = daemon.get(&format!("/api/v1/events/{stop}")).await.to_string();
    assert!(steps.contains("somebody took the play back"), "{steps}");
}

/// A tracker that is away is not told afterwards of a play that is no longer one.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_of_a_play_that_is_undone_is_never_sent() {
    let three = Three::new("").await;
    three.mdblist.faults().always("/scrobble", Fault::status(503));
    let daemon = three.home.start();
    let watch = daemon.plex(&event("media.scrobble", &inception(), None, SEAN, "TV")).await;
    daemon.plex(&event("media.stop", &inception(), Some(2 * HOUR - 60_000), SEAN, "TV")).await;
    let is_tried = |story: &Value| {
        let rows = story["outbox"].as_array().unwrap();
        rows.iter().any(|row| row["tracker"] == "mdblist" && row["attempts"] != 0)
    };
    daemon.until(watch, "an attempt at MDBList", is_tried).await;
    let play = daemon.get("/api/v1/plays").await["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/plays/{play}/undo");
    let undone = daemon.api(reqwest::Method::POST, &path).json(&json!({})).send().await.unwrap();
    assert_eq!(undone.status().as_u16(), 200);
    three.mdblist.faults().clear();
    let told = outcome(&daemon, watch).await;
    assert_eq!(states(&daemon, watch).await[0], "mdblist dropped", "{told:?}");
    // Another one arrives, so MDBList is back.
    let pilot = shown(episode("101", "Breaking Bad", 1, 1, HOUR, &["tvdb://1"]), &["tvdb://81189"], 2008);
    let next = daemon.plex(&event("media.scrobble", &pilot, None, SEAN, "TV")).await;
    assert_eq!(states(&daemon, next).await[0], "mdblist delivered");
    let names: Vec<_> = three.mdblist.library().history.iter().map(|play| play.entry.name()).collect();
    assert_eq!(names, ["Breaking Bad 1x01"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_episodes_of_a_file_are_watched() {
    use playrelay_tests::harness::{WEBHOOK_TOKEN, event_of};
    use playrelay_tests::jellyfin_webhook as jellyfin;
    let three = Three::new("").await;
    let config = std::fs::read_to_string(three.home.path().join("playrelay.toml")).unwrap();
    std::fs::write(
        three.home.path().join("playrelay.toml"),
        config.replace("plugin = \"plex\"", "plugin = \"jellyfin\""),
    )
    .unwrap();
    let daemon = three.home.start();
    let mut double = jellyfin::episode("e1", ("Breaking Bad", 2008), 1, 1, HOUR, &[("tvdb", "349232")]);
    double["EpisodeNumberEnd"] = json!(2);
    let mut stop = jellyfin::event("PlaybackStop", &double, Some(HOUR - 60_000), ("a1b2", "sean"), "TV");
    stop["PlayedToCompletion"] = json!(true);
    let body = stop.to_string().into_bytes();
    let id = event_of(daemon.send("/webhook/home", Some(WEBHOOK_TOKEN), "text/plain", body).await).await;
    assert_eq!(states(&daemon, id).await, ALL_DELIVERED);
    for names in known(&three) {
        assert_eq!(names, ["Breaking Bad 1x01", "Breaking Bad 1x02"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_simkl_has_already_is_a_duplicate() {
    let three = Three::new("").await;
    let daemon = three.home.start();
    let named = json!({ "movie": { "ids": { "imdb": "tt1375666" } } });
    let entry =
        catalogue::find(&catalogue::sample_titles(), &named).cloned().expect("it is in the catalogue");
    let at = three.simkl.clock().now();
    three.simkl.change(|library| library.add_play(entry, at, true));
    let id = daemon.plex(&event("media.scrobble", &inception(), None, SEAN, "TV")).await;
    let told = outcome(&daemon, id).await;
    assert_eq!((told[1].1.as_str(), three.simkl.library().history.len()), ("duplicate", 1), "{told:?}");
    assert!(told[1].2.contains("SIMKL has it as watched at"), "{told:?}");
}

/// What is told late finds the same thing as what is told at once, by the same ids and numbers.
#[tokio::test(flavor = "multi_thread")]
async fn late_watches_find_the_same_things() {
    let cases: [(Value, &str); 4] = [
        // The one id that it has is its show's, put there by whoever named the files.
        (
            shown(episode("201", "Breaking Bad", 1, 2, HOUR, &["tmdb://1396"]), &["tvdb://81189"], 2008),
            "Breaking Bad 1x02",
        ),
        (
            shown(episode("202", "Breaking Bad", 1, 3, HOUR, &["tvdb://349236"]), &["tvdb://81189"], 2008),
            "Breaking Bad 1x03",
        ),
        (
            shown(
                episode("203", "Attack on Titan", 2, 4, HOUR, &["tvdb://5057304"]),
                &["tvdb://267440"],
                2013,
            ),
            "Attack on Titan 2x04",
        ),
        (inception(), "Inception"),
    ];
    let mut three = Three::new("").await;
    let clock = three.home.set_clock(&[three.trakt.clock(), three.simkl.clock(), three.mdblist.clock()]);
    for server in [&three.trakt.server, &three.simkl.server, &three.mdblist.server] {
        server.go_down().await;
    }
    let daemon = three.home.start();
    let mut ids = Vec::new();
    for (item, _) in &cases {
        ids.push(daemon.plex(&event("media.scrobble", item, None, SEAN, "TV")).await);
    }
    for id in &ids {
        daemon.settled(*id).await;
    }
    clock.pass(3_600);
    for server in [&three.trakt.server, &three.simkl.server, &three.mdblist.server] {
        server.come_up().await;
    }
    for (id, (_, name)) in ids.iter().zip(&cases) {
        loop {
            clock.pass(2);
            let story = daemon.settled(*id).await;
            if story["outbox"].as_array().unwrap().iter().all(|row| row["state"] != "waiting") {
                break;
            }
        }
        assert_eq!(states(&daemon, *id).await, ALL_DELIVERED, "{name}: {:?}", outcome(&daemon, *id).await);
    }
    for mut names in known(&three) {
        names.sort();
        assert_eq!(names, ["Attack on Titan 2x04", "Breaking Bad 1x02", "Breaking Bad 1x03", "Inception"]);
    }
}

/// Anime that is counted through all of its seasons: Trakt finds it by that number. SIMKL and MDBList want a season, and say so.
#[tokio::test(flavor = "multi_thread")]
async fn an_absolute_number_is_enough_for_trakt() {
    let three = Three::new("").await;
    let daemon = three.home.start();
    let mut item = episode("301", "One Piece", 1, 1, HOUR, &[]);
    let fields = item.as_object_mut().unwrap();
    fields.remove("parentIndex");
    fields.remove("index");
    item["absoluteIndex"] = json!(164);
    item["guid"] = json!("com.plexapp.agents.thetvdb://81797?lang=en");
    let id = daemon.plex(&event("media.scrobble", &item, None, SEAN, "TV")).await;
    let told = outcome(&daemon, id).await;
    assert_eq!(
        (told[2].1.as_str(), known(&three)[0].as_slice()),
        ("delivered", &["One Piece 9x21".to_owned()][..]),
        "{told:?}"
    );
    assert!(told[..2].iter().all(|(_, state, note)| state == "unmatched" && !note.is_empty()), "{told:?}");
}
