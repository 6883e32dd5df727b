//! The plugin directory: found, shown, approved, broken.

use std::path::PathBuf;

use playrelay_tests::harness::{TestContext, bundled_plugins, event_of, fixture};
use serde_json::Value;

const CONFIG: &str = "[sources.odd]\nplugin = \"sound\"\nwebhook_token = \"token-of-odd\"\n";
/// A source of a bundled plugin.
pub(crate) const JELLYFIN: &str =
    "[sources.attic]\nplugin = \"jellyfin\"\nwebhook_token = \"a-token-of-the-attic\"\n";
/// A webhook that it reads.
const JELLYFIN_MESSAGE: &str = r#"{"NotificationType":"Generic"}"#;

/// Has a command call the plugin of [`JELLYFIN`], and gives what it says meanwhile.
pub(crate) fn call_jellyfin(home: &TestContext) -> String {
    let message = home.path().join("message.json");
    std::fs::write(&message, JELLYFIN_MESSAGE).unwrap();
    let replay = home.run(&["replay", message.to_str().unwrap()]);
    assert!(replay.status.success(), "{replay:?}");
    String::from_utf8(replay.stderr).unwrap()
}

/// The files of compiled code in the cache of a home.
pub(crate) fn compiled_code(home: &TestContext) -> Vec<PathBuf> {
    let files = std::fs::read_dir(home.data().join("cache")).unwrap().flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|it| it == "cwasm")).collect()
}

pub(crate) fn install(home: &TestContext, fixture_name: &str, name: &str) {
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(fixture(fixture_name), folder.join(name)).unwrap();
}

