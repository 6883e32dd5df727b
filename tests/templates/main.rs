//! Each template of `playrelay plugin new`, in each language: it builds at once, and passes its tests and the conformance suite; and `plugin dev`.
//!
//! It takes Rust's target wasm32-unknown-unknown, npm and pip.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use playrelay_tests::author_project::begin;
use playrelay_tests::harness::{binary, client};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// What a template is of.
const KINDS: [&str; 3] = ["source", "sink", "notify"];

/// How long building, testing and loading may take.
const DEADLINE: Duration = Duration::from_secs(240);
/// Between two looks whether something has happened.
const INTERVAL: Duration = Duration::from_millis(100);
/// A message that the template of a source reads.
const MESSAGE: &str = r#"{ "event": "start", "user": "mia", "movie": { "title": "Mirror", "year": 1975 } }"#;

fn builds_and_passes(language: &str) {
    let folder = TempDir::new().unwrap();
    for kind in KINDS {
        begin(folder.path(), &format!("my-{kind}"), language, kind);
    }
}

#[test]
fn in_rust() {
    builds_and_passes("rust");
}

#[test]
fn in_javascript() {
    builds_and_passes("js");
}

#[test]
fn in_python() {
    builds_and_passes("python");
}

/// Waits until a program that goes on has printed words so many times.
async fn until(program: &mut Child, file: &Path, words: &str, times: usize) {
    let end = Instant::now() + DEADLINE;
    loop {
        let has_ended = program.try_wait().unwrap().is_some();
        let text = fs::read_to_string(file).unwrap();
        if text.matches(words).count() >= times {
            return;
        }
        assert!(!has_ended && Instant::now() < end, "waited in vain for {words:?}:\n{text}");
        tokio::time::sleep(INTERVAL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_is_built_and_loaded_while_its_daemon_runs() {
    let folder = TempDir::new().unwrap();
    begin(folder.path(), "my-player", "rust", "source");
    let project = folder.path().join("my-player");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let printed = folder.path().join("printed");
    let output = File::create(&printed).unwrap();
    let mut dev = Command::new(binary())
        .args(["plugin", "dev", "--port", &port.to_string()])
        .current_dir(&project)
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}");
    // Sends a message, and gives what it is about for the daemon.
    let newest = async || -> Value {
        let end = Instant::now() + DEADLINE;
        loop {
            let sent = client().post(format!("{url}/webhook/dev/dev-token")).body(MESSAGE);
            let sent = sent.header("content-type", "application/json").send().await;
            if sent.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            assert!(Instant::now() < end, "{}", fs::read_to_string(&printed).unwrap());
            tokio::time::sleep(INTERVAL).await;
        }
        loop {
            let events = Command::new(binary())
                .args(["--config", "build/dev/playrelay.toml", "events", "--json"])
                .current_dir(&project)
                .output()
                .unwrap();
            let events: Value = serde_json::from_slice(&events.stdout).unwrap();
            if !events[0]["verdict"].is_null() {
                return events[0]["item"].clone();
            }
            assert!(Instant::now() < end, "{events:#}");
            tokio::time::sleep(INTERVAL).await;
        }
    };
    until(&mut dev, &printed, "loaded; waiting for a change", 1).await;
    until(&mut dev, &printed, "Send it a message: curl", 1).await;
    assert_eq!(newest().await, "Mirror (1975)");
    let code = project.join("src/lib.rs");
    let text = fs::read_to_string(&code).unwrap();
    fs::write(&code, text.replace("text(&movie[\"title\"])?", "text(&movie[\"title\"])? + \"!\"")).unwrap();
    // Its test expects another title.
    until(&mut dev, &printed, "loaded, though a test fails; waiting for a change", 1).await;
    let end = Instant::now() + DEADLINE;
    while newest().await != "Mirror! (1975)" {
        assert!(Instant::now() < end, "{}", fs::read_to_string(&printed).unwrap());
    }
    kill_process(Pid::from_raw(dev.id().try_into().unwrap()).unwrap(), Signal::INT).unwrap();
    assert!(dev.wait().unwrap().success());
    let end = Instant::now() + DEADLINE;
    while client().get(format!("{url}/healthz")).send().await.is_ok() {
        assert!(Instant::now() < end, "its daemon goes on");
        tokio::time::sleep(INTERVAL).await;
    }
}
