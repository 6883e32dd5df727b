//! Items that come without ids: what a catalogue finds, and that nothing is guessed.

use playrelay_tests::catalogue;
use playrelay_tests::fake_tmdb::FakeTmdb;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{TestContext, plex_to, tmdb_account, trakt_account};
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const HOUR: u32 = 3_600_000;

async fn set_up() -> (FakeTrakt, FakeTmdb, TestContext) {
    let (trakt, tmdb) = (FakeTrakt::start().await, FakeTmdb::start().await);
    let accounts = [trakt_account("bob", &trakt), tmdb_account(&tmdb)];
    let home = TestContext::new(&plex_to(&accounts, &["bob"], ""));
    home.connect().await;
    (trakt, tmdb, home)
}

/// What the catalogue said. Before that the source has said that its server has no address.
fn code(story: &Value) -> &str {
    let steps = story["timeline"].as_array().unwrap().iter();
    let mut enriched = steps.rev().filter(|step| step["stage"] == "enriched");
    enriched.next().map(|step| step["code"].as_str().unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_without_ids_is_found_and_remembered() {
    let (trakt, tmdb, home) = set_up().await;
    let daemon = home.start();
    let film = movie("1", "Inception", 2010, 2 * HOUR, &[]);
    let start = daemon.plex(&event("media.play", &film, Some(0), SEAN, "TV")).await;
    let story = daemon.until(start, "the start", |story| story["outbox"][0]["state"] == "delivered").await;
    assert_eq!(code(&story), "found", "{story:#}");
    assert_eq!(story["outbox"][0]["item"]["ids"], json!({ "imdb": "tt1375666", "tmdb": "27205" }));
    let asked = tmdb.calls().len();
    let watch = daemon.plex(&event("media.scrobble", &film, None, SEAN, "TV")).await;
    let story = daemon.until(watch, "the watch", |story| story["outbox"][0]["state"] == "delivered").await;
    assert_eq!((code(&story), tmdb.calls().len()), ("found-before", asked), "{story:#}");
    assert_eq!(trakt.history()[0].entry.name(), "Inception");
    // Replayed, it ends the same.
    let replay = home.json(&["replay", &watch.to_string()]);
    assert_eq!(replay["differences"], json!([]), "{replay:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_by_its_own_id_gets_its_show() {
    let (trakt, tmdb, home) = set_up().await;
    let daemon = home.start();
    let mut pilot = episode("101", "Some other name", 1, 1, HOUR, &["tvdb://349232"]);
    pilot.as_object_mut().unwrap().remove("grandparentRatingKey");
    let id = daemon.plex(&event("media.scrobble", &pilot, None, SEAN, "TV")).await;
    let story = daemon.until(id, "the watch", |story| story["outbox"][0]["state"] == "delivered").await;
    assert_eq!(story["outbox"][0]["item"]["show"]["ids"]["tmdb"], "1396", "{story:#}");
    assert_eq!(trakt.history()[0].entry.name(), "Breaking Bad 1x01");
    assert!(tmdb.calls().iter().any(|call| call.path.contains("/3/find/349232?external_source=tvdb_id")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_titles_of_one_name_are_held_until_somebody_says_which() {
    let (trakt, tmdb, home) = set_up().await;
    tmdb.add(catalogue::movie("Inception", 2010, json!({ "imdb": "tt7777777", "tmdb": 777 })));
    let daemon = home.start();
    let film = movie("1", "Inception", 2010, 2 * HOUR, &[]);
    let id = daemon.plex(&event("media.scrobble", &film, None, SEAN, "TV")).await;
    let story = daemon.until(id, "its end", |story| story["outbox"][0]["state"] != "waiting").await;
    let row = &story["outbox"][0];
    assert_eq!((row["state"].as_str(), code(&story)), (Some("held"), "ambiguous"), "{story:#}");
    let note = row["note"].as_str().unwrap();
    assert!(
        note.contains("tt1375666") && note.contains("tt7777777") && note.contains("outbox match"),
        "{note}"
    );
    assert!(trakt.story().is_empty(), "nothing is guessed");
    let row_id = row["id"].to_string();
    for (arguments, words) in [
        (vec!["--id", "tt1375666"], "CATALOGUE=ID"),
        (vec![], "give --id, --season or --episode"),
        (vec!["--id", "imdb=tt1375666"], "1 event is tried again"),
    ] {
        let (_, text) = home.run_with_fakes(&[&["outbox", "match", &row_id][..], &arguments].concat()).await;
        assert!(text.contains(words), "{text}");
    }
    let story = daemon.until(id, "the watch", |story| story["outbox"][0]["state"] == "delivered").await;
    assert_eq!(trakt.history()[0].entry.name(), "Inception");
    let steps = story["timeline"].as_array().unwrap();
    assert!(steps.iter().any(|step| step["code"] == "matched-by-hand"), "{story:#}");
    let (success, text) = home.run_with_fakes(&["outbox", "drop", &row_id]).await;
    assert!(!success && text.contains("it has been delivered"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_that_is_gone_holds_nothing_up() {
    let (trakt, tmdb, home) = set_up().await;
    let daemon = home.start();
    tmdb.faults().always("/3", Fault::status(503));
    let film = movie("1", "Inception", 2010, 2 * HOUR, &[]);
    let id = daemon.plex(&event("media.scrobble", &film, None, SEAN, "TV")).await;
    let story = daemon.until(id, "the watch", |story| story["outbox"][0]["state"] == "delivered").await;
    assert_eq!(code(&story), "not-found", "{story:#}");
    assert_eq!(trakt.history()[0].entry.name(), "Inception", "by its title and year");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_fetched_once() {
    let (_trakt, tmdb, home) = set_up().await;
    let daemon = home.start();
    let get = |what: &str| daemon.api(reqwest::Method::GET, &format!("/api/v1/artwork/{what}")).send();
    for _ in 0..2 {
        let picture = get("poster?kind=movie&imdb=tt1375666").await.unwrap();
        assert_eq!(
            (picture.status().as_u16(), picture.headers()["content-type"].as_bytes()),
            (200, &b"image/jpeg"[..])
        );
        assert_eq!(picture.text().await.unwrap(), "a picture");
    }
    assert_eq!(tmdb.calls().iter().filter(|call| call.path.starts_with("/t/p/w342/")).count(), 1);
    for (what, status) in [
        ("still?kind=movie&imdb=tt1375666", 404),
        ("poster?kind=movie&imdb=tt0000009", 404),
        ("poster?kind=song&title=x", 400),
        ("poster?kind=movie&tmdb=..%2Faccount", 400),
        ("poster", 400),
    ] {
        assert_eq!(get(what).await.unwrap().status(), status, "{what}");
    }
    tmdb.faults().always("/t/p", Fault::status(500));
    assert_eq!(get("backdrop?kind=show&tvdb=81189").await.unwrap().status(), 502);
}

/// Genres are asked for by a job, and counted in statistics.
#[tokio::test(flavor = "multi_thread")]
async fn genres_of_the_library_come_from_the_catalogue() {
    let (_trakt, tmdb, home) = set_up().await;
    let daemon = home.start();
    let mut pilot = episode("101", "Breaking Bad", 1, 1, HOUR, &["tvdb://349232"]);
    pilot.as_object_mut().unwrap().remove("grandparentRatingKey");
    // One has an id of another catalogue only, and one is not in the catalogue.
    let films = [
        movie("1", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666"]),
        movie("2", "Mirror", 1975, HOUR, &["tmdb://1396"]),
    ];
    let unknown = movie("3", "Nobody knows it", 2001, HOUR, &[]);
    for item in films.iter().chain([&pilot, &unknown]) {
        let id = daemon.plex(&event("media.scrobble", item, None, SEAN, "TV")).await;
        daemon.settled(id).await;
    }
    let table = async || {
        let path = "/library/statistics.csv?person=sean&plot=genres";
        daemon.api(reqwest::Method::GET, path).send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(table().await, "genre,plays\n", "they are not known yet");
    let asked =
        daemon.api(reqwest::Method::POST, "/api/v1/jobs").json(&json!({ "kind": "metadata-refresh" }));
    let job: Value = serde_json::from_str(&asked.send().await.unwrap().text().await.unwrap()).unwrap();
    let path = format!("/api/v1/jobs/{}", job["id"]);
    let job = daemon.get_until(&path, "its end", |job| job["state"] == "done").await;
    assert_eq!(job["message"], "4 titles asked for, 3 with genres", "{job:#}");
    assert_eq!(table().await, "genre,plays\nDrama,3\nMystery,2\nCrime,1\n");
    let calls = tmdb.calls().len();
    // What was asked for lately is not asked for again.
    let (is_well, text) = home.run_with_fakes(&["jobs", "refresh-titles"]).await;
    assert!(is_well && text.contains("0 titles asked for"), "{text}");
    assert_eq!(tmdb.calls().len(), calls);
}
