//! An evening: people who watch on three servers what they like and how they like, told as the servers tell it, to who listens and
//! by webhook.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use crate::catalogue;
use crate::fake_mediabrowser::{self, FakeMediaBrowser, Family};
use crate::fake_plex::{self, FakePlex};
use crate::fake_trakt::FakeTrakt;
use crate::harness::{Daemon, Home, TestClock, WEBHOOK_TOKEN, trakt_account};
use crate::screening::{Person, Screening, Title};
use crate::{emby_webhook, jellyfin_webhook, plex_webhook};

/// Everything takes as long as this. Ms.
pub const RUNTIME: u32 = 2_400_000;
/// Between two looks at the clock. Seconds.
const TICK: i64 = 30;
/// How long everybody may take to be told everything.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(90);
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

/// How somebody watches something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// From its beginning to its end.
    Through,
    /// With a pause of ten minutes.
    Paused,
    /// Skipping a part.
    SkippingAhead,
    /// Seeing a part twice.
    SkippingBack,
    /// Giving up in the middle.
    GivenUp,
    /// The app is killed near the end, and nobody says so.
    Killed,
    /// The next episode begins by itself.
    Autoplay,
    /// Leaving when the credits begin, long before the end.
    LeavingAtCredits,
    /// The first half on one device, the rest on another.
    OnTwoDevices,
}

impl Manner {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Through,
        Self::Paused,
        Self::SkippingAhead,
        Self::SkippingBack,
        Self::GivenUp,
        Self::Killed,
        Self::Autoplay,
        Self::LeavingAtCredits,
        Self::OnTwoDevices,
    ];

    /// What happens when: ticks from the beginning.
    fn programme(self) -> Vec<(u32, Act)> {
        const LAST: u32 = 79;
        match self {
            Self::Through => vec![(LAST, Act::Stop)],
            Self::Paused => vec![(30, Act::Pause), (50, Act::Resume), (LAST + 18, Act::Stop)],
            Self::SkippingAhead => vec![(32, Act::Seek(70)), (55, Act::Stop)],
            Self::SkippingBack => vec![(48, Act::Seek(30)), (100, Act::Stop)],
            Self::GivenUp => vec![(40, Act::Stop)],
            Self::Killed => vec![(74, Act::Kill)],
            Self::Autoplay => vec![(78, Act::Next), (78 + LAST, Act::Stop)],
            Self::LeavingAtCredits => vec![(62, Act::Stop)],
            Self::OnTwoDevices => vec![(36, Act::Stop), (40, Act::GoOnElsewhere), (84, Act::Stop)],
        }
    }

    /// How many of the titles it watches to their end, where the server says where the credits are or does not.
    fn watches(self, knows_credits: bool) -> usize {
        match self {
            Self::GivenUp => 0,
            Self::LeavingAtCredits => usize::from(knows_credits),
            Self::Autoplay => 2,
            _ => 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Pause,
    Resume,
    /// To so many percent.
    Seek(u32),
    Next,
    Kill,
    Stop,
    GoOnElsewhere,
}

/// What happens to a server at a tick of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// It restarts: it is away for a minute, and numbers its sessions anew.
    Restart(usize),
    /// Its connections break.
    Cut(usize),
    /// Playrelay is killed, and started again.
    Killed,
}

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

/// The servers.
pub struct Servers {
    /// The first.
    pub plex: FakePlex,
    /// The second.
    pub jellyfin: FakeMediaBrowser,
    /// The third.
    pub emby: FakeMediaBrowser,
}

impl Servers {
    /// Starts them.
    pub async fn start() -> Self {
        Self {
            plex: FakePlex::start().await,
            jellyfin: FakeMediaBrowser::start(Family::Jellyfin).await,
            emby: FakeMediaBrowser::start(Family::Emby).await,
        }
    }

