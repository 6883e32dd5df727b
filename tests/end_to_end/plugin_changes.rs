//! Plugins that come, change and go while the daemon runs.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use playrelay_tests::harness::{Daemon, LONG_TESTS, TestContext, WEBHOOK_TOKEN};
use serde_json::Value;

use crate::plugin_directory::{install, other_version};

/// How long a changed configuration may take.
const SOON: Duration = Duration::from_secs(60);

/// A source of the plugin.
fn source() -> String {
    format!("[sources.odd]\nplugin = \"sound\"\nwebhook_token = \"{WEBHOOK_TOKEN}-odd\"\n")
}

fn file(home: &TestContext) -> PathBuf {
    home.data().join("plugins/sound.wasm")
}

/// Waits until the daemon lists the plugin with these states.
async fn until_listed(daemon: &Daemon<'_>, expected: &[&str]) -> Value {
    let states = |list: &Value| -> Vec<String> {
        let rows = list["items"].as_array().into_iter().flatten().filter(|row| {
            row["id"] == "sound"
                || row["origin"].as_str().is_some_and(|origin| origin.ends_with("sound.wasm"))
        });
        rows.map(|row| row["status"].as_str().unwrap_or_default().to_owned()).collect()
    };
    daemon.get_until("/api/v1/plugins", &format!("{expected:?}"), |list| states(list) == expected).await
}

