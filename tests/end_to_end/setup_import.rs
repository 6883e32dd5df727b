//! Set-ups of other programs, read in: their servers, trackers, routes and webhook addresses go on.

use std::fs;
use std::path::Path;

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeEncrypt, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use hmac::{Hmac, KeyInit, Mac};
use playrelay_tests::fake_mdblist::{self, FakeMdbList};
use playrelay_tests::fake_simkl;
use playrelay_tests::fake_trakt::{self, FakeTrakt};
use playrelay_tests::harness::{TestContext, event_of};
use playrelay_tests::plex_webhook::{event, movie};
use serde_json::{Value, json};
use sha2::Sha256;

/// The key of CrossWatch's secrets.
const KEY: [u8; 32] = *b"0123456789abcdefghijklmnopqrstuv";
const OLD_TOKEN: &str = "an-old-token-of-32-letters-AbCdE";
const PROFILE_TOKEN: &str = "a-profile-token-of-32-letters-Xy";

/// A secret as CrossWatch keeps it: Fernet, with a fixed time and vector.
fn sealed(secret: &str) -> String {
    let (signing, encryption) = KEY.split_at(16);
    let vector = [7_u8; 16];
    let cipher = cbc::Encryptor::<Aes128>::new_from_slices(encryption, &vector).unwrap();
    let mut token = vec![0x80, 0, 0, 0, 0, 0, 0, 0, 1];
    token.extend(vector);
    // Padding takes up to a block.
    let mut block = secret.as_bytes().to_vec();
    block.resize(secret.len() + 16, 0);
    token.extend(cipher.encrypt_padded::<Pkcs7>(&mut block, secret.len()).unwrap());
    let mut mac = Hmac::<Sha256>::new_from_slice(signing).unwrap();
    mac.update(&token);
    token.extend(mac.finalize().into_bytes());
    format!("enc:v1:{}", URL_SAFE.encode(token))
}

