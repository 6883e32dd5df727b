//! Servers are listened to: what a watcher hears becomes plays, and nothing that goes wrong makes it lose or double one.

use std::time::Duration;

use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family};
use playrelay_tests::fake_playback::{FakePlayback, Person, Title};
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestClock, TestContext, server_to_trakt, trakt_account};
use playrelay_tests::{catalogue, fake_mediabrowser, fake_plex, jellyfin_webhook};
use serde_json::{Value, json};

const HOUR: u32 = 3_600_000;
const MIA: Person = Person { number: 1, guid: "50e1109a03fd4e13a3a5dd9bb27e08ec", name: "mia" };

fn inception() -> Title {
    let entry = catalogue::sample_titles().into_iter().find(|entry| entry.name() == "Inception").unwrap();
    Title { key: "27205".to_owned(), entry, runtime_ms: 2 * HOUR, credits_ms: None }
}

fn screening(title: &Title, session: &str) -> FakePlayback {
    FakePlayback {
        session: session.to_owned(),
        person: MIA,
        device: "TV".to_owned(),
        title: title.clone(),
        position_ms: 0,
        paused: false,
    }
}

/// A Plex that is watched, with the film in its library.
async fn at_plex() -> (FakePlex, FakeTrakt, TestContext) {
    let plex = FakePlex::start().await;
    plex.add(inception().metadata_with_markers());
    let server = (plex.server.url(), fake_plex::TOKEN);
    let (trakt, home) = server_to_trakt(("plex", "watch"), (&server.0, server.1), "").await;
    (plex, trakt, home)
}

