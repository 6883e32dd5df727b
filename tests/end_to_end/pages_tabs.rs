//! Several tabs of one reader, and a page at twice its size.

use playrelay_tests::browser::{PASSWORD, setup_code};
use playrelay_tests::harness::TestContext;

use crate::chromium::{Chromium, Device};
use crate::pages::{PAGES, film};

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_log_out_together() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/").await;
    browser.wait_for_text("live").await;
    let first = browser.driver.window().await.unwrap();
    browser.new_tab().await;
    browser.open("/").await;
    browser.wait_for_text("live").await;
    browser.click("form[action$='/logout'] button").await;
    browser.find("input[name=password]").await;
    browser.driver.switch_to_window(first).await.unwrap();
    browser.find("input[name=password]").await;
    browser.finish(&["401"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seventh_tab_loads_and_is_live() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    for _ in 0..6 {
        browser.open("/").await;
        browser.find("nav.nav").await;
        browser.new_tab().await;
    }
    browser.open("/").await;
    browser.wait_for_text("live").await;
    daemon.plex(&film("media.play", 0, "mia")).await;
    browser.wait_for_text("Inception").await;
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_at_twice_its_size() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::ZOOMED).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    daemon.plex(&film("media.play", 0, "somebody-with-a-very-long-name-without-any-blank-in-it")).await;
    for page in PAGES {
        browser.open(page).await;
        browser.find("nav.nav").await;
        assert!(browser.fits().await, "{page}");
    }
    browser.finish(&[]).await;
}
