//! All forms in which webhooks arrive, and those that are turned away.

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, WEBHOOK_TOKEN, event_of, sources_to_trakt_config};
use playrelay_tests::jellyfin_webhook;
use playrelay_tests::plex_webhook::{BOUNDARY, event, movie, multipart};
use serde_json::Value;

fn message() -> Value {
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    event("media.play", &film, Some(0), (1, "sean"), "TV")
}

fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_and_every_place_for_the_token() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let json = message().to_string();
    let urlencoded: String = url_form(&[("payload", &json)]);
    let file_part = String::from_utf8(multipart(&message(), 0))
        .unwrap()
        .replace("name=\"payload\"\r\n", "name=\"payload\"; filename=\"payload.json\"\r\n");
    let quoted = format!("multipart/form-data; boundary=\"{BOUNDARY}\"");
    let bodies: [(&str, Vec<u8>); 7] = [
        (&form_type(), multipart(&message(), 300_000)),
        (&form_type(), multipart(&message(), 0)),
        (&quoted, file_part.into_bytes()),
        ("application/x-www-form-urlencoded", urlencoded.into_bytes()),
        ("application/json; charset=utf-8", json.clone().into_bytes()),
        ("text/plain", json.clone().into_bytes()),
        ("application/octet-stream", json.into_bytes()),
    ];
    for (content_type, body) in bodies {
        let response = daemon.send("/webhook/plextrakt", Some(WEBHOOK_TOKEN), content_type, body).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{content_type}: {text}");
        let id = text.trim().rsplit(' ').next().unwrap().parse().unwrap();
        let story = daemon.settled(id).await;
        let parsed = &story["timeline"][1];
        assert_eq!(parsed["code"], "parsed", "{content_type}: {story:#}");
        assert!(parsed["text"].as_str().unwrap().contains("Inception"), "{content_type}");
    }
    let post = |path: String| home.client.post(daemon.url().to_owned() + &path).body(message().to_string());
    for request in [
        post(format!("/webhook/home/{WEBHOOK_TOKEN}")),
        post(format!("/webhook/home?token={WEBHOOK_TOKEN}&other=1")),
        post(format!("/webhook/plextrakt/{WEBHOOK_TOKEN}")),
        post(format!("/webhook/plex/{WEBHOOK_TOKEN}")),
        post(format!("/api/webhook/plex/{WEBHOOK_TOKEN}")),
        post("/webhook/home".to_owned()).header("x-playrelay-token", WEBHOOK_TOKEN),
        post("/webhook/home".to_owned()).bearer_auth(WEBHOOK_TOKEN),
    ] {
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
}

fn url_form(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") }
            })
            .collect()
    };
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_turned_away() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let json = || message().to_string().into_bytes();
    let status = async |path: &str, token: Option<&str>, kind: &str, body: Vec<u8>| {
        daemon.send(path, token, kind, body).await.status().as_u16()
    };
    assert_eq!(status("/webhook/nobody", Some(WEBHOOK_TOKEN), "text/plain", json()).await, 404);
    assert_eq!(
        status("/webhook/home", Some(WEBHOOK_TOKEN), &form_type(), multipart(&message(), 11 << 20)).await,
        413
    );
    assert_eq!(status("/webhook/home", Some(WEBHOOK_TOKEN), "text/plain", vec![b'x'; 11 << 20]).await, 413);
    assert_eq!(status("/webhook/home", Some(WEBHOOK_TOKEN), "multipart/form-data", json()).await, 400);
    let mut cut = multipart(&message(), 100);
    cut.truncate(cut.len() / 2);
    assert_eq!(status("/webhook/home", Some(WEBHOOK_TOKEN), &form_type(), cut).await, 400);
    for attempt in 0..10 {
        let wrong = format!("guess-{attempt}");
        assert_eq!(status("/webhook/home", Some(&wrong), "text/plain", json()).await, 401);
    }
    assert_eq!(status("/webhook/home", None, "text/plain", json()).await, 429);
    assert_eq!(
        status("/webhook/home", Some(WEBHOOK_TOKEN), "text/plain", json()).await,
        200,
        "a right token still opens"
    );
    assert_eq!(home.json(&["events"]).as_array().unwrap().len(), 1, "only what was let in is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_kept_with_a_verdict() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let deep = format!("{}{}", "[".repeat(64), "]".repeat(64));
    let nested = format!("{{\"event\":\"media.play\",\"Metadata\":{deep}}}");
    let long = format!(
        "{{\"event\":\"media.play\",\"Metadata\":{{\"type\":\"movie\",\"title\":\"{}\"}}}}",
        "x".repeat(1 << 20)
    );
    let cases: [(&[u8], &str); 8] = [
        (b"", "malformed"),
        (b"{\"event\":\"media.pl", "malformed"),
        (b"\xff\xfe\x00", "malformed"),
        (b"[1,2,3]", "malformed"),
        (b"{\"event\":7}", "unsupported"),
        (b"{\"event\":\"media.play\",\"Metadata\":[],\"Account\":\"x\"}", "media-type"),
        (nested.as_bytes(), "media-type"),
        (long.as_bytes(), "no-user"),
    ];
    for (body, code) in cases {
        let response =
            daemon.send("/webhook/home", Some(WEBHOOK_TOKEN), "application/json", body.to_vec()).await;
        let text = response.text().await.unwrap();
        let id = text.trim().rsplit(' ').next().unwrap().parse().unwrap();
        let story = daemon.settled(id).await;
        assert_eq!(
            story["verdict"]["code"],
            code,
            "{:?}: {}",
            String::from_utf8_lossy(&body[..body.len().min(40)]),
            story["verdict"]
        );
        assert!(!story["verdict"]["detail"].as_str().unwrap().is_empty());
    }
}

