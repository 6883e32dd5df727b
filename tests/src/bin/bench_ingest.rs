//! `cargo xtask bench ingest`: durable ingest of Plex webhooks, against a bare handler that parses the same bodies
//! natively and stores nothing. Both are processes of their own, driven in turn, in one run.

#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{TestContext, WEBHOOK_TOKEN};
use playrelay_tests::load::{Figures, Usage, drive, serve_bare};
use playrelay_tests::plex_webhook::{event, movie};

/// Requests in flight, and how many are sent.
const ROUNDS: [(u32, u32); 3] = [(1, 2_000), (8, 10_000), (64, 60_000)];
/// Requests before each measurement.
const WARM_UP: u32 = 500;

#[tokio::main]
async fn main() {
    if std::env::args().any(|argument| argument == "--bare") {
        return serve_bare().await;
    }
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
            drive(address, &path, number, WARM_UP, in_flight).await;
            number += WARM_UP;
            drain(&home).await;
            let before = Usage::of(pid);
            let figures = drive(address, &path, number, requests, in_flight).await;
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
    println!("from the webhook's receipt to the tracker's: {} ms", reaction().await);
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
