//! The tracker is away for a whole evening, and the daemon is killed five times in it.

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::TestContext;
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::{Value, json};

const SEAN: (u32, &str) = (31_646_104, "sean");
const KID: (u32, &str) = (90_000_123, "kid");
const HALF_HOUR: u32 = 1_800_000;

/// What is watched: who, what, and how its end is told.
fn programme() -> Vec<((u32, &'static str), Value, &'static str)> {
    let show =
        |number: u32, id: &str| episode(&format!("10{number}"), "Breaking Bad", 1, number, HALF_HOUR, &[id]);
    let film = |key: &str, title: &str, year, id: &str| movie(key, title, year, HALF_HOUR, &[id]);
    vec![
        (SEAN, show(1, "tvdb://349232"), "media.stop"),
        (KID, film("300", "Guardians of the Galaxy", 2014, "imdb://tt2015381"), "media.scrobble"),
        (SEAN, show(2, "tvdb://349235"), "both"),
        (SEAN, show(3, "tvdb://349236"), "next"),
        (SEAN, film("301", "Inception", 2010, "tmdb://27205"), "both"),
        (KID, film("302", "Mirror", 1975, "imdb://tt0072443"), "media.stop"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_doubled() {
    let trakt = FakeTrakt::start().await;
    let mut home = TestContext::plex_to_trakt(
        None,
        &trakt,
        "[delivery]\nretry_first = \"100ms\"\nretry_longest = \"1s\"\n",
    );
    let clock = home.set_clock(&[trakt.clock()]);
    home.connect().await;
    trakt.server.go_down().await;

    let mut daemon = home.start();
    let mut watched = Vec::new();
    for (index, (user, item, end)) in programme().into_iter().enumerate() {
        let player = user.1;
        let send = |name: &'static str, position| event(name, &item, position, user, player);
        daemon.plex(&send("media.play", Some(0))).await;
        clock.pass(600);
        if index < 5 {
            // At whatever it is doing: the answer has been given, and that is all that counts.
            daemon.plex(&send("media.pause", Some(HALF_HOUR / 3))).await;
            daemon.kill();
            daemon = home.start();
            daemon.plex(&send("media.resume", Some(HALF_HOUR / 3))).await;
        }
        clock.pass(1_150);
        let finish = match end {
            "media.scrobble" => daemon.plex(&send("media.scrobble", None)).await,
            "both" => {
                let counted = daemon.plex(&send("media.scrobble", None)).await;
                clock.pass(60);
                daemon.plex(&send("media.stop", Some(HALF_HOUR - 5_000))).await;
                counted
            }
            // The end is never told: the next item tells it.
            "next" => daemon.plex(&send("media.resume", Some(HALF_HOUR / 100 * 97))).await,
            _ => daemon.plex(&send("media.stop", Some(HALF_HOUR / 100 * 96))).await,
        };
        let name = if item["type"] == "movie" {
            item["title"].as_str().unwrap().to_owned()
        } else {
            format!("Breaking Bad {}x{:02}", item["parentIndex"], item["index"].as_u64().unwrap())
        };
        watched.push((name, finish));
        clock.pass(300);
    }
    // Stopped below the threshold: no watch.
    let short = movie("303", "Guardians of the Galaxy", 2014, HALF_HOUR, &["imdb://tt2015381"]);
    daemon.plex(&event("media.play", &short, Some(0), (5, "guest"), "guest")).await;
    daemon.plex(&event("media.stop", &short, Some(HALF_HOUR / 2), (5, "guest"), "guest")).await;

    let mut times = Vec::new();
    for (name, id) in &watched {
        let story = daemon.settled(*id).await;
        times.push((name.clone(), story["received_at"].as_str().unwrap().to_owned()));
    }
    trakt.server.come_up().await;
    let all = watched.len();
    trakt.until("every watch", |trakt| trakt.history().len() >= all).await;
    // Nothing more may come: wait until the outbox is empty.
    while home.json(&["outbox", "list", "--state", "waiting"]) != json!([]) {
        tokio::task::yield_now().await;
    }
    let mut arrived: Vec<_> =
        trakt.history().iter().map(|play| (play.entry.name(), play.watched_at.to_string())).collect();
    arrived.sort();
    times.sort();
    assert_eq!(arrived, times, "each once, with the time at which it was watched");
}
