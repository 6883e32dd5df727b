//! Calls of plugins, recorded and made once more: on another machine, by another version, from the bundle of an event.

use std::fs;
use std::path::{Path, PathBuf};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use playrelay_tests::fake_plex;
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::WEBHOOK_TOKEN;
use playrelay_tests::harness::{Daemon, TestContext, event_of, fixture, server_to_trakt};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::server::Server;
use serde_json::{Value, json};

use crate::javascript::{notebook, notebook_config};

const SEAN: (u32, &str) = (31_646_104, "sean");

fn inception() -> Value {
    movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666", "tmdb://27205"])
}

/// Records from now on.
async fn record(home: &TestContext) {
    let (succeeded, said) = home.run_with_fakes(&["record", "start", "--for", "10m"]).await;
    assert!(succeeded, "{said}");
}

/// Sends a webhook of a film, waits until its deliveries are made, and gives its event.
async fn watch(daemon: &Daemon<'_>, source: &str, token: &str, kind: &str, position: u32) -> i64 {
    let body = event(kind, &inception(), Some(position), SEAN, "TV").to_string().into_bytes();
    let answer = daemon.send(&format!("/webhook/{source}"), Some(token), "application/json", body).await;
    let id = event_of(answer).await;
    let is_done = |delivery: &Value| delivery["state"] == "delivered";
    daemon
        .until(id, "its deliveries", |story| {
            story["outbox"].as_array().is_some_and(|rows| !rows.is_empty() && rows.iter().all(is_done))
        })
        .await;
    id
}

/// A machine that knows nothing of the other one, with a copy of a file of it.
fn elsewhere(file: &Path) -> (TestContext, PathBuf) {
    let home = TestContext::new("");
    let copy = home.path().join(file.file_name().unwrap());
    fs::copy(file, &copy).unwrap();
    (home, copy)
}

