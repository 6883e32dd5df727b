//! The second look at a server: what messages leave out, and servers that do not answer.

use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family, TOKEN};
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{TestContext, payloads, server_to_trakt};
use playrelay_tests::{emby_webhook as emby, jellyfin_webhook as jellyfin, plex_webhook};
use serde_json::{Value, json};

const MIA: jellyfin::User = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
const HOUR: u32 = 3_600_000;
const ITEM: &str = "aaaaaaaaaaaa4aaaaaaaaaaaaaaaaaaa";
const SERIES: &str = "00000000000000000000000000002008";

async fn home(plugin: &str, server: &FakeMediaBrowser, route: &str) -> (FakeTrakt, TestContext) {
    server_to_trakt((plugin, "webhook"), (&server.server.url(), TOKEN), route).await
}

fn bare_episode() -> Value {
    let mut item = jellyfin::episode(ITEM, ("Breaking Bad", 2008), 1, 1, HOUR, &[("tmdb", "1396")]);
    item["RunTimeTicks"] = json!(0);
    item
}

fn library(server: &FakeMediaBrowser) {
    server.add(json!({
        "Id": ITEM, "Type": "Episode", "Name": "Pilot", "SeriesName": "Breaking Bad", "SeriesId": SERIES,
        "ParentIndexNumber": 1, "IndexNumber": 1, "RunTimeTicks": 36_000_000_000_u64,
        "ProviderIds": { "Tvdb": "349232" }, "Path": "/tv/Breaking Bad/s01e01.mkv", "_library": "Shows",
    }));
    server.add(json!({
        "Id": SERIES, "Type": "Series", "Name": "Breaking Bad", "ProductionYear": 2008,
        "ProviderIds": { "Tvdb": "81189", "Tmdb": "1396", "TvMaze": "169" }, "_library": "Shows",
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn jellyfin_is_asked_once_for_an_episode_and_its_show() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    library(&server);
    let (trakt, home) =
        home("jellyfin", &server, "libraries = [\"shows\"]\nexcept_paths = [\"/tv/kids\"]").await;
    let daemon = home.start();
    let start = jellyfin::event("PlaybackStart", &bare_episode(), Some(HOUR / 2), MIA, "TV");
    let id = daemon.json("jellyfin", &start).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    let story = daemon.settled(id).await;
    let item = &story["outbox"][0]["item"];
    assert_eq!(item["show"]["ids"], json!({ "tvdb": "81189", "tmdb": "1396", "tvmaze": "169" }), "{story:#}");
    // The show's id, which somebody had put on the episode, names no episode.
    assert_eq!(item["ids"], json!({ "tvdb": "349232" }));
    assert_eq!(story["outbox"][0]["value"], 50.0);
    assert!(item.get("ext").is_none(), "trackers are not told where the file lies: {item:#}");
    let stop = jellyfin::event("PlaybackStop", &bare_episode(), Some(HOUR / 2), MIA, "TV");
    daemon.json("jellyfin", &stop).await;
    trakt.until("the stop", |trakt| trakt.resume_points().len() == 1).await;
    assert_eq!(server.asked(), [format!("{ITEM},{SERIES}"), format!("of {SERIES}")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn emby_is_asked_below_its_prefix_and_a_library_is_kept_out() {
    let server = FakeMediaBrowser::start(Family::Emby).await;
    server.add(json!({
        "Id": "7", "Type": "Movie", "Name": "Inception", "ProductionYear": 2010, "_library": "Kids",
        "RunTimeTicks": 72_000_000_000_u64, "ProviderIds": { "IMDB": "tt1375666" }, "Path": "/films/x.mkv",
    }));
    let (trakt, home) = home("emby", &server, "except_libraries = [\"KIDS\"]").await;
    let daemon = home.start();
    let film = emby::movie("7", "Inception", 2010, 2 * HOUR, json!({ "Imdb": "tt1375666" }));
    let id = daemon.json("emby", &emby::event("playback.start", &film, Some(0), MIA, "TV")).await;
    let story = daemon.settled(id).await;
    // The message has ids and a length, but no library: the route asks for it.
    assert_eq!(story["verdict"]["outcome"], "filtered", "{story:#}");
    assert_eq!(story["verdict"]["code"], "library-excepted");
    assert!(story["verdict"]["detail"].as_str().unwrap().contains("Kids"), "{story:#}");
    assert_eq!(server.asked(), ["7", "of 7"]);
    assert!(trakt.deliveries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_holds_nothing_up() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    library(&server);
    server.faults().always("/Items", Fault::status(503));
    let (trakt, home) = home("jellyfin", &server, "").await;
    let daemon = home.start();
    let mut full = bare_episode();
    full["Provider_tvdb"] = json!("349232");
    let start = jellyfin::event("PlaybackStart", &full, Some(0), MIA, "TV");
    let id = daemon.json("jellyfin", &start).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    let story = daemon.settled(id).await;
    let looked =
        story["timeline"].as_array().unwrap().iter().find(|step| step["stage"] == "enriched").unwrap();
    assert_eq!(looked["code"], "not-looked-up", "{story:#}");
    assert!(looked["text"].as_str().unwrap().contains("503"), "{looked}");
    assert_eq!(server.asked().len(), 3, "it was tried again, twice");
    // The next ones do not wait for it any more.
    for _ in 0..20 {
        let progress = jellyfin::event("PlaybackProgress", &full, Some(0), MIA, "TV");
        let id = daemon.json("jellyfin", &progress).await;
        daemon.settled(id).await;
    }
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_a_user_is_whose_session_plays_the_item() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    library(&server);
    server.play(MIA, ITEM, "tv");
    let (trakt, home) = home("jellyfin", &server, "").await;
    let daemon = home.start();
    // As a template sends it that knows little.
    let finished = json!({
        "NotificationType": "UserDataSaved", "SaveReason": "PlaybackFinished", "Played": "True",
        "ItemType": "Episode", "ItemId": "AAAAAAAA-AAAA-4AAA-AAAA-AAAAAAAAAAAA", "SeriesName": "Breaking Bad",
        "EpisodeNumber": "1", "PlayedToCompletion": "",
    });
    let id = daemon.json("jellyfin", &finished).await;
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    let story = daemon.settled(id).await;
    let found =
        story["timeline"].as_array().unwrap().iter().find(|step| step["code"] == "user-looked-up").unwrap();
    assert!(found["text"].as_str().unwrap().contains("mia"), "{story:#}");
    // Two who play the same: nobody is guessed.
    server.play(("6d23c30c5e9d4ec6a66db6b05b63e516", "tom"), ITEM, "phone");
    let id = daemon.json("jellyfin", &finished).await;
    let story = daemon.settled(id).await;
    assert_eq!(story["verdict"]["code"], "no-user", "{story:#}");
    assert_eq!(trakt.history().len(), 1);
}

/// The captured answers of servers to look-ups give what the manifest expects of them.
#[tokio::test(flavor = "multi_thread")]
async fn captured_answers() {
    let Some(folder) = payloads() else {
        assert!(std::env::var_os("CI").is_none(), "CI has the captured messages beside the project");
        println!("SKIPPED: the captured messages are not on this machine");
        return;
    };
    let read =
        |name: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let series = read("jellyfin/meta-01-series-lookup.json");
    let id = series["Id"].as_str().unwrap().to_owned();
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    server.add(series);
    server.add(
        json!({ "Id": ITEM, "Type": "Episode", "SeriesId": id, "IndexNumber": 1, "ParentIndexNumber": 1 }),
    );
    let (_trakt, home) = home("jellyfin", &server, "").await;
    let daemon = home.start();
    let mut item = bare_episode();
    item["SeriesId"] = json!(id);
    let event = daemon.json("jellyfin", &jellyfin::event("PlaybackStart", &item, Some(0), MIA, "TV")).await;
    let story = daemon.settled(event).await;
    let ids = &story["outbox"][0]["item"]["show"]["ids"];
    assert_eq!(*ids, json!({ "imdb": "tt0386676", "tmdb": "2316", "tvdb": "73244", "tvmaze": "526" }));
    // Plex: a movie, and an episode with its show.
    let (server, trakt) = (FakePlex::start().await, FakeTrakt::start().await);
    for name in ["meta-01-library-movie", "meta-02-library-show", "meta-03-library-episode"] {
        server.add(read(&format!("plex/{name}.json"))["MediaContainer"]["Metadata"][0].take());
    }
    let home = TestContext::plex_to_trakt(Some(&server), &trakt, "");
    let daemon = home.start();
    let bare =
        |key: &str, kind: &str| json!({ "ratingKey": key, "type": kind, "title": "?", "guid": "plex://x/1" });
    let found = async |item: &Value| {
        let id = daemon
            .plex(&plex_webhook::event(
                "media.play",
                item,
                Some(0),
                (1, "mia"),
                item["type"].as_str().unwrap(),
            ))
            .await;
        daemon.settled(id).await["outbox"][0]["item"].clone()
    };
    let movie = found(&bare("1", "movie")).await;
    assert_eq!(movie["ids"], json!({ "imdb": "tt0000001", "tmdb": "1", "tvdb": "1" }), "{movie:#}");
    assert_eq!((&movie["year"], &movie["runtime_ms"]), (&json!(2000), &json!(6_989_056)));
    let episode = found(&bare("5", "episode")).await;
    assert_eq!(episode["ids"], json!({ "imdb": "tt0000004", "tmdb": "4", "tvdb": "4" }), "{episode:#}");
    let show = &episode["show"];
    assert_eq!(
        (&show["title"], &show["year"]),
        (&json!("Ferengi StandUp Comedy"), &json!(2002)),
        "{episode:#}"
    );
    assert_eq!(show["ids"], json!({ "tmdb": "3", "tvdb": "3" }));
    assert_eq!((&episode["season"], &episode["numbers"]), (&json!(1), &json!([1])));
}
