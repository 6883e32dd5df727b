//! The API: who may do what, what it says of all that there is, and what happens as it happens.

use std::time::Duration;

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext};
use playrelay_tests::plex_webhook;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

/// How long something may take that happens at once.
const SOON: Duration = Duration::from_secs(20);
const PASSWORD: &str = "three words in a row";

/// The code of the set-up, as the daemon printed it.
async fn setup_code(home: &TestContext) -> String {
    let printed = async {
        loop {
            let log = home.log();
            let code = log.split("The code of the set-up is ").nth(1).and_then(|rest| rest.split(',').next());
            match code {
                Some(code) => return code.to_owned(),
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    timeout(SOON, printed).await.expect("the daemon prints a code")
}

/// A webhook: somebody begins to watch a film.
fn begins(user: &str) -> Value {
    let film = plex_webhook::movie("7", "Inception", 2010, 8_880_000, &["imdb://tt1375666"]);
    plex_webhook::event("media.play", &film, Some(0), (7, user), "TV")
}

/// A body of JSON.
trait JsonBody {
    fn json(self, body: &Value) -> Self;
}

impl JsonBody for RequestBuilder {
    fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }
}

async fn read(answer: Response) -> Value {
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A browser: it keeps its cookie.
struct Browser<'a> {
    daemon: &'a Daemon<'a>,
    client: reqwest::Client,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(daemon: &'a Daemon<'a>) -> Self {
        Self { daemon, client: reqwest::Client::new(), cookie: None }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.daemon.url()));
        match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        }
    }

    async fn send(&mut self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.request(method, path).json(body).send().await.unwrap();
        if let Some(cookie) = answer.headers().get("set-cookie") {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = Some(cookie).filter(|cookie| !cookie.ends_with('='));
        }
        let status = answer.status();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default())
    }

    async fn status(&self, method: Method, path: &str) -> StatusCode {
        self.request(method, path).send().await.unwrap().status()
    }

    /// Adds the first member, and is logged in as them.
    async fn set_up(&mut self, home: &TestContext) {
        let first = json!({ "code": setup_code(home).await, "name": "ada", "password": PASSWORD });
        let (status, answer) = self.send(Method::POST, "/api/v1/setup", &first).await;
        assert_eq!((status, &answer["role"]), (StatusCode::CREATED, &json!("admin")), "{answer}");
    }

    async fn log_in(&mut self, name: &str, password: &str) -> StatusCode {
        let body = json!({ "name": name, "password": password });
        self.send(Method::POST, "/api/v1/login", &body).await.0
    }
}

/// What the daemon says of itself, without the answers that never end.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if let Ok(method) = method.to_uppercase().parse() {
                found.push((method, path.clone(), operation.clone()));
            }
        }
    }
    found
}

