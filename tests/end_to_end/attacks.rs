//! What strangers, plugins and servers may try, many times over: it costs them something, and nobody else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;
use base64::Engine;
use playrelay_tests::fake_mediabrowser::{self, FakeMediaBrowser, Family};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{
    self, Daemon, Home, WEBHOOK_TOKEN, event_of, fixture, server_to_trakt, sources_to_trakt_config,
};
use playrelay_tests::jellyfin_webhook as jellyfin;
use playrelay_tests::load::Usage;
use playrelay_tests::server::Server;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use crate::sandbox::{home, reach, token};

/// How long something may take that is not to be held up.
const PROMPT: Duration = Duration::from_secs(15);
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
        assert!(waited < PROMPT, "{order}: another source waited for {waited:?}");
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
    let home = Home::new(&sources_to_trakt_config(&["jellyfin"], &trakt, ""));
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
        assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
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
        assert!(waited < PROMPT, "the other account waited for {waited:?}");
    }
    // Four faults in five are paused, whatever succeeds between them.
    let end = Instant::now() + PROMPT;
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
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"] {
        let address = format!("http://{host}:{port}");
        let mut home = home(&address, &format!("{address}/healthz"));
        home.set("PLAYRELAY__SERVER__LISTEN", &format!("127.0.0.1:{port}"));
        let daemon = home.start();
        let id = say(&daemon, "rogue", "play mia").await;
        let story = daemon.settled(id).await.to_string();
        assert!(story.contains("own address"), "{host}: {story}");
    }
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
    let home = Home::new(&sources_to_trakt_config(&["jellyfin"], &trakt, "").replace("[\"*\"]", "[]"));
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

/// Security 8: what is approved is what was inspected.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_names_what_it_is_for() {
    let home = Home::new("");
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    let sound = std::fs::read(fixture("sound.wasm")).unwrap();
    let other = [sound.as_slice(), &[0, 2, 1, b'x']].concat();
    std::fs::write(folder.join("a.wasm"), &sound).unwrap();
    std::fs::write(folder.join("b.wasm"), &other).unwrap();
    let shown = home.json(&["plugin", "inspect", "sound"]);
    let digests: Vec<String> =
        shown.as_array().unwrap().iter().map(|it| it["digest"].as_str().unwrap().to_owned()).collect();
    assert_eq!(digests.len(), 2, "both are to be seen: {shown:#}");
    let (succeeded, said) = home.say(&["plugin", "approve", "sound"]).await;
    assert!(!succeeded && digests.iter().all(|digest| said.contains(digest)), "{said}");
    // The one that was inspected is swapped.
    let wanted = home.json(&["plugin", "inspect", folder.join("a.wasm").to_str().unwrap()]);
    let wanted = wanted["digest"].as_str().unwrap();
    std::fs::write(folder.join("a.wasm"), [other.as_slice(), &[0, 2, 1, b'y']].concat()).unwrap();
    let (succeeded, said) = home.say(&["plugin", "approve", "sound", "--digest", wanted]).await;
    assert!(!succeeded && said.contains("inspected"), "{said}");
    std::fs::write(folder.join("a.wasm"), &sound).unwrap();
    let (succeeded, said) = home.say(&["plugin", "approve", "sound", "--digest", &wanted[..16]]).await;
    assert!(succeeded, "{said}");
    let (_, said) = home.say(&["plugin", "approve", "sound"]).await;
    assert!(said.contains("approved before") && said.contains("+ ") && said.contains("sha256"), "{said}");
    let (succeeded, _) = home.say(&["plugin", "revoke", "sound"]).await;
    assert!(succeeded && !home.say(&["plugin", "revoke", "sound"]).await.0);
    let list = home.json(&["plugin", "list"]);
    assert!(!list.to_string().contains("\"active\",\"provides\":[\"check\",\"enrich\""), "{list:#}");
}

/// Security 12 and 16: what is no file, or no plugin, holds nobody up.
#[tokio::test(flavor = "multi_thread")]
async fn odd_files_in_the_plugin_directory_hold_nobody_up() {
    let home = Home::new("");
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    assert!(Command::new("mkfifo").arg(folder.join("pipe.wasm")).status().unwrap().success());
    for number in 0..400 {
        std::fs::write(folder.join(format!("junk-{number:03}.wasm")), "no plugin").unwrap();
    }
    let began = Instant::now();
    let listed = tokio::time::timeout(Duration::from_secs(60), home.say(&["plugin", "list", "--json"])).await;
    let (succeeded, said) = listed.unwrap_or_else(|_| panic!("it hangs: {}", home.log()));
    assert!(succeeded, "{said}");
    println!("listed after {:?}", began.elapsed());
    home.start();
}

