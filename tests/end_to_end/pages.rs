//! The pages, in a real browser.

use std::time::Duration;

use playrelay_tests::browser::{Browser, PASSWORD, begins, setup_code};
use playrelay_tests::fake_mdblist::{self, FakeMdbList};
use playrelay_tests::fake_plex::{self, FakePlex};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, fixture, plex_to_trakt_config};
use playrelay_tests::plex_webhook;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::chromium::{Chromium, Device};

/// Every page with a navigation.
const PAGES: [&str; 21] = [
    "/",
    "/history",
    "/history?show=inputs",
    "/events/1",
    "/events/1/share",
    "/deliveries?show=all",
    "/people",
    "/setup",
    "/setup/routes/0",
    "/setup/sources/plex",
    "/setup/trackers/simkl",
    "/accounts/bob",
    "/accounts/bob/logout",
    "/deliveries/1/match",
    "/setup/card",
    "/webhooks",
    "/plugins",
    "/settings",
    "/help",
    "/doctor",
    "/logs",
];

/// The film that the fakes know.
fn film(event: &str, position_ms: u32, user: &str) -> Value {
    let film = plex_webhook::movie("7", "Inception", 2010, 8_880_000, &["imdb://tt1375666"]);
    plex_webhook::event(event, &film, Some(position_ms), (7, user), "TV")
}

