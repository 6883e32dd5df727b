//! Whose plays go where: users that nobody named, and what routes leave out.

use std::time::Duration;

use playrelay_tests::harness::TestContext;
use playrelay_tests::webhook_scenario::{Scenario, WebhookScript};
use playrelay_tests::{jellyfin_webhook as jellyfin, plex_webhook as plex};
use serde_json::{Value, json};

const MIA: jellyfin::User = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
const HOUR: u32 = 3_600_000;

fn pilot(number: u32) -> Value {
    let id = ["349232", "349235", "349236"][number as usize - 1];
    jellyfin::episode(&format!("{number:0>32}"), ("Breaking Bad", 2008), 1, number, HOUR, &[("tvdb", id)])
}

async fn watch(script: &WebhookScript<'_>, number: u32, user: jellyfin::User) -> Value {
    script.jellyfin(&jellyfin::event("PlaybackStart", &pilot(number), Some(0), user, "TV")).await;
    script.stage.pass(3_492);
    let stop = jellyfin::event("PlaybackStop", &pilot(number), Some(HOUR / 100 * 97), user, "TV");
    let story = script.jellyfin(&stop).await;
    script.stage.pass(60);
    story
}

fn rewrite(home: &TestContext, from: &str, to: &str) {
    let path = home.path().join("playrelay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    assert!(config.contains(from));
    std::fs::write(path, config.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_held_until_a_person_says_whose_plays_they_are() {
    let stage = Scenario::new("", "").await;
    rewrite(&stage.home, "users = [\"*\"]", "users = []");
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let story = watch(&script, 1, MIA).await;
    assert_eq!(
        (&story["verdict"]["outcome"], &story["verdict"]["code"]),
        (&json!("held"), &json!("unknown-user"))
    );
    assert!(stage.trakt.deliveries().is_empty(), "nothing is sent for a stranger");
    let people = stage.home.json(&["users", "list"]);
    assert_eq!(
        (&people[0]["user"]["name"], &people[0]["decision"]),
        (&json!("mia"), &json!("held")),
        "{people:#}"
    );
    // A tracker that there is not, and a user who is not in the list.
    let wrong = stage.home.run(&["users", "assign", "mia", "bobb"]);
    assert!(
        !wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("did you mean `bob`?")
    );
    let wrong = stage.home.run(&["users", "assign", "mla", "bob"]);
    assert!(!wrong.status.success() && String::from_utf8_lossy(&wrong.stderr).contains("mia"));
    // What was held is told, with its own time; what comes, at once.
    assert!(stage.home.run(&["users", "assign", "MIA", "bob"]).status.success());
    stage.trakt.until("what was held", |trakt| trakt.history().len() == 1).await;
    assert_eq!(stage.trakt.deliveries(), ["history 1"]);
    let held = daemon.until(2, "its release", |story| story["verdict"]["outcome"] == "queued").await;
    assert_eq!(stage.trakt.history()[0].watched_at.to_string(), held["outbox"][0]["at"].as_str().unwrap());
    watch(&script, 2, MIA).await;
    assert_eq!(stage.trakt.deliveries()[1..], ["start 0 Breaking Bad 1x02", "stop 97 Breaking Bad 1x02"]);
    // Ignored: from now on nothing is sent, and the verdict says who said so.
    assert!(stage.home.run(&["users", "ignore", "mia"]).status.success());
    let ignored = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let story = watch(&script, 3, MIA).await;
            if story["verdict"]["code"] == "user-ignored" {
                return story;
            }
        }
    });
    assert_eq!(ignored.await.unwrap()["verdict"]["outcome"], "filtered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_in_two_sittings_is_one_watch_and_restarts_release_nothing_more() {
    let stage = Scenario::new("[scrobble]\npause_debounce = 0\n", "ratings = true\n").await;
    rewrite(&stage.home, "users = [\"*\"]", "users = []");
    let mut daemon = stage.home.start();
    {
        let script = WebhookScript { stage: &stage, daemon: &daemon };
        let say = |event: &'static str, percent: u32| {
            jellyfin::event(event, &pilot(1), Some(HOUR / 100 * percent), MIA, "TV")
        };
        script.jellyfin(&say("PlaybackStart", 0)).await;
        stage.pass(3_060);
        script.jellyfin(&say("PlaybackStop", 85)).await;
        stage.pass(80_000);
        // The rest, the evening after: it goes on while somebody says whose it is.
        script.jellyfin(&say("PlaybackStart", 85)).await;
        let mut rated = jellyfin::saved("UpdateUserRating", &pilot(1), true, MIA);
        rated["Rating"] = json!(8.0);
        let story = script.jellyfin(&rated).await;
        assert_eq!(story["verdict"]["outcome"], "held", "{story:#}");
        assert!(stage.home.run(&["users", "assign", "mia", "bob"]).status.success());
        stage
            .trakt
            .until("what was held", |trakt| trakt.history().len() == 1 && trakt.ratings().len() == 1)
            .await;
        stage.pass(540);
        script.jellyfin(&say("PlaybackStop", 100)).await;
    }
    assert_eq!(
        stage.trakt.history().len(),
        1,
        "both sittings are one watch: {:#?}",
        stage.trakt.deliveries()
    );
    for _ in 0..2 {
        daemon.kill();
        daemon = stage.home.start();
        stage.pass(60);
        stage.quiet().await;
    }
    assert_eq!((stage.trakt.history().len(), stage.trakt.ratings().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_comes_to_name_a_user_releases_what_was_held() {
    let stage = Scenario::new("", "").await;
    rewrite(&stage.home, "users = [\"*\"]", "users = [\"somebody else\"]");
    let daemon = stage.home.start();
    watch(&WebhookScript { stage: &stage, daemon: &daemon }, 1, MIA).await;
    daemon.kill();
    assert!(stage.trakt.deliveries().is_empty());
    let dashed = "users = [\"uuid:50E1109A-03fd-4e13-a3a5-dd9bb27e08ec\"]";
    rewrite(&stage.home, "users = [\"somebody else\"]", dashed);
    let daemon = stage.home.start();
    stage.trakt.until("what was held", |trakt| trakt.history().len() == 1).await;
    // Another start tells nothing twice.
    daemon.kill();
    let _daemon = stage.home.start();
    stage.pass(60);
    stage.quiet().await;
    assert_eq!(stage.trakt.deliveries(), ["history 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_route_leaves_out_says_by_which_rule() {
    let route = "servers = [\"Media-Server\", \"Attic\"]\nkinds = [\"movie\"]\nexcept_devices = [\"Kitchen\"]\n\
                 except_editions = [\"director's cut\"]\nexcept_paths = [\"/media/kids\", \"**/*sample*\"]\n\
                 libraries = [\"Movies\"]\n";
    let stage = Scenario::new("", route).await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let film = || {
        let mut film = plex::movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666"]);
        film["Media"] = json!([{ "Part": [{ "file": "/media/films/Inception.mkv" }] }]);
        film
    };
    let say = |item: &Value, player: &str| plex::event("media.play", item, Some(0), (1, "sean"), player);
    let code = |story: &Value| story["verdict"]["code"].as_str().unwrap().to_owned();
    let show = plex::episode("101", "Breaking Bad", 1, 1, HOUR, &["tvdb://349232"]);
    assert_eq!(code(&script.plex(&say(&show, "TV")).await), "kind");
    assert_eq!(code(&script.plex(&say(&film(), "kitchen")).await), "device-excepted");
    let mut other = film();
    other["librarySectionTitle"] = json!("Kids");
    assert_eq!(code(&script.plex(&say(&other, "TV 2")).await), "library");
    let mut cut = film();
    cut["editionTitle"] = json!("Director's Cut");
    assert_eq!(code(&script.plex(&say(&cut, "TV 3")).await), "edition-excepted");
    let mut kids = film();
    kids["Media"][0]["Part"][0]["file"] = json!("/media/Kids/Inception.mkv");
    assert_eq!(code(&script.plex(&say(&kids, "TV 4")).await), "path-excepted");
    let mut nowhere = film();
    nowhere.as_object_mut().unwrap().remove("Media");
    let story = script.plex(&say(&nowhere, "TV 5")).await;
    assert_eq!(code(&story), "path-unknown", "{story:#}");
    let mut elsewhere = say(&film(), "TV 6");
    elsewhere["Server"]["title"] = json!("Somebody's");
    assert_eq!(code(&script.plex(&elsewhere).await), "server");
    assert!(stage.trakt.deliveries().is_empty());
    script.plex(&say(&film(), "TV 7")).await;
    assert_eq!(stage.trakt.deliveries(), ["start 0 Inception"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn television_is_told_where_a_route_asks_for_it() {
    let stage = Scenario::new("", "live_tv = true\n").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let mut live = plex::movie("27205", "Inception", 2010, 2 * HOUR, &["imdb://tt1375666"]);
    live["live"] = json!(1);
    script.plex(&plex::event("media.play", &live, Some(0), (1, "sean"), "TV")).await;
    assert_eq!(stage.trakt.deliveries(), ["start 0 Inception"]);
}
