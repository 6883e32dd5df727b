//! Servers are listened to: what a watcher hears becomes plays, and nothing that goes wrong makes it lose or double one.

use playrelay_tests::catalogue;
use playrelay_tests::fake_mediabrowser::{self, FakeMediaBrowser, Family};
use playrelay_tests::fake_plex::{self, FakePlex};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Home, sources_to_trakt_config};
use playrelay_tests::screening::{Person, Screening, Title};
use serde_json::{Value, json};

const HOUR: u32 = 3_600_000;
const MIA: Person = Person { number: 1, guid: "50e1109a03fd4e13a3a5dd9bb27e08ec", name: "mia" };

fn inception() -> Title {
    let entry = catalogue::seed().into_iter().find(|entry| entry.name() == "Inception").unwrap();
    Title { key: "27205".to_owned(), entry, runtime_ms: 2 * HOUR, credits_ms: None }
}

fn screening(title: &Title, session: &str) -> Screening {
    Screening {
        session: session.to_owned(),
        person: MIA,
        device: "TV".to_owned(),
        title: title.clone(),
        position_ms: 0,
        paused: false,
    }
}

/// A source that is watched, and a tracker.
async fn home(plugin: &str, url: &str, token: &str, more: &str) -> (FakeTrakt, Home) {
    let trakt = FakeTrakt::start().await;
    let config = sources_to_trakt_config(&[plugin], &trakt, "");
    let address =
        format!("plugin = {plugin:?}\nmode = \"watch\"\nurl = {url:?}\ntoken = {token:?}\n{more}\n");
    let home = Home::new(&config.replace(&format!("plugin = {plugin:?}\n"), &address));
    (trakt, home)
}

#[tokio::test(flavor = "multi_thread")]
async fn plex_tells_of_a_film_over_its_websocket() {
    let plex = FakePlex::start().await;
    plex.add(inception().metadata_with_markers());
    let (trakt, home) = home("plex", &plex.server.url(), fake_plex::TOKEN, "").await;
    home.connect().await;
    let daemon = home.start();
    let shown = daemon.connected("plex").await;
    assert_eq!(shown["by"], "a websocket", "{shown:#}");
    let mut film = screening(&inception(), "201");
    plex.list(std::slice::from_ref(&film));
    plex.tell(&film.notification("playing"));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    film.position_ms = 2 * HOUR / 100 * 93;
    plex.tell(&film.notification("playing"));
    plex.list(&[]);
    plex.tell(&film.notification("stopped"));
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    assert_eq!(trakt.history()[0].entry.name(), "Inception");
}

#[tokio::test(flavor = "multi_thread")]
async fn jellyfin_and_emby_list_their_sessions() {
    for (family, plugin) in [(Family::Jellyfin, "jellyfin"), (Family::Emby, "emby")] {
        let server = FakeMediaBrowser::start(family).await;
        let (trakt, home) = home(plugin, &server.server.url(), fake_mediabrowser::TOKEN, "").await;
        home.connect().await;
        let daemon = home.start();
        let shown = daemon.connected(plugin).await;
        assert_eq!(shown["by"], "a websocket", "{shown:#}");
        let mut film = screening(&inception(), "a1");
        server.list(std::slice::from_ref(&film));
        server.tell();
        trakt.until("the start", |trakt| trakt.watching().is_some()).await;
        film.position_ms = 2 * HOUR / 100 * 93;
        server.list(std::slice::from_ref(&film));
        server.tell();
        // The session is there, its item is not.
        server.list(&[]);
        server.tell();
        trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
        assert_eq!(trakt.history()[0].entry.name(), "Inception", "{plugin}");
        let events = home.json(&["events"]);
        let vanished = events.as_array().unwrap().iter().any(|event| event["verdict"]["code"] == "vanished");
        assert!(vanished, "{plugin}: {events:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_may_not_be_used_is_polled() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    // Of 10.9, only administrators may listen, and a key is nobody.
    server.set_version("10.9.11");
    let (trakt, home) = home("jellyfin", &server.server.url(), fake_mediabrowser::TOKEN, "").await;
    home.connect().await;
    let daemon = home.start();
    let shown = daemon.connected("jellyfin").await;
    assert_eq!(shown["by"], "polling", "{shown:#}");
    server.list(&[screening(&inception(), "a1")]);
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    assert_eq!(server.sockets().opened(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_serves_where_a_proxy_lets_no_websocket_through() {
    use playrelay_tests::faults::Fault;
    let plex = FakePlex::start().await;
    plex.add(inception().metadata_with_markers());
    plex.faults().always("/:/websockets", Fault::status(502));
    let (trakt, home) = home("plex", &plex.server.url(), fake_plex::TOKEN, "").await;
    home.connect().await;
    let daemon = home.start();
    let shown = daemon.connected("plex").await;
    assert_eq!(shown["by"], "an event stream", "{shown:#}");
    assert!(shown["trouble"].as_str().unwrap().contains("502"), "{shown:#}");
    let film = screening(&inception(), "201");
    plex.list(std::slice::from_ref(&film));
    plex.tell(&film.notification("playing"));
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_ends_nothing_that_still_plays() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    let (trakt, home) = home("jellyfin", &server.server.url(), fake_mediabrowser::TOKEN, "").await;
    home.connect().await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let mut film = screening(&inception(), "a1");
    let mut other = Screening {
        person: Person { number: 2, guid: "6d23c30c5e9d4ec6a66db6b05b63e516", name: "tom" },
        ..screening(&inception(), "b2")
    };
    other.device = "Phone".to_owned();
    server.list(&[film.clone(), other.clone()]);
    server.tell();
    trakt.until("the starts", |trakt| trakt.told().len() >= 2).await;
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
