//! What strangers, plugins and servers may try, many times over: it costs them something, and nobody else.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use futures_util::{StreamExt, stream};
use playrelay::app::App;
use playrelay::config;
use playrelay_plugin_host::capabilities::Check;
use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{
    Daemon, TestContext, WEBHOOK_TOKEN, event_of, server_to_trakt, sources_to_trakt_config,
};
use playrelay_tests::load::Usage;
use playrelay_tests::server::Server;
use playrelay_tests::{fake_mediabrowser, harness, jellyfin_webhook as jellyfin};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::sandbox::{home, reach, token};

/// How long something may take that is not to be held up.
const SHORT_DEADLINE: Duration = Duration::from_secs(15);
/// The most that the daemon may take, with what a debug build has of its own. KiB.
const RESIDENT_KIB: u64 = 200 << 10;

async fn say(daemon: &Daemon<'_>, source: &str, order: &str) -> i64 {
    let path = format!("/webhook/{source}");
    event_of(daemon.send(&path, Some(&token(source)), "text/plain", order.as_bytes().to_vec()).await).await
}

/// How long it takes until an event has ended.
async fn ended(daemon: &Daemon<'_>, id: i64) -> Duration {
    let began = Instant::now();
    daemon.settled(id).await;
    began.elapsed()
}

/// Security 2: what guests return has a limit, also summed over many calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_large_answers_cost_little() {
    let home = home("http://127.0.0.1:9", "");
    let daemon = home.start();
    for order in ["hoard", "heavy"] {
        for _ in 0..100 {
            say(&daemon, "rogue", order).await;
        }
        let other = say(&daemon, "sound", "hello").await;
        let waited = ended(&daemon, other).await;
        assert!(waited < SHORT_DEADLINE, "{order}: another source waited for {waited:?}");
        let resident = Usage::of(daemon.pid()).resident;
        println!("{order}: {resident} KiB resident");
        assert!(resident < RESIDENT_KIB, "{order}: {resident} KiB resident");
    }
    let files = ["playrelay.db", "playrelay.db-wal"].map(|name| home.data().join(name));
    let size: u64 = files.iter().filter_map(|file| Some(std::fs::metadata(file).ok()?.len())).sum();
    println!("{size} bytes of database");
    assert!(size < 50 << 20, "{size} bytes of database");
    let story = home.json(&["event", "1"]).to_string();
    assert!(story.len() < 256 << 10, "a story of {} bytes", story.len());
}

/// Security 3: whoever opens sockets and says nothing makes room for those who speak.
#[tokio::test(flavor = "multi_thread")]
async fn idle_sockets_keep_nobody_out() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let trakt = FakeTrakt::start().await;
    let home = TestContext::new(&sources_to_trakt_config(&["jellyfin"], &trakt, ""));
    let daemon = home.start_with_files(1_024);
    let address = daemon.url().trim_start_matches("http://").to_owned();
    let mut sockets = Vec::new();
    for number in 0..1_100 {
        let mut socket = TcpStream::connect(&address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        match number % 3 {
            0 => {}
            1 => socket.write_all(b"POST /webhook/jellyfin HTTP/1.1\r\nHost: x\r\nX-Half: ").unwrap(),
            _ => {
                socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
                assert!(socket.read(&mut [0; 512]).unwrap() > 0, "socket {number} was not answered");
            }
        }
        sockets.push(socket);
    }
    for _ in 0..20 {
        let began = Instant::now();
        // Each over a connection of its own.
        let client = harness::client();
        let url = format!("{}/webhook/jellyfin/{WEBHOOK_TOKEN}-jellyfin", daemon.url());
        let answer = client.post(url).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(began.elapsed() < SHORT_DEADLINE, "{:?}", began.elapsed());
    }
    // Whoever stays silent is hung up on.
    let last = sockets.last_mut().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    assert_eq!(last.read(&mut [0; 512]).unwrap(), 0, "the connection is closed");
}

/// Security 10: pongs that nobody reads do not pile up.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_pings_fills_no_memory() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    let at = (server.server.url(), fake_mediabrowser::TOKEN);
    let (_trakt, home) = server_to_trakt(("jellyfin", "watch"), (&at.0, at.1), "").await;
    let daemon = home.start();
    daemon.connected("jellyfin").await;
    let before = Usage::of(daemon.pid()).resident;
    server.sockets().flood(Duration::from_secs(30));
    let end = Instant::now() + Duration::from_secs(32);
    let mut most = 0;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(250)).await;
        most = most.max(Usage::of(daemon.pid()).resident);
    }
    println!("{before} KiB before, at most {most} KiB");
    assert!(most < before + (64 << 10), "{before} KiB before, {most} KiB in the flood");
}

