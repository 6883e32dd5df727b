//! An evening: people who watch on three servers what they like and how they like, told as the servers tell it, to who listens and
//! by webhook.

mod emit;
mod scenario;
mod servers;

use std::collections::BTreeMap;

use jiff::Timestamp;
use scenario::Step;
pub use scenario::{Disruption, ViewingPattern};
pub use servers::Servers;

use crate::catalogue;
use crate::deadline::DEADLINE;
use crate::fake_playback::{FakePlayback, Person, Title};
use crate::fake_trakt::FakeTrakt;
use crate::harness::{Daemon, TestClock, TestContext, trakt_account};

/// Everything takes as long as this. Ms.
pub const RUNTIME: u32 = 2_400_000;
/// Between two looks at the clock. Seconds.
const TICK: i64 = 30;
/// A session whose app is gone is dropped by its server after this. Ticks.
const DROPPED_AFTER: u32 = 10;
/// The names of the sources.
pub const SOURCES: [&str; 3] = ["plex", "jellyfin", "emby"];

/// Who is there.
pub const PEOPLE: [Person; 6] = [
    Person { number: 1, guid: "50e1109a03fd4e13a3a5dd9bb27e08e1", name: "ada" },
    Person { number: 31_646_104, guid: "50e1109a03fd4e13a3a5dd9bb27e08e2", name: "ben" },
    Person { number: 90_000_123, guid: "50e1109a03fd4e13a3a5dd9bb27e08e3", name: "cleo" },
    Person { number: 4_711, guid: "50e1109a03fd4e13a3a5dd9bb27e08e4", name: "d\u{fc}rer" },
    Person { number: 555, guid: "50e1109a03fd4e13a3a5dd9bb27e08e5", name: "eve" },
    Person { number: 6, guid: "50e1109a03fd4e13a3a5dd9bb27e08e6", name: "finn" },
];

/// How Playrelay hears of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It listens.
    Watch,
    /// It is told.
    Webhook,
    /// Both.
    Both,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Webhook => "webhook",
            Self::Both => "both",
        }
    }
}

/// A title that nobody else has.
pub fn title(number: u32) -> Title {
    let imdb = format!("tt9{number:06}");
    let entry = if number.is_multiple_of(2) {
        catalogue::movie(
            &format!("Film {number}"),
            2020,
            serde_json::json!({ "trakt": 800_000 + number, "slug": format!("film-{number}-2020"), "imdb": imdb, "tmdb": 900_000 + number }),
        )
    } else {
        let show = serde_json::json!({ "trakt": 700_000 + number, "slug": format!("show-{number}"), "imdb": format!("tt8{number:06}"), "tvdb": 600_000 + number });
        catalogue::episode(
            (&format!("Series {number}"), 2019, show),
            1,
            number,
            serde_json::json!({ "trakt": 500_000 + number, "imdb": imdb, "tvdb": 400_000 + number }),
        )
    };
    Title { key: (10_000 + number).to_string(), entry, runtime_ms: RUNTIME, credits_ms: None }
}

/// Somebody who watches in some manner.
struct SimulatedViewer {
    person: usize,
    server: usize,
    device: String,
    /// What is left of the titles.
    titles: Vec<Title>,
    programme: Vec<(u32, Step)>,
    screening: Option<FakePlayback>,
    /// Ticks since the app was killed.
    killed: Option<u32>,
    was_counted: bool,
    /// When what plays now began.
    began: Timestamp,
}

/// The evening.
pub struct Simulation {
    /// A tracker for each of the people.
    pub trakts: Vec<FakeTrakt>,
    /// The servers.
    pub servers: Servers,
    mode: Mode,
    clock: TestClock,
    next_title: u32,
    next_session: u32,
    expected: BTreeMap<usize, Vec<String>>,
}

impl Simulation {
    /// Sets everything up, and logs all trackers in.
    pub async fn new(mode: Mode) -> (TestContext, Self) {
        let servers = Servers::start().await;
        let mut trakts = Vec::new();
        let mut config = servers.config(mode.name(), "");
        for (index, person) in PEOPLE.iter().enumerate() {
            let trakt = FakeTrakt::start().await;
            config.push_str(&trakt_account(&format!("t{index}"), &trakt));
            for source in SOURCES {
                config.push_str(&format!(
                    "\n[[routes]]\nsource = {source:?}\ntracker = \"t{index}\"\nusers = [{:?}]\n",
                    person.name
                ));
            }
            config.push('\n');
            trakts.push(trakt);
        }
        let mut home = TestContext::new(&config);
        let mut clocks: Vec<_> = trakts.iter().map(FakeTrakt::clock).collect();
        clocks.extend([servers.jellyfin.clock(), servers.emby.clock()]);
        let clock = home.set_clock(&clocks);
        for index in 0..PEOPLE.len() {
            home.connect_account(&format!("t{index}")).await;
        }
        let expected = BTreeMap::new();
        (home, Self { trakts, servers, mode, clock, next_title: 1, next_session: 200, expected })
    }

