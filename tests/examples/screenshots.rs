//! `cargo xtask screenshots`: a picture of every page, on a phone and on a desktop, light and dark, after an evening that is made up.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../end_to_end/chromium.rs"]
mod chromium;

use std::path::{Path, PathBuf};

use chromium::{Chromium, Device};
use playrelay_tests::browser::{PASSWORD, setup_code};
use playrelay_tests::fake_push_services::FakePushServices;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, TestContext, plex_to_trakt_config};
use playrelay_tests::plex_webhook::{episode, event, movie};
use serde_json::Value;

/// Every page, by the name of its picture.
const PAGES: [(&str, &str); 32] = [
    ("now", "/"),
    ("history", "/history"),
    ("inputs", "/history?show=inputs"),
    ("nothing-found", "/history?title=nothing-is-called-so"),
    ("story", "/events/2"),
    ("share", "/events/2/share"),
    ("deliveries", "/deliveries"),
    ("delivered", "/deliveries?show=there"),
    ("nothing-dropped", "/deliveries?show=not-sent-by-you"),
    ("library", "/library?person=mia"),
    ("shows", "/library/shows?person=mia"),
    ("title", "/library/titles/2?person=mia"),
    ("watchlist", "/library/watchlist?person=mia"),
    ("statistics", "/library/statistics?person=mia"),
    ("import", "/library/import?person=mia"),
    ("jobs", "/library/jobs?person=mia"),
    ("job", "/library/jobs/1"),
    ("people", "/people"),
    ("setup", "/setup"),
    ("add-server", "/setup/sources/plex"),
    ("account", "/accounts/bob"),
    ("test", "/accounts/bob/test"),
    ("card-settings", "/setup/card"),
    ("mappings", "/mappings"),
    ("webhooks", "/webhooks"),
    ("notifications", "/notifications"),
    ("email", "/notifications/email"),
    ("plugins", "/plugins"),
    ("settings", "/settings"),
    ("help", "/help"),
    ("doctor", "/doctor"),
    ("logs", "/logs"),
];
/// The pages with lists. The program takes their pictures twice: in a new household, and in one with many rows.
const LISTS: [(&str, &str); 6] = [
    ("now", "/"),
    ("history", "/history"),
    ("inputs", "/history?show=inputs"),
    ("deliveries", "/deliveries?show=all"),
    ("people", "/people"),
    ("setup", "/setup"),
];
/// Films that a crowd watches.
const CROWD: u32 = 250;

/// Length of a film. Milliseconds.
const FILM_MS: u32 = 8_880_000;
/// Length of an episode. Milliseconds.
const EPISODE_MS: u32 = 3_480_000;

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from("target/screenshots"), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let trakt = FakeTrakt::start().await;
    let config = plex_to_trakt_config(None, &trakt).replace("users = [\"*\"]", "users = [\"mia\", \"bob\"]");
    let push = FakePushServices::start().await;
    let notifiers = ["gotify", "json"].map(|service| push.account(service)).concat();
    let home = TestContext::new(&(notifiers + &config));
    home.connect().await;
    let daemon = home.start();
    evening(&daemon).await;
    past(&daemon).await;
    let mapping = [
        "mapping",
        "add",
        "Lantern Coast",
        "--year",
        "2021",
        "--shift",
        "S2E1-E12=S1E13",
        "--film",
        "S0E4=imdb:tt0072443",
    ];
    assert!(home.run(&mapping).status.success(), "a mapping can be kept");
    let undo = format!("/library/plays/{}/remove", play_of(&daemon, "Inception").await);
    let pages = PAGES.into_iter().chain([("undo", undo.as_str())]);
    let code = setup_code(&home).await;
    let mut is_first = true;
    for (name, device) in [("desktop", Device::default()), ("phone", Device::PHONE)] {
        let Some(browser) = Chromium::start(daemon.url(), device).await else { return };
        if is_first {
            picture(&browser, &folder, &format!("welcome-{name}-light")).await;
            browser.set_up(&code, PASSWORD).await;
            is_first = false;
        } else {
            browser.open("/login").await;
            picture(&browser, &folder, &format!("login-{name}-light")).await;
            log_in(&browser).await;
        }
        for theme in ["light", "dark"] {
            browser.click(&format!("button[value={theme}]")).await;
            browser.find(&format!("html[data-theme={theme}]")).await;
            for (page, path) in pages.clone() {
                browser.open(path).await;
                browser.find("nav.nav").await;
                picture(&browser, &folder, &format!("{page}-{name}-{theme}")).await;
            }
        }
        browser.finish(&[]).await;
    }
    let empty = TestContext::new("");
    lists(&empty, &empty.start(), &folder, "empty").await;
    let trakt = FakeTrakt::start().await;
    let crowd = TestContext::new(&plex_to_trakt_config(None, &trakt));
    crowd.connect().await;
    let daemon = crowd.start();
    for number in 0..CROWD {
        let film = movie(&format!("{}", 100 + number), &format!("Film number {number}"), 2000, FILM_MS, &[]);
        let user = (number % 20, format!("viewer-{}", number % 20));
        for (name, position) in [("media.play", 0), ("media.stop", FILM_MS / 100 * 96)] {
            daemon.plex(&event(name, &film, Some(position), (user.0, &user.1), "TV")).await;
        }
    }
    lists(&crowd, &daemon, &folder, "many").await;
    println!("{}", folder.display());
}

