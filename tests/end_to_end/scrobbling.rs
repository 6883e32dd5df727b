//! From a webhook to the tracker: what a person does, and what Trakt is told.

use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::TestContext;
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const HOUR: u32 = 3_600_000;

fn inception() -> Value {
    movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666", "tmdb://27205"])
}

fn pilot() -> Value {
    episode("101", "Breaking Bad", 1, 1, HOUR, &["imdb://tt0959621", "tvdb://349232"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_film_is_started_and_watched_once() {
    let (trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    daemon.plex(&event("media.play", &inception(), Some(0), SEAN, "TV")).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    // Plex counts at 90 %, and tells of the end ten minutes later: one play.
    daemon.plex(&event("media.scrobble", &inception(), None, SEAN, "TV")).await;
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    let stop = daemon.plex(&event("media.stop", &inception(), Some(2 * HOUR - 60_000), SEAN, "TV")).await;
    let story = daemon.settled(stop).await;
    assert_eq!(story["timeline"][3]["code"], "told-before", "{story:#}");
    assert!(trakt.watching().is_none());
    assert_eq!(trakt.story(), ["POST /scrobble/start 201", "POST /scrobble/stop 201"]);
    assert_eq!(trakt.history()[0].entry.name(), "Inception");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_midway_keeps_a_resume_point_and_is_no_watch() {
    let (trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    daemon.plex(&event("media.play", &inception(), Some(0), SEAN, "TV")).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    daemon.plex(&event("media.stop", &inception(), Some(HOUR), SEAN, "TV")).await;
    trakt.until("the stop", |trakt| trakt.watching().is_none()).await;
    assert_eq!(trakt.resume_points()[0].1, 50.0);
    assert!(trakt.history().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_threshold_above_the_trackers_own_is_kept() {
    let (trakt, home) = TestContext::logged_in("[scrobble]\nwatched_at = 90\ncredits = false\n").await;
    let daemon = home.start();
    daemon.plex(&event("media.play", &inception(), Some(0), SEAN, "TV")).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    daemon.plex(&event("media.stop", &inception(), Some(2 * HOUR / 100 * 85), SEAN, "TV")).await;
    trakt.until("the stop", |trakt| trakt.watching().is_none()).await;
    assert!(trakt.history().is_empty(), "85 % is no watch where 90 % is asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn autoplay_ends_the_first_episode_where_it_was_last_seen() {
    let (trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let second = episode("102", "Breaking Bad", 1, 2, HOUR, &["tvdb://349235"]);
    daemon.plex(&event("media.play", &pilot(), Some(0), SEAN, "TV")).await;
    daemon.plex(&event("media.resume", &pilot(), Some(HOUR / 100 * 97), SEAN, "TV")).await;
    daemon.plex(&event("media.play", &second, Some(0), SEAN, "TV")).await;
    trakt
        .until("the second episode", |trakt| {
            trakt.watching().is_some_and(|it| it.entry.name().ends_with("1x02"))
        })
        .await;
    let history: Vec<_> = trakt.history().iter().map(|play| play.entry.name()).collect();
    assert_eq!(history, ["Breaking Bad 1x01"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_of_one_item_are_independent() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let config = std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    let config = config.replace("users = [\"*\"]", "users = [\"SEAN\"]");
    std::fs::write(home.path().join("playrelay.toml"), config).unwrap();
    home.connect().await;
    let daemon = home.start();
    daemon.plex(&event("media.play", &inception(), Some(0), SEAN, "TV")).await;
    let other = daemon.plex(&event("media.scrobble", &inception(), None, (7, "kid"), "Tablet")).await;
    let story = daemon.settled(other).await;
    assert_eq!(story["verdict"]["outcome"], "held", "{story:#}");
    assert_eq!(story["verdict"]["code"], "unknown-user");
    daemon.plex(&event("media.stop", &inception(), Some(HOUR), SEAN, "TV")).await;
    trakt.until("the stop", |trakt| trakt.resume_points().len() == 1).await;
    assert!(trakt.history().is_empty(), "the other's watch is nobody's here");
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_and_runtime_are_looked_up_once() {
    let (plex, trakt) = (FakePlex::start().await, FakeTrakt::start().await);
    let mut full = pilot();
    full["Guid"] = json!([{ "id": "tvdb://349232" }]);
    plex.add(full);
    plex.add(json!({
        "ratingKey": "1010", "type": "show", "title": "Breaking Bad", "year": 2008, "guid": "plex://show/1",
        "Guid": [{ "id": "tvdb://81189" }],
    }));
    let home = TestContext::plex_to_trakt(Some(&plex), &trakt, "");
    home.connect().await;
    let daemon = home.start();
    let mut bare = pilot();
    for field in ["Guid", "duration", "index", "parentIndex"] {
        bare.as_object_mut().unwrap().remove(field);
    }
    let id = daemon.plex(&event("media.play", &bare, Some(HOUR / 2), SEAN, "TV")).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    let story = daemon.settled(id).await;
    let item = &story["outbox"][0]["item"];
    assert_eq!((&item["ids"]["tvdb"], &item["show"]["ids"]["tvdb"]), (&json!("349232"), &json!("81189")));
    assert_eq!(story["outbox"][0]["value"], 50.0);
    daemon.plex(&event("media.stop", &bare, Some(HOUR / 2), SEAN, "TV")).await;
    trakt.until("the stop", |trakt| trakt.resume_points().len() == 1).await;
    assert_eq!(plex.requested_keys(), ["101", "1010"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ratings_go_where_a_route_carries_them() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let config = std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    std::fs::write(home.path().join("playrelay.toml"), config + "ratings = true\n").unwrap();
    home.connect().await;
    let daemon = home.start();
    let mut rated = event("media.rate", &inception(), None, SEAN, "TV");
    rated["rating"] = json!(7.0);
    daemon.plex(&rated).await;
    trakt.until("the rating", |trakt| trakt.ratings().first().is_some_and(|(_, rating)| *rating == 7)).await;
    rated["rating"] = json!(-1);
    daemon.plex(&rated).await;
    trakt.until("its end", |trakt| trakt.ratings().is_empty()).await;
}
