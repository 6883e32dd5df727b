//! The history on the pages: what is new, how much ended how, the setting behind a decision, and the search for a title.

use playrelay_tests::browser::{PASSWORD, setup_code};
use playrelay_tests::catalogue;
use playrelay_tests::fake_tmdb::FakeTmdb;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, plex_to, tmdb_account, trakt_account};
use playrelay_tests::plex_webhook::{event, movie};
use serde_json::json;

use crate::chromium::{Chromium, Device};
use crate::pages::film;

#[tokio::test(flavor = "multi_thread")]
async fn new_rows_wait_behind_a_button_and_decisions_lead_to_their_settings() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    let trailer = movie("12", "A Trailer", 2026, 90_000, &[]);
    let ignored = daemon.plex(&event("media.play", &trailer, Some(0), (7, "mia"), "TV")).await;
    daemon.settled(ignored).await;
    browser.open("/history?show=inputs").await;
    browser.wait_for_text("live").await;
    assert!(browser.text().await.contains("too-short\n1"), "{}", browser.text().await);
    // Two more come while somebody reads: the list stays as it is.
    for (name, position) in [("media.play", 0), ("media.stop", 100_000)] {
        let id = daemon.plex(&film(name, position, "mia")).await;
        daemon.settled(id).await;
    }
    browser.wait_for_text("2 new").await;
    assert!(!browser.text().await.contains("Inception"), "no row has moved");
    browser.click("#live a").await;
    browser.wait_for_text("Inception").await;
    // The code of a rule is a filter; the event's story links the setting, and the link leads to it.
    browser.click("a.chip[href$='outcome=too-short']").await;
    browser.find("a.chip[aria-current]").await;
    assert!(!browser.text().await.contains("Inception"), "only that rule's");
    browser.click("a.item").await;
    browser.click("a[href$='/settings#key-scrobble.min_duration']").await;
    browser.wait_for_text("Playrelay ignores shorter items.").await;
    let target = "return document.querySelector(':target').textContent.includes('min_duration')";
    assert_eq!(browser.run(target).await, json!(true));
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_two_films_have_is_chosen_in_the_catalogue() {
    let (trakt, tmdb) = (FakeTrakt::start().await, FakeTmdb::start().await);
    tmdb.add(catalogue::movie("Inception", 2010, json!({ "imdb": "tt7777777", "tmdb": 777 })));
    let accounts = [trakt_account("bob", &trakt), tmdb_account(&tmdb)];
    let home = TestContext::new(&plex_to(&accounts, &["bob"], ""));
    home.connect().await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    let unclear = movie("1", "Inception", 2010, 7_200_000, &[]);
    let id = daemon.plex(&event("media.scrobble", &unclear, None, (7, "mia"), "TV")).await;
    daemon.settled(id).await;
    browser.open("/deliveries").await;
    browser.click("a[href$='/match']").await;
    browser.fill("input[name=q]", "No such film").await;
    browser.click("form[role=search] button").await;
    browser.wait_for_text("The catalogue has no such title.").await;
    browser.fill("input[name=q]", "Inception").await;
    browser.click("form[role=search] button").await;
    browser.find("#results form:has(input[value='tmdb 777'])").await;
    // With the year it is the likeliest one, with all its ids.
    browser.fill("input[name=year]", "2010").await;
    browser.click("form[role=search] button").await;
    browser.find("#results form:has(input[value='imdb tt7777777'])").await;
    if let Some(found) = browser.axe().await {
        assert!(found.is_empty(), "{found:#?}");
    }
    browser.click("#results form:has(input[value='imdb tt1375666']) button").await;
    browser.wait_for_text("This will be sent to bob").await;
    browser.click("form.card.padded button.primary").await;
    browser.wait_for_text("bob has it").await;
    assert_eq!(trakt.history()[0].entry.name(), "Inception");
    browser.finish(&[]).await;
}
