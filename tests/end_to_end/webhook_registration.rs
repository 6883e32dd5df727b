//! Webhooks are registered at the servers by one command, verified and removed; tokens are rotated, with a time in which the old one
//! still works.

use std::time::{Duration, Instant};

use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::harness::TestContext;
use playrelay_tests::simulation::Servers;
use playrelay_tests::{fake_mediabrowser, fake_plex_tv};

/// The address of a source's webhook, as the command shows it.
fn address(home: &TestContext, source: &str) -> String {
    let rows = home.json(&["webhooks"]);
    let row = rows.as_array().unwrap().iter().find(|row| row["source"] == source).cloned().unwrap();
    row["url"].as_str().unwrap().to_owned()
}

async fn all(servers: &Servers, tv: &FakePlexTv) -> TestContext {
    let config = format!(
        "[sources.plex]\nplugin = \"plex\"\nmode = \"webhook\"\ntoken = {:?}\naccount_url = {:?}\n\
         [sources.jellyfin]\nplugin = \"jellyfin\"\nmode = \"webhook\"\nurl = {:?}\ntoken = {token:?}\n\
         [sources.emby]\nplugin = \"emby\"\nmode = \"webhook\"\nurl = {:?}\ntoken = {token:?}\n",
        fake_plex_tv::TOKEN,
        tv.server.url(),
        servers.jellyfin.server.url(),
        servers.emby.server.url(),
        token = fake_mediabrowser::TOKEN,
    );
    public(&config)
}

/// A home that says how servers reach it.
fn public(config: &str) -> TestContext {
    let home = TestContext::new(config);
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replacen("[server]\n", "[server]\npublic_url = \"http://192.168.1.5:8787/\"\n", 1);
    std::fs::write(path, text).unwrap();
    home
}

