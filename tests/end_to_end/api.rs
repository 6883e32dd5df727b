//! The API: what it says of all that there is, what it changes, and what happens as it happens.

use playrelay_tests::browser::{SOON, begins, read};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::TestContext;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

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
    // They come from several parts of the daemon, in no order between them.
    let mut heard: Vec<(String, String, Value)> = Vec::new();
    let is_all = |heard: &[(String, String, Value)]| {
        let has = |name: &str| heard.iter().any(|(topic, ..)| topic == name);
        has("now") && has("events") && heard.iter().any(|(.., data)| data["state"] == "delivered")
    };
    while !is_all(&heard) {
        heard.push(next(&mut stream, &mut buffer).await);
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
    // Who has the same already is not sent it again.
    let path = format!("/api/v1/events/{id}");
    let answer = daemon.api(Method::GET, &path).send().await.unwrap();
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let again = daemon.api(Method::GET, &path).header("if-none-match", &tag).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()["etag"], tag.as_str());
    assert!(again.bytes().await.unwrap().is_empty());
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
async fn people_read_what_there_is_without_another_host() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let answer = daemon.api(Method::GET, "/api/docs").send().await.unwrap();
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("style-src 'self'"), "{policy}");
    let page = answer.text().await.unwrap();
    for part in ["/api/v1/events/{id}/bundle", "What plays now", "Idempotency-Key", "What it is for."] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing is of another host");
    let style = daemon.api(Method::GET, "/api/docs.css").send().await.unwrap();
    assert!(style.headers()["content-type"].to_str().unwrap().starts_with("text/css"));
    let problem = daemon.api(Method::GET, "/help/problems/not-found").send().await.unwrap();
    assert!(problem.text().await.unwrap().contains("There is no such thing"));
    let unknown = daemon.api(Method::GET, "/help/problems/none").send().await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
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

/// A number in a file of `/proc`.
fn field(pid: u32, file: &str, find: impl Fn(&str) -> Option<u64>) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap();
    find(&text).unwrap_or_else(|| panic!("{text}"))
}

/// Bytes of memory that a process has.
fn memory(pid: u32) -> u64 {
    let line = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    field(pid, "status", line) << 10
}

/// Hundredths of a second that a process has computed.
fn processor(pid: u32) -> u64 {
    let sum = |text: &str| {
        let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    field(pid, "stat", sum)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_streams_in_which_nothing_happens_cost_little() {
    const STREAMS: usize = 100;
    const WATCHED: std::time::Duration = std::time::Duration::from_secs(5);
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let idle = async || {
        let before = processor(daemon.pid());
        tokio::time::sleep(WATCHED).await;
        processor(daemon.pid()) - before
    };
    daemon.get("/api/v1/status").await;
    let (memory_before, idle_before) = (memory(daemon.pid()), idle().await);
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let answer = daemon.api(Method::GET, "/api/v1/live").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        streams.push(answer);
    }
    let cost = memory(daemon.pid()).saturating_sub(memory_before);
    assert!(cost < 30 << 20, "{} KiB", cost >> 10);
    // 1 % of a core is five hundredths in five seconds; the clock of the kernel counts whole ones.
    let with_streams = idle().await;
    assert!(with_streams <= idle_before + 6, "{idle_before} and {with_streams} hundredths");
    println!(
        "{STREAMS} streams: {} KiB, {idle_before} and {with_streams} hundredths in {WATCHED:?}",
        cost >> 10
    );
    // One of them hears what happens, and there is an end to how many there may be.
    daemon.plex(&begins("sean")).await;
    assert!(timeout(SOON, streams[99].chunk()).await.unwrap().unwrap().is_some());
    for _ in STREAMS..200 {
        streams.push(daemon.api(Method::GET, "/api/v1/live").send().await.unwrap());
    }
    let one_more = daemon.api(Method::GET, "/api/v1/live").send().await.unwrap();
    assert_eq!(one_more.status(), StatusCode::TOO_MANY_REQUESTS);
}
