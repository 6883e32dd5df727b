//! The API is what its OpenAPI document says: `schemathesis` sends what the document allows, and what it does not.

use std::path::Path;
use std::process::Command;

use playrelay_tests::browser::{begins, read};
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, plex_to_trakt_config};
use reqwest::Method;
use serde_json::Value;

use crate::architecture::workspace;

/// Requests of each kind to each operation.
const EXAMPLES: &str = "20";
/// How long it may take, in words for `timeout`.
const DEADLINE: &str = "400";
/// Operations that are not tried: a stream has no end.
const LEFT_OUT: [&str; 1] = ["/api/v1/live"];

/// A home all of whose services are fakes, also those at which one logs in.
async fn home() -> ((FakeTrakt, FakePlexTv), TestContext) {
    let (trakt, tv) = (FakeTrakt::start().await, FakePlexTv::start(&[]).await);
    let url = tv.server.url();
    let config = plex_to_trakt_config(None, &trakt).replace(
        "plugin = \"plex\"\n",
        &format!("plugin = \"plex\"\naccount_url = {url:?}\nauth_url = {url:?}\n"),
    );
    let home = TestContext::new(&config);
    home.connect().await;
    ((trakt, tv), home)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_finds_a_fault_or_an_answer_that_is_not_described() {
    let clients = workspace().join("target/clients/python");
    if !clients.join("schemathesis").exists() {
        assert!(std::env::var_os("CI").is_none(), "`cargo xtask clients` installs schemathesis");
        println!("SKIPPED: there is no schemathesis; `cargo xtask clients` installs it");
        return;
    }
    let (_services, home) = home().await;
    let daemon = home.start();
    let id = daemon.plex(&begins("sean")).await;
    daemon.until(id, "it is delivered", |event| event["outbox"][0]["state"] == "delivered").await;
    let token = std::fs::read_to_string(home.data().join("admin.token")).unwrap();
    let mut command = Command::new("timeout");
    command
        .args([DEADLINE, "python3", "-m", "schemathesis.cli"])
        .arg("--config-file")
        .arg(workspace().join("tests/clients/schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/api/openapi.json", daemon.url()))
        .args(["--url", daemon.url(), "--checks", "all", "--max-examples", EXAMPLES])
        .args(["--workers", "2", "--no-color", "--continue-on-failure", "--generation-deterministic"])
        .arg("--header")
        .arg(format!("Authorization: Bearer {}", token.trim()))
        .args(LEFT_OUT.iter().flat_map(|path| ["--exclude-path", path]))
        .env("PYTHONPATH", &clients)
        .current_dir(home.path());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(!home.log().contains("panicked"), "{}", home.log());
}

/// Names and values.
type Pairs = Vec<(String, String)>;

/// A path with an example in the place of each variable, its query and its headers.
fn example(path: &str, operation: &Value) -> (String, Pairs, Pairs) {
    let (mut path, mut query, mut headers) = (path.to_owned(), Vec::new(), Vec::new());
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let text = match &parameter["example"] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let name = parameter["name"].as_str().unwrap().to_owned();
        match parameter["in"].as_str().unwrap() {
            "path" => path = path.replace(&format!("{{{name}}}"), &text),
            "query" => query.push((name, text)),
            _ => headers.push((name, text)),
        }
    }
    (path, query, headers)
}

/// The example of a schema: its own, or that of each of its fields.
fn body_of(document: &Value, schema: &Value) -> Option<Value> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(example) = schema.get("example").or_else(|| schema["examples"].get(0)) {
        return Some(example.clone());
    }
    if let Some(options) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        return options.iter().find_map(|option| body_of(document, option));
    }
    if let Some(value) = schema["enum"].get(0).or_else(|| schema.get("const")) {
        return Some(value.clone());
    }
    let fields = schema["properties"].as_object()?;
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let field = |(name, field): (&String, &Value)| {
        let value = match (body_of(document, field), field["type"].as_str()) {
            (Some(value), _) => value,
            (None, Some("array")) => Value::Array(body_of(document, &field["items"]).into_iter().collect()),
            (None, _) if required.contains(&name.as_str()) => panic!("{name} has no example"),
            (None, _) => return None,
        };
        Some((name.clone(), value))
    };
    Some(Value::Object(fields.iter().filter_map(field).collect()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_an_example_that_is_understood() {
    let (_services, home) = home().await;
    let daemon = home.start();
    let id = daemon.plex(&begins("sean")).await;
    daemon.until(id, "it is delivered", |event| event["outbox"][0]["state"] == "delivered").await;
    let document = daemon.get("/api/openapi.json").await;
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if LEFT_OUT.contains(&path.as_str()) {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let (address, query, headers) = example(path, operation);
            assert!(!address.contains('{'), "{method} {path} has no example of its variables");
            let query = query.iter().fold(String::new(), |text, (name, value)| {
                let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
                format!("{text}{}{name}={value}", if text.is_empty() { '?' } else { '&' })
            });
            let mut request = daemon.api(method.clone(), &format!("{address}{query}"));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if !schema.is_null() {
                let body = body_of(&document, schema)
                    .unwrap_or_else(|| panic!("{method} {path} has no example body"));
                request = request.header("content-type", "application/json").body(body.to_string());
            }
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            // What is named in an example need not be there; it has to be understood.
            let is_understood = (200..300).contains(&status) || [401, 404, 409, 422, 502].contains(&status);
            let described = operation["responses"].get(status.to_string()).is_some();
            let text =
                if is_understood && described { String::new() } else { read(answer).await.to_string() };
            assert!(is_understood && described, "{method} {path}: {status} {text}");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
    assert!(Path::new(home.path()).exists());
}