/// A set-up with three servers, three trackers, routes and old tokens.
fn crosswatch(folder: &Path, trakt: &FakeTrakt, with_key: bool) {
    let config = json!({
        "plex": { "server_url": "http://127.0.0.1:9", "account_token": sealed("plex-token-of-the-owner"), "verify_ssl": false, "username": "mia" },
        "jellyfin": { "server": "http://127.0.0.1:9", "access_token": sealed("jellyfin-token-0123456789"), "username": "mia" },
        "emby": { "server": "http://127.0.0.1:9", "access_token": sealed("emby-token-0123456789"), "username": "mia" },
        "trakt": { "client_id": fake_trakt::CLIENT_ID, "client_secret": sealed(fake_trakt::CLIENT_SECRET), "access_token": sealed(&trakt.log_in()),
                   "expires_at": 4_000_000_000_u64, "instances": { "Bob 2": { "access_token": "" } } },
        "simkl": { "client_id": fake_simkl::CLIENT_ID, "access_token": "" },
        "mdblist": { "api_key": sealed(fake_mdblist::API_KEY) },
        "scrobble": {
            "enabled": true, "delete_plex": true,
            "trakt": { "watched_at": 85, "regress_tolerance_percent": 5 },
            "watch": { "routes": [
                { "id": "R1", "enabled": true, "provider": "plex", "sink": "trakt", "filters": { "username_whitelist": ["mia"], "libraries": ["1"] },
                  "options": { "scrobble": { "watched_at": 90 }, "ratings": { "mode": "custom", "targets": ["trakt"] }, "auto_remove_watchlist": "on" } },
                { "id": "R2", "enabled": true, "provider": "jellyfin", "sink": "mdblist", "filters": {} },
                { "id": "R3", "enabled": false, "provider": "emby", "sink": "mdblist" },
                { "id": "R4", "enabled": true, "provider": "plex", "sink": "simkl" } ] },
            "webhook": { "profiles": { "plex": { "default": { "enabled": true, "sinks": ["mdblist"], "filters_plex": { "username_whitelist": ["mia"] } } } } } },
        "security": { "webhook_ids": { "plextrakt": OLD_TOKEN, "profile:jellyfin:default": PROFILE_TOKEN } } });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    if with_key {
        fs::write(folder.join(".cw_master_key"), URL_SAFE.encode(KEY)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crosswatch_goes_on_as_a_playrelay() {
    let (trakt, mdblist) = (FakeTrakt::start().await, FakeMdbList::start().await);
    let mut home = TestContext::new("");
    let folder = home.path().join("crosswatch");
    fs::create_dir(&folder).unwrap();
    crosswatch(&folder, &trakt, false);
    let folder = folder.to_str().unwrap().to_owned();
    let locked = home.run(&["import", "crosswatch", &folder]);
    let said = String::from_utf8(locked.stderr).unwrap();
    assert!(!locked.status.success() && said.contains("is encrypted, and there is no key"), "{said}");
    crosswatch(Path::new(&folder), &trakt, true);
    let written = home.json(&["import", "crosswatch", &folder]);
    let found: Vec<&str> =
        written["found"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(
        found,
        [
            "source plex",
            "source jellyfin",
            "source emby",
            "tracker trakt",
            "tracker mdblist",
            "route from plex to trakt",
            "route from jellyfin to mdblist",
            "route from plex to mdblist"
        ]
    );
    let notes = written["notes"].to_string();
    for expected in [
        "the route from plex to simkl is left out",
        "put their names into `libraries`",
        "named nobody",
        "set `watchlist_remove`",
    ] {
        assert!(notes.contains(expected), "{expected}: {notes}");
    }
    let config = fs::read_to_string(home.path().join("playrelay.toml")).unwrap();
    for line in [
        "watched_at = 85",
        "watched_at = 90",
        "ratings = true",
        "watchlist_remove = true",
        "users = [\"mia\"]",
        "users = [\"*\"]",
    ] {
        assert!(config.contains(line), "{line}: {config}");
    }
    for secret in
        ["plex-token", "jellyfin-token", fake_trakt::CLIENT_SECRET, fake_mdblist::API_KEY, OLD_TOKEN]
    {
        assert!(!config.contains(secret), "a secret stands in the file");
    }
    // The same again would make a second set-up of the same names.
    let again = home.run(&["import", "crosswatch", &folder]);
    assert!(!again.status.success());
    assert_eq!(fs::read_to_string(home.path().join("playrelay.toml")).unwrap(), config);
    for (name, url) in [
        ("TRACKERS__TRAKT__API_URL", trakt.server.url()),
        ("TRACKERS__TRAKT__AUTH_URL", trakt.server.url()),
        ("TRACKERS__MDBLIST__API_URL", mdblist.server.url()),
    ] {
        home.set(&format!("PLAYRELAY__{name}"), &url);
    }
    // The server of a test is nowhere: its webhooks are what counts.
    home.set("PLAYRELAY__SOURCES__PLEX__MODE", "webhook");
    home.set("PLAYRELAY__SOURCES__JELLYFIN__MODE", "webhook");
    home.set("PLAYRELAY__SOURCES__EMBY__MODE", "webhook");
    let daemon = home.start();
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666", "tmdb://27205"]);
    let body = event("media.scrobble", &film, None, (31_646_104, "mia"), "TV").to_string().into_bytes();
    let address = format!("/webhook/plextrakt?{OLD_TOKEN}");
    let id = event_of(daemon.send(&address, None, "application/json", body).await).await;
    let is_there = |story: &Value| {
        let rows = story["outbox"].as_array().unwrap();
        rows.iter().filter(|row| row["state"] == "delivered" && row["action"] == "watched").count() == 2
    };
    daemon.until(id, "the watch at both trackers", is_there).await;
    assert_eq!(trakt.history().len(), 1);
    assert_eq!(mdblist.library().history.len(), 1);
    // An address of a profile works as well.
    let status = daemon
        .send(
            &format!("/webhook/jellyfintrakt?profile={PROFILE_TOKEN}"),
            None,
            "application/json",
            b"{}".to_vec(),
        )
        .await;
    assert!(status.status().is_success());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_goplaxt_are_trackers_with_routes() {
    let trakt = FakeTrakt::start().await;
    let mut home = TestContext::new("");
    let folder = home.path().join("keystore");
    fs::create_dir(&folder).unwrap();
    for (name, text) in [
        ("4f5e.username", "mia"),
        ("4f5e.access", &trakt.log_in()),
        ("4f5e.refresh", "r"),
        ("4f5e.updated", "01-02-2024"),
        ("77aa.username", "Bob B."),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    let folder = folder.to_str().unwrap();
    let arguments = [
        "import",
        "goplaxt",
        folder,
        "--client-id",
        fake_trakt::CLIENT_ID,
        "--client-secret",
        fake_trakt::CLIENT_SECRET,
    ];
    let written = home.json(&arguments);
    let found = written["found"].to_string();
    assert!(
        found.contains("tracker trakt-mia, and a route to it for mia") && found.contains("trakt-bob-b-"),
        "{found}"
    );
    assert!(written["notes"].to_string().contains("trakt-bob-b- has no login"), "{written}");
    home.set("PLAYRELAY__TRACKERS__TRAKT-MIA__API_URL", &trakt.server.url());
    let daemon = home.start();
    let webhooks = home.json(&["webhooks"]);
    let token = webhooks[0]["url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    let body = event("media.scrobble", &film, None, (31_646_104, "mia"), "TV").to_string().into_bytes();
    event_of(daemon.send(&format!("/webhook/plex/{token}"), None, "application/json", body).await).await;
    trakt.until("the watch", |trakt| trakt.history().len() == 1).await;
}
