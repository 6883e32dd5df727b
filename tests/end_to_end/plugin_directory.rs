//! The plugin directory: found, shown, approved, broken.

use playrelay_tests::harness::{TestContext, bundled_plugins, fixture};
use serde_json::Value;

const CONFIG: &str = "[sources.odd]\nplugin = \"sound\"\nwebhook_token = \"token-of-odd\"\n";

fn install(home: &TestContext, fixture_name: &str, name: &str) {
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
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&row["status"]), text(&row["reason"]))
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
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(&[0, 2, 1, b'x']);
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(status(&home, "sound").0, "pending");
}

#[test]
fn a_newcomer_does_not_take_the_place_of_an_approved_plugin() {
    let home = TestContext::new(CONFIG);
    install(&home, "sound.wasm", "sound.wasm");
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    // Another file with the same id, that comes first by its name.
    let mut bytes = std::fs::read(fixture("sound.wasm")).unwrap();
    bytes.extend_from_slice(&[0, 2, 1, b'x']);
    std::fs::write(home.data().join("plugins/a-newcomer.wasm"), bytes).unwrap();
    let list = home.json(&["plugin", "list"]);
    let statuses =
        list.as_array().unwrap().iter().filter(|row| row["id"] == "sound").map(|row| &row["status"]);
    assert_eq!(statuses.collect::<Vec<_>>(), ["active", "pending"]);
    assert!(home.run(&["check"]).status.success());
    // Its approval takes the place of the other's.
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    let list = home.json(&["plugin", "list"]);
    let active =
        list.as_array().unwrap().iter().find(|row| row["id"] == "sound" && row["status"] == "active");
    assert!(active.unwrap()["origin"]["file"].as_str().unwrap().ends_with("a-newcomer.wasm"), "{list:#}");
}

#[test]
fn broken_ones_are_listed_with_the_reason_and_stop_nothing() {
    let home = TestContext::new(CONFIG);
    install(&home, "sound.wasm", "a-sound.wasm");
    install(&home, "sound.wasm", "b-twin.wasm");
    let folder = home.data().join("plugins");
    let sound = std::fs::read(fixture("sound.wasm")).unwrap();
    std::fs::write(folder.join("c-text.wasm"), "GIF89a").unwrap();
    std::fs::write(folder.join("d-module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    std::fs::write(folder.join("e-cut.wasm"), &sound[..sound.len() / 2]).unwrap();
    std::fs::write(folder.join("ignored.txt"), "x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.join("f-link.wasm")).unwrap();
    assert!(home.run(&["plugin", "approve", "sound"]).status.success());
    let list = home.json(&["plugin", "list"]);
    let by_status =
        |wanted: &str| list.as_array().unwrap().iter().filter(|row| row["status"] == wanted).count();
    assert_eq!(
        (by_status("active"), by_status("broken"), by_status("pending")),
        (bundled_plugins() + 1, 5, 0),
        "{list:#}"
    );
    for (id, words) in [
        ("c-text.wasm", "not WebAssembly"),
        ("d-module.wasm", "not a component"),
        ("e-cut.wasm", "not WebAssembly"),
        ("f-link.wasm", "out of the plugin directory"),
    ] {
        let (status, reason) = status(&home, id);
        assert!(status == "broken" && reason.contains(words), "{id}: {reason}");
    }
    let check = home.run(&["check"]);
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn compiled_code_that_was_tampered_with_is_not_run() {
    let home = TestContext::without_data_dir("");
    // A command that only looks makes no data folder; this one keeps something there.
    assert!(home.run(&["check"]).status.success() && !home.data().exists());
    assert!(home.run(&["webhooks"]).status.success());
    let cached = || -> Vec<_> {
        let files = std::fs::read_dir(home.data().join("cache")).unwrap().flatten().map(|entry| entry.path());
        files.filter(|path| path.extension().is_some_and(|it| it == "cwasm")).collect()
    };
    assert_eq!(cached().len(), bundled_plugins());
    for path in cached() {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(&path, bytes).unwrap();
    }
    let check = home.run(&["check"]);
    assert!(check.status.success());
    let log = String::from_utf8_lossy(&check.stderr).into_owned();
    assert_eq!(log.matches("was changed by somebody").count(), bundled_plugins(), "{log}");
}