/// Security 5 and 14: one account's faults are its own, and successes in between do not hide them.
#[tokio::test(flavor = "multi_thread")]
async fn faults_of_one_account_do_not_pause_another() {
    let home = home("http://127.0.0.1:9", "");
    let path = home.path().join("playrelay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let twin = format!("[sources.twin]\nplugin = \"rogue\"\nwebhook_token = {:?}\n", token("twin"));
    std::fs::write(&path, config + &twin).unwrap();
    let daemon = home.start();
    for _ in 0..10 {
        for order in ["panic", "panic", "panic", "panic", "hello"] {
            say(&daemon, "rogue", order).await;
        }
    }
    for _ in 0..20 {
        let id = say(&daemon, "twin", "hello").await;
        let waited = ended(&daemon, id).await;
        assert!(waited < SHORT_DEADLINE, "the other account waited for {waited:?}");
    }
    // Four faults in five are paused, whatever succeeds between them.
    let end = Instant::now() + SHORT_DEADLINE;
    while !home.log().contains("paused") {
        assert!(Instant::now() < end, "a plugin that fails four times in five is not paused");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Security 9: whoever waits for a network holds up nobody who does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_tarpit_does_not_hold_up_parsers() {
    let tarpit = Server::start(Router::new().fallback(async || {
        tokio::time::sleep(Duration::from_secs(9)).await;
        "late"
    }))
    .await;
    let home = home(&tarpit.url(), &format!("{}/", tarpit.url()));
    let daemon = home.start();
    for viewer in 0..200 {
        say(&daemon, "rogue", &format!("play viewer-{viewer}")).await;
    }
    for _ in 0..10 {
        let id = say(&daemon, "sound", "hello").await;
        let waited = ended(&daemon, id).await;
        assert!(waited < Duration::from_secs(6), "another plugin's parse waited for {waited:?}");
    }
}

/// Security 11: log lines have a limit over time, not only in one call.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_shouts_does_not_fill_the_log() {
    let home = home("http://127.0.0.1:9", "");
    let daemon = home.start();
    let began = Instant::now();
    let mut last = 0;
    for _ in 0..300 {
        last = say(&daemon, "rogue", "shout").await;
    }
    daemon.settled(last).await;
    let lines = home.log().matches("shouting ").count();
    let allowed = 1_000 + 10 * (began.elapsed().as_secs() as usize + 2);
    assert!(lines <= allowed, "{lines} lines of 30,000, and {allowed} are allowed");
    assert!(home.log().contains("lines of this plugin were left out"));
}

/// Security 4 and 7: no plugin reaches the daemon itself, by whatever name.
#[tokio::test(flavor = "multi_thread")]
async fn the_own_address_is_out_of_reach() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let spellings = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"].map(str::to_owned);
    for host in spellings.into_iter().chain(names_of_this_machine()) {
        let address = format!("http://{host}:{port}");
        let mut home = home(&address, &format!("{address}/healthz"));
        home.set("PLAYRELAY__SERVER__LISTEN", &format!("127.0.0.1:{port}"));
        let daemon = home.start();
        let id = say(&daemon, "rogue", "play mia").await;
        let story = daemon.settled(id).await.to_string();
        assert!(story.contains("own address"), "{host}: {story}");
    }
}

/// What `/etc/hosts` calls this machine.
fn names_of_this_machine() -> Vec<String> {
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let loops = lines.filter(|line| line.starts_with("127."));
    loops.flat_map(|line| line.split_whitespace().skip(1).map(str::to_owned)).collect()
}

/// Security 18: a secret that a server gives back is masked in the usual spellings.
#[tokio::test(flavor = "multi_thread")]
async fn an_echoed_secret_is_masked_in_every_spelling() {
    let secret = "the-guests-secret-key";
    let spellings = [
        secret.to_owned(),
        base64::engine::general_purpose::STANDARD.encode(secret),
        secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        secret.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
    ];
    for spelling in spellings {
        let echoed = spelling.clone();
        let router = Router::new().route("/", get(async move |_: HeaderMap| format!("it was {echoed}.")));
        let server = Server::start(router).await;
        let answer = reach("rogue", &server.url(), &format!("{}/", server.url())).await;
        assert!(answer.contains("[secret]") && !answer.contains(&spelling), "{spelling}: {answer}");
    }
}

