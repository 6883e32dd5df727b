//! `cargo xtask bench ingest`: durable ingest of webhooks, against a bare handler that parses the same bodies natively
//! and stores nothing. Both are processes of their own, driven in turn, in one run. Then what an event costs from the wire to
//! the outbox, by the kind of load. With a word, only the loads whose name has it.

#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, WEBHOOK_TOKEN, sources_to_trakt_config};
use playrelay_tests::load::{Figures, Usage, Workload, drive, serve_bare};
use playrelay_tests::plex_webhook::{event, movie};

/// Requests in flight, and how many are sent.
const ROUNDS: [(u32, u32); 3] = [(1, 2_000), (8, 10_000), (64, 60_000)];
/// The users of the load that is compared with the bare handler.
const USERS: Workload = Workload::Films { viewers: 50 };
/// Requests before each measurement.
const WARM_UP: u32 = 500;
/// Kinds of load, each with the groups that are sent and how many are in flight.
const LOADS: [(&str, Workload, u32, u32); 8] = [
    ("films of 50 viewers, one at a time", USERS, 5_000, 1),
    ("films of 50 viewers", USERS, 20_000, 8),
    ("films of one viewer", Workload::Films { viewers: 1 }, 20_000, 8),
    ("films of 20,000 viewers", Workload::Films { viewers: 20_000 }, 20_000, 8),
    ("films of one viewer on as many players", Workload::Starts { viewers: 1 }, 20_000, 8),
    ("films of 20,000 viewers on as many players", Workload::Starts { viewers: 20_000 }, 20_000, 8),
    ("whole plays of 50 viewers", Workload::WholePlays { viewers: 50 }, 2_000, 8),
    ("progress of 8 sessions at Jellyfin", Workload::JellyfinProgress, 200, 8),
];
/// What is measured is over when nothing was used for this long.
const QUIET: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() {
    let word = std::env::args().nth(1);
    if word.as_deref() == Some("--bare") {
        return serve_bare().await;
    }
    if word.is_none() {
        compare().await;
    }
    println!(
        "{:<45} {:>9} {:>9} {:>10} {:>12} {:>12}",
        "", "req/s", "p99", "settled", "CPU s/10k", "resident KiB"
    );
    for load in LOADS.into_iter().filter(|(name, ..)| word.as_ref().is_none_or(|word| name.contains(word))) {
        measure(load).await;
    }
    if word.is_none() {
        println!("from the webhook's receipt to the tracker's: {} ms", reaction().await);
    }
}

/// The same requests to a bare handler and to the daemon, in turn.
async fn compare() {
    let (bare, bare_address) = start_bare();
    let trakt = FakeTrakt::start().await;
    let mut home = TestContext::plex_to_trakt(None, &trakt, "");
    home.set("PLAYRELAY_LOG", "warn,playrelay::cli=info");
    // The first start compiles the plugins, the second finds them compiled.
    drop(home.start());
    let started = Instant::now();
    let daemon = home.start();
    let ready = started.elapsed();
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!(
        "ready with a warm cache in {} ms; idle {} KiB resident\n",
        ready.as_millis(),
        Usage::of(daemon.pid()).resident
    );
    let address = daemon.url().trim_start_matches("http://").parse().expect("an address");
    let path = format!("/webhook/home/{WEBHOOK_TOKEN}");

    println!(
        "{:>9} {:>9} {:>9} {:>10} {:>10} {:>12} {:>12}",
        "in flight", "server", "req/s", "median", "p99", "CPU s/10k", "resident KiB"
    );
    let mut number = 0;
    for (in_flight, requests) in ROUNDS {
        let mut rates = Vec::new();
        for (name, address, pid) in [("bare", bare_address, bare.id()), ("playrelay", address, daemon.pid())]
        {
            drive(address, &path, USERS, number, WARM_UP, in_flight).await;
            number += WARM_UP;
            drain(&home).await;
            let before = Usage::of(pid);
            let figures = drive(address, &path, USERS, number, requests, in_flight).await;
            number += requests;
            let ingest = Usage::of(pid);
            report(in_flight, name, &figures, before, ingest);
            rates.push((figures.rate(), figures.percentile(0.5)));
            if name == "playrelay" {
                let waiting = Instant::now();
                drain(&home).await;
                let after = Usage::of(pid);
                println!(
                    "{:>9} all settled {:.1} s later; {:.2} CPU s per 10,000 events from the wire to the outbox",
                    "",
                    waiting.elapsed().as_secs_f64(),
                    (after.cpu - before.cpu).as_secs_f64() * 10_000.0 / f64::from(requests)
                );
            }
        }
        println!("{:>9} throughput ratio {:.2}\n", "", rates[1].0 / rates[0].0);
    }
    drop(daemon);
    stop(bare);
}