/// The calls of a record.
fn calls(file: &Path) -> Vec<Value> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What `record replay` exits with and prints.
fn replay(home: &TestContext, arguments: &[&str]) -> (Option<i32>, String) {
    let output = home.run(&[&["record", "replay"], arguments].concat());
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_evening_goes_the_same_way_on_another_machine() {
    let plex = FakePlex::start().await;
    plex.add(inception());
    let at = plex.server.url();
    let (trakt, home) = server_to_trakt(("plex", "both"), (&at, fake_plex::TOKEN), "").await;
    record(&home).await;
    let daemon = home.start();
    let token = format!("{WEBHOOK_TOKEN}-plex");
    watch(&daemon, "plex", &token, "media.play", 60_000).await;
    let id = watch(&daemon, "plex", &token, "media.stop", 7_100_000).await;
    assert_eq!(trakt.history().len(), 1);
    let bundle = daemon.get(&format!("/api/v1/events/{id}/bundle")).await;
    let file = home.data().join("record/calls.jsonl");
    let recorded = calls(&file);
    let functions: Vec<&str> = recorded.iter().filter_map(|call| call["function"].as_str()).collect();
    for function in ["webhook.parse", "realtime.connect", "sink.submit"] {
        assert!(functions.contains(&function), "{function} is not among {functions:?}");
    }
    assert!(recorded.iter().all(|call| call["digest"].as_str().is_some_and(|digest| digest.len() == 64)));
    // Nothing of the home is in it, and the titles are.
    let text = fs::read_to_string(&file).unwrap() + &bundle["calls"].to_string();
    let mut telling = trakt.tokens();
    telling.extend(["sean", "31646104", fake_plex::TOKEN, &at].map(str::to_owned));
    for telling in telling {
        assert!(!text.contains(&telling), "{telling} is recorded: {text}");
    }
    assert!(text.contains("Inception") && text.contains("tt1375666"), "{text}");
    drop(daemon);
    // Elsewhere, with no account at all.
    let (other, copy) = elsewhere(&file);
    let name = copy.to_str().unwrap();
    let (code, said) = replay(&other, &[name]);
    assert!(code == Some(0) && said.contains("Every call goes as it was recorded."), "{said}");
    let report = other.json(&["record", "replay", name]);
    assert_eq!(report["replayed"]["trakt 0.1.0"], count(&recorded, "trakt"), "{report}");
    assert_eq!(report["replayed"]["plex 0.1.0"], count(&recorded, "plex"), "{report}");
    // The bundle of the event has the calls that were made for it.
    let made: Vec<&str> =
        bundle["calls"].as_array().unwrap().iter().filter_map(|call| call["function"].as_str()).collect();
    assert_eq!(made, ["webhook.parse", "sink.submit"], "{bundle:#}");
    let path = other.path().join("bundle.json");
    fs::write(&path, bundle.to_string()).unwrap();
    let (code, said) = replay(&other, &[path.to_str().unwrap()]);
    assert!(code == Some(0) && said.contains("plex 0.1.0: 1 call made once more"), "{said}");
}

fn count(calls: &[Value], plugin: &str) -> usize {
    calls.iter().filter(|call| call["plugin"] == plugin).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_record_alone_answers_and_a_difference_is_shown() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    home.connect().await;
    record(&home).await;
    let daemon = home.start();
    watch(&daemon, "home", WEBHOOK_TOKEN, "media.play", 0).await;
    drop(daemon);
    let file = home.data().join("record/calls.jsonl");
    let mut submit =
        calls(&file).into_iter().find(|call| call["function"] == "sink.submit").expect("a scrobble was sent");
    let (other, path) = elsewhere(&file);
    let changed = async |change: &dyn Fn(&mut Value)| {
        let mut call = submit.clone();
        change(&mut call);
        fs::write(&path, call.to_string()).unwrap();
        replay(&other, &[path.to_str().unwrap()])
    };
    let send = |call: &Value| -> usize {
        let host_calls = call["host_calls"].as_array().unwrap();
        host_calls.iter().position(|it| it["function"] == "http.send").unwrap()
    };
    let at = send(&submit);
    // The tracker said something else.
    let (code, said) = changed(&|call| call["host_calls"][at]["answer"]["Ok"]["status"] = json!(503)).await;
    assert!(code == Some(1) && said.contains("1 call otherwise than recorded."), "{said}");
    assert!(said.contains("-") && said.contains("sink.submit of trakt"), "{said}");
    // The version before said something else to the tracker.
    let (code, said) = changed(&|call| {
        let body = call["host_calls"][at]["arguments"][0]["body"]["Text"].as_str().unwrap().to_owned();
        call["host_calls"][at]["arguments"][0]["body"]["Text"] =
            json!(body.replace("Inception", "Incepcion"));
    })
    .await;
    assert!(code == Some(1) && said.contains("Incepcion") && said.contains("Inception"), "{said}");
    // It asked nothing of a tracker: there is no answer.
    let (code, said) = changed(&|call| drop(call["host_calls"].as_array_mut().unwrap().remove(at))).await;
    assert!(code == Some(1) && said.contains("the record has no answer to http.send"), "{said}");
    // The error names the line that is not a recorded call.
    let (code, said) = changed(&|call| call["surprise"] = json!(1)).await;
    assert!(code == Some(1) && said.contains("line 1 is no recorded call"), "{said}");
    let (code, said) = changed(&|call| call["plugin"] = json!("unheard-of")).await;
    assert!(code == Some(1) && said.contains("no plugin of these calls serves here"), "{said}");
    // A component from a file answers in the place of the plugin that serves.
    submit["version"] = json!("0.0.9");
    fs::write(&path, submit.to_string()).unwrap();
    let component = fixture("../plugins/trakt.wasm");
    let (code, said) = replay(&other, &[path.to_str().unwrap(), "--plugin", component.to_str().unwrap()]);
    assert!(code == Some(0) && said.contains("trakt 0.1.0: 1 call made once more"), "{said}");
    let missing = other.path().join("nothing.jsonl");
    let (code, said) = replay(&other, &[missing.to_str().unwrap()]);
    assert!(code != Some(0) && said.contains("nothing.jsonl"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_in_javascript_goes_the_same_way_once_more() {
    let Some(component) = notebook() else { return };
    let notebook = Server::start(Router::new().route("/lines", post(async || StatusCode::CREATED))).await;
    let trakt = FakeTrakt::start().await;
    let extra = notebook_config(&notebook.url());
    let home = TestContext::plex_to_trakt(None, &trakt, &extra);
    let folder = home.data().join("plugins");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(&component, folder.join("notebook.wasm")).unwrap();
    let approved = home.run(&["plugin", "approve", "notebook"]);
    assert!(approved.status.success(), "{approved:?}");
    home.connect().await;
    record(&home).await;
    let daemon = home.start();
    watch(&daemon, "home", WEBHOOK_TOKEN, "media.play", 0).await;
    drop(daemon);
    let file = home.data().join("record/calls.jsonl");
    let recorded = calls(&file);
    assert!(count(&recorded, "notebook") > 0, "{recorded:?}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(!text.contains(&notebook.url()) && !text.contains("the-notebooks-key"), "{text}");
    let (other, copy) = elsewhere(&file);
    // It takes long to compile, and that is not what is tried here.
    for compiled in fs::read_dir(home.data().join("cache")).unwrap() {
        let compiled = compiled.unwrap();
        fs::copy(compiled.path(), other.data().join("cache").join(compiled.file_name())).unwrap();
    }
    // Nobody has approved it there, and a replay gives it nothing.
    let arguments = [copy.to_str().unwrap(), "--plugin", component.to_str().unwrap()];
    let (code, said) = replay(&other, &arguments);
    assert!(code == Some(0) && said.contains("Every call goes as it was recorded."), "{said}");
    assert!(said.contains("notebook"), "{said}");
}