/// Security 8 and 13: nothing that is printed moves the cursor or turns the text around.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_printed_carries_control_characters() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::new(&sources_to_trakt_config(&["jellyfin"], &trakt, "").replace("[\"*\"]", "[]"));
    let daemon = home.start();
    let film = jellyfin::movie(
        &"7".repeat(32),
        "In\u{1b}[2Jception\u{202e}",
        2010,
        7_200_000,
        &[("imdb", "tt1375666")],
    );
    let user = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia\u{1b}]0;x\u{7}\r\n   99  queued\u{9b}2J");
    let id =
        daemon.json("jellyfin", &jellyfin::event("PlaybackStart", &film, Some(0), user, "TV\u{1b}[8m")).await;
    daemon.settled(id).await;
    for arguments in [
        &["event", "1"][..],
        &["events"],
        &["users", "list"],
        &["users", "list", "--all"],
        &["status"],
        &["outbox", "list"],
        &["replay", "1"],
        &["event", "1", "--json"],
        &["events", "--json"],
        &["users", "list", "--json"],
    ] {
        let output = home.run(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_odd = |letter: char| {
            letter != '\n' && letter.is_control() || ('\u{202a}'..='\u{202e}').contains(&letter)
        };
        assert!(output.status.success() && !text.contains(is_odd), "{arguments:?}: {text:?}");
        assert!(!text.contains("\n   99"), "{arguments:?}: a forged row: {text}");
    }
}

/// Security 15: a line that never ends costs as much as its bytes.
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_line_of_an_event_stream_costs_little() {
    // 6 MiB in pieces of 100 bytes and no end of a line, and then 32 MiB of lines that say nothing.
    let pieces = stream::iter((0..60_000).map(|_| Bytes::from_static(&[b'x'; 100])))
        .chain(stream::iter(std::iter::once(Bytes::from_static(b"\n"))))
        .chain(stream::iter((0..512).map(|_| Bytes::from(":\n".repeat(32 << 10)))));
    let sent = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&sent);
    let pieces = pieces.map(Ok::<_, Infallible>).chain(stream::once(async move {
        ended.store(true, Ordering::SeqCst);
        std::future::pending().await
    }));
    let pieces = Arc::new(Mutex::new(Some(pieces)));
    let router = Router::new()
        .without_v07_checks()
        .route(
            "/:/eventsource/notifications",
            get(async move || {
                let body = pieces.lock().unwrap().take().map(Body::from_stream).unwrap_or_default();
                ([("content-type", "text/event-stream")], body)
            }),
        )
        .route("/", get(async || Json(json!({ "MediaContainer": { "machineIdentifier": "f00d" } }))))
        .route("/status/sessions", get(async || Json(json!({ "MediaContainer": { "size": 0 } }))));
    let server = Server::start(router).await;
    let (_trakt, home) = server_to_trakt(("plex", "watch"), (&server.url(), "the-owners-token"), "").await;
    let daemon = home.start();
    let before = Usage::of(daemon.pid()).cpu;
    let end = Instant::now() + Duration::from_secs(60);
    while !sent.load(Ordering::SeqCst) {
        assert!(Instant::now() < end, "the stream was not read: {}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let spent = Usage::of(daemon.pid()).cpu - before;
    println!("{spent:?} of CPU");
    // Measured when each piece was searched from the start of its line: ten seconds in a release build, and far more in this one.
    assert!(spent < Duration::from_secs(15), "{spent:?} of CPU");
}

/// Security 23: what a plugin keeps for an account is not shown to another plugin under that account's name.
#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_a_plugin_is_its_own() {
    let home = home("http://127.0.0.1:9", "its own store");
    let path = home.path().join("playrelay.toml");
    let look = async || {
        let config = config::load(Some(&path)).unwrap();
        let app = App::open_with(config, harness::binary()).await.unwrap();
        let (plugin, caller) = app.plugin("rogue").unwrap();
        plugin.call::<Check>(&caller, ()).await.0.unwrap().unwrap().name
    };
    assert_eq!(look().await, "Ok(None) Ok(())");
    let kept = look().await;
    assert!(kept.starts_with("Ok(Some("), "it has its own: {kept}");
    let of_another =
        std::fs::read_to_string(&path).unwrap().replace("plugin = \"rogue\"", "plugin = \"sound\"");
    std::fs::write(&path, of_another).unwrap();
    assert_eq!(look().await, "Ok(None) Ok(())");
}
