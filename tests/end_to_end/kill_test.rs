//! The kill test: three nodes on a database with a synchronous standby, webhooks all the time, and faults: nodes are killed, frozen and ended,
//! connections are cut, the primary is killed and the standby takes its place. Afterwards each webhook that was confirmed is there with one verdict, and
//! the tracker has each watch once.
//!
//! A short form runs with the other tests. `cargo xtask kill-test SECONDS SEED` runs a longer one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use playrelay_test_postgres::{Cluster, USER};
use playrelay_tests::dice::Dice;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{Daemon, STORE_URL, TestContext, WEBHOOK_TOKEN};
use playrelay_tests::plex_webhook::{self, event, movie};
use playrelay_tests::{catalogue, harness};
use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

const MIA: (u32, &str) = (31_646_104, "mia");
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const NODES: usize = 3;
/// How long webhooks are sent, where `SECONDS` does not say it.
const DEFAULT_SECONDS: u64 = 90;
const SECONDS: &str = "PLAYRELAY_KILL_TEST_SECONDS";
const SEED: &str = "PLAYRELAY_KILL_TEST_SEED";
/// Between two webhooks: 50 a second.
const SEND_INTERVAL: Duration = Duration::from_millis(20);
/// Of so many webhooks one tells that a film was watched. The tracker takes one a second.
const WEBHOOKS_PER_FILM: u64 = 75;
/// A balancer gives a node up after this long.
const BALANCER_TIMEOUT: Duration = Duration::from_secs(8);
/// Between the end of a fault and the next.
const CALM: Duration = Duration::from_secs(4);
/// A node is frozen for longer than its lease lasts; in a long run for as long as a new owner leaves its attempts alone.
const FROZEN: Duration = Duration::from_secs(16);
const FROZEN_IN_LONG_RUN: Duration = Duration::from_secs(45);
/// A run that takes longer than the short form.
const LONG_RUN_SECONDS: u64 = 300;
/// How long everything may take to settle after the last fault.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(240);

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Two servers: the standby follows the primary.
struct Database {
    primary: Cluster,
    standby: Cluster,
    name: String,
    url: String,
}

impl Database {
    fn start() -> Option<Self> {
        let primary = Cluster::start(&["fsync=off"])?;
        let name = primary.make_database();
        let standby = Cluster::standby_of(&primary, harness::free_port());
        let (first, second) = (primary.port(), standby.port());
        let url = format!(
            "postgres://{USER}@127.0.0.1:{first},127.0.0.1:{second}/{name}?sslmode=disable&target_session_attrs=read-write"
        );
        Some(Self { primary, standby, name, url })
    }

    /// Kills the primary, has the standby take its place, and gives that one a standby where the primary was.
    fn fail_over(&mut self) {
        self.primary.kill();
        self.standby.promote();
        let port = self.primary.port();
        self.primary.stop();
        let next = Cluster::standby_of(&self.standby, port);
        self.primary = std::mem::replace(&mut self.standby, next);
    }

    fn query(&self, statement: &str) -> String {
        self.primary.query(&self.name, statement)
    }

    fn number(&self, statement: &str) -> usize {
        self.query(statement).parse().expect("a number")
    }
}

/// What was confirmed.
#[derive(Default)]
struct Confirmed {
    /// Ids of the requests that the database has stored at once.
    ids: BTreeSet<i64>,
    /// Those that a node has kept on its disk.
    spooled: usize,
    /// The films that were watched.
    films: BTreeSet<u64>,
}

/// What a media server and a balancer do: each webhook goes to one node after another, until one confirms it.
struct Sender {
    addresses: Arc<Mutex<Vec<Option<String>>>>,
    confirmed: Arc<Mutex<Confirmed>>,
    trakt: Arc<FakeTrakt>,
    client: reqwest::Client,
}

impl Sender {
    async fn run(self: Arc<Self>, seed: u64, over: Arc<AtomicBool>) {
        let mut dice = Dice::new(seed);
        let mut ticks = tokio::time::interval(SEND_INTERVAL);
        let mut sent = Vec::new();
        let mut number = 0;
        while !over.load(Ordering::SeqCst) {
            ticks.tick().await;
            number += 1;
            let this = Arc::clone(&self);
            let first = dice.throw(NODES as u64) as usize;
            sent.push(tokio::spawn(async move { this.send(number, first).await }));
        }
        futures_util::future::join_all(sent).await;
    }

