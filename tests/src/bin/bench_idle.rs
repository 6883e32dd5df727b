//! `cargo xtask bench idle`: what the daemon costs while it listens to three servers on which nothing plays.

#![forbid(unsafe_code)]

use std::time::Duration;

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, trakt_account};
use playrelay_tests::load::Usage;
use playrelay_tests::simulation::{SOURCES, Servers};

/// What comes with the start is not measured.
const SETTLING: Duration = Duration::from_secs(10);
/// What is measured.
const MEASURED: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let (servers, trakt) = (Servers::start().await, FakeTrakt::start().await);
    let mut config = servers.config("both", "") + &trakt_account("bob", &trakt);
    for source in SOURCES {
        config.push_str(&format!("\n[[routes]]\nsource = {source:?}\ntracker = \"bob\"\nusers = [\"*\"]\n"));
    }
    let mut home = TestContext::new(&config);
    home.set("PLAYRELAY_LOG", "warn,playrelay::cli=info");
    home.connect().await;
    // The first start compiles the plugins, the second finds them compiled.
    drop(home.start());
    let daemon = home.start();
    for source in SOURCES {
        daemon.connected(source).await;
    }
    tokio::time::sleep(SETTLING).await;
    let before = Usage::of(daemon.pid());
    tokio::time::sleep(MEASURED).await;
    let after = Usage::of(daemon.pid());
    let share = after.share_since(&before, MEASURED);
    println!(
        "three servers connected, nothing plays: {share:.2} % of a core over {} s, {} KiB resident",
        MEASURED.as_secs(),
        after.resident
    );
}
