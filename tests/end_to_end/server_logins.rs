//! Servers are logged in to as their owners do it, and found; no secret is seen on the way, and a daemon that runs takes it over.

use playrelay_tests::fake_emby_connect::FakeEmbyConnect;
use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family, PASSWORD};
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{Daemon, TestContext, trakt_account};
use playrelay_tests::tls_proxy::TlsProxy;
use playrelay_tests::{fake_mediabrowser, fake_plex, fake_plex_tv};
use serde_json::{Value, json};

fn source(plugin: &str, more: &str) -> TestContext {
    TestContext::new(&format!("[sources.home]\nplugin = {plugin:?}\nmode = \"watch\"\n{more}\n"))
}

/// Whether a server was asked for something, and was shown no token.
fn saw_no_token(other: &FakeMdbList) -> bool {
    let calls = other.calls();
    !calls.is_empty() && calls.iter().all(|call| !call.headers.iter().any(|name| name == "x-plex-token"))
}

#[tokio::test(flavor = "multi_thread")]
async fn plex_is_linked_with_a_code_and_its_server_found() {
    let (tv, plex) = (FakePlexTv::start(&[]).await, FakePlex::start().await);
    // It has the address at home that the friend's server has at theirs.
    let other = FakeMdbList::start().await;
    tv.add_server(
        "Somebody's",
        false,
        "a-shared-token-0123456789",
        json!([{ "uri": "http://127.0.0.1:9", "local": false, "relay": false }]),
    );
    let addresses = json!([
        { "uri": "http://127.0.0.1:2", "local": false, "relay": true },
        { "uri": "http://127.0.0.1:1", "local": true, "relay": false },
        { "uri": other.server.url(), "local": true, "relay": false },
        { "uri": plex.server.url(), "local": false, "relay": false },
    ]);
    tv.add_server("Attic", true, fake_plex::TOKEN, addresses);
    let home = source("plex", &format!("account_url = {:?}", tv.server.url()));
    // The daemon runs: it finds out by itself.
    let daemon = home.start();
    let (success, text) = home.run_with_fakes(&["connect", "home", "--choose", "attic"]).await;
    assert!(success, "{text}");
    assert!(text.contains("https://plex.tv/link") && text.contains("TK7W"), "{text}");
    let places =
        ["Attic (your own)", "Somebody's (shared by a friend)", "No server"].map(|name| text.find(name));
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
    let end = format!("home is logged in as mia at {}.", plex.server.url());
    assert!(text.contains(&end), "{text}");
    daemon.connected("home").await;
    for secret in [fake_plex::TOKEN, fake_plex_tv::TOKEN, "a-shared-token-0123456789"] {
        assert!(!home.log().contains(secret) && !text.contains(secret), "a token was shown");
    }
    assert!(saw_no_token(&other), "{:?}", other.calls());
    // Only the account, from here on: the server is none of its.
    let (success, text) = home.run_with_fakes(&["connect", "home", "--choose", "No server"]).await;
    assert!(success, "{text}");
    daemon.get_until("/api/v1/sources", "its end", |shown| shown["sources"] == json!([])).await;
    let (success, text) = home.run_with_fakes(&["connect", "home", "--choose", "attic"]).await;
    assert!(success, "{text}");
    daemon.connected("home").await;
    let (success, text) = home.run_with_fakes(&["disconnect", "home"]).await;
    assert!(success && text.contains("authorized devices"), "{text}");
    daemon.get_until("/api/v1/sources", "its end", |shown| shown["sources"] == json!([])).await;
}

