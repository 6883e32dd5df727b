//! What plays now, for other programs: the file, and the same over HTTP.

use std::time::{Duration, Instant};

use playrelay_tests::webhook_scenario::{Scenario, WebhookScript};
use playrelay_tests::{jellyfin_webhook as jellyfin, plex_webhook as plex};
use serde_json::{Value, json};

const MIA: jellyfin::User = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
const HOUR: u32 = 3_600_000;

/// The file, once it says what is waited for; `Null` while there is none.
async fn file(stage: &Scenario, came: impl Fn(&Value) -> bool) -> Value {
    let path = stage.home.data().join("state/currently_watching.json");
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        let shown =
            std::fs::read(&path).ok().map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap());
        if came(&shown) {
            return shown;
        }
        assert!(Instant::now() < end, "waited in vain; the file says {shown:#}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_plays_is_shown_until_it_stops_or_falls_silent() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    let pilot = jellyfin::episode(
        &"1".repeat(32),
        ("Breaking Bad", 2008),
        1,
        1,
        HOUR,
        &[("tvdb", "349232"), ("tmdb", "62085")],
    );
    script.jellyfin(&jellyfin::event("PlaybackStart", &pilot, Some(HOUR / 10), MIA, "TV")).await;
    let shown = file(&stage, |shown| shown["streams"].is_object()).await;
    assert_eq!(shown["v"], 2);
    let (key, row) = shown["streams"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(key, &format!("jellyfin:jellyfin:2{}", "0".repeat(31)));
    for (field, expected) in [
        ("source", json!("jellyfin")),
        ("provider_instance", json!("jellyfin")),
        ("media_type", json!("episode")),
        ("title", json!("Breaking Bad")),
        ("year", json!(2008)),
        ("season", json!(1)),
        ("episode", json!(1)),
        ("progress", json!(10)),
        ("duration_ms", json!(HOUR)),
        ("cover", Value::Null),
        ("state", json!("playing")),
        ("ids", json!({ "tvdb": "349232", "tmdb": 62_085 })),
        ("account", json!("mia")),
        ("server_uuid", json!(jellyfin::SERVER_ID)),
    ] {
        assert_eq!(row[field], expected, "{field}: {row:#}");
    }
    assert_eq!(row["started"], row["updated"]);
    // A second one; the first is paused.
    let film = plex::movie("27205", "Inception", 2010, 2 * HOUR, &["tmdb://27205"]);
    script.plex(&plex::event("media.play", &film, Some(0), (1, "sean"), "Phone")).await;
    stage.pass(60);
    let mut paused = jellyfin::event("PlaybackProgress", &pilot, Some(HOUR / 10 + 60_000), MIA, "TV");
    paused["IsPaused"] = json!(true);
    script.jellyfin(&paused).await;
    file(&stage, |shown| {
        let streams = shown["streams"].as_object().unwrap();
        streams.len() == 2 && streams.values().any(|row| row["state"] == "paused")
    })
    .await;
    let answer = daemon.get("/api/v1/currently-watching").await;
    assert_eq!((&answer["ok"], &answer["streams_count"]), (&json!(true), &json!(2)), "{answer:#}");
    assert_eq!(answer["currently_watching"]["title"], "Inception", "what plays comes before what is paused");
    assert!(answer["streams"][0]["_key"].as_str().unwrap().starts_with("plex:plex:"));
    // The film falls silent, the episode ends: nothing is left, and the file goes.
    script.jellyfin(&jellyfin::event("PlaybackStop", &pilot, Some(HOUR / 2), MIA, "TV")).await;
    file(&stage, |shown| shown["streams"].as_object().is_some_and(|streams| streams.len() == 1)).await;
    stage.pass(12_000);
    file(&stage, Value::is_null).await;
    let silent = stage.home.json(&["event", "2"]);
    let stale = silent["timeline"].as_array().unwrap().iter().find(|step| step["code"] == "stale");
    assert!(stale.is_some(), "{silent:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_shows_what_still_plays() {
    let stage = Scenario::new("", "").await;
    let daemon = stage.home.start();
    let film = plex::movie("27205", "Inception", 2010, 2 * HOUR, &["tmdb://27205"]);
    let script = WebhookScript { stage: &stage, daemon: &daemon };
    script.plex(&plex::event("media.play", &film, Some(0), (1, "sean"), "Phone")).await;
    file(&stage, |shown| shown["streams"].is_object()).await;
    daemon.kill();
    std::fs::remove_file(stage.home.data().join("state/currently_watching.json")).unwrap();
    let _daemon = stage.home.start();
    file(&stage, |shown| shown["streams"].is_object()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_learn_who_watches_what() {
    let stage = Scenario::new("", "").await;
    const PASSWORD: &str = "correct-horse-battery";
    let url = |daemon: &str| format!("{daemon}/api/v1/currently-watching");
    let path = stage.home.path().join("playrelay.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    {
        let daemon = stage.home.start();
        let get = || stage.home.client.get(url(daemon.url()));
        // Nobody is trusted for being near.
        for request in
            [get(), get().header("x-forwarded-for", "203.0.113.7"), get().header("host", "evil.example:8787")]
        {
            let refused = request.send().await.unwrap();
            assert_eq!(refused.status(), 401);
            assert!(refused.text().await.unwrap().contains("playrelay token"));
        }
        let (_, token) = stage.home.run_with_fakes(&["token"]).await;
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let request = get().header("authorization", format!("{scheme} {}", token.trim()));
            assert_eq!(request.send().await.unwrap().status(), 200, "{scheme}");
        }
        assert_eq!(get().basic_auth("anybody", Some(token.trim())).send().await.unwrap().status(), 200);
        // What is not there is not told to strangers, and webhooks stay what they are.
        let unknown = |path: &str| stage.home.client.get(format!("{}{path}", daemon.url()));
        assert_eq!(unknown("/api/v1/nothing").send().await.unwrap().status(), 401);
        assert_eq!(unknown("/api/v1/nothing").bearer_auth(token.trim()).send().await.unwrap().status(), 404);
        // A page of another site changes nothing; one of the public address is ours.
        let post = || {
            stage
                .home
                .client
                .post(format!("{}/api/v1/outbox/1/retry", daemon.url()))
                .bearer_auth(token.trim())
        };
        for (name, value) in
            [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
        {
            assert_eq!(post().header(name, value).send().await.unwrap().status(), 403, "{name}: {value}");
        }
        assert_eq!(post().send().await.unwrap().status(), 404, "there is no such event");
    }
    let more =
        format!("[server]\nadmin_password = {PASSWORD:?}\npublic_url = \"https://play.example.org/relay\"\n");
    std::fs::write(path, config.replacen("[server]\n", &more, 1)).unwrap();
    let daemon = stage.home.start();
    let get = || stage.home.client.get(url(daemon.url()));
    assert_eq!(get().send().await.unwrap().status(), 401);
    assert_eq!(get().bearer_auth("wrong").send().await.unwrap().status(), 401);
    assert_eq!(get().bearer_auth(PASSWORD).send().await.unwrap().status(), 200);
    assert_eq!(get().basic_auth("anybody", Some(PASSWORD)).send().await.unwrap().status(), 200);
    let post =
        stage.home.client.post(format!("{}/api/v1/outbox/1/retry", daemon.url())).bearer_auth(PASSWORD);
    let post = post.header("origin", "https://play.example.org").header("host", "127.0.0.1:8787");
    assert_eq!(post.send().await.unwrap().status(), 404);
    // The API locks a guesser out before it compares, so a right guess among many is refused too.
    let mut last = 0;
    for _ in 0..10 {
        last = get().bearer_auth("wrong").send().await.unwrap().status().as_u16();
    }
    assert_eq!(last, 429);
    let guessed = get().bearer_auth(PASSWORD).send().await.unwrap();
    assert_eq!(guessed.status(), 429);
    assert!(guessed.headers().contains_key("retry-after"));
    // The token is too long to be guessed, and always opens.
    daemon.get("/api/v1/currently-watching").await;
    assert!(stage.home.log().contains("password is wrong"));
}
