//! The mistakes of other scrobblers, one by one, and what a tracker is told instead: the sequence of its calls.

use playrelay_tests::webhook_scenario::{Scenario, WebhookScript};
use playrelay_tests::{emby_webhook as emby, jellyfin_webhook as jellyfin, plex_webhook as plex};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const KID: (u32, &str) = (90_000_123, "kid");
const MIA: jellyfin::User = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
const TOM: jellyfin::User = ("6d23c30c5e9d4ec6a66db6b05b63e516", "tom");
const HOUR: u32 = 3_600_000;
const FILM: u32 = 2 * HOUR;

fn percent(of: u32, percent: u32) -> Option<u32> {
    Some(of / 100 * percent)
}

fn film() -> Value {
    plex::movie("27205", "Inception", 2010, FILM, &["imdb://tt1375666", "tmdb://27205"])
}

fn plex_film(event: &str, position: Option<u32>) -> Value {
    plex::event(event, &film(), position, SEAN, "TV")
}

fn pilot(number: u32) -> Value {
    let id = ["349232", "349235", "349236"][number as usize - 1];
    jellyfin::episode(&format!("{number:0>32}"), ("Breaking Bad", 2008), 1, number, HOUR, &[("tvdb", id)])
}

fn emby_pilot(number: u32) -> Value {
    let id = ["349232", "349235", "349236"][number as usize - 1];
    emby::episode(&format!("{number}"), "Breaking Bad", 1, number, HOUR, json!({ "Tvdb": id }))
}

#[tokio::test(flavor = "multi_thread")]
async fn v01_the_next_episode_ends_the_one_before() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(1), Some(0), MIA, "TV")).await;
    stage.pass(3_492);
    script.jellyfin(&jellyfin::event("PlaybackProgress", &pilot(1), percent(HOUR, 97), MIA, "TV")).await;
    stage.pass(5);
    script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(2), Some(0), MIA, "TV")).await;
    let first = ["start 0 Breaking Bad 1x01", "stop 97 Breaking Bad 1x01", "start 0 Breaking Bad 1x02"];
    assert_eq!(stage.trakt.deliveries(), first);
    // Emby: the same, with a pause as the last word.
    script.emby(&emby::event("playback.start", &emby_pilot(3), Some(0), TOM, "Box")).await;
    stage.pass(3_492);
    script.emby(&emby::event("playback.pause", &emby_pilot(3), percent(HOUR, 97), TOM, "Box")).await;
    script.emby(&emby::event("playback.start", &emby_pilot(2), Some(0), TOM, "Box")).await;
    let second = ["start 0 Breaking Bad 1x03", "stop 97 Breaking Bad 1x03", "start 0 Breaking Bad 1x02"];
    assert_eq!(stage.trakt.deliveries()[3..], second);
}

