//! What a person is shown before an approval, and what stays of it: the lock file, and a count of what the plugin reached.

use std::fs;

use playrelay_plugin_host::artifact::Digest;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, fixture};
use playrelay_tests::plex_webhook::{event, movie};
use serde_json::Value;

use crate::plugin_directory::{install, other_version};
use crate::sandbox;

fn digest() -> Digest {
    Digest::of(&fs::read(fixture("sound.wasm")).unwrap())
}

fn said(home: &TestContext, arguments: &[&str]) -> String {
    let output = home.run(arguments);
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn lock(home: &TestContext) -> String {
    fs::read_to_string(home.data().join("plugins.lock")).unwrap_or_default()
}

#[test]
fn an_approval_shows_who_publishes_what_is_told_and_what_is_not() {
    let home = TestContext::new("");
    install(&home, "sound.wasm", "sound.wasm");
    let shown = said(&home, &["plugin", "approve", "sound", "--yes"]);
    for words in [
        "is published by, as it says itself:\n  The tests of Playrelay",
        "provides:\n  webhook: reads the webhooks of a media server",
        "may send requests to:\n  {settings.url}: The one server that it may reach",
        "is told:\n  every webhook of its sources as the server sent it",
        "these settings of its accounts: target, url",
        "is not told:\n  keys, passwords and tokens, among them the settings token",
        "limits:\n  32 MiB of memory",
        digest().as_str(),
    ] {
        assert!(shown.contains(words), "{words:?} in {shown}");
    }
    // What is other than in the version before is shown, and nothing else.
    fs::write(home.data().join("plugins/sound.wasm"), other_version(1)).unwrap();
    let shown = said(&home, &["plugin", "approve", "sound", "--yes"]);
    let difference = shown.split("what is other").nth(1).unwrap();
    assert!(difference.starts_with(" than in the version approved before (the permissions are the same)"));
    assert_eq!(difference.lines().filter(|line| line.starts_with(['+', '-'])).count(), 2, "{difference}");
}

#[test]
fn the_lock_file_has_what_is_approved() {
    let home = TestContext::new("");
    install(&home, "sound.wasm", "sound.wasm");
    assert_eq!(lock(&home), "", "nothing is approved");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    let file: toml::Table = lock(&home).parse().unwrap();
    let row = &file["plugin"][0];
    assert_eq!(row["id"].as_str(), Some("sound"));
    assert_eq!(row["digest"].as_str(), Some(format!("sha256:{}", digest()).as_str()));
    assert_eq!((row["file"].as_str(), row["approved_by"].as_str()), (Some("sound.wasm"), Some("command")));
    assert!(row["approved"].as_str().unwrap().ends_with('Z'), "{row}");
    assert!(home.run(&["plugin", "revoke", "sound"]).status.success());
    assert!(!lock(&home).contains("[[plugin]]"), "{}", lock(&home));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_approves_by_digest() {
    let approve = |digest: &str| format!("[plugins]\napprove = [\"sound@sha256:{digest}\"]\n");
    let home = TestContext::new(&approve(digest().as_str()));
    let config = home.path().join("playrelay.toml");
    let text = fs::read_to_string(&config).unwrap();
    install(&home, "sound.wasm", "sound.wasm");
    let daemon = home.start();
    let status = async |expected: &str| {
        let is_so = |list: &Value| {
            let rows = list["items"].as_array().unwrap();
            rows.iter().any(|row| row["id"] == "sound" && row["status"] == expected)
        };
        daemon.get_until("/api/v1/plugins", expected, is_so).await
    };
    status("active").await;
    assert!(lock(&home).contains("approved_by = \"configuration\""), "{}", lock(&home));
    let refused = said(&home, &["plugin", "revoke", "sound"]);
    assert!(refused.contains("remove it from `approve` in [plugins]"), "{refused}");
    // Another digest approves nothing, and a running daemon follows.
    fs::write(&config, text.replace(digest().as_str(), &"0".repeat(64))).unwrap();
    status("pending").await;
    fs::write(&config, text).unwrap();
    status("active").await;
}

#[test]
fn a_digest_that_is_none_is_complained_of() {
    let home = TestContext::new("[plugins]\napprove = [\"sound\", \"sound@sha256:12\"]\n");
    let said = said(&home, &["check"]);
    assert_eq!(said.matches("expected an id and the whole digest of the file").count(), 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_is_denied_is_counted() {
    let home = sandbox::home("http://127.0.0.1:9", "https://elsewhere.example/path?key=1");
    let mut daemon = home.start();
    for body in ["fetch", "store", "fetch", "play mia"] {
        let token = sandbox::token("sound");
        let sent = daemon.send("/webhook/sound", Some(&token), "text/plain", body.into()).await;
        assert_eq!(sent.status(), 200);
    }
    let counted = |list: &Value, target: &str| {
        let rows = list["items"].as_array().unwrap();
        rows.iter().find(|row| row["target"] == target && !row["denied"].is_null()).cloned()
    };
    let found = daemon
        .get_until("/api/v1/plugins/sound/accesses", "the denied calls", |list| {
            counted(list, "http").is_some_and(|row| row["count"] == 2)
                && counted(list, "kv").is_some()
                && counted(list, "https://elsewhere.example").is_some()
        })
        .await;
    assert_eq!(counted(&found, "http").unwrap()["denied"], "this call may send no requests");
    assert_eq!(counted(&found, "kv").unwrap()["account"], "sound");
    let reason = counted(&found, "https://elsewhere.example").unwrap()["denied"].to_string();
    assert!(reason.contains("not among the origins"), "{reason}");
    assert!(!found.to_string().contains("/path"), "addresses are counted by their origin: {found:#}");
    // A restart forgets nothing, and a command shows it.
    daemon.stop();
    let shown = said(&home, &["plugin", "audit", "sound"]);
    assert!(shown.contains("denied: this call may send no requests"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_reaches_is_counted() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    home.connect().await;
    let daemon = home.start();
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    daemon.plex(&event("media.scrobble", &film, None, (1, "sean"), "TV")).await;
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    let reached = daemon
        .get_until("/api/v1/plugins/trakt/accesses", "the request", |list| list["items"][0]["count"] == 1)
        .await;
    let row = &reached["items"][0];
    assert_eq!((row["account"].as_str(), row["denied"].is_null()), (Some("bob"), true), "{row}");
    assert!(trakt.server.url().starts_with(row["target"].as_str().unwrap()), "{row}");
}
