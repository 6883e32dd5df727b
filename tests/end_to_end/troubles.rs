//! Messages and answers that gave trouble to others: each gives what its manifest entry expects, through the real binary.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use playrelay_tests::fake_trakt::{CLIENT_ID, CLIENT_SECRET, FakeTrakt};
use playrelay_tests::harness::{
    Daemon, TestContext, WEBHOOK_TOKEN, event_of, payloads, sources_to_trakt_config,
};
use playrelay_tests::server::Server;
use playrelay_tests::{catalogue, harness};
use reqwest::Method;
use serde_json::{Value, json};

use crate::captured_payloads::{check, check_item, check_people};

/// The user that the messages are of, at a Plex server that stands in.
const PLEX_TOKEN: &str = "a-plex-token-0123456789";

/// The messages, where they are there. They are no part of this project.
fn folder() -> Option<PathBuf> {
    let found = payloads().and_then(|folder| Some(folder.parent()?.join("payloads-trouble")));
    let found = found.filter(|folder| folder.is_dir());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "CI has the messages beside the project");
        println!("SKIPPED: the messages are not on this machine");
    }
    found
}

fn entries(folder: &Path, is_wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let text = std::fs::read(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&text).unwrap();
    let entries = manifest["entries"].as_array().unwrap().iter().filter(|entry| is_wanted(entry));
    entries.cloned().collect()
}

/// A message with its blanks filled in.
fn filled(text: &str, now: Timestamp, source: &str) -> String {
    let mut text = text
        .replace("{now without zone}", now.to_string().trim_end_matches('Z'))
        .replace("{now}", &now.to_string())
        .replace("{source}", source)
        .replace("{token}", &format!("{WEBHOOK_TOKEN}-{source}"));
    while let Some(start) = text.find("\"{now-") {
        let end = start + text[start..].find("}\"").unwrap() + 2;
        let seconds: i64 = text[start + "\"{now-".len()..end - 2].parse().unwrap();
        let at = now.checked_sub(SignedDuration::from_secs(seconds)).unwrap().as_second().to_string();
        text.replace_range(start..end, &at);
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn troublesome_webhooks_are_read() {
    let Some(folder) = folder() else { return };
    let webhooks = entries(&folder, |entry| entry["transport"] == "webhook");
    assert!(webhooks.len() >= 14, "the manifest has changed its form: {} webhooks", webhooks.len());
    let trakt = FakeTrakt::start().await;
    for entry in webhooks {
        let (file, source) = (entry["file"].as_str().unwrap(), entry["server"].as_str().unwrap());
        // Each with a daemon of its own: they share user, player and item.
        let home = TestContext::new(&sources_to_trakt_config(&[source], &trakt, ""));
        let daemon = home.start();
        let text = std::fs::read(folder.join(file)).unwrap();
        let text = filled(std::str::from_utf8(&text).unwrap(), Timestamp::now(), source);
        let id = match file.strip_suffix(".http") {
            Some(_) => raw(&home, &daemon, file, &text, &entry["expect"]).await,
            None => daemon.message(source, "application/json", text.into_bytes()).await,
        };
        let story = daemon.settled(id).await;
        let replay = home.json(&["replay", &id.to_string()]);
        let (expect, report) = (&entry["expect"], &replay["reports"][0]);
        if expect["progress_pct"].is_null() && expect["played_to_completion"] == true {
            // How far it was nobody has said: what the message says is read, and doubted.
            check_item(source, file, expect, report);
            check_people(file, expect, report);
            assert_eq!(
                (&report["state"], &report["completion"]),
                (&json!("stopped"), &json!("claimed")),
                "{file}"
            );
        } else {
            check(source, file, expect, &story, report);
        }
    }
}

/// Sends a raw request as it stands. Gives the event that it has become.
async fn raw(home: &TestContext, daemon: &Daemon<'_>, file: &str, text: &str, expect: &Value) -> i64 {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap();
    let mut request = home.client.post(format!("{}{path}", daemon.url()));
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        if !["host", "content-length"].contains(&name.to_lowercase().as_str()) {
            request = request.header(name, value);
        }
    }
    let answer = request.body(body.to_owned()).send().await.unwrap();
    let wanted = expect["http_status"].as_u64().unwrap_or(200);
    assert_eq!(u64::from(answer.status().as_u16()), wanted, "{file}");
    event_of(answer).await
}

/// A Trakt that gives some answers of its own, and passes on all else.
#[derive(Clone)]
struct Front {
    answers: Arc<Vec<Value>>,
    behind: String,
    client: reqwest::Client,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

async fn front(State(front): State<Front>, method: Method, headers: HeaderMap, request: Request) -> Response {
    let path = request.uri().path_and_query().unwrap().to_string();
    let body: Bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&body).into_owned();
    front.seen.lock().unwrap().push((path.clone(), text.clone()));
    let fits = |answer: &&Value| {
        path.starts_with(answer["path"].as_str().unwrap())
            && answer["body_contains"].as_str().is_none_or(|part| text.contains(part))
    };
    if let Some(answer) = front.answers.iter().find(fits) {
        let body = answer["body"].as_str().map_or_else(|| answer["body"].to_string(), str::to_owned);
        return given(answer, body);
    }
    let mut passed_on = front.client.request(method, format!("{}{path}", front.behind)).body(body);
    for (name, value) in headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
        passed_on = passed_on.header(name, value);
    }
    let answer = passed_on.send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = answer.bytes().await.unwrap().into_response();
    *response.status_mut() = status;
    for (name, value) in headers.iter().filter(|(name, _)| *name == "content-type" || *name == "retry-after")
    {
        response.headers_mut().insert(name, value.clone());
    }
    response
}

