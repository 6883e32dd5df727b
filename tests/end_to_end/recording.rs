//! `playrelay record`: what servers and trackers answer, redacted, for a report.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use playrelay_tests::contracts::Deviations;
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::{CLIENT_ID, CLIENT_SECRET};
use playrelay_tests::harness::{WEBHOOK_TOKEN, server_to_trakt};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::{contracts, exchanges, fake_plex};

const SEAN: (u32, &str) = (31_646_104, "sean");

fn inception() -> serde_json::Value {
    movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666", "tmdb://27205"])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_services_say_is_recorded_while_somebody_wants_it() {
    let plex = FakePlex::start().await;
    plex.add(inception());
    let at = plex.server.url();
    let (trakt, home) = server_to_trakt(("plex", "webhook"), (&at, fake_plex::TOKEN), "").await;
    let daemon = home.start();
    let file = home.data().join("record/exchanges.jsonl");
    let watch = async |kind: &str, position| {
        let body = event(kind, &inception(), Some(position), SEAN, "TV").to_string().into_bytes();
        let token = format!("{WEBHOOK_TOKEN}-plex");
        let answer = daemon.send("/webhook/plex", Some(&token), "application/json", body).await;
        playrelay_tests::harness::event_of(answer).await
    };
    // Off until it is asked for.
    let id = watch("media.play", 60_000).await;
    daemon.settled(id).await;
    assert!(!home.data().join("record").exists(), "nothing is recorded by itself");
    let (succeeded, said) = home.run_with_fakes(&["record", "start", "--for", "25h"]).await;
    assert!(!succeeded && said.contains("at most 24h"), "{said}");
    let (succeeded, said) = home.run_with_fakes(&["record", "start", "--for", "10m"]).await;
    assert!(succeeded && said.contains("Read both before you share them"), "{said}");
    let end = Instant::now() + Duration::from_secs(60);
    let mut position = 120_000;
    while !file.exists() {
        assert!(Instant::now() < end, "nothing is recorded: {}", home.log());
        position += 60_000;
        // A pause would be withheld, were it over before it is sent.
        let kind = if position / 60_000 % 2 == 0 { "media.stop" } else { "media.play" };
        let id = watch(kind, position).await;
        daemon.settled(id).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // No secret and no person is in it, and it says what was asked.
    let text = std::fs::read_to_string(&file).unwrap();
    let secrets =
        [trakt.tokens(), [CLIENT_ID, CLIENT_SECRET, fake_plex::TOKEN].map(str::to_owned).to_vec()].concat();
    for secret in secrets.iter().chain(&["sean".to_owned(), at.clone()]) {
        assert!(!text.contains(secret), "{secret} is recorded: {text}");
    }
    assert!(text.contains("/scrobble/") && text.contains("Inception"), "{text}");
    let shown = home.json(&["record", "show"]);
    assert!(
        shown["exchanges"].as_u64().is_some_and(|count| count > 0) && !shown["until"].is_null(),
        "{shown}"
    );
    // The contract check reads it.
    let recorded = exchanges::read(&file).unwrap();
    assert!(recorded.iter().all(|it| ["trakt", "plex"].contains(&it.service.as_str())));
    let documents = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/contracts");
    if documents.exists() {
        let report = contracts::check(&recorded, &documents).unwrap();
        let deviations = Deviations::read().unwrap();
        let unknown: Vec<_> =
            report.findings.keys().filter(|finding| deviations.place_of(finding).is_none()).collect();
        assert!(report.validated > 0 && unknown.is_empty(), "{unknown:#?}");
    }
    let (succeeded, _) = home.run_with_fakes(&["record", "stop"]).await;
    assert!(succeeded && home.json(&["record", "show"])["until"].is_null());
    let (succeeded, _) = home.run_with_fakes(&["record", "delete"]).await;
    assert!(succeeded && !home.data().join("record").exists());
}
