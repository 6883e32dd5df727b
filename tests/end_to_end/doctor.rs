//! `playrelay doctor` finds what is wrong, and says what to do; certificates are believed only as somebody said.

use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family, PASSWORD};
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{TestContext, trakt_account};
use playrelay_tests::simulation::Servers;
use playrelay_tests::tls_proxy::TlsProxy;
use playrelay_tests::{fake_mediabrowser, fake_plex_tv};
use serde_json::Value;

/// The finding of a check.
fn found<'a>(findings: &'a Value, about: &str, check: &str) -> &'a Value {
    let rows = findings.as_array().unwrap();
    let found = rows.iter().find(|row| row["about"] == about && row["check"] == check);
    found.unwrap_or_else(|| panic!("{about} {check}: {findings:#}"))
}

async fn findings(home: &TestContext) -> (bool, Value) {
    let (success, text) = home.run_with_fakes(&["doctor", "--json"]).await;
    let end = text.rfind("\n]").map_or(text.len(), |end| end + 2);
    (success, serde_json::from_str(&text[text.find('[').unwrap()..end]).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_well_and_what_is_not() {
    let (servers, trakt) = (Servers::start().await, FakeTrakt::start().await);
    let mut config = servers.config("both", "") + &trakt_account("bob", &trakt);
    for source in ["plex", "jellyfin", "emby"] {
        config.push_str(&format!("\n[[routes]]\nsource = {source:?}\ntracker = \"bob\"\nusers = [\"*\"]\n"));
    }
    let home = TestContext::new(&config);
    // Nobody has logged in yet.
    let (success, first) = findings(&home).await;
    assert!(!success);
    assert_eq!(found(&first, "playrelay", "daemon")["level"], "error", "{first:#}");
    let login = found(&first, "bob", "login");
    assert_eq!(login["level"], "error", "{first:#}");
    assert!(login["remedy"].as_str().unwrap().contains("playrelay connect bob"));
    home.connect().await;
    let daemon = home.start();
    for source in ["plex", "jellyfin", "emby"] {
        daemon.connected(source).await;
    }
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let with_address =
        text.replacen("[server]\n", &format!("[server]\npublic_url = {:?}\n", daemon.url()), 1);
    std::fs::write(&path, &with_address).unwrap();
    let (success, well) = findings(&home).await;
    assert!(success, "{well:#}");
    for (about, check) in [
        ("playrelay", "public-address"),
        ("plex", "server"),
        ("plex", "realtime"),
        ("jellyfin", "server"),
        ("emby", "realtime"),
        ("emby", "clock"),
        ("bob", "login"),
        ("bob", "service"),
    ] {
        assert_eq!(found(&well, about, check)["level"], "ok", "{about} {check}: {well:#}");
    }
    assert_eq!(found(&well, "jellyfin", "webhook")["level"], "note");
    // A token that is refused, a proxy without websockets, a server that is gone, a service that is down.
    servers.jellyfin.set_token("another-one-0123456789");
    servers.plex.faults().always("/:/websockets", Fault::status(502));
    servers.emby.server.go_down().await;
    trakt.faults().always("/users/settings", Fault::status(503));
    let (success, ill) = findings(&home).await;
    assert!(!success);
    let says = |about: &str, check: &str, level: &str, words: &str| {
        let finding = found(&ill, about, check);
        assert_eq!(finding["level"], level, "{finding:#}");
        assert!(finding["text"].as_str().unwrap().contains(words), "{finding:#}");
        assert!(finding["remedy"].is_string(), "{finding:#}");
    };
    says("jellyfin", "server", "error", "refused the login (401)");
    says("plex", "realtime", "note", "502");
    says("emby", "server", "error", "cannot be reached");
    says("bob", "service", "error", "503");
    let (_, shown) = home.run_with_fakes(&["doctor"]).await;
    assert!(shown.contains("error  emby  server") && shown.contains("errors,"), "{shown}");
    assert!(!shown.contains(fake_mediabrowser::TOKEN));
}

/// What only sends webhooks is asked for what they leave out: its address and its token count as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_sends_webhooks_is_looked_at_too() {
    let servers = Servers::start().await;
    let home = TestContext::new(&servers.config("webhook", ""));
    let (_, well) = findings(&home).await;
    for source in ["plex", "jellyfin", "emby"] {
        assert_eq!(found(&well, source, "server")["level"], "ok", "{well:#}");
        assert!(found(&well, source, "realtime")["text"].as_str().unwrap().contains("webhook"), "{well:#}");
        assert_eq!(found(&well, source, "last-event")["level"], "note", "{well:#}");
    }
    servers.emby.set_token("another-one-0123456789");
    let (success, ill) = findings(&home).await;
    assert!(!success && found(&ill, "emby", "server")["text"].as_str().unwrap().contains("401"), "{ill:#}");
}

/// Each finding has the remedy that helps there.
#[tokio::test(flavor = "multi_thread")]
async fn remedies_are_those_that_help() {
    let (servers, tv) = (Servers::start().await, FakePlexTv::start(&[]).await);
    let list = |token: &str| {
        format!(
            "[trackers.list]\nplugin = \"plex\"\ntoken = {token:?}\naccount_url = {:?}\n",
            tv.server.url()
        )
    };
    let config = servers.config("webhook", "") + &list(fake_plex_tv::TOKEN);
    let home = TestContext::new(&config);
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    // A server that somebody shares gives no sessions: its webhooks come all the same.
    servers.plex.faults().always("/status/sessions", Fault::status(403));
    let (_, shown) = findings(&home).await;
    let server = found(&shown, "plex", "server");
    assert_eq!(server["level"], "note", "{shown:#}");
    assert!(server["text"].as_str().unwrap().contains("gaps are not filled"), "{shown:#}");
    assert!(found(&shown, "list", "service")["text"].as_str().unwrap().contains("mia"), "{shown:#}");
    std::fs::write(&path, text.replace("\"webhook\"", "\"both\"")).unwrap();
    let (_, shown) = findings(&home).await;
    let server = found(&shown, "plex", "server");
    assert_eq!(server["level"], "error", "{shown:#}");
    assert!(server["remedy"].as_str().unwrap().contains("mode = \"webhook\""), "{shown:#}");
    // A list whose token is wrong.
    let wrong = text.replace(&list(fake_plex_tv::TOKEN), &list("another-token-0123456789"));
    std::fs::write(&path, wrong).unwrap();
    let (success, shown) = findings(&home).await;
    assert!(!success && found(&shown, "list", "service")["level"] == "error", "{shown:#}");
    // A login that the server has ended.
    let key = format!("token = {:?}\n", fake_mediabrowser::TOKEN);
    std::fs::write(&path, text.replace(&key, "")).unwrap();
    let password = format!("password={PASSWORD}");
    let by_name =
        ["connect", "jellyfin", "--method", "password", "--field", "user=mia", "--field", &password];
    let (success, said) = home.run_with_fakes(&by_name).await;
    assert!(success, "{said}");
    servers.jellyfin.set_token("another-one-0123456789");
    let (_, shown) = findings(&home).await;
    let server = found(&shown, "jellyfin", "server");
    assert!(server["remedy"].as_str().unwrap().contains("playrelay connect jellyfin"), "{shown:#}");
}

/// What waits for a source that was renamed is said, with its name.
#[tokio::test(flavor = "multi_thread")]
async fn inputs_of_a_source_that_is_gone_are_said() {
    let home = TestContext::new("[sources.attic]\nplugin = \"plex\"\n");
    assert!(home.run(&["webhooks"]).status.success());
    let database = rusqlite::Connection::open(home.data().join("playrelay.db")).unwrap();
    database
        .execute_batch(
            "INSERT INTO inbox (source, received_at) VALUES ('cellar', 0);
             INSERT INTO requests (inbox, request) VALUES (last_insert_rowid(), x'7b7d');",
        )
        .unwrap();
    let (_, shown) = findings(&home).await;
    let inbox = found(&shown, "playrelay", "inbox");
    assert!(inbox["text"].as_str().unwrap().contains("\"cellar\""), "{shown:#}");
    assert!(inbox["remedy"].as_str().unwrap().contains("[sources.cellar]"), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_ones_own_is_believed_when_it_is_named() {
    let server = FakeMediaBrowser::start(Family::Jellyfin).await;
    let front = TlsProxy::before(&server.server.url()).await;
    let config = |more: &str| {
        format!(
            "[sources.home]\nplugin = \"jellyfin\"\nmode = \"watch\"\nurl = {:?}\ntoken = {:?}\n{more}\n",
            front.url(),
            fake_mediabrowser::TOKEN
        )
    };
    let home = TestContext::new(&config(""));
    let daemon = home.start();
    // It is not believed, and it says which fingerprint to look for.
    let named = |it: &Value| it["trouble"].as_str().is_some_and(|text| text.contains(front.fingerprint()));
    daemon.watched("home", "its fingerprint", named).await;
    let (_, ill) = findings(&home).await;
    assert!(found(&ill, "home", "server")["text"].as_str().unwrap().contains("tls_fingerprint"), "{ill:#}");
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    for (more, level) in [
        (format!("tls_fingerprint = \"sha256:{}\"", front.fingerprint()), "ok"),
        ("tls_insecure = true".to_owned(), "note"),
    ] {
        std::fs::write(&path, text.replace(&config(""), &config(&more))).unwrap();
        daemon.connected("home").await;
        let (_, shown) = findings(&home).await;
        assert_eq!(found(&shown, "home", "tls")["level"], level, "{shown:#}");
        assert_eq!(found(&shown, "home", "realtime")["level"], "ok", "a websocket over TLS: {shown:#}");
    }
    let other = "00".repeat(32);
    std::fs::write(&path, text.replace(&config(""), &config(&format!("tls_fingerprint = \"{other}\""))))
        .unwrap();
    let differs =
        |it: &Value| it["trouble"].as_str().is_some_and(|text| text.contains("has the fingerprint"));
    daemon.watched("home", "the other one", differs).await;
}
