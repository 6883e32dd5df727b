//! The set-up on the pages, in a real browser: from nothing to a play that arrives, people, routes, accounts, plugins.

use std::time::Duration;

use playrelay_tests::browser::{Browser, PASSWORD, setup_code};
use playrelay_tests::fake_mail_server::{self, FakeMailServer};
use playrelay_tests::fake_mdblist::{self, FakeMdbList};
use playrelay_tests::fake_plex::{self, FakePlex};
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::fake_push_services::{self, FakePushServices};
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::Fault;
use playrelay_tests::harness::{TestContext, fixture, plex_to_trakt_config};
use playrelay_tests::plex_webhook;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::chromium::{Chromium, Device};
use crate::pages::film;

/// From an empty data folder to a play that has arrived, with the browser only.
async fn whole_set_up(device: Device) {
    let (plex, mdblist) = (FakePlex::start().await, FakeMdbList::start().await);
    let plex_tv = FakePlexTv::start(&[]).await;
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
    browser.click("form.card details summary").await;
    browser.fill("input[name=setting-account_url]", &plex_tv.server.url()).await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("takes connections").await;
    browser.wait_for_text("may see its sessions").await;
    browser.wait_for_text("the server wants a login with more rights").await;
    browser.click("#next").await;
    browser.wait_for_text("Where should it go?").await;
    // Three: the tracker, and the route to it.
    browser.click("a[href$='/setup/trackers/mdblist']").await;
    browser.fill("input[name=setting-api_key]", fake_mdblist::API_KEY).await;
    browser.click("form.card details summary").await;
    browser.fill("input[name=setting-api_url]", &mdblist.server.url()).await;
    browser.click("form.card button.primary").await;
    browser.click("#next").await;
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

#[tokio::test(flavor = "multi_thread")]
async fn an_account_keeps_its_entry_when_its_settings_change() {
    let (trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/accounts/bob/settings").await;
    let address = browser.find("input[name=setting-api_url]").await.prop("value").await.unwrap();
    assert_eq!(address.as_deref(), Some(trakt.server.url().as_str()));
    let secret = browser.find("input[name=setting-client_secret]").await.prop("value").await.unwrap();
    assert_eq!(secret.as_deref(), Some(""), "a secret is not shown");
    let before = std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    let other = trakt.server.url().replace("127.0.0.1", "localhost");
    browser.fill("input[name=setting-api_url]", &format!("{other}/")).await;
    browser.click("form.card button.primary").await;
    browser.click("#next").await;
    browser.wait_for_text("logged in").await;
    let after = std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    assert_eq!(after, before.replacen(&trakt.server.url(), &other, 1));
    browser.open("/accounts/bob/settings").await;
    browser.fill("input[name=setting-client_id]", "").await;
    browser.click("form.card button.primary").await;
    browser.find("[role=alert]").await;
    browser.finish(&["422"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_tested_step_by_step_before_it_is_saved() {
    let (plex, plex_tv) = (FakePlex::start().await, FakePlexTv::start(&[]).await);
    let home = TestContext::new("");
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    let file = || std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap_or_default();
    let attempt = async |url: &str, token: &str| {
        browser.fill("input[name=name]", "home").await;
        browser.fill("input[name=setting-url]", url).await;
        browser.fill("input[name=setting-token]", token).await;
        browser.click("form.card details summary").await;
        browser.fill("input[name=setting-account_url]", &plex_tv.server.url()).await;
        browser.click("form.card button.primary").await;
    };
    // A port at which nobody listens; nothing is written.
    browser.open("/setup/sources/plex").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    attempt(&closed.to_string(), fake_plex::TOKEN).await;
    browser.wait_for_text("no program takes connections there").await;
    browser.wait_for_text("nothing was saved").await;
    assert!(!file().contains("[sources.home]"), "{}", file());
    // The form has what was typed, but for the secret. Another program than the server; a token that it refuses.
    let url = browser.find("input[name=setting-url]").await.prop("value").await.unwrap();
    assert_eq!(url, Some(format!("http://{closed}")));
    let token = browser.find("input[name=setting-token]").await.prop("value").await.unwrap();
    assert_eq!(token.as_deref(), Some(""));
    attempt(&plex.server.url().replace("http:", "https:"), fake_plex::TOKEN).await;
    browser.wait_for_text("nothing was saved").await;
    attempt(&plex.server.url(), "not-the-token").await;
    browser.wait_for_text("takes connections").await;
    browser.wait_for_text("nothing was saved").await;
    assert!(!file().contains("[sources.home]"), "{}", file());
    // Without a test it is saved as it is. Later the test can be asked for.
    browser.click("input[name=untested]").await;
    attempt(&plex.server.url(), fake_plex::TOKEN).await;
    browser.wait_for_text("Where should it go?").await;
    assert!(file().contains("[sources.home]") && !file().contains(fake_plex::TOKEN), "{}", file());
    browser.open("/accounts/home/test").await;
    browser.wait_for_text("The connection works.").await;
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_test_arrive_as_they_happen() {
    let (trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    trakt.faults().always("/", Fault::Slow(Duration::from_secs(1)));
    let mut answer = admin.request(Method::GET, "/accounts/bob/test").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let mut text = String::new();
    let begun = tokio::time::Instant::now();
    while !text.contains("takes connections") {
        let piece = answer.chunk().await.unwrap().expect("more pieces come");
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(begun.elapsed() < Duration::from_secs(1) && !text.contains("</html>"), "{text}");
    while let Some(piece) = answer.chunk().await.unwrap() {
        text.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(text.contains("The connection works.") && text.ends_with("</html>"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_takes_the_way_of_a_webhook_and_reports_no_play() {
    let sources: String = ["plex", "jellyfin", "emby"]
        .map(|plugin| format!("[sources.{plugin}]\nplugin = \"{plugin}\"\nmode = \"webhook\"\n"))
        .concat();
    let home = TestContext::new(&sources);
    let daemon = home.start();
    let mut admin = Browser::new(&daemon);
    admin.set_up(&home).await;
    for source in ["plex", "jellyfin", "emby"] {
        let form = admin
            .request(Method::POST, &format!("/webhooks/{source}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("action=test");
        let answer = form.send().await.unwrap();
        let path = answer.url().path().to_owned();
        assert!(path.starts_with("/events/"), "{source}: {path}: {}", answer.text().await.unwrap());
        let story = daemon.settled(path.rsplit('/').next().unwrap().parse().unwrap()).await;
        assert_eq!(story["verdict"]["outcome"], "ignored", "{source}: {story:#}");
        assert_eq!(story["source"], source, "{story:#}");
    }
    // The API says the same once it knows how servers reach the daemon.
    assert_eq!(daemon.get("/api/v1/plays").await["items"], serde_json::json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_appears_line_by_line_and_its_level_is_set_by_module() {
    let (_trakt, home) = TestContext::logged_in("").await;
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::default()).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/logs").await;
    browser.wait_for_text("live").await;
    browser.click("main details summary").await;
    browser.fill("input[name=module]", "playrelay::pipeline").await;
    browser.click("form[method=post] select[name=level] option:nth-child(4)").await;
    browser.click("main details button").await;
    browser.wait_for_text("playrelay::pipeline=debug").await;
    let id = daemon.plex(&film("media.play", 0, "mia")).await;
    browser.wait_for_text(&format!("event {id}")).await;
    browser.click("main details summary").await;
    browser.fill("input[name=module]", "not a module=x").await;
    browser.click("main details button").await;
    browser.find("main [role=alert]").await;
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e_mail_is_set_up_by_a_form_that_sends_a_test_first() {
    let mail = FakeMailServer::start().await;
    let home = TestContext::new("");
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::PHONE).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/notifications").await;
    browser.click("a[href$='/notifications/email']").await;
    browser.fill("input[name=host]", &mail.address()).await;
    browser.click("option[value='smtp+plain']").await;
    browser.fill("input[name=user]", fake_mail_server::USER).await;
    browser.fill("input[name=password]", "a-wrong-password").await;
    browser.fill("input[name=from]", "Playrelay <relay@example.com>").await;
    browser.fill("input[name=to]", "mia@example.com").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("Username and password not accepted").await;
    let file = || std::fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    assert!(!file().contains("notify") && mail.mails().is_empty(), "{}", file());
    browser.fill("input[name=password]", fake_mail_server::PASSWORD).await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("E-mail is saved: a test went out.").await;
    assert_eq!(mail.until(1).await[0].to, ["<mia@example.com>"]);
    // The password stays where none is typed.
    browser.click(".card.list a[href$='/notifications/email']").await;
    browser.fill("input[name=to]", "mia@example.com, Ida <ida@example.com>").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("E-mail is saved: a test went out.").await;
    assert_eq!(mail.until(2).await[1].to, ["<mia@example.com>", "<ida@example.com>"]);
    // What nobody can mean is said beside the form.
    browser.open("/notifications/email").await;
    browser.fill("input[name=from]", "nobody").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("expected an address such as").await;
    assert!(browser.fits().await);
    browser.open("/notifications/email").await;
    browser.click("form[action$='/notifications/email/remove'] button").await;
    browser.wait_for_text("Nobody is told yet.").await;
    assert!(!file().contains("smtp"), "{}", file());
    browser.finish(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notifier_is_added_with_a_test_and_tried_again() {
    let push = FakePushServices::start().await;
    let home = TestContext::new("");
    let daemon = home.start();
    let Some(browser) = Chromium::start(daemon.url(), Device::PHONE).await else { return };
    browser.set_up(&setup_code(&home).await, PASSWORD).await;
    browser.open("/notifications").await;
    browser.wait_for_text("Nobody is told yet.").await;
    browser.click("a[href$='/setup/notifiers/gotify']").await;
    browser.fill("input[name=name]", "phone").await;
    browser.fill("input[name=setting-url]", &format!("{}/gotify", push.server.url())).await;
    browser.fill("input[name=setting-token]", "a-wrong-token").await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("look at the token in the settings").await;
    assert!(push.shown().is_empty());
    browser.fill("input[name=setting-token]", fake_push_services::GOTIFY_TOKEN).await;
    browser.click("form.card button.primary").await;
    browser.wait_for_text("a test was sent").await;
    browser.click("#next").await;
    browser.find("h1").await;
    assert_eq!(browser.path().await, "/notifications");
    browser.wait_for_text("Nothing. All is well.").await;
    browser.click("form[action$='/notifications/phone/test'] button").await;
    browser.wait_for_text("A test went to phone.").await;
    assert_eq!(push.titles("gotify").len(), 2);
    assert!(browser.fits().await);
    if let Some(found) = browser.axe().await {
        assert_eq!(found, [""; 0]);
    }
    browser.finish(&[]).await;
}
