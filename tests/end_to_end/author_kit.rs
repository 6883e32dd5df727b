//! What an author of a plugin does: begin, build, test, break and pack one, in each language; and the bundled plugins, held to the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use playrelay_tests::author_project::{begin, run, said};
use playrelay_tests::harness::TestContext;
use playrelay_tests::plex_webhook::{event, movie};
use serde_json::Value;
use tempfile::TempDir;

use crate::architecture::workspace;

fn bundled(name: &str) -> PathBuf {
    workspace().join(format!("target/plugins/{name}.wasm"))
}

/// Runs the tests of a bundled plugin, or of a copy of its folder.
fn test_bundled(name: &str, folder: &Path) -> (bool, Value) {
    let output = run(folder, &["test", "--json", "--component", bundled(name).to_str().unwrap()]);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    (output.status.success(), report)
}

/// A copy of the manifest and the tests of a bundled plugin, to break.
fn copy_of(name: &str) -> TempDir {
    let copy = TempDir::new().unwrap();
    let folder = workspace().join("plugins").join(name);
    fs::copy(folder.join("plugin.toml"), copy.path().join("plugin.toml")).unwrap();
    fs::create_dir(copy.path().join("tests")).unwrap();
    for file in fs::read_dir(folder.join("tests")).unwrap().flatten() {
        fs::copy(file.path(), copy.path().join("tests").join(file.file_name())).unwrap();
    }
    copy
}

#[test]
fn the_bundled_plugins_pass_their_tests_and_the_conformance_suites() {
    for name in ["plex", "jellyfin", "emby", "trakt", "simkl", "mdblist"] {
        let copy = copy_of(name);
        let (is_good, report) = test_bundled(name, copy.path());
        assert!(is_good, "{name}: {report:#}");
        assert!(!report["cases"].as_array().unwrap().is_empty(), "{name} has no tests");
        assert!(report["conformance"]["calls"].as_u64().unwrap() >= 40, "{name}: {report:#}");
        assert!(report["cases"][0]["instructions"].as_u64().unwrap() > 1_000, "{name}: {report:#}");
    }
}

#[test]
fn a_test_that_differs_fails_with_what_is_other() {
    let copy = copy_of("trakt");
    let tests = copy.path().join("tests");
    let edit = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(tests.join(file)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(tests.join(file), text.replace(from, to)).unwrap();
    };
    let outcome = |name: &str| {
        let (is_good, report) = test_bundled("trakt", copy.path());
        let cases = report["cases"].as_array().unwrap().clone();
        (is_good, cases.into_iter().find(|case| case["name"] == name).unwrap())
    };
    edit("watched.expected.json", "3373536619", "7");
    let (is_good, case) = outcome("watched");
    assert!(!is_good && case["outcome"] == "changed", "{case:#}");
    let difference = case["difference"].as_str().unwrap();
    assert!(difference.contains("-    \"remote_id\": \"7\""), "{difference}");
    assert!(difference.contains("+    \"remote_id\": \"3373536619\""), "{difference}");
    // A request for which there is no answer fails, with what was expected.
    edit("rated.toml", "/sync/ratings", "/sync/elsewhere");
    let (_, case) = outcome("rated");
    assert_eq!(case["outcome"], "failed", "{case:#}");
    let reasons = case["reasons"].to_string();
    assert!(reasons.contains("no answer for POST https://api.trakt.tv/sync/ratings with {"), "{reasons}");
    assert!(reasons.contains("did not send POST https://api.trakt.tv/sync/elsewhere"), "{reasons}");
    // What comes out is kept where that is asked.
    let component = bundled("trakt");
    let kept = run(copy.path(), &["test", "--update", "--component", component.to_str().unwrap()]);
    assert!(said(&kept).contains("kept     watched"), "{}", said(&kept));
    assert!(outcome("watched").1["outcome"] == "passed");
}