/// A path with something in the place of each variable.
fn filled(path: &str) -> String {
    let named = [
        ("{id}", "1"),
        ("{name}", "home"),
        ("{source}", "home"),
        ("{kind}", "poster"),
        ("{command}", "retry"),
    ];
    named.iter().fold(path.to_owned(), |path, (variable, value)| path.replace(variable, value))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_member_needs_the_code_and_there_is_one_first() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let mut browser = Browser::new(&daemon);
    let (_, state) = browser.send(Method::GET, "/api/v1/setup", &Value::Null).await;
    assert_eq!(state, json!({ "needed": true }));
    let wrong = json!({ "code": "AAAA-AAAA", "name": "eve", "password": PASSWORD });
    let (status, problem) = browser.send(Method::POST, "/api/v1/setup", &wrong).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthorized")), "{problem}");
    let weak = json!({ "code": setup_code(&home).await, "name": "ada", "password": "password1234" });
    let (status, problem) = browser.send(Method::POST, "/api/v1/setup", &weak).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    browser.set_up(&home).await;
    let (_, session) = browser.send(Method::GET, "/api/v1/session", &Value::Null).await;
    assert_eq!((&session["name"], &session["by"]), (&json!("ada"), &json!("session")));
    // There is no second first.
    let again = json!({ "code": setup_code(&home).await, "name": "eve", "password": PASSWORD });
    let (status, _) = Browser::new(&daemon).send(Method::POST, "/api/v1/setup", &again).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    drop(daemon);
    let log = home.log();
    assert!(!log.contains(PASSWORD), "no password is logged");
    assert!(!home.start().url().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_nothing_is_told_and_a_viewer_changes_nothing() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    let viewer = json!({ "name": "mia", "role": "viewer", "password": "five words in a row" });
    let (status, answer) = admin.send(Method::POST, "/api/v1/members", &viewer).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let mut viewer = Browser::new(&daemon);
    assert_eq!(viewer.log_in("mia", "five words in a row").await, StatusCode::OK);
    let stranger = Browser::new(&daemon);
    let document = daemon.get("/api/openapi.json").await;
    let operations = operations(&document);
    assert!(operations.len() > 60, "{}", operations.len());
    for (method, path, operation) in &operations {
        let permission = operation["x-permission"].as_str().unwrap();
        let address = filled(path);
        let refused = stranger.status(method.clone(), &address).await.as_u16();
        match permission {
            "open" => assert_ne!(refused, 500, "{method} {path}"),
            _ => assert_eq!(refused, 401, "{method} {path}"),
        }
        if ["control", "admin"].contains(&permission) {
            let refused = viewer.status(method.clone(), &address).await;
            assert_eq!(refused, StatusCode::FORBIDDEN, "{method} {path}");
        }
    }
    for path in ["/api", "/api/v2", "/api/v1/nothing", "/readyz", "/metrics", "/api/openapi.json"] {
        assert_eq!(stranger.status(Method::GET, path).await, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in ["/", "/login", "/admin", "/.env"] {
        assert_eq!(stranger.status(Method::GET, path).await, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(stranger.status(Method::GET, "/healthz").await, StatusCode::OK);
    // What may be seen is seen, and no secret in it.
    let token = std::fs::read_to_string(home.data().join("admin.token")).unwrap();
    for path in
        ["/api/v1/status", "/api/v1/accounts", "/api/v1/plugins", "/api/v1/events", "/readyz", "/metrics"]
    {
        let answer = viewer.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert!(!answer.text().await.unwrap().contains(token.trim()), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_ends_when_it_is_ended_and_so_does_what_it_has_open() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    let stolen = admin.cookie.clone();
    let mut stream = admin.request(Method::GET, "/api/v1/live").send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    let (status, _) = admin.send(Method::POST, "/api/v1/logout", &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let rest = async { while let Ok(Some(_)) = stream.chunk().await {} };
    timeout(SOON, rest).await.expect("the stream ends with the login");
    let thief = Browser { cookie: stolen, ..Browser::new(&daemon) };
    assert_eq!(thief.status(Method::GET, "/api/v1/session").await, StatusCode::UNAUTHORIZED);
    // Another password ends all other logins.
    let (mut here, mut there) = (Browser::new(&daemon), Browser::new(&daemon));
    assert_eq!(here.log_in("ada", PASSWORD).await, StatusCode::OK);
    assert_eq!(there.log_in("ada", PASSWORD).await, StatusCode::OK);
    let change = json!({ "current": PASSWORD, "new": "four words in a row" });
    let (status, answer) = here.send(Method::PUT, "/api/v1/password", &change).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert_eq!(here.status(Method::GET, "/api/v1/session").await, StatusCode::OK);
    assert_eq!(there.status(Method::GET, "/api/v1/session").await, StatusCode::UNAUTHORIZED);
    assert_eq!(there.log_in("ada", PASSWORD).await, StatusCode::UNAUTHORIZED);
    // The last admin stays one.
    let (status, problem) = here.send(Method::DELETE, "/api/v1/members/ada", &Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("conflict")));
    let role = json!({ "role": "viewer" });
    assert_eq!(here.send(Method::PATCH, "/api/v1/members/ada", &role).await.0, StatusCode::CONFLICT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_it_was_made_for_until_it_is_removed() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let create = async |scope: &str, key: &str| {
        let body = json!({ "name": scope, "scopes": [scope] });
        let request = daemon.api(Method::POST, "/api/v1/tokens").header("idempotency-key", key).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        read(answer).await
    };
    let read = create("read", "1").await;
    assert_eq!(create("read", "1").await, read, "a repeated request makes no second token");
    let ingest = create("ingest", "2").await;
    let with = async |token: &Value, method: Method, path: &str| {
        let token = token["token"].as_str().unwrap();
        let request = home.client.request(method, format!("{}{path}", daemon.url())).bearer_auth(token);
        request.send().await.unwrap().status()
    };
    assert_eq!(with(&read, Method::GET, "/api/v1/status").await, StatusCode::OK);
    assert_eq!(with(&read, Method::POST, "/api/v1/outbox/1/retry").await, StatusCode::FORBIDDEN);
    assert_eq!(with(&ingest, Method::GET, "/api/v1/status").await, StatusCode::FORBIDDEN);
    // It opens every webhook, and no other token of ours does.
    let body = plex_webhook::multipart(&begins("mia"), 0);
    let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
    let send = async |token: &Value| {
        let request = home.client.post(format!("{}/webhook/home", daemon.url()));
        let request = request.bearer_auth(token["token"].as_str().unwrap());
        request.header("content-type", &content_type).body(body.clone()).send().await.unwrap().status()
    };
    assert_eq!(send(&ingest).await, StatusCode::OK);
    assert_eq!(send(&read).await, StatusCode::UNAUTHORIZED);
    let listed = daemon.get("/api/v1/tokens").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert!(!listed.to_string().contains(read["token"].as_str().unwrap()), "it is shown once");
    let path = format!("/api/v1/tokens/{}", read["id"].as_str().unwrap());
    assert_eq!(daemon.api(Method::DELETE, &path).send().await.unwrap().status(), StatusCode::NO_CONTENT);
    assert_eq!(with(&read, Method::GET, "/api/v1/status").await, StatusCode::UNAUTHORIZED);
    drop(daemon);
    let database = std::fs::read(home.data().join("playrelay.db")).unwrap();
    let token = ingest["token"].as_str().unwrap();
    assert!(!database.windows(token.len()).any(|part| part == token.as_bytes()), "only its hash is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_guesses_open_nothing_and_keep_nobody_else_out() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    let guesser = reqwest::Client::new();
    let (mut refused, mut locked) = (0, 0);
    for number in 0..10_000 {
        let body = json!({ "name": "ada", "password": format!("a guess, number {number}") });
        let answer = guesser.post(format!("{}/api/v1/login", daemon.url())).json(&body).send().await.unwrap();
        match answer.status() {
            StatusCode::UNAUTHORIZED => refused += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert!(answer.headers().contains_key("retry-after"));
                locked += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(refused <= 11, "{refused} were looked at");
    assert_eq!(refused + locked, 10_000);
    // Whoever is logged in stays so, and the token opens the API from the same address.
    assert_eq!(admin.status(Method::GET, "/api/v1/status").await, StatusCode::OK);
    assert_eq!(daemon.api(Method::GET, "/api/v1/status").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_and_other_names_change_nothing() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    let host = daemon.url().trim_start_matches("http://").to_owned();
    let post = || {
        admin.request(Method::POST, "/api/v1/outbox/batch").json(&json!({ "command": "retry", "ids": [1] }))
    };
    let status = async |request: RequestBuilder| request.send().await.unwrap().status();
    assert_eq!(status(post()).await, StatusCode::OK);
    assert_eq!(status(post().header("origin", format!("http://{host}"))).await, StatusCode::OK);
    assert_eq!(status(post().header("sec-fetch-site", "same-origin")).await, StatusCode::OK);
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = post().header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        let problem: Value = read(answer).await;
        assert_eq!(problem["code"], "cross-site");
        assert!(problem["remedy"].as_str().unwrap().contains("public_url"));
    }
    // A name that suddenly leads here: the browser would send the cookie along.
    let rebound = admin.request(Method::GET, "/api/v1/status").header("host", "evil.example");
    assert_eq!(status(rebound).await, StatusCode::MISDIRECTED_REQUEST);
    let rebound = Browser::new(&daemon).request(Method::GET, "/api/v1/setup").header("host", "evil.example");
    assert_eq!(status(rebound).await, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_are_answered_with_problems() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let cases = [
        (daemon.api(Method::GET, "/api/v1/events?limit=0"), 400, "invalid-request"),
        (daemon.api(Method::GET, "/api/v1/events?limit=many"), 400, "invalid-request"),
        (daemon.api(Method::GET, "/api/v1/events/one"), 400, "invalid-request"),
        (daemon.api(Method::GET, "/api/v1/events/99999"), 404, "not-found"),
        (daemon.api(Method::GET, "/api/v1/nothing"), 404, "not-found"),
        (daemon.api(Method::DELETE, "/api/v1/events"), 405, "method-not-allowed"),
        (daemon.api(Method::POST, "/api/v1/tokens").body("{"), 415, "unsupported-media-type"),
        (
            daemon.api(Method::POST, "/api/v1/tokens").header("content-type", "application/json").body("{"),
            400,
            "invalid-request",
        ),
        (
            daemon.api(Method::POST, "/api/v1/tokens").json(&json!({ "name": "x", "scopes": ["all"] })),
            422,
            "invalid",
        ),
        (
            daemon
                .api(Method::POST, "/api/v1/tokens")
                .json(&json!({ "name": "x".repeat(2 << 20), "scopes": [] })),
            413,
            "too-large",
        ),
    ];
    for (request, status, code) in cases {
        let answer = request.send().await.unwrap();
        let path = answer.url().path().to_owned();
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert!(answer.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
        let found = answer.status().as_u16();
        let problem: Value = read(answer).await;
        assert_eq!((found, problem["code"].as_str().unwrap()), (status, code), "{path}: {problem}");
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{path}: {problem}");
        }
    }
}

/// The next event of a stream: its name, its id and its data.
async fn next(stream: &mut Response, buffer: &mut String) -> (String, String, Value) {
    let read = async {
        loop {
            if let Some((event, rest)) = buffer.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                *buffer = rest;
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().to_owned()
                };
                if !field("event:").is_empty() {
                    let data = serde_json::from_str(&field("data:")).unwrap();
                    return (field("event:"), field("id:"), data);
                }
                continue;
            }
            let chunk = stream.chunk().await.unwrap().expect("the stream goes on");
            buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    };
    timeout(SOON, read).await.expect("an event")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_is_heard_as_it_happens_and_after_a_break() {
    let (trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let open = async |last: Option<&str>| {
        let request = daemon.api(Method::GET, "/api/v1/live?topics=now,events,deliveries");
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        answer
    };
    let (mut stream, mut buffer) = (open(None).await, String::new());
    daemon.plex(&begins("sean")).await;
    let mut heard = Vec::new();
    while !heard.iter().any(|(_, _, data): &(String, String, Value)| data["state"] == "delivered") {
        heard.push(next(&mut stream, &mut buffer).await);
    }
    let names: Vec<&str> = heard.iter().map(|(name, ..)| name.as_str()).collect();
    for name in ["now", "events", "deliveries"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let playing = heard.iter().find(|(name, ..)| name == "now").unwrap();
    assert_eq!(playing.2["streams_count"], 1);
    // What came after the first is sent again to who heard only that.
    let first = heard[0].1.clone();
    let (mut again, mut buffer) = (open(Some(&first)).await, String::new());
    assert_eq!(next(&mut again, &mut buffer).await.1, heard[1].1);
    let (mut lost, mut buffer) = (open(Some("1-1")).await, String::new());
    assert_eq!(next(&mut lost, &mut buffer).await.0, "resync");
    assert_eq!(trakt.story().len(), 1);
    let wrong = daemon.api(Method::GET, "/api/v1/live?topics=all").send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_is_changed_in_its_place_and_taken_over() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "# my notes\n");
    let path = home.path().join("playrelay.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    let daemon = home.start();
    let settings = daemon.get("/api/v1/settings").await;
    let digest = settings["digest"].clone();
    let change = async |query: &str, body: Value| {
        let request = daemon.api(Method::PATCH, &format!("/api/v1/settings{query}")).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status(), read(answer).await)
    };
    let body = json!({ "digest": digest, "changes": [{ "key": "scrobble.watched_at", "value": 91 }] });
    let (status, dry) = change("?dry_run=true", body.clone()).await;
    assert_eq!((status, &dry["dry_run"]), (StatusCode::OK, &json!(true)), "{dry}");
    assert!(dry["diff"].as_str().unwrap().contains("+watched_at = 91"), "{dry}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before, "nothing was written");
    let (status, changed) = change("", body.clone()).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    let after = std::fs::read_to_string(&path).unwrap();
    assert!(after.starts_with(before.trim_end()) && after.contains("watched_at = 91"), "{after}");
    daemon
        .get_until("/api/v1/routes", "it is taken over", |routes| routes["items"][0]["watched_at"] == 91.0)
        .await;
    // Somebody else has changed it meanwhile.
    let (status, problem) = change("", body).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("configuration-changed")));
    assert!(problem["diff"].as_str().unwrap().contains("+watched_at = 91"), "{problem}");
    // What is wrong is said as the program says it at its start, and nothing is written.
    let wrong =
        json!({ "digest": changed["digest"], "changes": [{ "key": "scrobble.watched_at", "value": 1 }] });
    let (status, problem) = change("", wrong).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")));
    assert!(problem["errors"][0]["place"].as_str().unwrap().contains("playrelay.toml:"), "{problem}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    // Back to the byte.
    let back = json!({ "digest": changed["digest"], "changes": [{ "key": "scrobble", "value": null }] });
    let (status, answer) = change("", back).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(std::fs::read_to_string(&path).unwrap().trim_end(), before.trim_end());
    // Its own secrets have doors of their own.
    let own =
        json!({ "digest": answer["digest"], "changes": [{ "key": "server.admin_password", "value": "x" }] });
    assert_eq!(change("", own).await.1["code"], "locked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_goes_to_the_vault_and_a_variable_counts_more_than_the_file() {
    let trakt = FakeTrakt::start().await;
    let mut home = TestContext::plex_to_trakt(None, &trakt, "");
    home.set("PLAYRELAY__SCROBBLE__WATCHED_AT", "85");
    let path = home.path().join("playrelay.toml");
    let daemon = home.start();
    let settings = daemon.get("/api/v1/settings").await;
    let items = settings["items"].as_array().unwrap();
    let find =
        |key: &str| items.iter().find(|item| item["key"] == key).unwrap_or_else(|| panic!("{key}")).clone();
    let locked = find("scrobble.watched_at");
    assert_eq!((&locked["locked"], &locked["set_by"]), (&json!(true), &json!("variable")));
    let change = async |digest: &Value, key: &str, value: Value| {
        let body = json!({ "digest": digest, "changes": [{ "key": key, "value": value }] });
        let answer = daemon.api(Method::PATCH, "/api/v1/settings").json(&body).send().await.unwrap();
        (answer.status(), read(answer).await)
    };
    let (status, problem) = change(&settings["digest"], "scrobble.watched_at", json!(90)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("locked")));
    assert!(problem["remedy"].as_str().unwrap().contains("PLAYRELAY__SCROBBLE__WATCHED_AT"));
    const SECRET: &str = "a-new-client-secret-0123456789";
    let (status, changed) = change(&settings["digest"], "trackers.bob.client_secret", json!(SECRET)).await;
    assert_eq!(status, StatusCode::OK, "{changed}");
    assert_eq!(changed["in_vault"], json!(["trackers.bob.client_secret"]));
    assert!(!changed.to_string().contains(SECRET));
    assert!(!std::fs::read_to_string(&path).unwrap().contains(SECRET));
    let settings = daemon.get("/api/v1/settings").await;
    let items = settings["items"].as_array().unwrap();
    let stored = items.iter().find(|item| item["key"] == "trackers.bob.client_secret").unwrap();
    assert_eq!((&stored["set_by"], &stored["value"]), (&json!("vault"), &Value::Null));
    let database = std::fs::read(home.data().join("playrelay.db")).unwrap();
    assert!(!database.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()), "it is sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_plays_and_deliveries_are_told_and_a_bundle_names_nobody() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let id = daemon.plex(&begins("sean")).await;
    daemon.until(id, "it is delivered", |event| event["outbox"][0]["state"] == "delivered").await;
    let events = daemon.get("/api/v1/events?limit=1").await;
    assert_eq!(events["items"][0]["id"], id);
    let story = daemon.get(&format!("/api/v1/events/{id}")).await;
    assert!(story["timeline"].as_array().unwrap().len() > 2, "{story}");
    assert_eq!(story["outbox"][0]["state"], "delivered");
    let plays = daemon.get("/api/v1/plays").await;
    let play = &plays["items"][0];
    assert_eq!((&play["user"], &play["event"]), (&json!("sean"), &json!(id)), "{play}");
    assert_eq!(daemon.get(&format!("/api/v1/plays/{}", play["id"].as_str().unwrap())).await, *play);
    let replay = daemon.api(Method::POST, &format!("/api/v1/events/{id}/replay")).send().await.unwrap();
    assert_eq!(read(replay).await["differences"], json!([]));
    let bundle = daemon.get(&format!("/api/v1/events/{id}/bundle")).await.to_string();
    assert!(!bundle.contains("sean"), "{bundle}");
    let request = daemon.get(&format!("/api/v1/events/{id}/request")).await.to_string();
    assert!(request.contains("sean"), "{request}");
    let row = daemon.get("/api/v1/outbox").await["events"][0].clone();
    let batch = json!({ "command": "retry", "ids": [row["id"], 99_999] });
    let answer = daemon.api(Method::POST, "/api/v1/outbox/batch").json(&batch).send().await.unwrap();
    let results: Value = read(answer).await;
    assert_eq!(results["results"][0]["problem"]["code"], "conflict", "{results}");
    assert_eq!(results["results"][1]["problem"]["code"], "not-found", "{results}");
    // Every line of the log that belongs to the event is found by it.
    let lines = daemon.get(&format!("/api/v1/logs?event={id}")).await;
    let lines = lines["items"].as_array().unwrap();
    assert!(lines.iter().any(|line| line["message"] == "delivered"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_levels_and_readiness_are_told() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let id = daemon.plex(&begins("sean")).await;
    daemon.until(id, "it is delivered", |event| event["outbox"][0]["state"] == "delivered").await;
    let metrics = daemon.api(Method::GET, "/metrics").send().await.unwrap();
    assert!(metrics.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    let metrics = metrics.text().await.unwrap();
    for line in [
        "playrelay_events_total{source=\"home\",outcome=\"queued\",code=\"started\"} 1",
        "playrelay_deliveries_total{tracker=\"bob\",result=\"delivered\"} 1",
        "playrelay_outbox{tracker=\"bob\",state=\"waiting\"} 0",
        "playrelay_plugin_calls_total{plugin=\"plex\",result=\"ok\"}",
        "playrelay_database_bytes ",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("sean"), "no user is a label");
    let ready = daemon.get("/readyz").await;
    assert_eq!((&ready["ready"], &ready["components"]["database"]), (&json!(true), &json!("ok")));
    let set = async |filter: &str| {
        let request = daemon.api(Method::PUT, "/api/v1/log-levels").json(&json!({ "filter": filter }));
        request.send().await.unwrap().status()
    };
    assert_eq!(set("loud").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(set("info,playrelay::realtime=debug").await, StatusCode::OK);
    let filter = daemon.get("/api/v1/log-levels").await["filter"].as_str().unwrap().to_owned();
    assert!(filter.contains("playrelay::realtime=debug") && filter.contains("info"), "{filter}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_written_while_the_daemon_runs_and_restored_elsewhere() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let mut daemon = home.start();
    let id = daemon.plex(&begins("sean")).await;
    daemon.settled(id).await;
    let file = home.path().join("backup.tar.gz");
    let name = file.to_str().unwrap();
    let written = home.run(&["backup", name]);
    assert!(written.status.success(), "{written:?}");
    assert!(!home.run(&["backup", name]).status.success(), "it is not overwritten");
    let downloaded = daemon.api(Method::GET, "/api/v1/backup").send().await.unwrap();
    assert_eq!(downloaded.headers()["content-type"], "application/gzip");
    assert!(downloaded.bytes().await.unwrap().starts_with(&[0x1f, 0x8b]));
    let refused = home.run(&["restore", name, "--force"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another Playrelay uses"), "{refused:?}");
    daemon.stop();
    let refused = home.run(&["restore", name]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"), "{refused:?}");
    // What comes after the backup is gone with the database that is put aside.
    let restored = home.run(&["restore", name, "--force"]);
    assert!(restored.status.success(), "{restored:?}");
    assert!(home.data().join("playrelay.db.before-restore").exists());
    let events = home.json(&["events", "--all"]);
    assert_eq!(events[0]["id"], id);
    // A damaged file is refused, and nothing is touched.
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let damaged = home.path().join("damaged.tar.gz");
    std::fs::write(&damaged, bytes).unwrap();
    let refused = home.run(&["restore", damaged.to_str().unwrap(), "--force"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no sound backup"), "{refused:?}");
    assert_eq!(home.json(&["events", "--all"])[0]["id"], id);
}