/// From an empty data folder to a play that has arrived, with the browser only.
async fn whole_set_up(device: Device) {
    let (plex, mdblist) = (FakePlex::start().await, FakeMdbList::start().await);
    let home = TestContext::new("");
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), device).await else { return };
    // One: the password.
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    assert_eq!(browser.path().await, "/setup");
    // Two: the server, with an address as people type it.
    browser.click("a[href$='/setup/sources/plex']").await;
    browser.fill("input[name=name]", "home").await;
    browser.fill("input[name=setting-url]", &plex.server.url().replace("http://", "")).await;
    browser.fill("input[name=setting-token]", fake_plex::TOKEN).await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("Where should it go?").await;
    // Three: the tracker, and the route to it.
    browser.click("a[href$='/setup/trackers/mdblist']").await;
    browser.fill("input[name=setting-api_key]", fake_mdblist::API_KEY).await;
    browser.click("form.card details summary").await;
    browser.fill("input[name=setting-api_url]", &mdblist.server.url()).await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("Add the route").await;
    browser.click("form[action$='/setup/routes'] button.primary").await;
    browser.wait_for_text("Press play anywhere.").await;
    // Four: somebody plays something.
    let webhooks: Value = daemon.get("/api/v1/webhooks").await;
    let address = webhooks["items"][0]["url"].as_str().unwrap();
    let path = &address[address.find("/webhook/").unwrap()..];
    for (event, position) in [("media.play", 0), ("media.scrobble", 8_000_000)] {
        let body = plex_webhook::multipart(&film(event, position, "mia"), 0);
        let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
        assert_eq!(daemon.send(path, None, &content_type, body).await.status(), StatusCode::OK);
    }
    if device.has_no_scripts {
        // Nothing moves by itself; loading the page again shows it.
        let end = tokio::time::Instant::now() + Duration::from_secs(20);
        while !browser.text().await.contains("It works.") {
            assert!(tokio::time::Instant::now() < end, "{}", browser.text().await);
            browser.open("/setup").await;
        }
    } else {
        browser.wait_for_text("It works.").await;
    }
    assert!(mdblist.story().iter().any(|line| line.contains("/scrobble/")), "{:?}", mdblist.story());
    // What was typed is in the file, and no secret is.
    let file = std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    assert!(file.contains("[sources.home]") && file.contains("[trackers.mdblist]"), "{file}");
    assert!(!file.contains(fake_plex::TOKEN) && !file.contains(fake_mdblist::API_KEY), "{file}");
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_steps_lead_from_nothing_to_a_play_that_arrives() {
    whole_set_up(Device::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_steps_lead_there_without_scripts() {
    whole_set_up(Device::WITHOUT_SCRIPTS).await;
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
    browser.fill("input[name=id]", "https://www.imdb.com/title/tt1375666/").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("This will be sent to bob").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("What happened").await;
    browser.wait_for_text("bob has it").await;
    assert!(!trakt.story().is_empty());
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_assigned_and_a_setting_keeps_the_comments_around_it() {
    let trakt = FakeTrakt::start().await;
    let more = "# Our house.\n[scrobble]\nwatched_at = 80 # as the children want it\n";
    let config = format!("{more}{}", plex_to_trakt_config(None, &trakt))
        .replace("users = [\"*\"]", "users = [\"bob\"]");
    let home = TestContext::new(&config);
    home.connect().await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    daemon.plex(&film("media.play", 0, "kid")).await;
    daemon.plex(&film("media.stop", 8_000_000, "kid")).await;
    browser.open("/").await;
    browser.wait_for_text("Whose plays are these?").await;
    browser.click("a[href$='/people']").await;
    browser.click("button[value=assign]").await;
    browser.wait_for_text("Take back").await;
    browser.open("/settings").await;
    browser.fill("form:has(input[value='scrobble.watched_at']) input[name=value]", "85\n").await;
    browser.wait_for_text("Saved.").await;
    let file = std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    assert!(
        file.contains("watched_at = 85 # as the children want it") && file.contains("# Our house."),
        "{file}"
    );
    browser.fill("form:has(input[value='scrobble.watched_at']) input[name=value]", "often\n").await;
    browser.find(".notice.bad").await;
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
    browser.click("button[value=dark]").await;
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
    let link = browser.find("#link").await.value().await.unwrap().unwrap();
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
    // The newest one goes on, and tells of a play within a second or two.
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

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_changed_in_its_place_and_says_what_that_means() {
    let trakt = FakeTrakt::start().await;
    let config = plex_to_trakt_config(None, &trakt)
        .replace("[[routes]]", "# Whatever the children watch.\n[[routes]]")
        .replace("users = [\"*\"]", "users = [\"*\"] # all of them");
    let home = TestContext::new(&config);
    home.connect().await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    for (event, position) in [("media.play", 0), ("media.stop", 7_600_000)] {
        let id = daemon.plex(&film(event, position, "mia")).await;
        daemon.settled(id).await;
    }
    browser.open("/setup").await;
    browser.click("a[href$='/setup/routes/0']").await;
    browser
        .wait_for_text(
            "1 plays of the last 30 days ended on this route, 1 of them at 80 % or later: as many as now.",
        )
        .await;
    browser.fill("input[name=watched_at]", "90").await;
    browser.click("button[value=preview]").await;
    browser.wait_for_text("0 of them at 90 % or later: 1 fewer than now.").await;
    browser.fill("input[name=watched_at]", "190").await;
    browser.click("button[value=save]").await;
    browser.find("[role=alert]").await;
    browser.fill("input[name=watched_at]", "90").await;
    browser.fill("input[name=users]", "mia, bob").await;
    browser.click("button[value=save]").await;
    browser.wait_for_text("What mia, bob watch on home goes to bob. It counts at 90 %.").await;
    let file = || std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    let text = file();
    assert!(text.contains("# Whatever the children watch.") && text.contains("# all of them"), "{text}");
    assert!(text.contains("users = [\"mia\", \"bob\"]") && text.contains("watched_at = 90"), "{text}");
    // Somebody changes the file meanwhile: the page says so, and writes nothing.
    browser.open("/setup/routes/0").await;
    std::fs::write(home.path().join("playrelay.toml"), text.replace("watched_at = 90", "watched_at = 95"))
        .unwrap();
    browser.click("button[value=save]").await;
    browser.wait_for_text("changed since you read it").await;
    assert!(file().contains("watched_at = 95"), "{}", file());
    browser.open("/setup/routes/0").await;
    browser.click("form.card details summary").await;
    browser.click("button[value=remove]").await;
    browser.wait_for_text("No route leads anywhere yet").await;
    assert!(!file().contains("[[routes]]"), "{}", file());
    browser.finish(&["409", "422"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_waits_is_shown_with_what_it_asks_for_and_approved() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let folder = home.data().join("plugins");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(fixture("sound.wasm"), folder.join("sound.wasm")).unwrap();
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/plugins").await;
    browser.wait_for_text("waits for you").await;
    browser.wait_for_text("The one server that it may reach").await;
    browser.click("#plugin-sound button[value=refuse]").await;
    browser.wait_for_text("refused").await;
    browser.click("#plugin-sound button[value=approve]").await;
    browser.wait_for_text("sound may serve").await;
    let list = home.json(&["plugin", "list"]);
    let row = list.as_array().unwrap().iter().find(|row| row["id"] == "sound").unwrap();
    assert_eq!(row["status"], "active", "{row}");
    browser.finish(&[]).await;
}