    /// A source for each, with some more keys.
    pub fn config(&self, mode: &str, more: &str) -> String {
        let [plex, jellyfin, emby] =
            [self.plex.server.url(), self.jellyfin.server.url(), self.emby.server.url()];
        let rows = [
            ("plex", plex, fake_plex::TOKEN),
            ("jellyfin", jellyfin, fake_mediabrowser::TOKEN),
            ("emby", emby, fake_mediabrowser::TOKEN),
        ];
        let source = |(plugin, url, token): (&str, String, &str)| {
            format!(
                "[sources.{plugin}]\nplugin = {plugin:?}\nmode = {mode:?}\nurl = {url:?}\ntoken = {token:?}\n\
                 webhook_token = \"{WEBHOOK_TOKEN}-{plugin}\"\n{more}\n\n"
            )
        };
        rows.into_iter().map(source).collect()
    }

    fn list(&self, server: usize, screenings: &[Screening]) {
        match server {
            0 => self.plex.list(screenings),
            1 => self.jellyfin.list(screenings),
            _ => self.emby.list(screenings),
        }
    }

    /// Enters a play into a server's own history.
    pub fn record(&self, server: usize, person: &Person, title: &Title, at: Timestamp) {
        match server {
            0 => self.plex.record(person, title, at),
            1 => self.jellyfin.record(person, title, at),
            _ => self.emby.record(person, title, at),
        }
    }

    /// Puts a title into a library.
    pub fn add(&self, server: usize, title: &Title) {
        match server {
            0 => self.plex.add(title.metadata_with_markers()),
            1 => self.jellyfin.add(title.jellyfin()),
            _ => self.emby.add(title.emby()),
        }
    }

    async fn go_down(&self, server: usize) {
        match server {
            0 => self.plex.server.go_down().await,
            1 => self.jellyfin.server.go_down().await,
            _ => self.emby.server.go_down().await,
        }
    }

