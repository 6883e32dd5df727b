//! The role *person*: the own library, and nothing else.

use playrelay_tests::browser::{Browser, PASSWORD};
use playrelay_tests::harness::{TestContext, WEBHOOK_TOKEN};
use playrelay_tests::plex_webhook::{event, movie};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// What a person may open, and what not.
const OPEN: [&str; 8] = [
    "/api/v1/people/mia/export?format=csv",
    "/library",
    "/library/shows",
    "/library/watchlist",
    "/library/statistics",
    "/library/import",
    "/library/jobs",
    "/library/statistics.csv?plot=months",
];
const CLOSED: [&str; 14] = [
    "/history",
    "/deliveries",
    "/people",
    "/setup",
    "/settings",
    "/logs",
    "/plugins",
    "/webhooks",
    "/events/1",
    "/api/v1/plays",
    "/api/v1/events",
    "/api/v1/users",
    "/api/v1/status",
    "/api/v1/people/mia/webhook",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_and_changes_the_own_library_only() {
    let home = TestContext::new(&format!(
        "[sources.home]\nplugin = \"plex\"\nwebhook_token = {WEBHOOK_TOKEN:?}\n[people.mia]\nusers = [\"mia\"]\n"
    ));
    let daemon = home.start();
    for (title, who) in [("Mirror", (7, "mia")), ("Stalker", (8, "bob"))] {
        let film = movie(title, title, 1975, 6_420_000, &[]);
        let id = daemon.plex(&event("media.scrobble", &film, None, who, "TV")).await;
        daemon.settled(id).await;
    }
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    let member = json!({ "name": "Mia", "role": "person", "password": PASSWORD });
    let (status, answer) = admin.send(Method::POST, "/api/v1/members", &member).await;
    assert!(status.is_success(), "{answer}");
    let mut mia = Browser::new(&daemon);
    assert!(mia.log_in("Mia", PASSWORD).await.is_success());
    let read = async |path: &str| mia.request(Method::GET, path).send().await.unwrap().text().await.unwrap();
    for path in OPEN {
        assert_eq!(mia.status(Method::GET, path).await, StatusCode::OK, "{path}");
    }
    for path in CLOSED {
        assert_eq!(mia.status(Method::GET, path).await, StatusCode::FORBIDDEN, "{path}");
    }
    // The first page is theirs, and so is what stands in it.
    let first = read("/").await;
    assert!(first.contains("Mirror") && !first.contains("Stalker") && !first.contains("bob"), "{first}");
    assert_eq!(mia.status(Method::GET, "/library?person=bob").await, StatusCode::NOT_FOUND);
    let people: Value = serde_json::from_str(&read("/api/v1/people").await).unwrap();
    let names: Vec<&Value> = people["items"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["mia"]);
    assert_eq!(mia.status(Method::GET, "/api/v1/people/bob/watchlist").await, StatusCode::NOT_FOUND);
    assert_eq!(mia.status(Method::GET, "/api/v1/people/bob/export?format=csv").await, StatusCode::NOT_FOUND);
    // Somebody else's play and job are not there for them.
    let plays = daemon.get("/api/v1/plays").await;
    let play = |title: &str| {
        let plays = plays["items"].as_array().unwrap();
        plays.iter().find(|play| play["title"]["title"] == title).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let table = "title,year,tmdbId,imdbId,watchedAt,comment,location\nHeat,1995,,,2024-01-01,,\n";
    let of = async |browser: &Browser<'_>, person: &str| {
        let path = format!("/api/v1/people/{person}/imports?format=movary");
        browser.request(Method::POST, &path).body(table).send().await.unwrap()
    };
    assert_eq!(of(&mia, "bob").await.status(), StatusCode::NOT_FOUND);
    let theirs: Value = of(&admin, "bob").await.json().await.unwrap();
    let own: Value = of(&mia, "mia").await.json().await.unwrap();
    assert_eq!(
        mia.status(Method::GET, &format!("/library/jobs/{}", theirs["id"])).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        mia.status(Method::POST, &format!("/api/v1/jobs/{}/cancel", theirs["id"])).await,
        StatusCode::NOT_FOUND
    );
    let jobs: Value = serde_json::from_str(&read("/api/v1/jobs?person=bob").await).unwrap();
    let listed: Vec<&Value> = jobs["items"].as_array().unwrap().iter().map(|job| &job["id"]).collect();
    assert_eq!(listed, [&own["id"]]);
    let remove = |title: &str| format!("/library/plays/{}/remove", play(title));
    assert_eq!(mia.status(Method::GET, &remove("Stalker")).await, StatusCode::NOT_FOUND);
    assert_eq!(mia.status(Method::GET, &remove("Mirror")).await, StatusCode::OK);
    // A stream of somebody's else page says nothing.
    assert_eq!(mia.status(Method::GET, "/live?page=now").await, StatusCode::NOT_FOUND);
}
