//! Who may do what at the API: the first member, logins, tokens, roles, guesses, other sites.

use std::time::Instant;

use playrelay_tests::browser::{Browser, PASSWORD, SOON, begins, read, setup_code};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::TestContext;
use playrelay_tests::plex_webhook;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

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
    for path in ["/admin", "/.env", "/cards"] {
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
    let mut thief = Browser::new(&daemon);
    thief.cookie = stolen;
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
    let began = Instant::now();
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
    // So many a minute, however many minutes a busy machine needs.
    let most = 11 * (1 + began.elapsed().as_secs() / 60);
    assert!(refused <= most, "{refused} were looked at; {most} are allowed");
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