/// An answer of a scenario.
fn given(answer: &Value, body: String) -> Response {
    let mut response = body.into_response();
    let status = u16::try_from(answer["status"].as_u64().unwrap_or(200)).unwrap();
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::from_bytes(name.to_lowercase().as_bytes()).unwrap();
        response.headers_mut().insert(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
    }
    response
}

/// A Plex server that gives these answers: for a path, or for all below it where it ends in a slash. The longest counts.
async fn plex(answers: Vec<Value>) -> Server {
    let answers = Arc::new(answers);
    let router = Router::new().fallback(async move |request: Request| {
        let path = request.uri().path().to_owned();
        let fits = |answer: &&Value| {
            let wanted = answer["path"].as_str().unwrap();
            wanted == path || wanted.len() > 1 && wanted.ends_with('/') && path.starts_with(wanted)
        };
        let found = answers.iter().filter(fits).max_by_key(|answer| answer["path"].as_str().unwrap().len());
        found.map_or_else(
            || StatusCode::NOT_FOUND.into_response(),
            |answer| given(answer, answer["body"].to_string()),
        )
    });
    Server::start(router).await
}

#[tokio::test(flavor = "multi_thread")]
async fn troublesome_answers_are_told_from_success() {
    let Some(folder) = folder() else { return };
    let scenarios = entries(&folder, |entry| entry["transport"] == "scenario");
    assert!(scenarios.len() >= 7, "the manifest has changed its form: {} scenarios", scenarios.len());
    for entry in scenarios {
        scenario(&folder, &entry).await;
    }
}