#[test]
fn a_test_has_the_policy_of_the_daemon() {
    let folder = TempDir::new().unwrap();
    let manifest = workspace().join("tests/misbehaving_plugin/sound.toml");
    fs::copy(manifest, folder.path().join("plugin.toml")).unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    // The cassette has an answer for each of them, and only one may be asked for.
    let case = |url: &str| {
        let settings = format!("[settings]\nurl = \"http://192.168.0.9\"\ntarget = \"{url}\"\n\n[check]\n");
        format!(
            "{settings}\n[[exchange]]\noptional = true\nmethod = \"GET\"\nurl = \"{url}\"\nstatus = 204\n"
        )
    };
    let write = |name: &str, text: String| fs::write(folder.path().join("tests").join(name), text).unwrap();
    write("allowed.toml", case("http://192.168.0.9/"));
    write("elsewhere.toml", case("https://elsewhere.example/"));
    let component = workspace().join("target/fixtures/sound.wasm");
    let test = || run(folder.path(), &["test", "--json", "--component", component.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&test().stdout).unwrap();
    let found = |index: usize| report["cases"][index]["found"].as_str().unwrap().to_owned();
    assert!(found(0).contains("\"name\": \"204 "), "{}", found(0));
    assert!(found(1).contains("is not among the origins that this plugin may reach"), "{}", found(1));
    write("unknown.toml", "[settings]\nulr = \"x\"\n\n[check]\n".to_owned());
    assert!(
        said(&test()).contains("plugin.toml has no [settings.ulr]; it has target, token, url"),
        "{}",
        said(&test())
    );
}

#[test]
fn a_source_that_crashes_fails_the_conformance_suite() {
    let folder = TempDir::new().unwrap();
    fs::copy(workspace().join("tests/misbehaving_plugin/rogue.toml"), folder.path().join("plugin.toml"))
        .unwrap();
    fs::create_dir(folder.path().join("tests")).unwrap();
    let panics = "[webhook]\ncontent-type = \"text/plain\"\nbody = \"panic\"\n";
    fs::write(folder.path().join("tests/panic.toml"), panics).unwrap();
    let component = workspace().join("target/fixtures/rogue.wasm");
    let output = run(folder.path(), &["test", "--component", component.to_str().unwrap()]);
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains("FAILED   panic") && said.contains("it crashed"), "{said}");
    assert!(
        said.contains("FAILED   conformance") && said.contains("panic, without headers: it crashed"),
        "{said}"
    );
}

#[test]
fn what_is_packed_is_judged_by_the_host() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("module.wasm", b"\0asm\x01\0\0\0");
    write("text.wasm", b"GIF89a");
    fs::copy(workspace().join("tests/misbehaving_plugin/sound.toml"), folder.path().join("plugin.toml"))
        .unwrap();
    write("broken.toml", b"[plugin]\nid = \"A b\"\n");
    for (code, manifest, words) in [
        (
            "module.wasm",
            "plugin.toml",
            "says that it provides check, enrich, webhook, and it exports nothing",
        ),
        ("text.wasm", "plugin.toml", "it is not WebAssembly"),
        ("module.wasm", "broken.toml", "its manifest cannot be read"),
        ("missing.wasm", "plugin.toml", "missing.wasm"),
    ] {
        let output = run(folder.path(), &["pack", code, manifest, "-o", "out.wasm"]);
        assert!(!output.status.success() && said(&output).contains(words), "{words}: {}", said(&output));
        assert!(!folder.path().join("out.wasm").exists());
    }
    let elsewhere = run(folder.path(), &["build", folder.path().parent().unwrap().to_str().unwrap()]);
    assert!(said(&elsewhere).contains("has no plugin.toml"), "{}", said(&elsewhere));
}

/// Whether Rust can build plugins. Where its target is missing, the bundled plugins are built with a standard library of their own, which an author does
/// not have.
pub(crate) fn has_rust_target() -> bool {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output().unwrap();
    let sysroot = PathBuf::from(String::from_utf8(sysroot.stdout).unwrap().trim());
    let is_there = sysroot.join("lib/rustlib/wasm32-unknown-unknown").is_dir();
    if !is_there {
        println!("SKIPPED: the target wasm32-unknown-unknown is missing");
    }
    is_there
}