fn status(home: &TestContext, id: &str) -> (String, String) {
    let list = home.json(&["plugin", "list"]);
    let row = list
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == id)
        .unwrap_or_else(|| panic!("{id}: {list:#}"))
        .clone();
    (text(&row["status"]), text(&row["reason"]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The same plugin in other bytes.
pub(crate) fn other_version(number: u8) -> Vec<u8> {
    let mut bytes = std::fs::read(fixture("sound.wasm")).unwrap();
    // A custom section without content, whose name is two letters.
    bytes.extend_from_slice(&[0, 3, 2, b'a' + number / 16, b'a' + number % 16]);
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_until_approved_and_bound_to_its_bytes() {
    let home = TestContext::new(CONFIG);
    install(&home, "sound.wasm", "anything.wasm");
    assert_eq!(status(&home, "sound").0, "pending");
    let inspection = home.json(&["plugin", "inspect", "sound"]);
    assert_eq!(inspection["network"][0][1], "The one server that it may reach");
    assert_eq!(inspection["provides"], serde_json::json!(["check", "enrich", "webhook"]));
    {
        // What arrives meanwhile waits.
        let daemon = home.start();
        let response =
            daemon.send("/webhook/odd", Some("token-of-odd"), "text/plain", b"hello".to_vec()).await;
        assert_eq!(response.status(), 200);
        assert!(home.json(&["event", "1"])["verdict"].is_null());
    }
    let approved = home.run(&["plugin", "approve", "sound"]);
    assert!(approved.status.success(), "{approved:?}");
    assert_eq!(status(&home, "sound").0, "active");
    let daemon = home.start();
    assert_eq!(daemon.settled(1).await["verdict"]["detail"], "hello");
    drop(daemon);
    // Other bytes under the same id are not what was approved.
    let path = home.data().join("plugins/anything.wasm");
    std::fs::write(&path, other_version(1)).unwrap();
    let list = home.json(&["plugin", "list"]);
    let found = list.as_array().unwrap().iter().filter(|row| row["id"] == "sound");
    assert_eq!(found.map(|row| text(&row["status"])).collect::<Vec<_>>(), ["active", "pending"]);
}

#[test]
fn two_files_with_one_id_are_refused_with_both_names() {
    let home = TestContext::new(CONFIG);
    install(&home, "sound.wasm", "sound.wasm");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    // Another file with the same id, that comes first by its name.
    let newcomer = home.data().join("plugins/a-newcomer.wasm");
    std::fs::write(&newcomer, other_version(1)).unwrap();
    let rows = || {
        let list = home.json(&["plugin", "list"]);
        let rows = list.as_array().unwrap().iter().filter(|row| row["id"] == "sound").cloned();
        rows.map(|row| (text(&row["status"]), text(&row["reason"]))).collect::<Vec<_>>()
    };
    let refused = "sound.wasm has the id \"sound\" too; remove one of the two files";
    assert_eq!(rows(), [("active".into(), String::new()), ("broken".into(), refused.into())]);
    assert!(home.run(&["check"]).status.success());
    // Without an approved one, neither serves.
    assert!(home.run(&["plugin", "revoke", "sound"]).status.success());
    let of_newcomer = refused.replacen("sound.wasm", "a-newcomer.wasm", 1);
    assert_eq!(rows(), [("broken".into(), refused.into()), ("broken".into(), of_newcomer)]);
    assert!(!home.run(&["plugin", "approve", "sound"]).status.success());
    std::fs::remove_file(newcomer).unwrap();
    assert_eq!(rows().iter().map(|(status, _)| status.as_str()).collect::<Vec<_>>(), ["pending"]);
}

#[test]
fn broken_ones_are_listed_with_the_reason_and_stop_nothing() {
    let home = TestContext::new(CONFIG);
    install(&home, "sound.wasm", "a-sound.wasm");
    let folder = home.data().join("plugins");
    let sound = std::fs::read(fixture("sound.wasm")).unwrap();
    std::fs::write(folder.join("c-text.wasm"), "GIF89a").unwrap();
    std::fs::write(folder.join("d-module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    std::fs::write(folder.join("e-cut.wasm"), &sound[..sound.len() / 2]).unwrap();
    std::fs::write(folder.join("g-other.wasm"), with_text(&sound, "[provides.enrich]", "# provides.enrich"))
        .unwrap();
    std::fs::write(folder.join("ignored.txt"), "x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("f-link.wasm")).unwrap();
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    install(&home, "sound.wasm", "b-twin.wasm");
    let list = home.json(&["plugin", "list"]);
    let by_status =
        |wanted: &str| list.as_array().unwrap().iter().filter(|row| row["status"] == wanted).count();
    assert_eq!(
        (by_status("active"), by_status("broken"), by_status("pending")),
        (bundled_plugins() + 1, 6, 0),
        "{list:#}"
    );
    for (id, words) in [
        ("c-text.wasm", "not WebAssembly"),
        ("d-module.wasm", "not a component"),
        ("e-cut.wasm", "not WebAssembly"),
        ("f-link.wasm", "out of the plugin directory"),
        ("g-other.wasm", "says that it provides check, webhook, and it exports check, enrich, webhook"),
    ] {
        let (status, reason) = status(&home, id);
        assert!(status == "broken" && reason.contains(words), "{id}: {reason}");
    }
    let check = home.run(&["check"]);
    assert!(check.status.success(), "{check:?}");
}

/// The same bytes with another text of the same length in one place.
fn with_text(bytes: &[u8], text: &str, other: &str) -> Vec<u8> {
    let at = bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
    [&bytes[..at], other.as_bytes(), &bytes[at + text.len()..]].concat()
}

#[test]
fn a_command_compiles_only_what_it_calls() {
    let home = TestContext::without_data_dir(JELLYFIN);
    // A command that only looks makes no data folder; this one keeps something there.
    assert!(home.run(&["check"]).status.success() && !home.data().exists());
    assert!(home.run(&["webhooks"]).status.success());
    let list = home.json(&["plugin", "list"]);
    assert!(list.as_array().unwrap().iter().all(|row| row["status"] == "active"), "{list:#}");
    assert_eq!(compiled_code(&home).len(), 0);
    call_jellyfin(&home);
    let compiled = compiled_code(&home);
    assert_eq!(compiled.len(), 1, "{compiled:?}");
    // A file of the plugin directory is looked at once, and is not compiled again.
    install(&home, "sound.wasm", "sound.wasm");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    assert_eq!(status(&home, "sound").0, "active");
    assert_eq!(compiled_code(&home).len(), 2);
}

#[test]
fn compiled_code_that_was_tampered_with_is_not_run() {
    let home = TestContext::new(JELLYFIN);
    for path in compiled_code(&home) {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&path, bytes).unwrap();
    }
    let log = call_jellyfin(&home);
    assert_eq!(log.matches("was changed by somebody").count(), 1, "{log}");
    let log = call_jellyfin(&home);
    assert!(!log.contains("was changed by somebody"), "{log}");
}

/// What is installed and serves no account costs no memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_loads_a_plugin_when_it_is_first_called() {
    let home = TestContext::new(JELLYFIN);
    // They were compiled, and found to fit the contract, before.
    let daemon = home.start();
    daemon.get_until("/api/v1/plugins", "all serve", all_serve).await;
    let mapped = || -> usize {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", daemon.pid())).unwrap();
        let files = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
        files.filter(|file| file.ends_with(".cwasm")).collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(mapped(), 0);
    let body = JELLYFIN_MESSAGE.as_bytes().to_vec();
    let answer = daemon.send("/webhook/attic", Some("a-token-of-the-attic"), "application/json", body).await;
    daemon.settled(event_of(answer).await).await;
    assert_eq!(mapped(), 1, "the plugin of the source alone");
}

fn all_serve(plugins: &Value) -> bool {
    let plugins = plugins["items"].as_array();
    plugins.is_some_and(|plugins| !plugins.is_empty() && plugins.iter().all(|it| it["status"] == "active"))
}