#[tokio::test(flavor = "multi_thread")]
async fn v02_a_stop_at_zero_keeps_what_was_seen() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.plex(&plex_film("media.play", Some(0))).await;
    stage.pass(6_912);
    script.plex(&plex_film("media.pause", percent(FILM, 96))).await;
    script.plex(&plex_film("media.stop", Some(0))).await;
    assert_eq!(stage.trakt.deliveries(), ["start 0 Inception", "stop 96 Inception"]);
    assert_eq!(stage.trakt.history().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn v03_a_pause_is_told_when_it_has_held() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.plex(&plex_film("media.play", percent(FILM, 50))).await;
    stage.pass(2);
    script.plex(&plex_film("media.pause", percent(FILM, 50))).await;
    assert_eq!(stage.trakt.deliveries(), ["start 50 Inception"]);
    stage.pass(6);
    stage.trakt.until("the pause", |trakt| trakt.deliveries().len() == 2).await;
    // One that does not hold is not told, nor is its end.
    script.plex(&plex_film("media.resume", percent(FILM, 50))).await;
    stage.pass(2);
    script.plex(&plex_film("media.pause", percent(FILM, 50))).await;
    stage.pass(2);
    script.plex(&plex_film("media.resume", percent(FILM, 50))).await;
    stage.pass(60);
    script.plex(&plex_film("media.stop", percent(FILM, 51))).await;
    let told = ["start 50 Inception", "stop 50 Inception", "start 50 Inception", "stop 51 Inception"];
    assert_eq!(stage.trakt.deliveries(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn v04_a_stop_between_two_thresholds_is_never_silent() {
    let stage = Scenario::new("[scrobble]\nwatched_at = 90\ncredits = false\n", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.plex(&plex_film("media.play", Some(0))).await;
    stage.pass(6_120);
    script.plex(&plex_film("media.stop", percent(FILM, 85))).await;
    // Trakt would count 85 %; the user wants 90.
    assert_eq!(stage.trakt.deliveries(), ["start 0 Inception", "stop 80 Inception"]);
    assert!(stage.trakt.watching().is_none() && stage.trakt.history().is_empty());
    assert_eq!(stage.trakt.resume_points()[0].1, 79.9);
}

#[tokio::test(flavor = "multi_thread")]
async fn v05_counted_and_stopped_is_one_play() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.plex(&plex_film("media.play", Some(0))).await;
    stage.pass(6_480);
    script.plex(&plex_film("media.scrobble", None)).await;
    stage.pass(600);
    script.plex(&plex_film("media.stop", percent(FILM, 98))).await;
    assert_eq!(stage.trakt.deliveries(), ["start 0 Inception", "stop 80 Inception"]);
    assert_eq!(stage.trakt.history().len(), 1);
    // Jellyfin: the stop, what was saved fourteen times, and a tick on top.
    stage.pass(60);
    script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(1), Some(0), MIA, "TV")).await;
    stage.pass(3_300);
    for _ in 0..14 {
        stage.pass(15);
        script.jellyfin(&jellyfin::saved("PlaybackProgress", &pilot(1), true, MIA)).await;
    }
    let mut stop = jellyfin::event("PlaybackStop", &pilot(1), percent(HOUR, 98), MIA, "TV");
    stop["PlayedToCompletion"] = json!(true);
    script.jellyfin(&stop).await;
    script.jellyfin(&jellyfin::saved("PlaybackFinished", &pilot(1), true, MIA)).await;
    script.jellyfin(&jellyfin::saved("TogglePlayed", &pilot(1), true, MIA)).await;
    assert_eq!(stage.trakt.deliveries()[2..], ["start 0 Breaking Bad 1x01", "stop 80 Breaking Bad 1x01"]);
    // Emby: the stop, and the tick.
    stage.pass(60);
    script.emby(&emby::event("playback.start", &emby_pilot(2), Some(0), TOM, "Box")).await;
    stage.pass(3_500);
    script.emby(&emby::event("playback.stop", &emby_pilot(2), percent(HOUR, 97), TOM, "Box")).await;
    script.emby(&emby::event("item.markplayed", &emby_pilot(2), None, TOM, "")).await;
    assert_eq!(stage.trakt.deliveries()[4..], ["start 0 Breaking Bad 1x02", "stop 97 Breaking Bad 1x02"]);
    assert_eq!(stage.trakt.history().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn v06_watched_long_ago_does_not_complete_a_stop() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let mut item = film();
    (item["viewCount"], item["lastViewedAt"]) = (json!(1), json!(1_700_000_000));
    script.plex(&plex::event("media.play", &item, Some(0), SEAN, "TV")).await;
    stage.pass(720);
    script.plex(&plex::event("media.stop", &item, percent(FILM, 10), SEAN, "TV")).await;
    assert_eq!(stage.trakt.deliveries(), ["start 0 Inception", "stop 10 Inception"]);
    assert!(stage.trakt.history().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn v07_a_seek_back_before_the_end_counts_where_it_ended() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.emby(&emby::event("playback.start", &emby_pilot(1), Some(0), TOM, "Box")).await;
    stage.pass(3_312);
    script.emby(&emby::event("playback.pause", &emby_pilot(1), percent(HOUR, 92), TOM, "Box")).await;
    let mut stop = emby::event("playback.stop", &emby_pilot(1), percent(HOUR, 20), TOM, "Box");
    stop["PlaybackInfo"]["PlayedToCompletion"] = json!(false);
    script.emby(&stop).await;
    assert_eq!(stage.trakt.deliveries(), ["start 0 Breaking Bad 1x01", "stop 20 Breaking Bad 1x01"]);
    assert!(stage.trakt.history().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn v08_a_rewatch_on_the_same_device_counts() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    for _ in 0..2 {
        script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(1), Some(0), MIA, "TV")).await;
        stage.pass(3_492);
        script.jellyfin(&jellyfin::event("PlaybackStop", &pilot(1), percent(HOUR, 97), MIA, "TV")).await;
        stage.pass(600);
    }
    let once = ["start 0 Breaking Bad 1x01", "stop 97 Breaking Bad 1x01"];
    assert_eq!(stage.trakt.deliveries(), [once, once].concat());
    assert_eq!(stage.trakt.history().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn v09_what_was_watched_while_the_tracker_was_away_comes_with_its_own_time() {
    let stage = Scenario::new("[delivery]\nretry_first = \"1s\"\nretry_longest = \"1m\"\n", "").await;
    stage.trakt.server.go_down().await;
    let daemon = stage.home.start();
    daemon.json("jellyfin", &jellyfin::event("PlaybackStart", &pilot(1), Some(0), MIA, "TV")).await;
    stage.pass(3_492);
    let stop = jellyfin::event("PlaybackStop", &pilot(1), percent(HOUR, 97), MIA, "TV");
    let id = daemon.json("jellyfin", &stop).await;
    let story = daemon.until(id, "a failed attempt", |story| story["outbox"][0]["note"].is_string()).await;
    daemon.kill();
    stage.pass(7_200);
    stage.trakt.server.come_up().await;
    let _daemon = stage.home.start();
    stage.trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    let watch = &stage.trakt.history()[0];
    assert_eq!(watch.watched_at.to_string(), story["outbox"][0]["at"].as_str().unwrap());
    assert_eq!(stage.trakt.deliveries(), ["history 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn v10_ids_of_old_agents_are_those_of_the_show() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let mut old = plex::episode("77", "", 1, 1, HOUR, &[]);
    for field in ["Guid", "index", "parentIndex", "grandparentTitle"] {
        old.as_object_mut().unwrap().remove(field);
    }
    old["guid"] = json!("com.plexapp.agents.thetvdb://81189/1/1?lang=en");
    script.plex(&plex::event("media.scrobble", &old, None, SEAN, "TV")).await;
    let mut film = film();
    film.as_object_mut().unwrap().remove("Guid");
    film["guid"] = json!("com.plexapp.agents.themoviedb://27205?lang=de");
    script.plex(&plex::event("media.scrobble", &film, None, KID, "Tablet")).await;
    assert_eq!(stage.trakt.deliveries(), ["stop 100 Breaking Bad 1x01", "stop 100 Inception"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn v11_music_trailers_and_television_are_ignored_with_a_reason() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let code = |story: &Value| story["verdict"]["code"].as_str().unwrap().to_owned();
    for kind in ["track", "clip", "photo"] {
        let mut item = film();
        item["type"] = json!(kind);
        let story = script.plex(&plex::event("media.play", &item, Some(0), SEAN, "TV")).await;
        assert_eq!(code(&story), "media-type", "{kind}: {story:#}");
    }
    let mut live = film();
    live["live"] = json!("1");
    assert_eq!(code(&script.plex(&plex::event("media.play", &live, Some(0), SEAN, "TV")).await), "live-tv");
    let mut trailer = film();
    trailer["extraType"] = json!(1);
    assert_eq!(code(&script.plex(&plex::event("media.play", &trailer, Some(0), SEAN, "TV")).await), "extra");
    for kind in ["Audio", "Trailer", "TvChannel", "LiveTvProgram", "MusicVideo", "Video"] {
        let mut item = emby_pilot(1);
        (item["Type"], item["SeriesName"]) = (json!(kind), Value::Null);
        let story = script.emby(&emby::event("playback.start", &item, Some(0), TOM, "Box")).await;
        assert_eq!(code(&story), "media-type", "{kind}: {story:#}");
        let mut item = pilot(1);
        (item["ItemType"], item["SeriesName"]) = (json!(kind), Value::Null);
        let story = script.jellyfin(&jellyfin::event("PlaybackStart", &item, Some(0), MIA, "TV")).await;
        assert_eq!(code(&story), "media-type", "{kind}: {story:#}");
    }
    assert!(stage.trakt.deliveries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn v12_two_users_of_one_item_are_independent() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    // Both in one session, as when somebody joins: Jellyfin tells of each.
    for user in [MIA, TOM] {
        script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(1), Some(0), user, "TV")).await;
    }
    stage.pass(3_492);
    script.jellyfin(&jellyfin::event("PlaybackStop", &pilot(1), percent(HOUR, 97), TOM, "TV")).await;
    assert_eq!(stage.trakt.history().len(), 1);
    // More than Trakt's hour later, or it would call it a duplicate.
    stage.pass(3_700);
    script.jellyfin(&jellyfin::event("PlaybackStop", &pilot(1), percent(HOUR, 98), MIA, "TV")).await;
    assert_eq!(stage.trakt.history().len(), 2);
    let told = [
        "start 0 Breaking Bad 1x01",
        "start 0 Breaking Bad 1x01",
        "stop 97 Breaking Bad 1x01",
        "stop 98 Breaking Bad 1x01",
    ];
    assert_eq!(stage.trakt.deliveries(), told);
}

#[tokio::test(flavor = "multi_thread")]
async fn v13_a_rating_at_the_root_is_a_rating() {
    let stage = Scenario::new("[scrobble]\npause_debounce = 0\n", "ratings = true").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let rate = |rating: Value| {
        let mut message = plex_film("media.rate", None);
        message["rating"] = rating;
        message
    };
    script.plex(&rate(json!(8.0))).await;
    assert_eq!(stage.trakt.ratings()[0].1, 8);
    // The same again, through a second webhook.
    let story = script.plex(&rate(json!(8.0))).await;
    assert_eq!(story["verdict"]["code"], "rating-repeated");
    for cleared in [json!(-1), Value::Null] {
        stage.pass(60);
        script.plex(&rate(json!(7.0))).await;
        assert_eq!(stage.trakt.ratings()[0].1, 7);
        stage.pass(60);
        script.plex(&rate(cleared)).await;
        assert!(stage.trakt.ratings().is_empty());
    }
    // A score of Jellyfin's, and a heart, which is none.
    let mut scored = jellyfin::saved("UpdateUserRating", &pilot(1), true, MIA);
    scored["Rating"] = json!(9.0);
    script.jellyfin(&scored).await;
    assert_eq!(stage.trakt.ratings()[0].1, 9);
    scored["Rating"] = Value::Null;
    let story = script.jellyfin(&scored).await;
    assert_eq!(story["verdict"]["code"], "favorite");
}