    async fn send(&self, number: u64, first: usize) {
        let film = number.is_multiple_of(WEBHOOKS_PER_FILM).then_some(number / WEBHOOKS_PER_FILM);
        let (name, imdb) = (format!("Film {number}"), format!("imdb://tt{number:07}"));
        if let Some(film) = film {
            let ids = json!({ "trakt": 100_000 + film, "slug": format!("film-{number}"), "imdb": format!("tt{number:07}") });
            self.trakt.add(catalogue::movie(&name, 1975, ids));
        }
        let item = movie(&number.to_string(), &name, 1975, 6_420_000, &[&imdb]);
        let what = if film.is_some() { "media.scrobble" } else { "library.on.deck" };
        let body = plex_webhook::multipart(&event(what, &item, None, MIA, &format!("TV {number}")), 500);
        for attempt in 0.. {
            let at = (first + attempt) % NODES;
            let address = self.addresses.lock().unwrap()[at].clone();
            if let Some(address) = address
                && let Some(id) = self.send_to(&address, body.clone()).await
            {
                let mut confirmed = self.confirmed.lock().unwrap();
                match id {
                    Some(id) => drop(confirmed.ids.insert(id)),
                    None => confirmed.spooled += 1,
                }
                confirmed.films.extend(film.map(|_| number));
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The id, where the database has it; absent where the node did not confirm it.
    async fn send_to(&self, address: &str, body: Vec<u8>) -> Option<Option<i64>> {
        let request = self.client.post(format!("{address}/webhook/plextrakt?{WEBHOOK_TOKEN}"));
        let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
        let request = request.header("content-type", content_type).timeout(BALANCER_TIMEOUT).body(body);
        let answer = request.send().await.ok().filter(|answer| answer.status() == StatusCode::OK)?;
        let text = answer.text().await.ok()?;
        Some(text.trim().strip_prefix("stored as event ").and_then(|id| id.parse().ok()))
    }
}

/// The nodes, and what is done to them.
struct Nodes<'a> {
    homes: &'a [TestContext],
    daemons: Vec<Option<Daemon<'a>>>,
    addresses: Arc<Mutex<Vec<Option<String>>>>,
    client: reqwest::Client,
    frozen: Duration,
}

impl<'a> Nodes<'a> {
    fn start(&mut self, index: usize) {
        let daemon = tokio::task::block_in_place(|| self.homes[index].start());
        self.addresses.lock().unwrap()[index] = Some(daemon.url().to_owned());
        self.daemons[index] = Some(daemon);
    }

    fn take(&mut self, index: usize) -> Daemon<'a> {
        self.addresses.lock().unwrap()[index] = None;
        self.daemons[index].take().expect("it runs")
    }

    fn signal(&self, index: usize, signal: Signal) {
        let pid = self.daemons[index].as_ref().expect("it runs").pid();
        let pid = Pid::from_raw(i32::try_from(pid).expect("a process")).expect("a process");
        kill_process(pid, signal).expect("it is ours");
    }

    /// The node that owns the household; absent while nobody does.
    async fn owner(&self) -> Option<usize> {
        for (index, daemon) in self.daemons.iter().enumerate() {
            let Some(daemon) = daemon else { continue };
            let asked = self.client.get(format!("{}/healthz/owner", daemon.url())).timeout(BALANCER_TIMEOUT);
            if asked.send().await.is_ok_and(|answer| answer.status() == StatusCode::OK) {
                return Some(index);
            }
        }
        None
    }

    /// Waits until a node owns the household. Gives it, and how long that took.
    async fn until_owned(&self) -> (usize, Duration) {
        let start = Instant::now();
        loop {
            if let Some(owner) = self.owner().await {
                return (owner, start.elapsed());
            }
            assert!(start.elapsed() < SETTLE_TIMEOUT, "nobody owns the household");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// One fault, until it is over. Gives its name.
    async fn fault(&mut self, kind: u64, any: usize, database: &mut Database) -> &'static str {
        let (owner, _) = self.until_owned().await;
        match kind {
            0 | 1 => {
                let victim = if kind == 0 { owner } else { any };
                tokio::task::block_in_place(|| self.take(victim).kill());
                let (_, took) = self.until_owned().await;
                println!("  another node after {took:.1?}");
                self.start(victim);
                if kind == 0 { "kill -9 of the owner" } else { "kill -9 of a node" }
            }
            2 => {
                self.signal(owner, Signal::STOP);
                tokio::time::sleep(self.frozen).await;
                self.signal(owner, Signal::CONT);
                "the owner is frozen"
            }
            3 => {
                self.signal(owner, Signal::TERM);
                let mut ended = self.take(owner);
                tokio::task::block_in_place(|| ended.wait());
                self.until_owned().await;
                self.start(owner);
                "the owner ends in order"
            }
            4 => {
                let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                           WHERE application_name = 'playrelay' AND pid <> pg_backend_pid()";
                database.query(cut);
                "all connections are cut"
            }
            _ => {
                tokio::task::block_in_place(|| database.fail_over());
                "kill -9 of the primary"
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_and_databases_fail_and_nothing_is_lost_or_told_twice() {
    let Some(mut database) = Database::start() else { return };
    let (seconds, seed) = (number_of(SECONDS, DEFAULT_SECONDS), number_of(SEED, 1));
    let trakt = Arc::new(FakeTrakt::start().await);
    let homes: Vec<TestContext> = (0..NODES)
        .map(|_| {
            let quick = "[delivery]\nretry_first = \"1s\"\nretry_longest = \"10s\"\n";
            let mut home = TestContext::plex_to_trakt(None, &trakt, quick);
            home.set(STORE_URL, &database.url);
            home.set("PLAYRELAY_SECRET_KEY", KEY);
            home.set("PLAYRELAY_LOG", "info");
            home
        })
        .collect();
    homes[0].connect().await;
    let addresses = Arc::new(Mutex::new(vec![None; NODES]));
    let client = harness::client();
    let mut nodes = Nodes {
        homes: &homes,
        daemons: (0..NODES).map(|_| None).collect(),
        addresses: Arc::clone(&addresses),
        client: client.clone(),
        frozen: if seconds > LONG_RUN_SECONDS { FROZEN_IN_LONG_RUN } else { FROZEN },
    };
    (0..NODES).for_each(|index| nodes.start(index));
    let (confirmed, over) = (Arc::<Mutex<Confirmed>>::default(), Arc::<AtomicBool>::default());
    let sender =
        Arc::new(Sender { addresses, confirmed: Arc::clone(&confirmed), trakt: Arc::clone(&trakt), client });
    let sending = tokio::spawn(sender.run(seed, Arc::clone(&over)));

    let mut dice = Dice::new(seed ^ 0xfa17);
    let start = Instant::now();
    let mut faults: BTreeMap<&str, u32> = BTreeMap::new();
    let mut kinds: Vec<u64> = Vec::new();
    while start.elapsed() < Duration::from_secs(seconds) {
        tokio::time::sleep(CALM).await;
        // Each kind once before any comes again, in another order each time.
        if kinds.is_empty() {
            kinds = (0..6).collect();
        }
        let kind = kinds.swap_remove(dice.throw(kinds.len() as u64) as usize);
        let began = start.elapsed();
        let name = nodes.fault(kind, dice.throw(NODES as u64) as usize, &mut database).await;
        println!("{began:.1?}: {name}, over after {:.1?}", start.elapsed() - began);
        *faults.entry(name).or_default() += 1;
    }
    over.store(true, Ordering::SeqCst);
    sending.await.unwrap();
    nodes.until_owned().await;

    // What was confirmed is there, with one verdict each.
    let (ids, spooled, films) = {
        let confirmed = confirmed.lock().unwrap();
        (confirmed.ids.clone(), confirmed.spooled, confirmed.films.clone())
    };
    let waited = Instant::now();
    let undecided = "SELECT count(*) FROM inbox WHERE settled_at IS NULL";
    let undelivered = "SELECT count(*) FROM outbox WHERE state = 'waiting'";
    while database.number("SELECT count(*) FROM inbox") < ids.len() + spooled
        || database.number(undecided) > 0
        || database.number(undelivered) > 0
    {
        assert!(
            waited.elapsed() < SETTLE_TIMEOUT,
            "{} undecided, {} undelivered, {} stored of {} confirmed\n{}",
            database.number(undecided),
            database.number(undelivered),
            database.number("SELECT count(*) FROM inbox"),
            ids.len() + spooled,
            homes.iter().map(TestContext::log).collect::<Vec<_>>().join("\n----\n")
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let stored: BTreeSet<i64> =
        database.query("SELECT id FROM inbox").lines().map(|id| id.parse().unwrap()).collect();
    let lost: Vec<_> = ids.difference(&stored).collect();
    assert!(lost.is_empty(), "confirmed, and not there: {lost:?}");

    // The tracker has each watch once.
    let mut watched: BTreeMap<String, usize> = BTreeMap::new();
    for play in trakt.history() {
        *watched.entry(play.entry.name().to_owned()).or_default() += 1;
    }
    let twice: Vec<_> = watched.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "told twice: {twice:?}");
    let expected: BTreeSet<String> = films.iter().map(|number| format!("Film {number}")).collect();
    let missing: Vec<_> = expected.iter().filter(|film| !watched.contains_key(*film)).collect();
    assert!(missing.is_empty(), "watched, and not told: {missing:?}");
    assert_eq!(trakt.too_fast(), 0, "no node goes faster than the tracker allows");
    println!(
        "{} webhooks confirmed, {spooled} of them on a node's disk; {} films; seed {seed}; faults {faults:?}",
        ids.len() + spooled,
        films.len()
    );
}