/// Waits until the source has its webhook.
pub(crate) async fn until_webhooks_are_taken(home: &TestContext, daemon: &Daemon<'_>) {
    let url = format!("{}/webhook/odd?{WEBHOOK_TOKEN}-odd", daemon.url());
    let end = Instant::now() + SOON;
    while home.client.get(&url).send().await.unwrap().status() != 200 {
        assert!(Instant::now() < end, "the source is not there: {}", home.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sends a message to the source, and gives the event.
async fn send(daemon: &Daemon<'_>, text: &str) -> i64 {
    daemon.message("odd", "text/plain", text.as_bytes().to_vec()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_dropped_in_serves_once_it_is_approved() {
    let home = TestContext::new("");
    let daemon = home.start();
    install(&home, "sound.wasm", "sound.wasm");
    until_listed(&daemon, &["pending"]).await;
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    until_listed(&daemon, &["active"]).await;
    let config = home.path().join("playrelay.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text + &source()).unwrap();
    until_webhooks_are_taken(&home, &daemon).await;
    let event = send(&daemon, "hello").await;
    assert_eq!(daemon.settled(event).await["verdict"]["detail"], "hello");
    // Revoked, it stops; what comes meanwhile waits.
    assert!(home.run(&["plugin", "revoke", "sound"]).status.success());
    until_listed(&daemon, &["pending"]).await;
    let waiting = send(&daemon, "meanwhile").await;
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    assert_eq!(daemon.settled(waiting).await["verdict"]["detail"], "meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_version_goes_on_until_another_is_approved() {
    let home = TestContext::new(&source());
    install(&home, "sound.wasm", "sound.wasm");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    let mut daemon = home.start();
    until_listed(&daemon, &["active"]).await;
    fs::write(file(&home), other_version(1)).unwrap();
    until_listed(&daemon, &["active", "pending"]).await;
    let event = send(&daemon, "one").await;
    assert_eq!(daemon.settled(event).await["verdict"]["detail"], "one");
    // Also after a restart, and where the file is broken.
    daemon.restart();
    until_listed(&daemon, &["active", "pending"]).await;
    fs::write(file(&home), "GIF89a").unwrap();
    let list = until_listed(&daemon, &["active", "broken"]).await;
    assert!(list.to_string().contains("it is not WebAssembly"), "{list:#}");
    let event = send(&daemon, "two").await;
    assert_eq!(daemon.settled(event).await["verdict"]["detail"], "two");
    fs::write(file(&home), other_version(2)).unwrap();
    until_listed(&daemon, &["active", "pending"]).await;
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    until_listed(&daemon, &["active"]).await;
    let event = send(&daemon, "three").await;
    assert_eq!(daemon.settled(event).await["verdict"]["detail"], "three");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_removed_plugin_would_do_waits_until_it_is_back() {
    let home = TestContext::new(&source());
    install(&home, "sound.wasm", "sound.wasm");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    let mut daemon = home.start();
    until_listed(&daemon, &["active"]).await;
    fs::remove_file(file(&home)).unwrap();
    until_listed(&daemon, &[]).await;
    assert_eq!(fs::read_dir(home.data().join("plugins-approved")).unwrap().count(), 0, "no copy stays");
    let event = send(&daemon, "hello").await;
    // A start without it is no mistake of the configuration.
    daemon.restart();
    let waits = "the file of plugin sound is gone from the plugin directory";
    assert!(home.log().contains(waits), "{}", home.log());
    assert!(daemon.get(&format!("/api/v1/events/{event}")).await["verdict"].is_null());
    install(&home, "sound.wasm", "sound.wasm");
    assert_eq!(daemon.settled(event).await["verdict"]["detail"], "hello");
}

/// Nothing is lost and nothing counts twice while versions take each other's place.
#[tokio::test(flavor = "multi_thread")]
async fn versions_take_each_others_place_while_events_flow() {
    // The whole takes five minutes of waiting.
    let versions: u8 = if std::env::var_os(LONG_TESTS).is_some() { 100 } else { 20 };
    const MESSAGES_EACH: usize = 10;
    let home = TestContext::new(&source());
    install(&home, "sound.wasm", "sound.wasm");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    let daemon = home.start();
    let mut sent = Vec::new();
    for version in 0..versions {
        // Whole, as a package manager does it.
        let new = home.data().join("plugins/new");
        fs::write(&new, other_version(version)).unwrap();
        fs::rename(&new, file(&home)).unwrap();
        let approve = async {
            until_listed(&daemon, &["active", "pending"]).await;
            assert!(home.run_with_fakes(&["plugin", "approve", "sound"]).await.0);
            until_listed(&daemon, &["active"]).await;
        };
        let messages = async {
            let mut events = Vec::new();
            for number in 0..MESSAGES_EACH {
                let text = format!("message {version}.{number}");
                events.push((send(&daemon, &text).await, text));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            events
        };
        sent.extend(tokio::join!(approve, messages).1);
    }
    for (event, text) in &sent {
        let settled = daemon.settled(*event).await;
        assert_eq!(settled["verdict"]["detail"], **text, "{settled:#}");
    }
    let mut events: Vec<i64> = sent.iter().map(|(event, _)| *event).collect();
    events.dedup();
    assert_eq!(events.len(), usize::from(versions) * MESSAGES_EACH);
    assert!(!home.log().contains("panicked"), "{}", home.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_taken_while_plugins_are_compiled() {
    // As after an update of Playrelay: nothing is compiled for it.
    let home = TestContext::new(&source());
    install(&home, "sound.wasm", "sound.wasm");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    fs::remove_dir_all(home.data().join("cache")).unwrap();
    let daemon = home.start();
    let event = send(&daemon, "meanwhile").await;
    let list = daemon.get("/api/v1/plugins").await;
    let states = |list: &Value, state: &str| {
        let rows = list["items"].as_array().unwrap();
        rows.iter().filter(|row| row["status"] == state).count()
    };
    let all = list["items"].as_array().unwrap().len();
    assert!(states(&list, "compiling") > 0, "{list:#}");
    assert_eq!(states(&list, "compiling") + states(&list, "active"), all, "{list:#}");
    assert!(home.json(&["event", &event.to_string()])["verdict"].is_null());
    daemon.get_until("/api/v1/plugins", "all compiled", |list| states(list, "active") == all).await;
    assert_eq!(daemon.settled(event).await["verdict"]["detail"], "meanwhile");
}