async fn scenario(folder: &Path, entry: &Value) {
    let (file, expect) = (entry["file"].as_str().unwrap(), &entry["expect"]);
    let source = if file.contains("jellyfin") { "jellyfin" } else { "plex" };
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let script: Value = serde_json::from_str(&filled(&text, Timestamp::now(), source)).unwrap();
    let trakt = FakeTrakt::start().await;
    let seen = Arc::default();
    let state = Front {
        answers: Arc::new(script["answers"].as_array().cloned().unwrap_or_default()),
        behind: trakt.server.url(),
        client: harness::client(),
        seen: Arc::clone(&seen),
    };
    let front = Server::start(Router::new().fallback(front).with_state(state)).await;
    let server = plex(script["plex_answers"].as_array().cloned().unwrap_or_default()).await;
    let address = match script["plex_answers"].is_array() {
        true => format!("url = {:?}\ntoken = {PLEX_TOKEN:?}\nmode = \"webhook\"\n", server.url()),
        false => String::new(),
    };
    let home = TestContext::new(&format!(
        "[sources.{source}]\nplugin = {source:?}\nwebhook_token = \"{WEBHOOK_TOKEN}-{source}\"\n{address}\n\
         [trackers.bob]\nplugin = \"trakt\"\nclient_id = {CLIENT_ID:?}\nclient_secret = {CLIENT_SECRET:?}\n\
         api_url = {:?}\nauth_url = {:?}\n\n[[routes]]\nsource = {source:?}\ntracker = \"bob\"\nusers = [\"*\"]\n",
        front.url(),
        trakt.server.url(),
    ));
    home.connect().await;
    let daemon = home.start();
    match script["command"].as_str() {
        None => {
            let id =
                daemon.message(source, "application/json", script["send"].to_string().into_bytes()).await;
            daemon.until(id, "an attempt", |story| tried(&story["outbox"])).await;
        }
        Some(command) => {
            let command = command.replacen("catch-up", &format!("catch-up {source}"), 1);
            let (success, said) = home.run_with_fakes(&command.split(' ').collect::<Vec<_>>()).await;
            assert!(success, "{file}: {said}");
            let end = Instant::now() + Duration::from_secs(60);
            while !tried(&home.json(&["outbox", "list"])) {
                assert!(
                    Instant::now() < end,
                    "{file}: nothing was tried: {said}\n{:#}",
                    home.json(&["events"])
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    let outbox = home.json(&["outbox", "list"]);
    let seen = seen.lock().unwrap().clone();
    hold_against(file, expect, &outbox, &seen);
    if let Some(watches) = expect["watches"].as_u64() {
        let rows = outbox.as_array().unwrap().iter().filter(|row| row["action"] == "watched").count();
        assert_eq!(rows as u64, watches, "{file}: {outbox:#}");
    }
}

/// Whether every event has been tried once, or needs not be.
fn tried(outbox: &Value) -> bool {
    let rows = outbox.as_array().unwrap();
    !rows.is_empty() && rows.iter().all(|row| row["state"] != "waiting" || row["attempts"].as_u64() > Some(0))
}

fn hold_against(file: &str, expect: &Value, outbox: &Value, seen: &[(String, String)]) {
    let rows = outbox.as_array().unwrap();
    let states: Vec<&str> = rows.iter().map(|row| row["state"].as_str().unwrap()).collect();
    let notes: Vec<&str> = rows.iter().filter_map(|row| row["note"].as_str()).collect();
    let note = notes.join("\n");
    if let Some(state) = expect["outbox_state"].as_str() {
        assert!(states.contains(&state), "{file}: {outbox:#}");
    }
    if let Some(state) = expect["outbox_state_not"].as_str() {
        assert!(!states.is_empty() && !states.contains(&state), "{file}: {outbox:#}");
    }
    if expect["delivered"] == json!([]) {
        assert!(!states.contains(&"delivered"), "{file}: {outbox:#}");
    }
    for never in expect["never_sent"].as_array().into_iter().flatten() {
        let (path, part) = (never["path"].as_str().unwrap(), never["body_contains"].as_str().unwrap());
        let is_it = |(at, body): &&(String, String)| at.starts_with(path) && body.contains(part);
        assert!(!seen.iter().any(|call| is_it(&call)), "{file}: {seen:#?}");
    }
    if let Some(part) = expect["note_must_contain"].as_str() {
        assert!(note.contains(part), "{file}: {note}");
    }
    if let Some(part) = expect["note_must_not_contain"].as_str() {
        assert!(!note.is_empty() && !note.contains(part), "{file}: {note}");
    }
    // Its meaning, in one of the words that can have it.
    match expect["note_must_say"].as_str() {
        None => {}
        Some("that the episode has no number") => {
            assert!(note.contains("number of the episode is missing"), "{file}: {note}");
        }
        Some("that the gateway blocks this address or program") => {
            assert!(note.contains("block"), "{file}: {note}");
        }
        Some(other) => panic!("{file}: nobody knows how {other:?} is said"),
    }
    let sent = &expect["sent_to_trakt"];
    if let Some(path) = sent["path"].as_str() {
        let is_it = |(at, body): &&(String, String)| {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            let wanted = &sent["movies"][0];
            at == path
                && body["movies"][0]["title"] == wanted["title"]
                && body["movies"][0]["year"] == wanted["year"]
        };
        assert!(seen.iter().any(|call| is_it(&call)), "{file}: {seen:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn troublesome_stories_are_told_once() {
    let Some(folder) = folder() else { return };
    let stories = entries(&folder, |entry| entry["transport"] == "story");
    assert!(!stories.is_empty(), "the manifest has changed its form");
    for entry in stories {
        let (file, source) = (entry["file"].as_str().unwrap(), entry["server"].as_str().unwrap());
        let trakt = FakeTrakt::start().await;
        // The shows of the story, and no others with their ids.
        trakt.know(vec![catalogue::episode(
            ("Demo Show", 2019, json!({ "trakt": 77 })),
            1,
            2,
            json!({ "trakt": 78, "tvdb": 349_232 }),
        )]);
        let mut home = TestContext::new(&sources_to_trakt_config(&[source], &trakt, ""));
        let clock = home.set_clock(&[trakt.clock()]);
        home.connect().await;
        let daemon = home.start();
        for line in std::fs::read_to_string(folder.join(file)).unwrap().lines() {
            let at = serde_json::from_str::<Value>(line).unwrap()["at_s"].as_i64().unwrap();
            clock.pass(at - clock.passed());
            let line: Value = serde_json::from_str(&filled(line, trakt.clock().now(), source)).unwrap();
            let id = daemon.json(source, &line["msg"]).await;
            daemon
                .until(id, "its delivery", |story| {
                    story["outbox"].as_array().unwrap().iter().all(|row| row["state"] != "waiting")
                })
                .await;
        }
        let told: Vec<Value> = trakt
            .calls()
            .iter()
            .filter_map(|call| {
                let verb = call.path.strip_prefix("/scrobble/")?;
                let progress = (call.body["progress"].as_f64()? * 100.0).round() / 100.0;
                Some(json!(format!("{verb} {progress} %")))
            })
            .collect();
        assert_eq!(json!(told), entry["expect"]["trakt"], "{file}");
        assert_eq!(json!(trakt.history().len()), entry["expect"]["watches"], "{file}");
    }
}