/// A Jellyfin or an Emby that is watched.
async fn at_mediabrowser(family: Family, plugin: &str) -> (FakeMediaBrowser, FakeTrakt, TestContext) {
    let server = FakeMediaBrowser::start(family).await;
    let at = (server.server.url(), fake_mediabrowser::TOKEN);
    let (trakt, home) = server_to_trakt((plugin, "watch"), (&at.0, at.1), "").await;
    (server, trakt, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn plex_tells_of_a_film_over_its_websocket() {
    let (plex, trakt, home) = at_plex().await;
    let daemon = home.start();
    let shown = daemon.connected("plex").await;
    assert_eq!(shown["by"], "a websocket", "{shown:#}");
    let mut film = screening(&inception(), "201");
    plex.set_sessions(std::slice::from_ref(&film));
    plex.broadcast(&film.notification("playing"));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    film.position_ms = 2 * HOUR / 100 * 93;
    plex.broadcast(&film.notification("playing"));
    plex.set_sessions(&[]);
    plex.broadcast(&film.notification("stopped"));
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    assert_eq!(trakt.history()[0].entry.name(), "Inception");
}

#[tokio::test(flavor = "multi_thread")]
async fn jellyfin_and_emby_list_their_sessions() {
    for (family, plugin) in [(Family::Jellyfin, "jellyfin"), (Family::Emby, "emby")] {
        let (server, trakt, home) = at_mediabrowser(family, plugin).await;
        let daemon = home.start();
        let shown = daemon.connected(plugin).await;
        assert_eq!(shown["by"], "a websocket", "{shown:#}");
        let mut film = screening(&inception(), "a1");
        server.show(std::slice::from_ref(&film));
        trakt.until("the start", |trakt| trakt.watching().is_some()).await;
        film.position_ms = 2 * HOUR / 100 * 93;
        server.show(std::slice::from_ref(&film));
        // The session is there, its item is not.
        server.show(&[]);
        trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
        assert_eq!(trakt.history()[0].entry.name(), "Inception", "{plugin}");
        let events = home.json(&["events"]);
        let vanished = events.as_array().unwrap().iter().any(|event| event["verdict"]["code"] == "vanished");
        assert!(vanished, "{plugin}: {events:#}");
    }
}

/// Where the credits begin, Jellyfin says in its media segments only: whoever has come so far has watched it.
#[tokio::test(flavor = "multi_thread")]
async fn credits_of_jellyfin_are_asked_for() {
    for (marked, watched) in [(true, 1), (false, 0)] {
        let (server, trakt, home) = at_mediabrowser(Family::Jellyfin, "jellyfin").await;
        let title = inception();
        if marked {
            let id = title.jellyfin()["Id"].as_str().unwrap().to_owned();
            server.mark_credits(&id, u64::from(2 * HOUR / 100 * 70), u64::from(2 * HOUR));
        }
        let daemon = home.start();
        daemon.connected("jellyfin").await;
        let mut film = screening(&title, "a1");
        server.show(std::slice::from_ref(&film));
        trakt.until("the start", |trakt| trakt.watching().is_some()).await;
        film.position_ms = 2 * HOUR / 100 * 75;
        server.show(std::slice::from_ref(&film));
        server.show(&[]);
        trakt.until("the end", |trakt| trakt.watching().is_none()).await;
        assert_eq!(trakt.history().len(), watched, "marked: {marked}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_may_not_be_used_is_polled() {
    let (server, trakt, home) = at_mediabrowser(Family::Jellyfin, "jellyfin").await;
    // Of 10.9, only administrators may listen, and a key is nobody.
    server.set_version("10.9.11");
    let daemon = home.start();
    let shown = daemon.connected("jellyfin").await;
    assert_eq!(shown["by"], "polling", "{shown:#}");
    server.list(&[screening(&inception(), "a1")]);
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    assert_eq!(server.sockets().opened(), 0);
}

/// Who may listen, by version (`SessionInfoWebSocketListener.cs`).
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_used_where_it_may_be() {
    let (user, administrator) = (Some(false), Some(true));
    let (server, _trakt, home) = at_mediabrowser(Family::Jellyfin, "jellyfin").await;
    let mut daemon = home.start();
    for (version, who, is_used) in [
        ("10.8.13", None, true),
        ("10.9.11", None, false),
        ("10.10.7", None, true),
        ("10.11.7", None, true),
        ("10.8.13", user, true),
        ("10.9.11", user, false),
        ("10.10.7", user, false),
        ("10.11.7", user, true),
        ("10.9.11", administrator, true),
        ("10.10.7", administrator, true),
    ] {
        server.set_version(version);
        if let Some(is_administrator) = who {
            server.set_token_owner(&MIA, is_administrator);
        }
        daemon.restart();
        let shown = daemon.connected("jellyfin").await;
        let by = if is_used { "a websocket" } else { "polling" };
        assert_eq!(shown["by"], by, "{version} {who:?}: {shown:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_serves_where_a_proxy_lets_no_websocket_through() {
    use playrelay_tests::faults::Fault;
    let (plex, trakt, home) = at_plex().await;
    plex.faults().always("/:/websockets", Fault::status(502));
    let daemon = home.start();
    let shown = daemon.connected("plex").await;
    assert_eq!(shown["by"], "an event stream", "{shown:#}");
    assert!(shown["trouble"].as_str().unwrap().contains("502"), "{shown:#}");
    let film = screening(&inception(), "201");
    plex.set_sessions(std::slice::from_ref(&film));
    plex.broadcast(&film.notification("playing"));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_ends_nothing_that_still_plays() {
    let (server, trakt, home) = at_mediabrowser(Family::Jellyfin, "jellyfin").await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let mut film = screening(&inception(), "a1");
    let mut other = FakePlayback {
        person: Person { number: 2, guid: "6d23c30c5e9d4ec6a66db6b05b63e516", name: "tom" },
        ..screening(&inception(), "b2")
    };
    other.device = "Phone".to_owned();
    server.show(&[film.clone(), other.clone()]);
    trakt.until("the starts", |trakt| trakt.deliveries().len() >= 2).await;
    server.server.go_down().await;
    let shown = daemon.watched("jellyfin", "the loss", |it| it["connected"] == false).await;
    assert!(shown["trouble"].is_string() && shown["again_at"].is_string(), "{shown:#}");
    film.position_ms = HOUR;
    server.list(std::slice::from_ref(&film));
    server.server.come_up().await;
    daemon.connected("jellyfin").await;
    // What is gone has ended, and what is there goes on.
    let shown = |watching: &Value| watching["streams_count"] == 1;
    let watching = daemon.get_until("/api/v1/currently-watching", "the end of the other", shown).await;
    assert_eq!(watching["currently_watching"]["account"], json!("mia"), "{watching:#}");
}

/// A Jellyfin that is listened to, by a clock that the test moves.
async fn jellyfin_by_the_clock() -> (FakeMediaBrowser, FakeTrakt, TestContext, TestClock) {
    let (server, trakt, mut home) = at_mediabrowser(Family::Jellyfin, "jellyfin").await;
    let clock = home.set_clock(&[trakt.clock(), server.clock()]);
    (server, trakt, home, clock)
}

/// For longer than silence is forgiven the server is away, and then the daemon is too: what plays goes on, and no tracker hears of
/// an end.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_no_stop() {
    let (server, trakt, home, clock) = jellyfin_by_the_clock().await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let mut film = screening(&inception(), "a1");
    for minute in 0..5 {
        film.position_ms = minute * HOUR / 60;
        server.show(std::slice::from_ref(&film));
        let stored = |it: &Value| it["stored"].as_u64() > Some(u64::from(minute) + 1);
        daemon.watched("jellyfin", "another minute", stored).await;
        clock.pass(60);
    }
    server.server.go_down().await;
    daemon.watched("jellyfin", "the loss", |it| it["connected"] == false).await;
    clock.pass(6 * 60);
    daemon.kill();
    clock.pass(2 * 60);
    // Before it can listen again, it looks at what it knows.
    let daemon = home.start();
    let events = home.json(&["events"]);
    let is_said = events.as_array().unwrap().iter().any(|event| event["verdict"]["code"] == "unheard");
    assert!(is_said, "{events:#}");
    film.position_ms = 12 * HOUR / 60;
    server.list(std::slice::from_ref(&film));
    server.server.come_up().await;
    daemon.connected("jellyfin").await;
    film.position_ms = 2 * HOUR / 100 * 95;
    server.show(std::slice::from_ref(&film));
    server.show(&[]);
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    let stops = trakt.deliveries().into_iter().filter(|told| told.contains("stop") || told.contains("pause"));
    assert_eq!(stops.count(), 1, "{:?}", trakt.deliveries());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_is_noticed_within_a_minute() {
    let (server, trakt, home, clock) = jellyfin_by_the_clock().await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let mut film = screening(&inception(), "a1");
    server.show(std::slice::from_ref(&film));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    // The server wants to be told that somebody still listens.
    clock.pass(25);
    server.sockets().until_heard("KeepAlive").await;
    server.sockets().freeze(true);
    let began = clock.passed();
    let is_connected = |it: &Value| it["connections"] == 1 && it["connected"] == true;
    // It may take most of a minute by the daemon's clock, and as long as this machine needs to notice.
    while clock.passed() - began < 55
        && is_connected(&daemon.watched("jellyfin", "a source", Value::is_object).await)
    {
        clock.pass(5);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let lost = daemon.watched("jellyfin", "the loss of the connection", |it| !is_connected(it)).await;
    assert!(lost["connections"] == 2 || lost["trouble"].as_str().unwrap().contains("silent"), "{lost:#}");
    server.sockets().freeze(false);
    clock.pass(30);
    daemon
        .watched("jellyfin", "another connection", |it| it["connections"] == 2 && it["connected"] == true)
        .await;
    film.position_ms = 2 * HOUR / 100 * 95;
    server.show(std::slice::from_ref(&film));
    server.show(&[]);
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
}

/// Where nothing plays, a sign now and then is all that is heard, also while the sessions are read.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_connection_stays() {
    let (server, _trakt, home, clock) = jellyfin_by_the_clock().await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let answers = |it: &Value| it["answers"].as_u64().unwrap_or_default();
    for _ in 0..20 {
        let before = answers(&daemon.watched("jellyfin", "a source", Value::is_object).await);
        // Both are due at once: a sign of ours, and a look.
        clock.pass(60);
        daemon.watched("jellyfin", "a look", |it| answers(it) > before + 1).await;
    }
    let shown = daemon.watched("jellyfin", "a source", Value::is_object).await;
    assert_eq!((&shown["connections"], &shown["connected"]), (&json!(1), &json!(true)), "{shown:#}");
    assert!(server.sockets().received().iter().filter(|heard| heard.contains("KeepAlive")).count() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_in_the_middle_is_said_and_tried_again() {
    let (server, trakt, home) = at_mediabrowser(Family::Emby, "emby").await;
    let daemon = home.start();
    daemon.connected("emby").await;
    server.set_token("another-key-0123456789");
    server.sockets().close_all();
    let refused = daemon.watched("emby", "the refusal", |it| it["connected"] == false).await;
    let refused = match refused["trouble"].as_str() {
        Some(text) if text.contains("refused") => refused,
        _ => {
            let says =
                |it: &Value| it["trouble"].as_str().is_some_and(|text| text.contains("refused the login"));
            daemon.watched("emby", "the refusal", says).await
        }
    };
    assert!(refused["again_at"].is_string(), "{refused:#}");
    server.set_token(fake_mediabrowser::TOKEN);
    daemon.connected("emby").await;
    server.show(&[screening(&inception(), "a1")]);
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_and_floods_cost_nothing_but_themselves() {
    let (plex, trakt, home) = at_plex().await;
    let daemon = home.start();
    daemon.connected("plex").await;
    let nonsense = [
        "{",
        "",
        "7",
        "[[[[",
        "\u{0}",
        r#"{"NotificationContainer":{"type":"playing","PlaySessionStateNotification":[{"state":"playing","viewOffset":-1,"sessionKey":{}}]}}"#,
    ];
    for text in nonsense {
        plex.sockets().push(text);
    }
    let shown = daemon.watched("plex", "the nonsense", |it| it["unreadable"].as_u64() >= Some(5)).await;
    assert_eq!((&shown["connections"], &shown["connected"]), (&json!(1), &json!(true)), "{shown:#}");
    assert!(shown["unreadable_because"].is_string(), "{shown:#}");
    // A thousand frames: most say nothing, and a film plays among them.
    let mut film = screening(&inception(), "201");
    plex.set_sessions(std::slice::from_ref(&film));
    let noise = json!({ "NotificationContainer": { "type": "activity", "size": 1, "ActivityNotification": [{ "event": "updated" }] } });
    let before = shown["messages"].as_u64().unwrap();
    for index in 0..1_000_u32 {
        film.position_ms = index * 100;
        let news = film.notification("playing");
        plex.broadcast(if index % 10 == 0 { &news } else { &noise });
    }
    let shown =
        daemon.watched("plex", "the flood", |it| it["messages"].as_u64() >= Some(before + 1_000)).await;
    assert_eq!(shown["connections"], 1, "{shown:#}");
    assert!(shown["stored"].as_u64().unwrap() < 60, "what says nothing new is not stored: {shown:#}");
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    // More than anybody may send: the connection is given up, and opened anew.
    plex.sockets().push("x".repeat(50 << 20));
    let shown = daemon
        .watched("plex", "a new connection", |it| it["connections"] == 2 && it["connected"] == true)
        .await;
    assert!(home.log().contains("more than 8 MiB in one message"), "{shown:#}");
    film.position_ms = 2 * HOUR / 100 * 95;
    plex.broadcast(&film.notification("playing"));
    plex.set_sessions(&[]);
    plex.broadcast(&film.notification("stopped"));
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_loses_and_doubles_nothing() {
    let (server, trakt, home, clock) = jellyfin_by_the_clock().await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let mut film = screening(&inception(), "a1");
    let mut show = |position_ms| {
        film.position_ms = position_ms;
        server.show(std::slice::from_ref(&film));
    };
    show(0);
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    for (jump, position) in
        [(-3_600, HOUR / 2), (7_200, HOUR), (-7_000, 2 * HOUR / 100 * 70), (3_500, 2 * HOUR / 100 * 96)]
    {
        clock.pass(jump);
        daemon.connected("jellyfin").await;
        let stored = |it: &Value| it["stored"].as_u64().unwrap_or_default();
        let before = stored(&daemon.watched("jellyfin", "a source", Value::is_object).await);
        show(position);
        daemon.watched("jellyfin", "what it shows", |it| stored(it) > before).await;
    }
    server.show(&[]);
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    clock.pass(600);
    daemon.connected("jellyfin").await;
    assert_eq!(trakt.history().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_added_is_told_from_then_on() {
    let (server, trakt, home) = at_mediabrowser(Family::Jellyfin, "jellyfin").await;
    let second = FakeTrakt::start().await;
    let path = home.path().join("playrelay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let with_account = format!("{config}\n{}", trakt_account("eve", &second));
    std::fs::write(&path, &with_account).unwrap();
    home.connect_account("eve").await;
    std::fs::write(&path, &config).unwrap();
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let mut film = screening(&inception(), "a1");
    server.show(std::slice::from_ref(&film));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    // A mistake changes nothing, and is shown.
    std::fs::write(&path, format!("{config}\n[[routes]]\nsource = \"jellyfin\"\ntracker = \"eva\"\n"))
        .unwrap();
    let wrong = |shown: &Value| shown["configuration"].as_str().is_some_and(|text| text.contains("eva"));
    daemon.get_until("/api/v1/sources", "the mistake", wrong).await;
    // An account and a route: it hears of what plays, from here on.
    film.position_ms = HOUR;
    server.show(std::slice::from_ref(&film));
    let route = "\n[[routes]]\nsource = \"jellyfin\"\ntracker = \"eve\"\nusers = [\"mia\"]\n";
    std::fs::write(&path, with_account + route).unwrap();
    second.until("what plays", |trakt| trakt.watching().is_some()).await;
    let shown = daemon.watched("jellyfin", "the same connection", Value::is_object).await;
    assert_eq!(shown["connections"], 1, "nothing else has changed: {shown:#}");
    film.position_ms = 2 * HOUR / 100 * 95;
    server.show(std::slice::from_ref(&film));
    server.show(&[]);
    for trakt in [&trakt, &second] {
        trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    }
    let starts =
        |trakt: &FakeTrakt| trakt.deliveries().iter().filter(|told| told.starts_with("start")).count();
    assert_eq!(starts(&second), 1, "{:?}", second.deliveries());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_is_not_heard() {
    let (server, trakt, home) = at_mediabrowser(Family::Jellyfin, "jellyfin").await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    // In mode `watch` a webhook is kept, and counts for nothing.
    let item = inception().jellyfin_webhook();
    let start = jellyfin_webhook::event("PlaybackStart", &item, Some(0), (MIA.guid, MIA.name), "TV");
    let story = daemon.settled(daemon.json("jellyfin", &start).await).await;
    assert_eq!(story["verdict"]["code"], "webhooks-off", "{story:#}");
    let path = home.path().join("playrelay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("mode = \"watch\"", "mode = \"both\"\nenabled = false")).unwrap();
    daemon.get_until("/api/v1/sources", "its end", |shown| shown["sources"] == json!([])).await;
    let story = daemon.settled(daemon.json("jellyfin", &start).await).await;
    assert_eq!(story["verdict"]["code"], "source-off", "{story:#}");
    std::fs::write(&path, config).unwrap();
    daemon.connected("jellyfin").await;
    server.show(&[screening(&inception(), "a1")]);
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
}