/// Security 17: what cannot store is not ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_nothing_is_not_ready() {
    let trakt = FakeTrakt::start().await;
    let home = Home::new(&sources_to_trakt_config(&["jellyfin"], &trakt, ""));
    let daemon = home.start();
    let ready = async || home.client.get(format!("{}/readyz", daemon.url())).send().await.unwrap().status();
    assert_eq!(ready().await, 200);
    let holder = harness::hold(&home.data().join("playrelay.db"));
    let token = format!("{WEBHOOK_TOKEN}-jellyfin");
    let refused = daemon.send("/webhook/jellyfin", Some(&token), "text/plain", b"{}".to_vec()).await;
    assert_eq!((refused.status(), ready().await), (503.try_into().unwrap(), 503.try_into().unwrap()));
    drop(holder);
    assert_eq!(ready().await, 200);
}

/// Security 20: a key that is gone is missed, and its return mends everything.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_key_is_not_replaced_in_silence() {
    let home = Home::new("[sources.attic]\nplugin = \"jellyfin\"\n");
    let (_, address) = home.say(&["webhooks"]).await;
    let path = address.split("/webhook/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let (key, aside) = (home.data().join("secret.key"), home.path().join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    assert!(home.run(&["check"]).status.success());
    assert!(!key.exists(), "no new key is made");
    let daemon = home.start();
    let send = async |daemon: &Daemon<'_>| {
        daemon.send(&format!("/webhook/{path}"), None, "application/json", b"{}".to_vec()).await
    };
    assert_eq!(send(&daemon).await.status(), 503, "the sender should come again");
    assert!(home.log().contains("is gone: restore it"), "{}", home.log());
    drop(daemon);
    std::fs::rename(&aside, &key).unwrap();
    assert_eq!(send(&home.start()).await.status(), 200);
}

/// Security 21 and 22: files are for their owner whatever the folder is, and a folder has one daemon.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_private_and_the_folder_is_locked() {
    let trakt = FakeTrakt::start().await;
    let home = Home::cold(&sources_to_trakt_config(&["jellyfin"], &trakt, ""));
    std::fs::create_dir_all(home.data()).unwrap();
    std::fs::set_permissions(home.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let daemon = home.start();
    let film = jellyfin::movie(&"7".repeat(32), "Inception", 2010, 7_200_000, &[("imdb", "tt1375666")]);
    let user = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
    daemon.json("jellyfin", &jellyfin::event("PlaybackStart", &film, Some(0), user, "TV")).await;
    let shown = home.data().join("state/currently_watching.json");
    let end = Instant::now() + PROMPT;
    while !shown.exists() {
        assert!(Instant::now() < end, "nothing is shown: {}", home.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for file in ["state/currently_watching.json", "admin.token", "secret.key", "playrelay.db"] {
        let mode = std::fs::metadata(home.data().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file}: {mode:o}");
    }
    let lock = home.data().join("lock");
    if lock.exists() {
        std::fs::remove_file(lock).unwrap();
    }
    let (succeeded, said) = home.say(&["serve"]).await;
    assert!(!succeeded && said.contains("another Playrelay"), "{said}");
    // What others may read is said.
    std::fs::set_permissions(home.data().join("secret.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let (_, said) = home.say(&["check"]).await;
    assert!(said.contains("chmod 600"), "{said}");
}

/// Security 24: compiled code is bound to the plugin that it was compiled from.
#[tokio::test(flavor = "multi_thread")]
async fn compiled_code_of_another_plugin_is_not_run() {
    let home = home("http://127.0.0.1:9", "");
    let cache = home.data().join("cache");
    let mut codes: Vec<_> = std::fs::read_dir(&cache)
        .unwrap()
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|it| it == "cwasm"))
        .collect();
    codes.sort();
    let (one, other) = (&codes[0], &codes[1]);
    std::fs::copy(one, other).unwrap();
    std::fs::copy(one.with_extension("mac"), other.with_extension("mac")).unwrap();
    let (succeeded, said) = home.say(&["plugin", "list", "--json"]).await;
    assert!(succeeded && said.contains("was changed by somebody"), "{said}");
    // A key that is damaged costs the cache, and nothing else.
    std::fs::write(cache.join("key"), "short").unwrap();
    let list: Value = home.json(&["plugin", "list"]);
    assert!(list.as_array().unwrap().iter().all(|row| row["status"] == "active"), "{list:#}");
}