/// "The token will be deleted from the database. Removing the authentication only deletes the token stored here; it still exists in Plex", and the page says where it
/// is ended there. Until then it is stored encrypted, and shown as linked with the account's name.
#[tokio::test(flavor = "multi_thread")]
async fn removing_an_authentication_deletes_the_token_here_and_says_where_it_still_exists() {
    let tv = FakePlexTv::start(&[]).await;
    let home = source("plex", &format!("account_url = {:?}", tv.server.url()));
    let daemon = home.start();
    let (success, text) = home.run_with_fakes(&["connect", "home", "--choose", "No server"]).await;
    assert!(success && text.contains("home is logged in as mia"), "{text}");
    let database = rusqlite::Connection::open(home.data().join("playrelay.db")).unwrap();
    let stored = || -> Vec<Vec<u8>> {
        let mut rows = database.prepare("SELECT sealed FROM credentials WHERE name = 'home'").unwrap();
        rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let token = fake_plex_tv::TOKEN.as_bytes();
    let is_there = |bytes: &[u8]| bytes.windows(token.len()).any(|window| window == token);
    assert!(stored().len() == 1 && !is_there(&stored()[0]), "it is stored, and not as it is");
    let answer = daemon.api(reqwest::Method::DELETE, "/api/v1/accounts/home/login").send().await.unwrap();
    let removed: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(removed["forgotten"], true, "{removed:#}");
    let remains = removed["at_the_service"].as_str().unwrap();
    assert!(remains.contains("authorized devices at app.plex.tv"), "{remains}");
    assert!(stored().is_empty(), "it is deleted here");
}

/// A login with a device key is renewed before its token expires, and when the service says that it has expired; a device that the user
/// removed has to log in again.
#[tokio::test(flavor = "multi_thread")]
async fn plex_renews_a_login_with_a_device_key() {
    let (tv, plex) = (FakePlexTv::start(&[]).await, FakePlex::start().await);
    let addresses = json!([{ "uri": plex.server.url(), "local": true, "relay": false }]);
    tv.add_server("Attic", true, fake_plex::TOKEN, addresses);
    let url = tv.server.url();
    let text = format!("[sources.home]\nplugin = \"plex\"\naccount_url = {url:?}\nauth_url = {url:?}\n");
    let mut home = TestContext::new(&text);
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replacen("[server]\n", "[server]\npublic_url = \"http://192.168.1.5:8787/\"\n", 1);
    std::fs::write(&path, text).unwrap();
    let clock = home.set_clock(&[tv.clock()]);
    let daemon = home.start();
    let (success, text) =
        home.run_with_fakes(&["connect", "home", "--method", "device-key", "--choose", "attic"]).await;
    assert!(success && text.contains("TK7W"), "{text}");
    assert!(text.contains(&format!("home is logged in as mia at {}.", plex.server.url())), "{text}");
    daemon.connected("home").await;
    assert_eq!(tv.device_tokens().len(), 1);
    let renewals = || {
        let calls = tv.calls().into_iter().filter(|call| call.path == "/api/v2/auth/token");
        calls.map(|call| call.status).collect::<Vec<_>>()
    };
    // Asks the server and plex.tv, each with its token.
    let doctor = async |parts: &[&str]| {
        let (_, text) = home.run_with_fakes(&["doctor"]).await;
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    };
    let good =
        ["logged in; it is renewed before", "its server sends no webhooks", "the token may see its sessions"];
    doctor(&good).await;
    assert_eq!(renewals(), [0; 0], "renewed without need");
    // Half of its life has passed.
    clock.pass(4 * 24 * 3_600);
    doctor(&good).await;
    assert_eq!(renewals(), [200]);
    // It is refused early; the server has another token, too.
    tv.expire_device_tokens();
    tv.change_server_token("a-newer-server-token-0123456789");
    plex.set_token("a-newer-server-token-0123456789");
    doctor(&good).await;
    let renewed = renewals().len();
    assert!(renewed > 1 && renewals().iter().all(|status| *status == 200), "{:?}", renewals());
    // A moment in which the service gives no nonce ends nothing.
    tv.expire_device_tokens();
    tv.faults().next("/api/v2/auth/nonce", 1, Fault::status(503));
    doctor(&["whether it sends webhooks is not known: renewing the login failed"]).await;
    doctor(&good).await;
    assert!(renewals().len() > renewed, "{:?}", renewals());
    tv.forget_devices();
    doctor(&["whether it sends webhooks is not known"]).await;
    assert_eq!(renewals().last(), Some(&422));
    for secret in tv.device_tokens().iter().map(String::as_str).chain([fake_plex::TOKEN]) {
        assert!(!home.log().contains(secret) && !text.contains(secret), "a token was shown");
    }
}

/// An address at which another server answers is not taken, and why none can be reached is said.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_does_not_serve_is_told_with_its_reason() {
    let (tv, plex) = (FakePlexTv::start(&[]).await, FakePlex::start().await);
    let front = TlsProxy::before(&plex.server.url()).await;
    let addresses = json!([{ "uri": front.url(), "local": true, "relay": false }]);
    tv.add_server("Attic", true, fake_plex::TOKEN, addresses);
    let home = source("plex", &format!("account_url = {:?}", tv.server.url()));
    let (success, text) = home.run_with_fakes(&["connect", "home", "--choose", "attic"]).await;
    assert!(!success && text.contains("tls_fingerprint = \"sha256:") && text.contains("set `url`"), "{text}");
    // One that was typed is not given the token of another.
    let other = FakeMdbList::start().await;
    let more = format!("account_url = {:?}\nurl = {:?}", tv.server.url(), other.server.url());
    let (success, text) =
        source("plex", &more).run_with_fakes(&["connect", "home", "--choose", "attic"]).await;
    assert!(!success && text.contains("another server than Attic"), "{text}");
    assert!(saw_no_token(&other), "{:?}", other.calls());
}