    /// Everybody watches something, each in a manner of their own, until all have done.
    pub async fn round(
        &mut self,
        daemon: &mut Daemon<'_>,
        manners: [ViewingPattern; 6],
        shift: usize,
        mishaps: &[(u32, Disruption)],
    ) {
        let mut spectators = Vec::new();
        for (person, manner) in manners.into_iter().enumerate() {
            let server = (person + shift) % SOURCES.len();
            let mut titles = Vec::new();
            for _ in 0..2 {
                let mut title = title(self.next_title);
                self.next_title += 1;
                if manner == ViewingPattern::LeavingAtCredits {
                    title.credits_ms = Some(RUNTIME / 100 * 76);
                }
                self.servers.add(server, &title);
                self.trakts[person].add(title.entry.clone());
                titles.push(title);
            }
            let watched = titles
                .iter()
                .take(manner.watches(self.knows_credits(server)))
                .map(|title| title.entry.name());
            self.expected.entry(person).or_default().extend(watched);
            titles.reverse();
            let device = format!("{}-{shift}", PEOPLE[person].name);
            let programme = manner.programme();
            let (screening, killed, was_counted) = (None, None, false);
            let began = self.servers.jellyfin.clock().now();
            spectators.push(SimulatedViewer {
                person,
                server,
                device,
                titles,
                programme,
                screening,
                killed,
                was_counted,
                began,
            });
        }
        let mut tick = 0;
        while spectators.iter().any(|it| tick == 0 || it.screening.is_some() || !it.programme.is_empty()) {
            for (_, mishap) in mishaps.iter().filter(|(at, _)| *at == tick) {
                match mishap {
                    Disruption::Restart(server) => self.restart(*server, &mut spectators).await,
                    Disruption::Cut(server) => self.servers.sockets(*server).close_all(),
                    Disruption::Killed => daemon.restart(),
                }
                self.all_connected(daemon).await;
            }
            for index in 0..spectators.len() {
                self.act(&mut spectators, index, tick, daemon).await;
            }
            self.clock.pass(TICK);
            for spectator in &mut spectators {
                if let (Some(screening), None) = (&mut spectator.screening, spectator.killed)
                    && !screening.paused
                {
                    let to = screening.position_ms + u32::try_from(TICK).expect("small") * 1_000;
                    screening.position_ms = to.min(RUNTIME - 1_000);
                }
            }
            self.progress(&mut spectators, daemon).await;
            tick += 1;
        }
    }

    /// Whether leaving when the credits begin can be seen. One server does not say where they are; another one's webhooks do not say
    /// where somebody was when they left.
    fn knows_credits(&self, server: usize) -> bool {
        match server {
            0 => self.mode != Mode::Webhook,
            1 => false,
            _ => true,
        }
    }

    /// Waits until all that are to be listened to are.
    pub async fn all_connected(&self, daemon: &Daemon<'_>) {
        if self.mode == Mode::Webhook {
            return;
        }
        for source in SOURCES {
            daemon.connected(source).await;
        }
    }

