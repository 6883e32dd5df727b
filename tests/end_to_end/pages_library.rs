//! The library on the pages: a history is uploaded, shown, imported and taken back; a watchlist is read in with its progress; statistics count.

use std::fs;
use std::time::Duration;

use fantoccini::Locator;
use playrelay_tests::browser::{PASSWORD, setup_code};
use playrelay_tests::fake_plex_tv;
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::TestContext;
use serde_json::json;

use crate::chromium::{Chromium, Device};

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_uploaded_shown_imported_and_taken_back() {
    let home = TestContext::new("[people.mia]\ntimezone = \"Europe/Berlin\"\n");
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    let file = home.path().join("history.csv");
    let mut history = "title,year,tmdbId,imdbId,watchedAt,comment,location\n".to_owned();
    for (title, day) in
        [("Heat", "2024-01-01"), ("Heat", "2024-01-02"), ("Solaris", "2024-01-03"), ("Heat", "2024-01-02")]
    {
        history.push_str(&format!("{title},1995,,,{day},,\n"));
    }
    fs::write(&file, history).unwrap();
    // Who has nothing yet is led to the import.
    browser.open("/library").await;
    browser.click("main .empty a.button").await;
    browser.wait_for_text("Where to get it").await;
    browser.run("document.querySelector('select[name=format]').value = 'movary'").await;
    let input = browser.driver.find(Locator::Css("input[type=file]")).await.unwrap();
    input.send_keys(file.to_str().unwrap()).await.unwrap();
    browser.click("form[enctype] button.primary").await;
    browser.wait_for_text("4 rows: 3 new, 1 twice in the file").await;
    assert!(daemon.get("/api/v1/plays").await["items"].as_array().unwrap().is_empty());
    browser.click("form[action$='/continue'] button").await;
    browser.wait_for_text("3 rows imported").await;
    browser.open("/library").await;
    browser.wait_for_text("2 films").await;
    browser.click("a.title[href*='/titles/']").await;
    browser.wait_for_text("imported").await;
    browser.open("/library?order=plays").await;
    browser.click("a.title").await;
    browser.wait_for_text("has watched it 2 times").await;
    // A second look, then one play is gone.
    browser.click("a[href$='/remove']").await;
    browser.wait_for_text("Undo this play?").await;
    browser.click("form[action$='/remove'] button").await;
    browser.open("/library/statistics").await;
    browser.wait_for_text("days in a row, at most").await;
    let sums = "return document.querySelector('.sums').textContent";
    let sums = browser.run(sums).await;
    assert!(sums.as_str().unwrap().starts_with("2films"), "{sums}");
    let plots = browser.run("return document.querySelectorAll('figure svg[role=img] title, figure svg[role=img][aria-label]').length").await;
    assert!(plots.as_u64().unwrap() >= 4, "{plots}");
    let csv = daemon
        .api(reqwest::Method::GET, "/library/statistics.csv?person=mia&plot=months")
        .send()
        .await
        .unwrap();
    assert_eq!(csv.text().await.unwrap(), "month,plays\n2024-01,2\n");
    browser.open("/library/jobs").await;
    browser.click("a.item").await;
    browser.click("form[action$='/undo'] button").await;
    browser.wait_for_text("taken back").await;
    browser.open("/library").await;
    browser.wait_for_text("Nobody has watched a film yet").await;
    browser.finish(&[]).await;
}

/// "Progress on the page", without loading it again, from the first page of the list to the end.
#[tokio::test(flavor = "multi_thread")]
async fn a_watchlist_is_read_in_with_its_progress() {
    let plex = FakePlexTv::start(&[]).await;
    let expected = plex.fill_watchlist(3_000);
    plex.faults().next("/library/sections/watchlist/all", 6, Fault::Slow(Duration::from_millis(700)));
    let (url, token) = (plex.server.url(), fake_plex_tv::TOKEN);
    let home = TestContext::new(&format!(
        "[trackers.list]\nplugin = \"plex\"\ntoken = {token:?}\ndiscover_url = {url:?}\nmetadata_url = {url:?}\n[people.mia]\n"
    ));
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/library/watchlist").await;
    browser.click("button[value=import]").await;
    browser.wait_for_text("Watchlist of list").await;
    // Noted by the page itself: what it says while nobody loads it.
    let note = "window.seen = []; new MutationObserver(() => { const text = document.getElementById('live').innerText.match(/(\\d+) read/); \
                if (text) window.seen.push(Number(text[1])); }).observe(document.getElementById('live'), { subtree: true, childList: true, characterData: true });";
    browser.run(note).await;
    browser.wait_for_text("3000 titles read, 3000 of them new").await;
    let seen = browser.run("return [...new Set(window.seen)]").await;
    let seen: Vec<u64> = serde_json::from_value(seen).unwrap();
    assert!(seen.len() >= 2 && seen.is_sorted(), "the page showed {seen:?}");
    assert_eq!(
        browser.run("return document.querySelector('#live progress')").await,
        json!(null),
        "it has ended"
    );
    browser.open("/library/watchlist").await;
    browser.wait_for_text(&expected[0]).await;
    browser.wait_for_text("1–100 of 3000").await;
    browser.click("a[rel=next]").await;
    browser.wait_for_text(&expected[100]).await;
    browser.finish(&[]).await;
}
