//! Webhook addresses that belong to one person, as Movary has them for its users.

use playrelay_tests::harness::{Daemon, TestContext, WEBHOOK_TOKEN};
use playrelay_tests::plex_webhook::{event, movie};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const MIA: (u32, &str) = (31_646_104, "mia");
const BOB: (u32, &str) = (8, "bob");

fn context(records: &str) -> TestContext {
    TestContext::new(&format!(
        "[sources.home]\nplugin = \"plex\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n[people.mia]\nusers = [\"mia@home\"]\n{records}"
    ))
}

fn film(name: &str, who: (u32, &str)) -> Value {
    let mirror = movie("1", "Mirror", 1975, 6_420_000, &["imdb://tt0072443"]);
    event(name, &mirror, None, who, "TV")
}

/// Sends a message to an address, and gives its story.
async fn story(daemon: &Daemon<'_>, path: &str, message: &Value) -> Value {
    let answer = daemon.send(path, None, "application/json", message.to_string().into_bytes()).await;
    daemon.settled(playrelay_tests::harness::event_of(answer).await).await
}

async fn address(daemon: &Daemon<'_>) -> String {
    let made = daemon.api(Method::POST, "/api/v1/people/mia/webhook").send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    let url = made["items"][0]["url"].as_str().unwrap();
    let token = url.rsplit('/').next().unwrap().to_owned();
    // The daemon has looked at its tokens again once the address works.
    let path = format!("/webhook/home/{token}");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while daemon.api(Method::GET, &path).send().await.unwrap().status() != StatusCode::OK {
        assert!(std::time::Instant::now() < end, "the address does not work");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    path
}

/// "Generate a webhook url in Movary for your user": what comes there is recorded for that user alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_url_is_that_of_one_user() {
    let home = context("");
    let daemon = home.start();
    let path = address(&daemon).await;
    let mine = story(&daemon, &path, &film("media.scrobble", MIA)).await;
    assert_eq!(mine["verdict"]["outcome"], "recorded", "{mine:#}");
    let other = story(&daemon, &path, &film("media.scrobble", BOB)).await;
    assert_eq!(
        (&other["verdict"]["outcome"], &other["verdict"]["code"]),
        (&json!("ignored"), &json!("other-person"))
    );
    assert!(
        other["verdict"]["detail"].as_str().unwrap().contains("is not mia, whose address this is"),
        "{other:#}"
    );
    // A replay of it says the same.
    let replayed =
        daemon.api(Method::POST, &format!("/api/v1/events/{}/replay", other["id"])).send().await.unwrap();
    let replayed: Value = replayed.json().await.unwrap();
    assert_eq!(replayed["code"], "other-person", "{replayed:#}");
    // In the form that Movary's own addresses have.
    let legacy = path.replace("/webhook/home/", "/api/webhook/plex/");
    let again = story(&daemon, &legacy, &film("media.scrobble", BOB)).await;
    assert_eq!(again["verdict"]["code"], "other-person");
    let plays = daemon.get("/api/v1/plays").await;
    let users: Vec<&Value> = plays["items"].as_array().unwrap().iter().map(|play| &play["user"]).collect();
    assert_eq!(users, ["mia"]);
    // The source's own address takes everybody.
    let id = daemon.plex(&film("media.scrobble", BOB)).await;
    assert_eq!(daemon.settled(id).await["verdict"]["outcome"], "recorded");
}

/// "Keep your webhook url private to prevent abuse": another one ends it at once, and it can be taken away.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_url_is_regenerated_and_deleted() {
    let home = context("");
    let daemon = home.start();
    let first = address(&daemon).await;
    let second = address(&daemon).await;
    assert_ne!(first, second);
    let body = film("media.scrobble", MIA).to_string().into_bytes();
    let refused = daemon.send(&first, None, "application/json", body.clone()).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let shown = home.json(&["people", "webhook", "mia"]);
    assert!(shown[0]["url"].as_str().unwrap().ends_with(&second), "{shown}");
    let gone = daemon.api(Method::DELETE, "/api/v1/people/mia/webhook").send().await.unwrap();
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while daemon.send(&second, None, "application/json", body.clone()).await.status() == StatusCode::OK {
        assert!(std::time::Instant::now() < end, "the address still works");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(home.json(&["people", "webhook", "mia"]), json!([]));
    let unknown = home.run(&["people", "webhook", "bob", "--new"]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert!(!unknown.status.success() && said.contains("add a section [people.bob]"), "{said}");
    assert!(!home.log().contains(second.rsplit('/').next().unwrap()), "the secret stands in the log");
}

/// "You can select what you want to scrobble (movie plays and/or ratings)": plays of episodes, too.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_scrobbled_is_selected() {
    let home = context("records = [\"ratings\"]\n");
    let daemon = home.start();
    let path = address(&daemon).await;
    let play = story(&daemon, &path, &film("media.scrobble", MIA)).await;
    assert_eq!(play["verdict"]["code"], "not-recorded", "{play:#}");
    let mut rating = film("media.rate", MIA);
    rating["rating"] = json!(9);
    let rated = story(&daemon, &path, &rating).await;
    assert_ne!(rated["verdict"]["code"], "not-recorded", "{rated:#}");
    let export = home.path().join("export");
    let files = home.json(&["export", "jsonl", export.to_str().unwrap()]);
    assert_eq!(files["files"], json!([{ "name": "ratings.jsonl", "rows": 1 }]));
}
