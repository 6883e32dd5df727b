//! Clients that others have written, against the fakes: what real programs understand is no private language.

use std::path::PathBuf;
use std::process::Stdio;

use playrelay_tests::fake_mediabrowser::{FakeMediaBrowser, Family};
use playrelay_tests::fake_playback::{FakePlayback, Person, Title};
use playrelay_tests::fake_plex::FakePlex;
use playrelay_tests::fake_trakt::{CLIENT_ID, FakeTrakt};
use playrelay_tests::{catalogue, fake_mediabrowser, fake_plex};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const ADA: Person = Person { number: 1, guid: "50e1109a03fd4e13a3a5dd9bb27e08ec", name: "ada" };
const MIA: Person = Person { number: 2, guid: "50e1109a03fd4e13a3a5dd9bb27e08e1", name: "mia" };
/// A client that does not end by itself in this time hangs.
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(120);

/// Where `cargo xtask clients` has installed them; absent where it has not, which is an error in CI.
fn installed() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/clients");
    if folder.join("installed").exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "the clients are not installed: cargo xtask clients");
    println!("SKIPPED: the clients are not installed (cargo xtask clients)");
    None
}

fn script(name: &str, clients: &std::path::Path) -> Command {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients").join(name);
    let mut command = match name.rsplit('.').next() {
        Some("mjs") => Command::new("node"),
        _ => Command::new("python3"),
    };
    command
        .arg(path)
        .env("PYTHONPATH", clients.join("python"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HOME", clients)
        .env("CLIENTS", clients.join("node/node_modules"))
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits until a client has succeeded.
async fn succeeds(client: Child) {
    let output = tokio::time::timeout(DEADLINE, client.wait_with_output()).await.expect("it ends").unwrap();
    let said = [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].join("\n");
    assert!(output.status.success() && said.contains("done"), "{said}");
}

fn title(key: &str, place: usize) -> Title {
    let entry = catalogue::sample_titles().swap_remove(place);
    Title { key: key.to_owned(), entry, runtime_ms: 8_880_000, credits_ms: Some(8_400_000) }
}

fn screening(title: Title, person: Person) -> FakePlayback {
    let device = "TV".to_owned();
    FakePlayback { session: "7".to_owned(), person, device, title, position_ms: 600_000, paused: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn plexapi_understands_the_fake_plex() {
    let Some(clients) = installed() else { return };
    let plex = FakePlex::start().await;
    let (film, pilot) = (title("1", 1), title("2", 3));
    plex.add(film.metadata_with_markers());
    plex.add(pilot.metadata());
    plex.add(json!({ "ratingKey": "20", "type": "show", "title": "Breaking Bad", "year": 2008, "guid": "plex://show/20" }));
    plex.add_play(&ADA, &film, jiff::Timestamp::now() - jiff::SignedDuration::from_hours(2));
    let mut seen = screening(film, ADA);
    plex.set_sessions(std::slice::from_ref(&seen));
    let mut client = script("plex_client.py", &clients);
    let mut client = client.arg(plex.server.url()).arg(fake_plex::TOKEN).spawn().unwrap();
    // It listens from here on.
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let listening = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line == "listening" {
                return true;
            }
        }
        false
    };
    if !tokio::time::timeout(DEADLINE, listening).await.expect("it goes on") {
        let output = client.wait_with_output().await.unwrap();
        panic!("{}", String::from_utf8_lossy(&output.stderr));
    }
    seen.paused = true;
    let told = async {
        while plex.broadcast(&seen.notification("paused")) == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, told).await.expect("it listens");
    let status = tokio::time::timeout(DEADLINE, client.wait()).await.expect("it ends").unwrap();
    let output = client.wait_with_output().await.unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

async fn jellyfin() -> (FakeMediaBrowser, String) {
    let jellyfin = FakeMediaBrowser::start(Family::Jellyfin).await;
    let film = title("1", 1);
    let dto = film.jellyfin();
    let id = dto["Id"].as_str().unwrap().to_owned();
    jellyfin.add(dto);
    jellyfin.mark_credits(&id, 8_400_000, 8_880_000);
    jellyfin.record(&MIA, &film, jiff::Timestamp::now());
    jellyfin.show(&[screening(film, MIA)]);
    (jellyfin, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn jellyfin_sdk_understands_the_fake_jellyfin() {
    let Some(clients) = installed() else { return };
    let (server, id) = jellyfin().await;
    let mut client = script("jellyfin_client.mjs", &clients);
    let url = server.server.url();
    succeeds(client.args([url.as_str(), "mia", fake_mediabrowser::PASSWORD, &id]).spawn().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jellyfin_apiclient_understands_the_fake_jellyfin() {
    let Some(clients) = installed() else { return };
    let (server, _) = jellyfin().await;
    let mut client = script("jellyfin_client.py", &clients);
    let url = server.server.url();
    succeeds(client.args([url.as_str(), "mia", fake_mediabrowser::PASSWORD]).spawn().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pytrakt_understands_the_fake_trakt() {
    let Some(clients) = installed() else { return };
    let trakt = FakeTrakt::start().await;
    let token = trakt.log_in();
    let mut client = script("trakt_client.py", &clients);
    succeeds(client.args([trakt.server.url().as_str(), CLIENT_ID, &token]).spawn().unwrap()).await;
    assert!(trakt.history().is_empty() && trakt.watchlist().is_empty());
    assert_eq!(trakt.ratings(), [("Inception".to_owned(), 8)]);
}