/// Whether a program works that a language needs. In CI it must.
pub(crate) fn has_program(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    let is_there = output.is_ok_and(|output| output.status.success());
    if !is_there {
        assert!(std::env::var_os("CI").is_none(), "in CI {program} {arguments:?} must work");
        println!("SKIPPED: {program} is missing");
    }
    is_there
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_project_in_rust_builds_passes_its_tests_and_serves() {
    if !has_rust_target() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let component = begin(folder.path(), "my-player", "rust", "source");
    let home =
        TestContext::new("[sources.mine]\nplugin = \"my-player\"\nwebhook_token = \"token-of-mine\"\n");
    let plugins = home.data().join("plugins");
    fs::create_dir_all(&plugins).unwrap();
    fs::copy(component, plugins.join("my-player.wasm")).unwrap();
    assert!(home.run(&["plugin", "approve", "my-player"]).status.success());
    let daemon = home.start();
    let message = r#"{"event":"start","user":"mia","movie":{"title":"Mirror","year":1975}}"#;
    let sent = daemon.send("/webhook/mine", Some("token-of-mine"), "application/json", message.into()).await;
    let id = playrelay_tests::daemon::event_of(sent).await;
    let story = daemon.settled(id).await;
    assert_eq!((&story["item"], &story["user"]), (&"Mirror (1975)".into(), &"mia".into()), "{story:#}");
}

#[test]
fn a_first_project_in_javascript_builds_and_passes_its_tests() {
    if !has_program("npm", &["--version"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    begin(folder.path(), "my-diary", "js", "sink");
}

#[test]
fn a_first_project_in_python_builds_and_passes_its_tests() {
    if !has_program("python3", &["-m", "pip", "--version"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    begin(folder.path(), "my-player", "python", "source");
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_messages_are_read_by_another_version() {
    let home = TestContext::new(
        "[sources.home]\nplugin = \"plex\"\nmode = \"webhook\"\nwebhook_token = \"token-of-home\"\n",
    );
    let daemon = home.start();
    for title in ["Mirror", "Stalker"] {
        let film = movie(title, title, 1975, 6_420_000, &[]);
        let message = event("media.play", &film, Some(0), (1, "mia"), "TV").to_string();
        let form = format!(
            "--x\r\nContent-Disposition: form-data; name=\"payload\"\r\nContent-Type: application/json\r\n\r\n{message}\r\n--x--\r\n"
        );
        let content = "multipart/form-data; boundary=x";
        let sent = daemon.send("/webhook/home", Some("token-of-home"), content, form.into_bytes()).await;
        daemon.settled(playrelay_tests::daemon::event_of(sent).await).await;
    }
    let same = home.json(&["plugin", "replay", bundled("plex").to_str().unwrap()]);
    assert_eq!((&same["messages"], &same["differences"]), (&2.into(), &serde_json::json!([])));
    // The manifest of the one in the code of another: it understands nothing of it.
    let folder = TempDir::new().unwrap();
    let other = folder.path().join("other.wasm");
    let manifest = folder.path().join("plugin.toml");
    let text = fs::read_to_string(workspace().join("tests/misbehaving_plugin/sound.toml")).unwrap();
    fs::write(&manifest, text.replace("id = \"sound\"", "id = \"plex\"")).unwrap();
    let core =
        fs::read(workspace().join("target/plugin-build/wasm32-unknown-unknown/guest/rogue.wasm")).unwrap();
    fs::write(folder.path().join("core.wasm"), core).unwrap();
    let packed = run(folder.path(), &["pack", "core.wasm", "plugin.toml", "-o", "other.wasm"]);
    assert!(packed.status.success(), "{}", said(&packed));
    let output = home.run(&["plugin", "replay", other.to_str().unwrap()]);
    let said = said(&output);
    assert!(
        !output.status.success() && said.contains("2 webhooks read by both versions, 2 with another result"),
        "{said}"
    );
    assert!(
        said.contains("-      \"report\": \"playback\"") && said.contains("+      \"report\": \"ignored\""),
        "{said}"
    );
}
