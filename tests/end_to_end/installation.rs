//! What packages and containers need of the program: other users, taken ports, keys from elsewhere, files of the machine.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use playrelay_tests::harness::{TestContext, binary};
use serde_json::Value;

/// A user and a group that nobody has.
const OTHER_USER: u32 = 54_321;
const OTHER_GROUP: u32 = 54_322;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_with_the_program_that_has_it() {
    let (first, mut second) = (TestContext::new(""), TestContext::new(""));
    let daemon = first.start();
    let address = daemon.url().trim_start_matches("http://");
    second.set("PLAYRELAY__SERVER__LISTEN", address);
    let (success, said) = second.run_with_fakes(&["serve"]).await;
    assert!(!success, "{said}");
    let owner =
        format!("cannot listen on {address}: another Playrelay has the port (process {}, ", daemon.pid());
    assert!(said.contains(&owner), "{said}");
    assert!(said.contains("stop it, or set another `listen` in [server], such as 127.0.0.1:"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_starts_as_root_goes_on_as_the_user_that_is_named() {
    let mut home = TestContext::new("[sources.home]\nplugin = \"plex\"\n");
    // Whoever the user is may get to the folder.
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // What a link leads to stays whose it is.
    let outside = home.path().join("outside");
    fs::write(&outside, "not ours").unwrap();
    symlink(&outside, home.data().join("link")).unwrap();
    home.set("PUID", &OTHER_USER.to_string());
    home.set("PGID", &OTHER_GROUP.to_string());
    let daemon = home.start();
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let ids = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(|id| id.parse::<u32>().unwrap()).collect::<Vec<_>>()
    };
    let owner_of = |path: &Path| {
        let facts = fs::symlink_metadata(path).unwrap();
        (facts.uid(), facts.gid())
    };
    if is_root() {
        assert_eq!(ids("Uid:"), [OTHER_USER; 4]);
        assert_eq!(ids("Gid:"), [OTHER_GROUP; 4]);
        assert_eq!(ids("Groups:"), [0; 0]);
        for file in ["", "playrelay.db", "secret.key", "cache"] {
            assert_eq!(owner_of(&home.data().join(file)), (OTHER_USER, OTHER_GROUP), "{file}");
        }
        assert_eq!(owner_of(&outside), (0, 0));
        // A command in the same container finds its files as that user.
        let (success, said) = home.run_with_fakes(&["webhooks"]).await;
        assert!(success, "{said}");
    } else {
        assert!(home.log().contains("PUID and PGID are ignored"), "{}", home.log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_names_no_user_is_refused() {
    for (value, is_refused) in [("mia", true), ("0", true), ("-1", true), ("4294967295", true), ("", false)] {
        let mut home = TestContext::new("[sources.home]\nplugin = \"plex\"\n");
        home.set("PUID", value);
        let (success, said) = home.run_with_fakes(&["webhooks"]).await;
        assert_eq!(!success, is_refused, "PUID={value:?}: {said}");
        assert_eq!(said.contains("names no user or group; expected a number from 1"), is_refused, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_the_credentials_can_come_from_a_file() {
    let mut home = TestContext::new("[sources.plex]\nplugin = \"plex\"\n");
    let address = |said: &str| said.lines().find(|line| line.contains("/webhook/plex/")).map(str::to_owned);
    let before = address(&home.run_with_fakes(&["webhooks"]).await.1).unwrap();
    let outside = home.path().join("secret");
    fs::rename(home.data().join("secret.key"), &outside).unwrap();
    home.set("PLAYRELAY_SECRET_KEY_FILE", outside.to_str().unwrap());
    assert_eq!(address(&home.run_with_fakes(&["webhooks"]).await.1), Some(before));
    assert!(!home.data().join("secret.key").exists(), "no other key is made");
    fs::write(&outside, "too short").unwrap();
    let (success, said) = home.run_with_fakes(&["webhooks"]).await;
    assert!(
        !success && said.contains("expected 64 hexadecimal digits") && !said.contains("too short"),
        "{said}"
    );
    home.set("PLAYRELAY_SECRET_KEY", &"5a".repeat(32));
    let (success, said) = home.run_with_fakes(&["webhooks"]).await;
    assert!(!success && said.contains("expected one of the two"), "{said}");
}

#[test]
fn a_variable_names_the_configuration() {
    let home = TestContext::new("[sources.attic]\nplugin = \"plex\"\n");
    let elsewhere = tempfile::TempDir::new().unwrap();
    let said = |file: &Path, arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(elsewhere.path()).env("PLAYRELAY_CONFIG", file);
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let file = home.path().join("playrelay.toml");
    assert!(said(&file, &["webhooks"]).contains("/webhook/attic/"));
    let missing = said(Path::new("/nowhere/playrelay.toml"), &["webhooks"]);
    assert!(missing.contains("/nowhere/playrelay.toml:1: the file cannot be read"), "{missing}");
    // What is named by hand goes before the variable.
    let missing = said(&file, &["--config", "other.toml", "webhooks"]);
    assert!(missing.contains("other.toml:1: the file cannot be read"), "{missing}");
}

/// A file below `packaging/`.
fn packaging(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name)).unwrap()
}

#[test]
fn the_compose_files_ask_for_no_more_than_is_needed() {
    for (name, added) in
        [("compose.yaml", &[][..]), ("compose.nas.yaml", &["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"])]
    {
        let file: Value = serde_saphyr::from_str(&packaging(name)).unwrap();
        let services: BTreeMap<String, Value> = serde_json::from_value(file["services"].clone()).unwrap();
        let service = &services["playrelay"];
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
        let asked: Vec<&str> =
            service["cap_add"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(asked, added, "{name}");
        assert_eq!(service["security_opt"], serde_json::json!(["no-new-privileges:true"]), "{name}");
        assert_eq!(
            service["healthcheck"]["test"],
            serde_json::json!(["CMD", "/playrelay", "health"]),
            "{name}"
        );
        assert_eq!(service.get("privileged"), None, "{name}");
    }
}

#[test]
fn the_packaged_configuration_is_sound() {
    let home = TestContext::new("");
    fs::write(home.path().join("playrelay.toml"), packaging("playrelay.toml")).unwrap();
    let (output, data) = (home.run(&["check"]), Path::new("/var/lib/playrelay"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!data.join("playrelay.db").exists(), "a look makes nothing");
}