/// A name that was another service's before is not its login.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_no_other_plugins() {
    let (trakt, mdblist) = (FakeTrakt::start().await, FakeMdbList::start().await);
    let home = TestContext::new(&trakt_account("bob", &trakt));
    home.connect().await;
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let before = text.split("[trackers.bob]").next().unwrap();
    let now = format!(
        "{before}[trackers.bob]\nplugin = \"mdblist\"\napi_url = {0:?}\nclient_id = \"an-app\"\n",
        mdblist.server.url()
    );
    std::fs::write(&path, now).unwrap();
    let (success, text) = home.run_with_fakes(&["doctor"]).await;
    assert!(!success && text.contains("nobody is logged in"), "{text}");
    let (success, text) = home.run_with_fakes(&["disconnect", "bob"]).await;
    assert!(success && text.contains("the login was one of trakt"), "{text}");
    assert!(mdblist.calls().is_empty(), "the other service was asked for something: {:?}", mdblist.calls());
}

/// A second login does not lose what the first one has found, and who has no password needs none.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_keeps_the_address_and_needs_no_password() {
    let (server, _connect, home) = at_emby_connect().await;
    let daemon = home.start();
    let by_connect = [
        "connect",
        "home",
        "--method",
        "connect",
        "--field",
        "user=mia@example.org",
        "--choose",
        "cellar",
        "--field",
    ];
    let password = format!("password={PASSWORD}");
    let (success, text) = home.run_with_fakes(&[&by_connect[..], &[&password]].concat()).await;
    assert!(success, "{text}");
    daemon.connected("home").await;
    server.set_password("");
    let by_name = ["connect", "home", "--method", "password", "--field", "user=mia", "--field", "password="];
    let (success, text) = home.run_with_fakes(&by_name).await;
    assert!(success, "{text}");
    let (_, text) = home.run_with_fakes(&["doctor"]).await;
    assert!(text.contains("the token may see its sessions"), "{text}");
    // A key in the configuration counts, and goes on to do so.
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text + "token = \"a-key-of-the-dashboard\"\n").unwrap();
    let (success, text) = home.run_with_fakes(&["disconnect", "home"]).await;
    assert!(success && text.contains("is still used"), "{text}");
    let (success, text) = home.run_with_fakes(&["disconnect", "home"]).await;
    assert!(!success && text.contains("has no login"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jellyfin_takes_a_code_or_a_password() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    let home = source("jellyfin", &format!("url = {:?}", server.server.url()));
    let daemon = home.start();
    let waits =
        |it: &Value| it["trouble"].as_str().is_some_and(|text| text.contains("playrelay connect home"));
    daemon.watched("home", "that it wants a login", waits).await;
    let (success, text) = home.run_with_fakes(&["connect", "home"]).await;
    assert!(success && text.contains("135790"), "{text}");
    daemon.connected("home").await;
    let (success, text) = home.run_with_fakes(&["disconnect", "home"]).await;
    assert!(success, "{text}");
    assert!(server.asked().contains(&"log out".to_owned()), "{:?}", server.asked());
    // Where Quick Connect is switched off it says what else there is.
    server.faults().next("/QuickConnect", 1, Fault::status(401));
    let (success, text) = home.run_with_fakes(&["connect", "home"]).await;
    assert!(!success && text.contains("switched off"), "{text}");
    let password = format!("password={PASSWORD}");
    let by_password = ["connect", "home", "--method", "password", "--field", "user=mia", "--field"];
    let (success, text) = home.run_with_fakes(&[&by_password[..], &["password=wrong"]].concat()).await;
    assert!(!success && text.contains("refused the name or the password"), "{text}");
    let (success, text) = home.run_with_fakes(&[&by_password[..], &[&password]].concat()).await;
    assert!(success, "{text}");
    daemon.connected("home").await;
    assert!(!home.log().contains(PASSWORD) && !home.log().contains(fake_mediabrowser::TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_jellyfin_gives_codes_too_and_emby_takes_a_password() {
    let jellyfin = FakeMediaBrowser::start(Family::Jellyfin).await;
    jellyfin.set_version("10.8.13");
    let home = source("jellyfin", &format!("url = {:?}", jellyfin.server.url()));
    let (success, text) = home.run_with_fakes(&["connect", "home"]).await;
    assert!(success && text.contains("135790"), "{text}");
    let emby = FakeMediaBrowser::start(Family::Emby).await;
    let home = source("emby", &format!("url = {:?}", emby.server.url()));
    let daemon = home.start();
    let password = format!("password={PASSWORD}");
    let by_password = ["connect", "home", "--method", "password", "--field", "user=mia", "--field"];
    let (success, text) = home.run_with_fakes(&[&by_password[..], &[&password]].concat()).await;
    assert!(success, "{text}");
    daemon.connected("home").await;
    assert!(!home.log().contains(PASSWORD) && !home.log().contains(fake_mediabrowser::TOKEN));
}

/// A person of Emby Connect with two servers, of which the second answers; and a source that may log in there.
async fn at_emby_connect() -> (FakeMediaBrowser, FakeEmbyConnect, TestContext) {
    let server = FakeMediaBrowser::start(Family::Emby).await;
    let url = server.server.url();
    let connect = FakeEmbyConnect::start(&[
        ("Away", "http://127.0.0.1:1", "http://127.0.0.1:2"),
        ("Cellar", "http://127.0.0.1:1", &url),
    ])
    .await;
    let home = source("emby", &format!("connect_url = {:?}", connect.server.url()));
    (server, connect, home)
}

/// Asks for a login as a page does it. Gives the status, and what was answered.
async fn ask(daemon: &Daemon<'_>, path: &str, body: Value) -> (u16, String) {
    let request = daemon.api(reqwest::Method::POST, &format!("/api/v1/accounts/home/login{path}"));
    let request = request.header("content-type", "application/json").body(body.to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// One that is begun anew takes the place of the one before, and a slip does not end it.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_a_page_is_begun_anew_and_survives_a_slip() {
    let (_server, _connect, home) = at_emby_connect().await;
    let daemon = home.start();
    let post = async |path: &str, body| ask(&daemon, path, body).await;
    assert_eq!(post("/choice", json!({ "id": "1" })).await.0, 409, "nothing was begun");
    let form = json!({ "user": "mia@example.org", "password": PASSWORD });
    let begin = json!({ "method": "connect", "form": form });
    for _ in 0..2 {
        assert!(post("", begin.clone()).await.1.contains("choosing"));
    }
    // That one cannot be reached, and this one is none.
    for id in ["0", "7"] {
        let (status, text) = post("/choice", json!({ "id": id })).await;
        assert_eq!(status, 502, "{id}: {text}");
    }
    let (status, text) = post("/choice", json!({ "id": "1" })).await;
    assert!(status == 200 && text.contains("granted"), "{text}");
    assert_eq!(post("/choice", json!({ "id": "1" })).await.0, 409, "it is done");
    daemon.connected("home").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emby_connect_finds_the_server() {
    let (_server, _connect, home) = at_emby_connect().await;
    let daemon = home.start();
    let begin = async |form| ask(&daemon, "", json!({ "method": "connect", "form": form })).await;
    let (status, refused) = begin(json!({ "user": "mia@example.org" })).await;
    assert!(status == 400 && refused.contains("password"), "{status}: {refused}");
    let (_, begun) = begin(json!({ "user": "mia@example.org", "password": PASSWORD })).await;
    assert!(begun.contains("choosing") && begun.contains("Cellar"), "{begun}");
    let (_, chosen) = ask(&daemon, "/choice", json!({ "id": "1" })).await;
    assert!(chosen.contains("granted"), "{chosen}");
    daemon.connected("home").await;
    let standing = daemon.get("/api/v1/accounts/home/login").await;
    assert_eq!(standing["state"], "granted");
    assert!(!home.log().contains(PASSWORD) && !home.log().contains(fake_mediabrowser::TOKEN));
}
