//! The pages, in a real browser.

use std::time::Duration;

use playrelay_tests::browser::{Browser, PASSWORD, begins, setup_code};
use playrelay_tests::harness::TestContext;
use playrelay_tests::plex_webhook;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::chromium::{Chromium, Device};

/// Every page with a navigation.
pub const PAGES: [&str; 32] = [
    "/",
    "/history",
    "/history?show=inputs",
    "/events/1",
    "/events/1/share",
    "/deliveries?show=all",
    "/library",
    "/library/shows",
    "/library/titles/1",
    "/library/watchlist",
    "/library/statistics",
    "/library/import",
    "/library/jobs",
    "/people",
    "/setup",
    "/setup/routes/0",
    "/setup/sources/plex",
    "/setup/trackers/simkl",
    "/accounts/bob",
    "/accounts/bob/settings",
    "/accounts/bob/test",
    "/accounts/bob/logout",
    "/deliveries/1/match",
    "/setup/card",
    "/webhooks",
    "/notifications",
    "/notifications/email",
    "/plugins",
    "/settings",
    "/help",
    "/doctor",
    "/logs",
];

/// The film that the fakes know.
pub fn film(event: &str, position_ms: u32, user: &str) -> Value {
    let film = plex_webhook::movie("7", "Inception", 2010, 8_880_000, &["imdb://tt1375666"]);
    plex_webhook::event(event, &film, Some(position_ms), (7, user), "TV")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_plays_appears_by_itself_and_its_story_is_one_click_away() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/").await;
    browser.wait_for_text("Nothing plays.").await;
    daemon.plex(&film("media.play", 0, "mia")).await;
    browser.wait_for_text("Inception").await;
    browser.wait_for_text("mia · TV").await;
    browser.wait_for_text("counts at 1:58:24").await;
    // The position moves by itself.
    let clock = browser.find("[data-clock]").await;
    let before = clock.text().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), async {
        while browser.find("[data-clock]").await.text().await.unwrap() == before {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("the position moves");
    daemon.plex(&film("media.scrobble", 8_000_000, "mia")).await;
    browser.wait_for_text("counts as watched").await;
    daemon.plex(&film("media.stop", 8_000_000, "mia")).await;
    browser.wait_for_text("mia · watched to 90 %").await;
    browser.click("a.item").await;
    browser.wait_for_text("What happened").await;
    browser.wait_for_text("bob has it.").await;
    browser.click("form[action$='/replay'] button").await;
    browser.wait_for_text("What it would lead to now").await;
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_nobody_knows_is_matched_by_an_address() {
    let (trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    let unknown = plex_webhook::movie("9", "A Home Video", 2024, 8_880_000, &["imdb://tt9999999"]);
    for (event, position) in [("media.play", 0), ("media.scrobble", 8_000_000)] {
        daemon.plex(&plex_webhook::event(event, &unknown, Some(position), (7, "mia"), "TV")).await;
    }
    browser.open("/deliveries").await;
    browser.wait_for_text("A Home Video").await;
    browser.wait_for_text("watched").await;
    browser.click("a[href$='/match']").await;
    browser.fill("input[name=id]", "https://example.com/title").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("names no title").await;
    // The manifests of the plugins say how the addresses of their sites look.
    browser.wait_for_text("IMDb, TheTVDB, ").await;
    browser.fill("input[name=id]", "https://www.themoviedb.org/movie/27205-inception?language=de").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("tmdb 27205").await;
    browser.fill("input[name=id]", "https://www.imdb.com/title/tt1375666/").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("imdb tt1375666").await;
    browser.wait_for_text("This will be sent to bob").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("What happened").await;
    browser.wait_for_text("bob has it").await;
    assert!(!trakt.story().is_empty());
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_log_in_first_and_viewers_change_nothing() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    let viewer = json!({ "name": "mia", "role": "viewer", "password": "five words in a row" });
    assert_eq!(admin.send(Method::POST, "/api/v1/members", &viewer).await.0, StatusCode::CREATED);
    browser.open("/deliveries?show=all").await;
    assert!(browser.path().await.starts_with("/login?next="), "{}", browser.path().await);
    browser.fill("input[name=name]", "mia").await;
    browser.fill("input[name=password]", "wrong words in a row").await;
    browser.click("form button.primary").await;
    browser.wait_for_text("The name or the password is wrong.").await;
    browser.fill("input[name=name]", "mia").await;
    browser.fill("input[name=password]", "five words in a row").await;
    browser.click("form button.primary").await;
    browser.find("nav.nav").await;
    assert_eq!(browser.path().await, "/deliveries?show=all");
    browser.open("/settings").await;
    browser.wait_for_text("may not do this").await;
    browser.open("/setup").await;
    assert!(!browser.text().await.contains("Add Plex"), "a viewer adds nothing");
    // The stream of an open page ends with the login, and the page says so.
    browser.open("/").await;
    browser.wait_for_text("live").await;
    admin.send(Method::PATCH, "/api/v1/members/mia", &json!({ "password": "six words in a long row" })).await;
    browser.wait_for_text("Log in").await;
    browser.finish(&["401", "403"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_five_loads_open_twenty_five_streams_and_typing_survives_changes() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    for _ in 0..25 {
        browser.open("/").await;
        browser.wait_for_text("live").await;
    }
    browser.open("/setup").await;
    browser.wait_for_text("live").await;
    let field = browser.find("form[action$='/setup/routes'] input[name=users]").await;
    field.send_keys("mia, b").await.unwrap();
    for (event, position) in [("media.play", 0), ("media.scrobble", 8_000_000)] {
        daemon.plex(&film(event, position, "mia")).await;
    }
    browser.wait_for_text("It works.").await;
    let typed = "return [document.activeElement.name, document.activeElement.value]";
    assert_eq!(browser.run(typed).await, json!(["users", "mia, b"]));
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::PHONE).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    daemon.plex(&begins("somebody-with-a-very-long-name-without-any-blank-in-it")).await;
    for page in PAGES {
        browser.open(page).await;
        browser.find("nav.nav").await;
        assert!(browser.fits().await, "{page}");
        let headings = browser.run("return document.querySelectorAll('h1').length").await;
        assert_eq!(headings, json!(1), "{page} has one heading of the first rank");
        if let Some(found) = browser.axe().await {
            assert!(found.is_empty(), "{page}: {found:#?}");
        }
    }
    // The bar of the pages is at the bottom, where the thumb is.
    let bar = "const bar = document.querySelector('nav.nav').getBoundingClientRect(); return [bar.bottom - innerHeight, bar.height < 80]";
    assert_eq!(browser.run(bar).await, json!([0, true]));
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_accessible_in_the_dark_and_by_its_keys() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.open("/").await;
    for page in ["/welcome", "/login"] {
        browser.open(page).await;
        if let Some(found) = browser.axe().await {
            assert!(found.is_empty(), "{page}: {found:#?}");
        }
    }
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    daemon.plex(&film("media.play", 0, "mia")).await;
    browser.wait_for_text("It works").await;
    browser.click("button[value=dark]").await;
    browser.find("html[data-theme=dark] nav.nav").await;
    for page in PAGES {
        browser.open(page).await;
        browser.find("html[data-theme=dark] nav.nav").await;
        if let Some(found) = browser.axe().await {
            assert!(found.is_empty(), "{page}: {found:#?}");
        }
    }
    // By keys alone: to the deliveries, to the list of keys, and past the navigation.
    browser.open("/").await;
    let body = browser.find("body").await;
    body.send_keys("gd").await.unwrap();
    browser.find("a[data-place=deliveries][aria-current]").await;
    browser.find("body").await.send_keys("?").await.unwrap();
    browser.wait_for_text("Close").await;
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_is_shown_to_whoever_has_its_link_and_says_no_name() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/setup/card").await;
    browser.click("button[value=make]").await;
    let link = browser.find("#link").await.prop("value").await.unwrap().unwrap();
    browser.click("form[action$='/logout'] button").await;
    browser.wait_for_text("Log in").await;
    browser.open(&link).await;
    browser.wait_for_text("Nothing plays.").await;
    daemon.plex(&film("media.play", 0, "mia")).await;
    browser.wait_for_text("Inception").await;
    let text = browser.text().await;
    assert!(!text.contains("mia") && !text.contains("TV") && !text.contains("bob"), "{text}");
    let stranger = reqwest::get(format!("{}{link}x", daemon.url())).await.unwrap();
    assert_eq!(stranger.status(), StatusCode::NOT_FOUND);
    let embedded = reqwest::get(format!("{}{link}", daemon.url())).await.unwrap();
    let policy = embedded.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("frame-ancestors *") && policy.contains("default-src 'none'"), "{policy}");
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_of_five_streams_ends_so_that_the_next_page_loads() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let mut reader = Browser::new(&daemon);
    reader.set_up(&home).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let stream = reader.request(Method::GET, "/live?page=now").send().await.unwrap();
        assert_eq!(stream.status(), StatusCode::OK);
        streams.push(stream);
    }
    let mut told = String::new();
    let rest = async {
        while let Ok(Some(chunk)) = streams[0].chunk().await {
            told.push_str(&String::from_utf8_lossy(&chunk));
        }
    };
    tokio::time::timeout(Duration::from_secs(20), rest).await.expect("the oldest stream ends");
    assert!(told.ends_with("event: full\ndata\n\n") || told.contains("event: full"), "{told}");
    // The newest stream stays open, and sends a play soon.
    daemon.plex(&film("media.play", 0, "mia")).await;
    let mut newest = streams.pop().unwrap();
    let heard = async {
        loop {
            let chunk = newest.chunk().await.unwrap().expect("the stream goes on");
            if String::from_utf8_lossy(&chunk).contains("Inception") {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.expect("a change is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_may_load_nothing_from_elsewhere_and_no_script_stands_in_them() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let mut reader = Browser::new(&daemon);
    reader.set_up(&home).await;
    daemon.plex(&film("media.play", 0, "<script>alert(1)</script>")).await;
    for page in PAGES {
        let answer = reader.request(Method::GET, page).send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{page}: {policy}"
        );
        assert_eq!(answer.headers()["cache-control"], "no-store", "{page}");
        let text = answer.text().await.unwrap();
        assert!(
            !text.contains("<script>") && !text.contains(" style=") && !text.contains("onclick"),
            "{page}"
        );
        // Every address is below the base: a proxy may put the pages anywhere.
        assert!(text.len() < 60_000, "{page} has {} bytes", text.len());
    }
}