    async fn come_up(&self, server: usize) {
        match server {
            0 => self.plex.server.come_up().await,
            1 => self.jellyfin.server.come_up().await,
            _ => self.emby.server.come_up().await,
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
            serde_json::json!({ "trakt": 800_000 + number, "imdb": imdb, "tmdb": 900_000 + number }),
        )
    } else {
        let show = serde_json::json!({ "trakt": 700_000 + number, "imdb": format!("tt8{number:06}"), "tvdb": 600_000 + number });
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
struct Spectator {
    person: usize,
    server: usize,
    device: String,
    /// What is left of the titles.
    titles: Vec<Title>,
    programme: Vec<(u32, Act)>,
    screening: Option<Screening>,
    /// Ticks since the app was killed.
    killed: Option<u32>,
    was_counted: bool,
}

/// The evening.
pub struct Evening {
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

impl Evening {
    /// Sets everything up, and logs all trackers in.
    pub async fn new(mode: Mode) -> (Home, Self) {
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
        let mut home = Home::new(&config);
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
        manners: [Manner; 6],
        shift: usize,
        mishaps: &[(u32, Mishap)],
    ) {
        let mut spectators = Vec::new();
        for (person, manner) in manners.into_iter().enumerate() {
            let server = (person + shift) % SOURCES.len();
            let mut titles = Vec::new();
            for _ in 0..2 {
                let mut title = title(self.next_title);
                self.next_title += 1;
                if manner == Manner::LeavingAtCredits {
                    title.credits_ms = Some(RUNTIME / 100 * 76);
                }
                self.servers.add(server, &title);
                self.trakts[person].add(title.entry.clone());
                titles.push(title);
            }
            let watched = titles.iter().take(manner.watches(server != 1)).map(|title| title.entry.name());
            self.expected.entry(person).or_default().extend(watched);
            titles.reverse();
            let device = format!("{}-{shift}", PEOPLE[person].name);
            let programme = manner.programme();
            let (screening, killed, was_counted) = (None, None, false);
            spectators.push(Spectator {
                person,
                server,
                device,
                titles,
                programme,
                screening,
                killed,
                was_counted,
            });
        }
        let mut tick = 0;
        while spectators.iter().any(|it| tick == 0 || it.screening.is_some() || !it.programme.is_empty()) {
            for (_, mishap) in mishaps.iter().filter(|(at, _)| *at == tick) {
                match mishap {
                    Mishap::Restart(server) => self.restart(*server, &mut spectators).await,
                    Mishap::Cut(0) => self.servers.plex.sockets().cut(),
                    Mishap::Cut(1) => self.servers.jellyfin.sockets().cut(),
                    Mishap::Cut(_) => self.servers.emby.sockets().cut(),
                    Mishap::Killed => daemon.restart(),
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

    /// Waits until all that are to be listened to are.
    pub async fn all_connected(&self, daemon: &Daemon<'_>) {
        if self.mode == Mode::Webhook {
            return;
        }
        for source in SOURCES {
            daemon.connected(source).await;
        }
    }

    async fn act(&mut self, spectators: &mut [Spectator], index: usize, tick: u32, daemon: &Daemon<'_>) {
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
                self.listed(spectators, index, daemon, None).await;
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
            Act::Pause => {
                spectator.screening.as_mut().expect("it plays").paused = true;
                self.say(spectators, index, "paused", "pause", daemon).await;
            }
            Act::Resume => {
                spectator.screening.as_mut().expect("it plays").paused = false;
                self.say(spectators, index, "playing", "resume", daemon).await;
            }
            Act::Seek(percent) => {
                spectator.screening.as_mut().expect("it plays").position_ms = RUNTIME / 100 * percent;
                self.say(spectators, index, "playing", "seek", daemon).await;
            }
            Act::Kill => spectator.killed = Some(0),
            Act::Stop => {
                let gone = spectator.screening.take().expect("it plays");
                self.webhook(&spectators[index], &gone, "stop", daemon).await;
                self.listed(spectators, index, daemon, Some((&gone, "stopped"))).await;
                spectators[index].titles.push(gone.title);
            }
            Act::Next => {
                let before = spectator.screening.clone().expect("it plays");
                let title = spectator.titles.pop().expect("another");
                // The session stays, the item changes. Only one of the servers says that something has ended.
                if spectator.server == 2 {
                    self.webhook(&spectators[index], &before, "stop", daemon).await;
                }
                let spectator = &mut spectators[index];
                spectator.was_counted = false;
                spectator.screening = Some(Screening { title, position_ms: 0, ..before });
                self.say(spectators, index, "playing", "start", daemon).await;
            }
            Act::GoOnElsewhere => {
                let title = spectator.titles.pop().expect("the same");
                spectator.device.push_str("-phone");
                self.begin(spectator, title, RUNTIME / 100 * 45);
                self.say(spectators, index, "playing", "start", daemon).await;
            }
        }
    }

    fn begin(&mut self, spectator: &mut Spectator, title: Title, position_ms: u32) {
        self.next_session += 1;
        spectator.was_counted = false;
        spectator.screening = Some(Screening {
            session: self.next_session.to_string(),
            person: PEOPLE[spectator.person].clone(),
            device: spectator.device.clone(),
            title,
            position_ms,
            paused: false,
        });
    }

    /// Says what has changed of what somebody watches.
    async fn say(
        &self,
        spectators: &mut [Spectator],
        index: usize,
        state: &str,
        event: &str,
        daemon: &Daemon<'_>,
    ) {
        let screening = spectators[index].screening.clone().expect("it plays");
        self.webhook(&spectators[index], &screening, event, daemon).await;
        self.listed(spectators, index, daemon, Some((&screening, state))).await;
    }

    /// Shows a server's sessions anew, and tells those who listen.
    async fn listed(
        &self,
        spectators: &[Spectator],
        index: usize,
        daemon: &Daemon<'_>,
        changed: Option<(&Screening, &str)>,
    ) {
        let server = spectators[index].server;
        let there = spectators.iter().filter(|it| it.server == server).filter_map(|it| it.screening.clone());
        self.servers.list(server, &there.collect::<Vec<_>>());
        let before = self.messages(server, daemon).await;
        let told = match (server, changed) {
            (0, Some((screening, state))) => self.servers.plex.tell(&screening.notification(state)),
            (0, None) => 0,
            (1, _) => self.servers.jellyfin.tell(),
            _ => self.servers.emby.tell(),
        };
        self.until_heard(server, before + told as u64, daemon).await;
    }

    /// What goes on is told again and again.
    async fn progress(&self, spectators: &mut [Spectator], daemon: &Daemon<'_>) {
        for server in 0..SOURCES.len() {
            let of_server = || spectators.iter().filter(|it| it.server == server);
            let there: Vec<Screening> = of_server().filter_map(|it| it.screening.clone()).collect();
            if there.is_empty() {
                continue;
            }
            self.servers.list(server, &there);
            let before = self.messages(server, daemon).await;
            let mut told = 0;
            match server {
                0 => {
                    for spectator in of_server().filter(|it| it.killed.is_none()) {
                        if let Some(screening) = &spectator.screening {
                            let state = if screening.paused { "paused" } else { "playing" };
                            told += self.servers.plex.tell(&screening.notification(state));
                        }
                    }
                }
                1 => told += self.servers.jellyfin.tell(),
                _ => told += self.servers.emby.tell(),
            }
            self.until_heard(server, before + told as u64, daemon).await;
        }
        for spectator in spectators.iter_mut().filter(|it| it.killed.is_none()) {
            let Some(screening) = spectator.screening.clone() else { continue };
            if spectator.server == 1 {
                self.webhook(spectator, &screening, "progress", daemon).await;
            }
            let past = screening.position_ms >= RUNTIME / 100 * 90;
            if spectator.server == 0 && past && !std::mem::replace(&mut spectator.was_counted, true) {
                self.webhook(spectator, &screening, "scrobble", daemon).await;
            }
        }
    }

    async fn messages(&self, server: usize, daemon: &Daemon<'_>) -> u64 {
        if self.mode == Mode::Webhook {
            return 0;
        }
        let standing = daemon.watched(SOURCES[server], "a source", Value::is_object).await;
        standing["messages"].as_u64().expect("a number")
    }

    async fn until_heard(&self, server: usize, messages: u64, daemon: &Daemon<'_>) {
        if self.mode == Mode::Webhook {
            return;
        }
        let heard = |it: &Value| it["messages"].as_u64() >= Some(messages) || it["connected"] == false;
        daemon.watched(SOURCES[server], "what was told", heard).await;
    }

    async fn webhook(&self, spectator: &Spectator, screening: &Screening, event: &str, daemon: &Daemon<'_>) {
        if self.mode == Mode::Watch {
            return;
        }
        let at = Some(screening.position_ms);
        let (person, device) = (&screening.person, screening.device.as_str());
        match spectator.server {
            0 => {
                let (name, at) = match event {
                    "start" => ("media.play", None),
                    "pause" => ("media.pause", at),
                    "resume" => ("media.resume", at),
                    "stop" => ("media.stop", at),
                    "scrobble" => ("media.scrobble", None),
                    _ => return,
                };
                let who = (person.number, person.name);
                let message = plex_webhook::event(name, &screening.title.metadata(), at, who, device);
                let content_type = format!("multipart/form-data; boundary={}", plex_webhook::BOUNDARY);
                daemon.message("plex", &content_type, plex_webhook::multipart(&message, 500)).await;
            }
            1 => {
                let name = match event {
                    "start" => "PlaybackStart",
                    "stop" => "PlaybackStop",
                    _ => "PlaybackProgress",
                };
                let item = screening.title.jellyfin_webhook();
                let mut message =
                    jellyfin_webhook::event(name, &item, at, (person.guid, person.name), device);
                message["IsPaused"] = serde_json::json!(screening.paused);
                message["PlayedToCompletion"] =
                    serde_json::json!(screening.position_ms >= RUNTIME / 100 * 90);
                daemon.json("jellyfin", &message).await;
            }
            _ => {
                let name = match event {
                    "start" => "playback.start",
                    "pause" => "playback.pause",
                    "resume" => "playback.unpause",
                    "stop" => "playback.stop",
                    _ => return,
                };
                let item = screening.title.emby();
                let message = emby_webhook::event(name, &item, at, (person.guid, person.name), device);
                daemon.json("emby", &message).await;
            }
        }
    }

    async fn restart(&mut self, server: usize, spectators: &mut [Spectator]) {
        self.servers.go_down(server).await;
        self.clock.pass(60);
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

    /// Waits until everybody has been told everything.
    pub async fn settle(&self, home: &Home) {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            let events = home.json(&["events"]);
            let is_read = events.as_array().expect("a list").iter().all(|event| !event["verdict"].is_null());
            let waiting = home.json(&["outbox", "list", "--state", "waiting"]);
            if is_read && waiting.as_array().expect("a list").is_empty() {
                return;
            }
            assert!(std::time::Instant::now() < end, "{waiting:#}");
            self.pass(TICK);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}
