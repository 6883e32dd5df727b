//! What was played while nobody listened is read from the servers' own histories, once.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use playrelay_tests::catalogue::Entry;
use playrelay_tests::fake_playback::{FakePlayback, Person};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, trakt_account};
use playrelay_tests::simulation::{SOURCES, Servers, title};
use serde_json::{Value, json};

const ADA: Person = Person { number: 1, guid: "50e1109a03fd4e13a3a5dd9bb27e08e1", name: "ada" };

fn hours(at: Timestamp, hours: i64) -> Timestamp {
    at + SignedDuration::from_hours(hours)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_is_filled_with_the_own_times_of_what_was_played() {
    let (servers, trakt) = (Servers::start().await, FakeTrakt::start().await);
    let mut config = servers.config("watch", "") + &trakt_account("bob", &trakt);
    for source in SOURCES {
        config
            .push_str(&format!("\n[[routes]]\nsource = {source:?}\ntracker = \"bob\"\nusers = [\"ada\"]\n"));
    }
    let mut home = TestContext::new(&config);
    let clock = home.set_clock(&[trakt.clock(), servers.jellyfin.clock(), servers.emby.clock()]);
    home.connect().await;
    let titles: Vec<_> = (1..=9).map(title).collect();
    for (index, title) in titles.iter().enumerate() {
        trakt.add(title.entry.clone());
        servers.add(index % 3, title);
    }
    // Before the first start: shown, and not entered unasked.
    let first = trakt.clock().now();
    for (server, title) in titles[..3].iter().enumerate() {
        servers.record(server, &ADA, title, hours(first, -20));
    }
    let mut daemon = home.start();
    for source in SOURCES {
        daemon.connected(source).await;
    }
    // Something is watched while everybody listens, and stands in the server's history too.
    let film = &titles[4];
    let mut screening = FakePlayback {
        session: "5".to_owned(),
        person: ADA,
        device: "TV".to_owned(),
        title: film.clone(),
        position_ms: 0,
        paused: false,
    };
    servers.jellyfin.show(std::slice::from_ref(&screening));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    let began = trakt.clock().now();
    clock.pass(2_300);
    screening.position_ms = 2_300_000;
    servers.jellyfin.show(std::slice::from_ref(&screening));
    let is_near_the_end = |shown: &Value| shown["currently_watching"]["progress"].as_u64() >= Some(95);
    daemon.get_until("/api/v1/currently-watching", "its end", is_near_the_end).await;
    // From here on the server calls it played, with the time when it began.
    servers.record(1, &ADA, film, began);
    servers.jellyfin.show(&[]);
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    // Nobody listens for a night.
    daemon.stop();
    let night = trakt.clock().now();
    for (server, title) in titles[6..9].iter().enumerate() {
        servers.record(server, &ADA, title, hours(night, 2 + i64::try_from(server).unwrap()));
    }
    clock.pass(9 * 60 * 60);
    daemon.start_again();
    trakt.until("what was missed", |trakt| trakt.history().len() == 4).await;
    for (server, missed) in titles[6..9].iter().enumerate() {
        let history = trakt.history();
        let play = history.iter().find(|play| play.entry.name() == missed.entry.name());
        let names: Vec<_> = history.iter().map(|play| (play.entry.name(), play.watched_at)).collect();
        let play = play.unwrap_or_else(|| {
            let told = home.json(&["outbox", "list"]);
            panic!("{} is not in {names:?}: {told:#}", missed.entry.name())
        });
        let own = hours(night, 2 + i64::try_from(server).unwrap());
        assert!(
            play.watched_at.duration_since(own).abs() < SignedDuration::from_secs(2),
            "{play:?} at {own}"
        );
    }
    // The command shows what is older, and enters it when it is told to.
    for (server, source) in SOURCES.into_iter().enumerate() {
        let shown = home.json(&["catch-up", source]);
        let plays = shown["plays"].as_array().unwrap();
        let known = plays.iter().filter(|play| play["known"] == true).count();
        assert_eq!((plays.len(), known), if server == 1 { (3, 2) } else { (2, 1) }, "{shown:#}");
        let entered = home.json(&["catch-up", source, "--run"]);
        assert_eq!(entered["entered"], json!(true));
    }
    trakt.until("the rest", |trakt| trakt.history().len() == 7).await;
    let is_settled =
        |events: &Value| events.as_array().unwrap().iter().all(|event| !event["verdict"].is_null());
    let end = Instant::now() + Duration::from_secs(60);
    while !is_settled(&home.json(&["events"])) {
        assert!(Instant::now() < end, "an input was not decided");
    }
    assert_eq!(trakt.history().len(), 7, "nothing counts twice");
}

/// Who only sends webhooks cannot say which of them were lost: the history is read every hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_was_lost_is_made_good_within_the_hour() {
    let (servers, trakt) = (Servers::start().await, FakeTrakt::start().await);
    let mut config = servers.config("webhook", "") + &trakt_account("bob", &trakt);
    config.push_str("\n[[routes]]\nsource = \"emby\"\ntracker = \"bob\"\nusers = [\"ada\"]\n");
    let mut home = TestContext::new(&config);
    let clock = home.set_clock(&[trakt.clock(), servers.jellyfin.clock(), servers.emby.clock()]);
    home.connect().await;
    let film = title(1);
    trakt.add(film.entry.clone());
    servers.add(2, &film);
    let daemon = home.start();
    let noted = |found: &str| found.contains("heard until");
    let end = Instant::now() + Duration::from_secs(60);
    while !noted(&home.run_with_fakes(&["doctor"]).await.1) {
        assert!(Instant::now() < end, "it does not begin");
    }
    // Neither its start nor its end came through.
    let began = trakt.clock().now();
    clock.pass(30 * 60);
    servers.record(2, &ADA, &film, began);
    clock.pass(2 * 60 * 60);
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    // Read again every hour, it is entered once.
    let events = home.json(&["events"]).as_array().unwrap().len();
    let reads = |home: &TestContext| home.log().matches("read the server's history").count();
    let before = reads(&home);
    clock.pass(2 * 60 * 60);
    let end = Instant::now() + Duration::from_secs(90);
    while reads(&home) == before {
        assert!(Instant::now() < end, "the history is not read again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(home.json(&["events"]).as_array().unwrap().len(), events);
    assert_eq!(trakt.history().len(), 1);
    drop(daemon);
}

/// A login of somebody who is no administrator reads its own plays, and those of nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_login_reads_its_own_plays() {
    let (servers, trakt) = (Servers::start().await, FakeTrakt::start().await);
    let mut config = servers.config("watch", "") + &trakt_account("bob", &trakt);
    for source in ["jellyfin", "emby"] {
        config.push_str(&format!("\n[[routes]]\nsource = {source:?}\ntracker = \"bob\"\nusers = [\"*\"]\n"));
    }
    let mut home = TestContext::new(&config);
    let clock = home.set_clock(&[trakt.clock(), servers.jellyfin.clock(), servers.emby.clock()]);
    home.connect().await;
    let ben = Person { number: 2, guid: "50e1109a03fd4e13a3a5dd9bb27e08e2", name: "ben" };
    let titles: Vec<_> = (1..=4).map(title).collect();
    titles.iter().for_each(|title| trakt.add(title.entry.clone()));
    for server in [&servers.jellyfin, &servers.emby] {
        server.set_token_owner(&ADA, false);
    }
    let mut daemon = home.start();
    for source in ["jellyfin", "emby"] {
        daemon.connected(source).await;
    }
    daemon.stop();
    let at = hours(trakt.clock().now(), 1);
    for (server, own, other) in [(1, &titles[0], &titles[1]), (2, &titles[2], &titles[3])] {
        servers.record(server, &ben, other, at);
        servers.record(server, &ADA, own, at);
    }
    clock.pass(9 * 60 * 60);
    daemon.start_again();
    trakt.until("what was missed", |trakt| trakt.history().len() == 2).await;
    for own in [&titles[0], &titles[2]] {
        assert!(trakt.history().iter().any(|play| play.entry.name() == own.entry.name()), "{own:?}");
    }
    assert!(!home.log().contains("cannot be read yet"), "{}", home.log());
}

/// An import and the server's own history tell of the same watches: each stands in the library once, and each tracker hears of it once.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_has_is_not_entered_twice() {
    let (servers, trakt) = (Servers::start().await, FakeTrakt::start().await);
    let people = "\n[people.ada]\nusers = [\"ada\"]\ntimezone = \"UTC\"\n";
    let route = "\n[[routes]]\nsource = \"jellyfin\"\ntracker = \"bob\"\nusers = [\"ada\"]\n";
    let mut home =
        TestContext::new(&(servers.config("watch", "") + &trakt_account("bob", &trakt) + route + people));
    let _clock = home.set_clock(&[trakt.clock(), servers.jellyfin.clock()]);
    home.connect().await;
    let at = hours(trakt.clock().now(), -40);
    let day = at.strftime("%Y-%m-%d");
    let mut files = Vec::new();
    for number in [2, 4] {
        let film = title(number);
        trakt.add(film.entry.clone());
        servers.add(1, &film);
        servers.record(1, &ADA, &film, at);
        let Entry::Movie { title, year, ids } = &film.entry else { panic!("{:?} is no film", film.entry) };
        let imdb = ids["imdb"].as_str().unwrap();
        let path = home.path().join(format!("{number}.csv"));
        let row =
            format!("title,year,tmdbId,imdbId,watchedAt,comment,location\n{title},{year},,{imdb},{day},,\n");
        std::fs::write(&path, row).unwrap();
        files.push(path);
    }
    let import = |path: &std::path::Path| {
        home.json(&["import", "movary", path.to_str().unwrap(), "--user", "ada", "--yes"])
    };
    let silent = import(&files[0])["id"].to_string();
    let told = import(&files[1])["id"].to_string();
    assert!(home.run(&["jobs", "tell", &told, "--tracker", "bob"]).status.success());
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    trakt.until("what the import tells", |trakt| trakt.history().len() == 1).await;
    home.json(&["catch-up", "jellyfin", "--run"]);
    trakt.until("what the server tells", |trakt| trakt.history().len() == 2).await;
    let is_settled =
        |list: &Value| list["items"].as_array().unwrap().iter().all(|event| !event["verdict"].is_null());
    let events = daemon.get_until("/api/v1/events", "all decided", is_settled).await;
    let codes: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["verdict"]["code"].as_str())
        .collect();
    assert!(codes.contains(&"imported-before"), "{events:#}");
    let plays = daemon.get("/api/v1/plays").await;
    assert_eq!(plays["items"].as_array().unwrap().len(), 2, "{plays:#}");
    assert_eq!(trakt.history().len(), 2, "each is told once");
    // The import whose play the server's own has replaced has nothing left to tell.
    let (is_well, text) = home.run_with_fakes(&["jobs", "tell", &silent, "--tracker", "bob"]).await;
    assert!(is_well && text.contains("0 events for bob"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_turns_it_off() {
    let (servers, trakt) = (Servers::start().await, FakeTrakt::start().await);
    let config = servers.config("watch", "catch_up = false") + &trakt_account("bob", &trakt);
    let route = "\n[[routes]]\nsource = \"jellyfin\"\ntracker = \"bob\"\nusers = [\"ada\"]\n";
    let mut home = TestContext::new(&(config + route));
    let clock = home.set_clock(&[trakt.clock(), servers.jellyfin.clock()]);
    home.connect().await;
    let film = title(2);
    trakt.add(film.entry.clone());
    let mut daemon = home.start();
    daemon.connected("jellyfin").await;
    daemon.stop();
    servers.record(1, &ADA, &film, trakt.clock().now());
    clock.pass(3 * 60 * 60);
    daemon.start_again();
    daemon.connected("jellyfin").await;
    // Something that is heard after it: had the history been read, it would have come first.
    let playing = FakePlayback {
        session: "5".to_owned(),
        person: ADA,
        device: "TV".to_owned(),
        title: film,
        position_ms: 1_000,
        paused: false,
    };
    servers.jellyfin.show(std::slice::from_ref(&playing));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    assert!(trakt.history().is_empty());
}
