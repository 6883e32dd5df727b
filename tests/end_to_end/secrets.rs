//! No secret is ever seen: in logs at their most talkative, on the screen, in answers, or in the database.

use playrelay_tests::fake_plex;
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::{CLIENT_SECRET, FakeTrakt};
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{TestContext, WEBHOOK_TOKEN};
use playrelay_tests::plex_webhook::{event, movie};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn secrets_stay_secret() {
    let (plex, trakt) = (FakePlex::start().await, FakeTrakt::start().await);
    let home = TestContext::plex_to_trakt(
        Some(&plex),
        &trakt,
        "[delivery]\nretry_first = \"50ms\"\nretry_longest = \"100ms\"\n",
    );
    home.connect().await;
    let daemon = home.start();
    let mut seen = String::new();
    // A tracker that echoes the login, one that refuses it, and a server that echoes its token.
    let echo = format!("{{\"error\":\"token {} is bad\",\"secret\":\"{CLIENT_SECRET}\"}}", trakt.tokens()[1]);
    trakt.faults().next(
        "/scrobble",
        1,
        Fault::Answer { status: 500, headers: vec![("x-echo", trakt.tokens()[1].clone())], body: echo },
    );
    plex.faults().next(
        "/",
        1,
        Fault::Answer { status: 500, headers: vec![], body: fake_plex::TOKEN.to_owned() },
    );
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    let mut bare = film.clone();
    bare.as_object_mut().unwrap().remove("duration");
    plex.add(film.clone());
    let id = daemon.plex(&event("media.play", &bare, Some(0), (1, "sean"), "TV")).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    trakt.expire_access();
    let watch = daemon.plex(&event("media.scrobble", &film, None, (1, "sean"), "TV")).await;
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
    // Proxies repeat the address.
    let address = format!("/webhook/home/{WEBHOOK_TOKEN}");
    let request =
        home.client.post(format!("{}{address}", daemon.url())).header("content-type", "application/json");
    let request =
        request.header("x-original-uri", &address).header("referer", format!("http://proxy{address}"));
    assert_eq!(request.body("{}").send().await.unwrap().status(), 200);
    for path in ["/webhook/home", "/webhook/home/wrong-token", "/healthz"] {
        let response = daemon.send(path, Some("wrong"), "text/plain", b"x".to_vec()).await;
        seen += &format!("{:?}", response.headers());
        seen += &response.text().await.unwrap();
    }
    daemon.settled(watch).await;
    for arguments in [
        vec!["event", "1"],
        vec!["event", "2"],
        vec!["events", "--json"],
        vec!["outbox", "list", "--json"],
        vec!["plugin", "list"],
        vec!["plugin", "inspect", "trakt"],
        vec!["check"],
    ] {
        let output = home.run(&arguments);
        seen += &String::from_utf8_lossy(&output.stdout);
        seen += &String::from_utf8_lossy(&output.stderr);
    }
    assert_eq!(daemon.settled(id).await["id"], json!(id));
    drop(daemon);
    seen += &home.log();
    assert!(seen.contains("Inception") && seen.len() > 10_000, "there must be something to search in");
    let mut secrets = trakt.tokens();
    assert!(secrets.len() >= 5, "a login and a refresh");
    secrets.extend([CLIENT_SECRET, WEBHOOK_TOKEN, fake_plex::TOKEN].map(str::to_owned));
    let stored: Vec<Vec<u8>> = ["playrelay.db", "playrelay.db-wal"]
        .iter()
        .filter_map(|name| std::fs::read(home.data().join(name)).ok())
        .collect();
    for secret in &secrets {
        if let Some(at) = seen.find(secret.as_str()) {
            panic!("a secret was shown: …{}…", &seen[at.saturating_sub(300)..(at + 20).min(seen.len())]);
        }
        for bytes in &stored {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "a secret lies open in the database");
        }
    }
}