/// A form of Jellyfin's has a field for each stream of the file, before those that say who watches.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_a_hundred_fields_is_read_to_its_end() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::new(&sources_to_trakt_config(&["jellyfin"], &trakt, ""));
    let daemon = home.start();
    let film =
        jellyfin_webhook::movie(&"7".repeat(32), "Inception", 2010, 7_200_000, &[("imdb", "tt1375666")]);
    let user = ("50e1109a03fd4e13a3a5dd9bb27e08ec", "mia");
    let message = jellyfin_webhook::event("PlaybackStop", &film, Some(7_000_000), user, "TV");
    let streams = (0..100).map(|number| (format!("Audio_{number}_Title"), "AAC".to_owned()));
    let told =
        message.as_object().unwrap().iter().map(|(name, value)| {
            (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        });
    let pairs: Vec<(String, String)> = streams.chain(told).collect();
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let id =
        daemon.message("jellyfin", "application/x-www-form-urlencoded", url_form(&pairs).into_bytes()).await;
    let story = daemon.settled(id).await;
    assert_eq!(story["outbox"][0]["action"], "watched", "{story:#}");
}

/// Some senders give the part with the message a file's name and no type, or that of any bytes.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_a_file_without_a_type_is_read() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    let form = String::from_utf8(multipart(&message(), 0)).unwrap();
    let named = "name=\"payload\"; filename=\"payload\"\r\n";
    for head in [named.to_owned(), format!("{named}Content-Type: application/octet-stream\r\n")] {
        let plain = "name=\"payload\"\r\nContent-Type: application/json\r\n";
        assert!(form.contains(plain));
        let body = form.replace(plain, &head).into_bytes();
        let id = event_of(daemon.send("/webhook/home", Some(WEBHOOK_TOKEN), &form_type(), body).await).await;
        assert_eq!(daemon.settled(id).await["timeline"][1]["code"], "parsed", "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_malformed_with_a_detail_for_every_server() {
    let trakt = FakeTrakt::start().await;
    let plugins = ["plex", "jellyfin", "emby"];
    let home = TestContext::new(&sources_to_trakt_config(&plugins, &trakt, ""));
    let daemon = home.start();
    let deep = format!("{}{}", "{\"a\":[".repeat(64), "]}".repeat(64));
    let endless = "[".repeat(100_000);
    let long = format!("\"{}\"", "x".repeat(1 << 20));
    for plugin in plugins {
        for (body, outcome) in [
            (b"".as_slice(), "malformed"),
            (b"{\"Event\": \"playback.st", "malformed"),
            (b"\xff\xfe{\x00}", "malformed"),
            (b"null", "malformed"),
            (b"[[1, {}], \"x\"]", "malformed"),
            (b"{\"event\": 1, \"Event\": [], \"NotificationType\": {}}", "malformed"),
            (deep.as_bytes(), "malformed"),
            (endless.as_bytes(), "malformed"),
            (long.as_bytes(), "malformed"),
            (b"{\"event\":\"media.play\",\"Event\":\"playback.start\",\"NotificationType\":\"PlaybackStart\"}", "ignored malformed"),
            (b"{\"Event\":\"playback.stop\",\"Item\":{\"Type\":[\"Movie\"]}}", "ignored malformed"),
        ] {
            let id = daemon.message(plugin, "application/json", body.to_vec()).await;
            let story = daemon.settled(id).await;
            let found = story["verdict"]["outcome"].as_str().unwrap();
            let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            assert!(outcome.split(' ').any(|allowed| allowed == found), "{plugin}: {shown}: {}", story["verdict"]);
            assert!(!story["verdict"]["detail"].as_str().unwrap().is_empty(), "{plugin}: {shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_stored_is_answered_503() {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    let daemon = home.start();
    // Another program holds the database for longer than anybody waits.
    let database = home.data().join("playrelay.db");
    let holder = playrelay_tests::harness::lock_database(&database);
    let response = daemon
        .send("/webhook/home", Some(WEBHOOK_TOKEN), "text/plain", message().to_string().into_bytes())
        .await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(response.text().await.unwrap().contains("send it again"));
    drop(holder);
    let response = daemon
        .send("/webhook/home", Some(WEBHOOK_TOKEN), "text/plain", message().to_string().into_bytes())
        .await;
    assert_eq!(response.status(), 200);
}