/// Pictures of the lists.
async fn lists(home: &TestContext, daemon: &Daemon<'_>, folder: &Path, prefix: &str) {
    let code = setup_code(home).await;
    for (name, device) in [("desktop", Device::default()), ("phone", Device::PHONE)] {
        let Some(browser) = Chromium::start(daemon.url(), device).await else { return };
        match name {
            "desktop" => browser.set_up(&code, PASSWORD).await,
            _ => log_in(&browser).await,
        }
        for (page, path) in LISTS {
            browser.open(path).await;
            browser.find("nav.nav").await;
            picture(&browser, folder, &format!("{prefix}-{page}-{name}-light")).await;
        }
        browser.finish(&[]).await;
    }
}

async fn log_in(browser: &Chromium) {
    browser.open("/login").await;
    browser.fill("input[name=name]", "ada").await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.click("form button.primary").await;
    browser.find("nav.nav").await;
}

async fn picture(browser: &Chromium, folder: &Path, name: &str) {
    if name.starts_with("welcome") {
        browser.open("/").await;
    }
    let png = browser.driver.screenshot().await.expect("Chromium takes a picture");
    std::fs::write(folder.join(format!("{name}.png")), png).expect("the picture can be written");
}

/// What a household watches, with names as they come.
async fn evening(daemon: &Daemon<'_>) {
    let pilot = episode("21", "Breaking Bad", 1, 1, EPISODE_MS, &["tvdb://349232"]);
    let second = episode("22", "Breaking Bad", 1, 2, EPISODE_MS, &["tvdb://349235"]);
    let inception = movie("7", "Inception", 2010, FILM_MS, &["imdb://tt1375666"]);
    let chihiro = movie("8", "千と千尋の神隠し", 2001, FILM_MS, &["imdb://tt0245429"]);
    let long = movie(
        "9",
        "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb",
        1964,
        FILM_MS,
        &["imdb://tt0057012"],
    );
    let unknown = movie("10", "Our Holidays", 2024, FILM_MS, &["imdb://tt9999999"]);
    let persian = movie("11", "جدایی نادر از سیمین", 2011, FILM_MS, &["imdb://tt1832382"]);
    let (mia, bob, kid) = ((7, "mia"), (8, "bob"), (9, "kid"));
    whole(daemon, &pilot, EPISODE_MS, mia, "Living room TV").await;
    whole(daemon, &inception, FILM_MS, bob, "iPad").await;
    whole(daemon, &unknown, FILM_MS, mia, "Living room TV").await;
    whole(daemon, &persian, FILM_MS, bob, "Chromecast in the bedroom upstairs").await;
    whole(daemon, &chihiro, FILM_MS, kid, "Tablet").await;
    daemon.plex(&event("media.play", &second, Some(1_200_000), mia, "Living room TV")).await;
    daemon.plex(&event("media.play", &long, Some(6_000_000), bob, "iPad")).await;
    daemon.plex(&event("media.pause", &long, Some(6_000_000), bob, "iPad")).await;
    let trailer = movie("12", "A Trailer", 2026, 90_000, &[]);
    let id = daemon.plex(&event("media.play", &trailer, Some(0), bob, "iPad")).await;
    daemon.settled(id).await;
    // What goes out and what is unknown at the tracker is settled.
    let is_told = |answer: &Value| answer["events"].as_array().is_some_and(|events| !events.is_empty());
    daemon
        .get_until("/api/v1/outbox?state=unmatched", "the tracker says what it does not know", is_told)
        .await;
}

/// The id of a play.
async fn play_of(daemon: &Daemon<'_>, title: &str) -> String {
    let plays = daemon.get("/api/v1/plays").await;
    let mut plays = plays["items"].as_array().into_iter().flatten();
    let play = plays.find(|play| play["title"]["title"] == title).expect("somebody has watched it");
    play["id"].as_str().expect("each play has an id").to_owned()
}

/// What mia watched in two years before, from a file, and what she wants to watch.
async fn past(daemon: &Daemon<'_>) {
    let mut history = "title,year,tmdbId,imdbId,watchedAt,comment,location\n,,,,2024-01-01,,\n".to_owned();
    for number in 0..240_u32 {
        let (year, month, day) = (2024 + number / 120, number * 7 % 12 + 1, number * 11 % 28 + 1);
        let film = number * number % 150;
        history
            .push_str(&format!("Film number {film},{},,,{year}-{month:02}-{day:02},,\n", 1960 + film % 60));
    }
    history.push_str("Film number 4,1964,,,2024-08-17,,\n");
    imported(daemon, history).await;
    imported(daemon, "title,year,tmdbId,imdbId,addedAt\nStalker,1979,,tt0079944,2024-01-02\nFilm number 4,1964,,,2024-01-02\n".to_owned()).await;
}

async fn imported(daemon: &Daemon<'_>, table: String) {
    let path = "/api/v1/people/mia/imports?format=movary&file=history.csv";
    let answer =
        daemon.api(reqwest::Method::POST, path).body(table).send().await.expect("the daemon answers");
    let job: Value = answer.json().await.expect("an answer");
    let path = format!("/api/v1/jobs/{}", job["id"]);
    daemon.get_until(&path, "the preview", |job| job["state"] == "ready").await;
    daemon.api(reqwest::Method::POST, &format!("{path}/continue")).send().await.expect("the daemon answers");
    daemon.get_until(&path, "the end", |job| job["state"] == "done").await;
}

async fn whole(daemon: &Daemon<'_>, item: &Value, length_ms: u32, user: (u32, &str), player: &str) {
    let end = length_ms / 100 * 96;
    for (name, position) in [("media.play", 0), ("media.scrobble", end), ("media.stop", end)] {
        let id = daemon.plex(&event(name, item, Some(position), user, player)).await;
        daemon.settled(id).await;
    }
}