/// Servers reach it in another way from here on.
fn move_to(home: &TestContext, from: &str, to: &str) {
    let path = home.path().join("playrelay.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_registered_verified_rotated_and_removed() {
    let (servers, tv) = (Servers::start().await, FakePlexTv::start(&[]).await);
    tv.add_webhook("https://elsewhere.example/hook?token=abc&x=1");
    let home = all(&servers, &tv).await;
    let registered = |source: &str, url: &str| match source {
        "plex" => tv.webhooks().contains(&url.to_owned()),
        "jellyfin" => servers.jellyfin.webhooks()["GenericOptions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["WebhookUri"] == url),
        _ => servers.emby.webhooks().as_array().unwrap().iter().any(|it| it["Options"]["Url"] == url),
    };
    for source in ["plex", "jellyfin", "emby"] {
        let first = address(&home, source);
        assert!(first.starts_with(&format!("http://192.168.1.5:8787/webhook/{source}/")), "{first}");
        let (success, text) = home.run_with_fakes(&["webhooks", "verify", source]).await;
        assert!(!success && text.contains("does not send"), "{text}");
        for _ in 0..2 {
            let (success, text) = home.run_with_fakes(&["webhooks", "register", source]).await;
            assert!(success, "{source}: {text}");
        }
        assert!(registered(source, &first), "{source}");
        assert!(home.run_with_fakes(&["webhooks", "verify", source]).await.0);
        let (success, text) = home.run_with_fakes(&["webhooks", "rotate", source]).await;
        assert!(success && text.contains("old token works until"), "{text}");
        let second = address(&home, source);
        assert_ne!(first, second);
        assert!(home.run_with_fakes(&["webhooks", "register", source]).await.0);
        assert!(
            registered(source, &second) && !registered(source, &first),
            "{source}: the new one takes the place of the old"
        );
        // Whatever was told to the server is taken back, under whichever token and address that was.
        assert!(home.run_with_fakes(&["webhooks", "rotate", source, "--force"]).await.0);
        assert!(home.run_with_fakes(&["webhooks", "rotate", source, "--force"]).await.0);
        assert!(home.run_with_fakes(&["webhooks", "register", source]).await.0);
        let third = address(&home, source);
        assert!(registered(source, &third) && !registered(source, &second), "{source}");
        move_to(&home, "http://192.168.1.5:8787/", "https://play.example.org");
        assert!(home.run_with_fakes(&["webhooks", "register", source]).await.0);
        let fourth = address(&home, source);
        assert!(fourth.starts_with("https://play.example.org/webhook/"), "{fourth}");
        assert!(registered(source, &fourth) && !registered(source, &third), "{source}");
        move_to(&home, "https://play.example.org", "http://192.168.1.5:8787/");
        assert!(home.run_with_fakes(&["webhooks", "rotate", source, "--force"]).await.0);
        let (success, text) = home.run_with_fakes(&["webhooks", "remove", source]).await;
        assert!(success, "{source}: {text}");
        assert!(!registered(source, &fourth) && !registered(source, &address(&home, source)), "{source}");
        let secret = second.rsplit('/').next().unwrap();
        assert!(!home.log().contains(secret));
    }
    assert_eq!(
        tv.webhooks(),
        ["https://elsewhere.example/hook?token=abc&x=1"],
        "what is others' is left alone"
    );
    // Where a version of the server cannot remove it, it says what to do.
    assert!(home.run_with_fakes(&["webhooks", "register", "emby"]).await.0);
    servers.emby.set_version("4.8.11.0");
    let (success, text) = home.run_with_fakes(&["webhooks", "remove", "emby"]).await;
    assert!(!success && text.contains("settings, Notifications"), "{text}");
    tv.end_pass();
    let (success, text) = home.run_with_fakes(&["webhooks", "register", "plex"]).await;
    assert!(!success && text.contains("Plex Pass") && text.contains(&address(&home, "plex")), "{text}");
}

/// Another scrobbler's token may have any letters: what is registered is what opens the door.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_any_letters_is_registered_as_it_works() {
    let servers = Servers::start().await;
    let home = public(&format!(
        "[sources.jellyfin]\nplugin = \"jellyfin\"\nurl = {:?}\ntoken = {:?}\nmode = \"webhook\"\n\
         webhook_token = \"ab/cd+ef?#% 12==\"\n",
        servers.jellyfin.server.url(),
        fake_mediabrowser::TOKEN
    ));
    let daemon = home.start();
    let (success, text) = home.run_with_fakes(&["webhooks", "register", "jellyfin"]).await;
    assert!(success, "{text}");
    let registered =
        servers.jellyfin.webhooks()["GenericOptions"][0]["WebhookUri"].as_str().unwrap().to_owned();
    assert_eq!(registered, address(&home, "jellyfin"));
    let path = &registered[registered.find("/webhook/").unwrap()..];
    let message = b"{\"NotificationType\":\"Generic\"}".to_vec();
    assert_eq!(daemon.send(path, None, "application/json", message).await.status().as_u16(), 200);
}

/// A command that was started without the daemon's key makes nothing up in its place.
#[tokio::test(flavor = "multi_thread")]
async fn another_key_changes_nothing() {
    let mut home = TestContext::new("[sources.plex]\nplugin = \"plex\"\n");
    let before = address(&home, "plex");
    home.set("PLAYRELAY_SECRET_KEY", &"5a".repeat(32));
    let (success, text) = home.run_with_fakes(&["webhooks"]).await;
    assert!(!success && text.contains("restore the key file"), "{text}");
    home.set(
        "PLAYRELAY_SECRET_KEY",
        std::fs::read_to_string(home.path().join("data/secret.key")).unwrap().trim(),
    );
    assert_eq!(address(&home, "plex"), before);
    home.set("PLAYRELAY_SECRET_KEY", &"5b".repeat(32));
    // Where it is gone for good, a new token is made on purpose.
    assert!(!home.run_with_fakes(&["webhooks", "rotate", "plex"]).await.0);
    assert!(home.run_with_fakes(&["webhooks", "rotate", "plex", "--force"]).await.0);
    assert_ne!(address(&home, "plex"), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_works_for_a_while_and_its_use_is_shown() {
    let mut home = TestContext::new(
        "[sources.plex]\nplugin = \"plex\"\n[sources.fixed]\nplugin = \"plex\"\nwebhook_token = \"fixed-token-0123\"\n",
    );
    let clock = home.set_clock(&[]);
    let daemon = home.start();
    let token = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let old = token(&address(&home, "plex"));
    assert!(home.run_with_fakes(&["webhooks", "rotate", "plex", "--grace", "1"]).await.0);
    let (success, text) = home.run_with_fakes(&["webhooks", "rotate", "plex"]).await;
    assert!(!success && text.contains("--force"), "{text}");
    let new = token(&address(&home, "plex"));
    let send = async |token: &str| {
        let path = format!("/webhook/plex/{token}");
        daemon
            .send(&path, None, "application/json", b"{\"event\":\"library.new\"}".to_vec())
            .await
            .status()
            .as_u16()
    };
    // The daemon hears of the new one by itself.
    let end = Instant::now() + Duration::from_secs(90);
    while send(&new).await != 200 {
        assert!(Instant::now() < end, "the daemon does not take the new token: {}", home.log());
        // Wrong ones are counted, and soon refused unseen.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!((send(&new).await, send(&old).await), (200, 200));
    let rows = home.json(&["webhooks"]);
    let row = rows.as_array().unwrap().iter().find(|row| row["source"] == "plex").unwrap();
    assert!(row["old_token_until"].is_string() && row["old_token_used_at"].is_string(), "{rows:#}");
    clock.pass(2 * 60 * 60);
    assert_eq!((send(&new).await, send(&old).await), (200, 401));
    let (success, text) = home.run_with_fakes(&["webhooks", "rotate", "fixed"]).await;
    assert!(!success && text.contains("webhook_token"), "{text}");
    assert!(address(&home, "fixed").ends_with("fixed-token-0123"));
}