/// What a kind of load costs a daemon that has seen nothing else.
async fn measure((name, workload, groups, in_flight): (&str, Workload, u32, u32)) {
    let trakt = FakeTrakt::start().await;
    let mut home = TestContext::new(&sources_to_trakt_config(&["plex", "jellyfin"], &trakt, ""));
    home.set("PLAYRELAY_LOG", "warn,playrelay::cli=info");
    let daemon = home.start();
    let address = daemon.url().trim_start_matches("http://").parse().expect("an address");
    let source = if matches!(workload, Workload::JellyfinProgress) { "jellyfin" } else { "plex" };
    let path = format!("/webhook/{source}/{WEBHOOK_TOKEN}-{source}");
    drive(address, &path, workload, 0, WARM_UP / workload.group_size(), in_flight).await;
    drain(&home).await;
    tokio::time::sleep(QUIET).await;
    let before = Usage::of(daemon.pid());
    let began = Instant::now();
    let figures = drive(address, &path, workload, WARM_UP, groups, in_flight).await;
    drain(&home).await;
    let settled = began.elapsed();
    tokio::time::sleep(QUIET).await;
    let after = Usage::of(daemon.pid());
    println!(
        "{name:<45} {:>9.0} {:>6.2} ms {:>8.1} s {:>12.2} {:>12}",
        figures.rate(),
        figures.percentile(0.99).as_secs_f64() * 1000.0,
        settled.as_secs_f64(),
        (after.cpu - before.cpu).as_secs_f64() * 10_000.0 / figures.requests as f64,
        after.resident
    );
}

/// The pace of a tracker that takes one write a second, and a bit.
const PACE: Duration = Duration::from_millis(1_200);

/// How long it takes from one webhook to the request that it leads to, with an idle lane and a login. Milliseconds.
async fn reaction() -> i64 {
    let trakt = FakeTrakt::start().await;
    let home = TestContext::plex_to_trakt(None, &trakt, "");
    home.connect().await;
    let daemon = home.start();
    // A lane is idle once its first write, which waits for the tracker's pace, could have been sent.
    tokio::time::sleep(PACE).await;
    let film = movie("27205", "Inception", 2010, 7_200_000, &["imdb://tt1375666"]);
    let id = daemon.plex(&event("media.play", &film, Some(0), (1, "sean"), "TV")).await;
    trakt.until("the start", |trakt| trakt.watching().is_some()).await;
    let received: jiff::Timestamp =
        daemon.settled(id).await["received_at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    let arrived = trakt.calls().iter().find(|call| call.path.starts_with("/scrobble")).map(|call| call.at);
    arrived.expect("it has arrived").as_millisecond() - received.as_millisecond()
}

fn report(in_flight: u32, name: &str, figures: &Figures, before: Usage, after: Usage) {
    println!(
        "{in_flight:>9} {name:>9} {:>9.0} {:>7.2} ms {:>7.2} ms {:>12.2} {:>12}",
        figures.rate(),
        figures.percentile(0.5).as_secs_f64() * 1000.0,
        figures.percentile(0.99).as_secs_f64() * 1000.0,
        (after.cpu - before.cpu).as_secs_f64() * 10_000.0 / figures.requests as f64,
        after.resident
    );
}

/// Waits until nothing waits in the inbox.
async fn drain(home: &TestContext) {
    let database =
        rusqlite::Connection::open(home.data().join("playrelay.db")).expect("the daemon has made it");
    loop {
        let waiting: u32 = database
            .query_row("SELECT COUNT(*) FROM inbox WHERE settled_at IS NULL", [], |row| row.get(0))
            .expect("the daemon has made the table");
        if waiting == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn start_bare() -> (Child, SocketAddr) {
    let own = std::env::current_exe().expect("a running program has a path");
    let mut child =
        Command::new(own).arg("--bare").stderr(Stdio::piped()).spawn().expect("this program can be started");
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let address = stderr
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("ready address=")?.parse().ok())
        .expect("it says where it listens");
    (child, address)
}

fn stop(mut child: Child) {
    child.kill().expect("it is our child");
    child.wait().expect("it was killed");
}