    async fn act(
        &mut self,
        spectators: &mut [SimulatedViewer],
        index: usize,
        tick: u32,
        daemon: &Daemon<'_>,
    ) {
        let spectator = &mut spectators[index];
        if tick == 0 {
            let title = spectator.titles.pop().expect("two");
            self.begin(spectator, title, 0);
            self.say(spectators, index, "playing", "start", daemon).await;
            return;
        }
        if let Some(ticks) = &mut spectator.killed {
            *ticks += 1;
            if *ticks == DROPPED_AFTER {
                // The server gives the session up, and says so where it sends webhooks.
                let gone = spectator.screening.take().expect("it was killed");
                self.webhook(&spectators[index], &gone, "stop", daemon).await;
                self.listed(spectators, index, None).await;
                spectators[index].killed = None;
            }
            return;
        }
        let Some((at, act)) = spectator.programme.first().copied().filter(|(at, _)| *at <= tick) else {
            return;
        };
        assert!(at <= tick);
        spectator.programme.remove(0);
        match act {
            Step::Pause => {
                spectator.screening.as_mut().expect("it plays").paused = true;
                self.say(spectators, index, "paused", "pause", daemon).await;
            }
            Step::Resume => {
                spectator.screening.as_mut().expect("it plays").paused = false;
                self.say(spectators, index, "playing", "resume", daemon).await;
            }
            Step::Seek(percent) => {
                spectator.screening.as_mut().expect("it plays").position_ms = RUNTIME / 100 * percent;
                self.say(spectators, index, "playing", "seek", daemon).await;
            }
            Step::Kill => spectator.killed = Some(0),
            Step::Stop => {
                let gone = spectator.screening.take().expect("it plays");
                self.webhook(&spectators[index], &gone, "stop", daemon).await;
                self.listed(spectators, index, Some((&gone, "stopped"))).await;
                spectators[index].titles.push(gone.title);
            }
            Step::Next => {
                let before = spectator.screening.clone().expect("it plays");
                let title = spectator.titles.pop().expect("another");
                // The session stays, the item changes. Only one of the servers says that something has ended.
                if spectator.server == 2 {
                    self.webhook(&spectators[index], &before, "stop", daemon).await;
                }
                let spectator = &mut spectators[index];
                spectator.was_counted = false;
                spectator.began = self.servers.jellyfin.clock().now();
                spectator.screening = Some(FakePlayback { title, position_ms: 0, ..before });
                self.say(spectators, index, "playing", "start", daemon).await;
            }
            Step::GoOnElsewhere => {
                let title = spectator.titles.pop().expect("the same");
                spectator.device.push_str("-phone");
                self.begin(spectator, title, RUNTIME / 100 * 45);
                self.say(spectators, index, "playing", "start", daemon).await;
            }
        }
    }

    fn begin(&mut self, spectator: &mut SimulatedViewer, title: Title, position_ms: u32) {
        self.next_session += 1;
        spectator.was_counted = false;
        spectator.began = self.servers.jellyfin.clock().now();
        spectator.screening = Some(FakePlayback {
            session: self.next_session.to_string(),
            person: PEOPLE[spectator.person].clone(),
            device: spectator.device.clone(),
            title,
            position_ms,
            paused: false,
        });
    }

    async fn restart(&mut self, server: usize, spectators: &mut [SimulatedViewer]) {
        self.servers.go_down(server).await;
        self.clock.pass(120);
        for (place, spectator) in spectators.iter_mut().filter(|it| it.server == server).enumerate() {
            if let Some(screening) = &mut spectator.screening
                && server == 0
            {
                screening.session = (place + 1).to_string();
            }
        }
        let there = spectators.iter().filter(|it| it.server == server).filter_map(|it| it.screening.clone());
        self.servers.list(server, &there.collect::<Vec<_>>());
        self.servers.come_up(server).await;
        // What waits to connect again waits by the clock.
        self.clock.pass(10);
    }

    /// What each should have in the end, sorted.
    pub fn expected(&self, person: usize) -> Vec<String> {
        let mut names = self.expected.get(&person).cloned().unwrap_or_default();
        names.sort();
        names
    }

    /// What each has, sorted.
    pub fn watched(&self, person: usize) -> Vec<String> {
        let mut names: Vec<String> =
            self.trakts[person].history().iter().map(|play| play.entry.name()).collect();
        names.sort();
        names
    }

    /// How many plays there were that count.
    pub fn plays(&self) -> usize {
        self.expected.values().map(Vec::len).sum()
    }

    /// Lets time pass, for everybody.
    pub fn pass(&self, seconds: i64) {
        self.clock.pass(seconds);
    }

    /// Waits until everybody has stopped and has been told everything. A server has said that somebody stopped before the daemon has read it.
    pub async fn settle(&self, home: &TestContext) {
        let end = std::time::Instant::now() + DEADLINE;
        loop {
            let events = home.json(&["events"]);
            let is_read = events.as_array().expect("a list").iter().all(|event| !event["verdict"].is_null());
            let playing = home.json(&["status"])["playing"].clone();
            let waiting = home.json(&["outbox", "list", "--state", "waiting"]);
            let is_empty = |list: &serde_json::Value| list.as_array().expect("a list").is_empty();
            if is_empty(&playing) && is_read && is_empty(&waiting) {
                return;
            }
            assert!(std::time::Instant::now() < end, "{playing:#} {waiting:#}");
            self.pass(TICK);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}
