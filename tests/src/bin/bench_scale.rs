//! `cargo xtask bench scale`: what grows on one machine, each small and large. With a word, only the parts whose name has it.

#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use playrelay::config;
use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::model::{
    Completion, Content, Item, ItemKind, Movie, Playback, PlaybackState, Player, Report, Server, User,
};
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::users::{KnownUser, UserAssignments, UserDecision};
use playrelay_engine::state::SessionState;
use playrelay_engine::timeline::{Outcome, Verdict};
use playrelay_store::open_file;
use playrelay_store::{OwnerStore, ProcessedInput, Received};
use playrelay_tests::harness::TestContext;
use playrelay_tests::load::Usage;

/// How often each thing is done; the mean is shown.
const ROUNDS: u32 = 50;

#[tokio::main]
async fn main() {
    let word = std::env::args().nth(1).unwrap_or_default();
    let is_wanted = |name: &str| {
        let is_wanted = name.contains(&word);
        if is_wanted {
            println!("{name}");
        }
        is_wanted
    };
    if is_wanted("idle, with pairs of a source and a tracker") {
        for pairs in [10, 100, 1_000, 4_000] {
            let (share, kib, ready) = idle(pairs).await;
            println!(
                "  {pairs:>9} pairs      {share:>6.2} % of a core, {kib:>7} KiB resident, ready in {ready:>5} ms"
            );
        }
    }
    if is_wanted("the next delivery, with 10 events waiting among those that are kept") {
        for kept in [0, 100_000, 1_000_000] {
            let (due, time) = next_delivery(kept, 10).await;
            println!("  {kept:>9} kept       next_due {} next_time {}", shown(due), shown(time));
        }
    }
    if is_wanted("the next delivery of a backlog") {
        for waiting in [10, 100_000] {
            let (due, time) = next_delivery(0, waiting).await;
            println!("  {waiting:>9} waiting    next_due {} next_time {}", shown(due), shown(time));
        }
    }
    if is_wanted("reading the configuration") {
        for accounts in [10, 4_000] {
            println!("  {accounts:>9} accounts   {}", shown(configuration(accounts)));
        }
    }
    if is_wanted("one report, with viewers known of 8 plays each") {
        for viewers in [100, 10_000, 100_000] {
            let Reports { known, new, nameless } = reports(viewers);
            println!(
                "  {viewers:>9} viewers    of a known one {} of a new one {} of nobody {}",
                shown(known),
                shown(new),
                shown(nameless)
            );
        }
    }
    if is_wanted("one report of a viewer, with plays of theirs open") {
        for plays in [1, 400, 20_000] {
            println!("  {plays:>9} plays      {}", shown(open_plays(plays)));
        }
    }
    if is_wanted("recalling one viewer for a row of a history") {
        for viewers in [100, 4_000] {
            println!("  {viewers:>9} viewers    {}", shown(recall(viewers)));
        }
    }
    if is_wanted("what was said of one user") {
        for people in [200, 15_000] {
            println!("  {people:>9} people     {}", shown(decision(people)));
        }
    }
}

/// How long a daemon that does nothing is watched.
const IDLE_TIME: Duration = Duration::from_secs(20);
/// What comes with the start is not measured.
const SETTLING: Duration = Duration::from_secs(10);

/// What a daemon costs to which nobody sends anything: percent of a core, KiB, and milliseconds until it was ready.
async fn idle(pairs: usize) -> (f64, u64, u128) {
    let mut config = String::new();
    for number in 0..pairs {
        config.push_str(&format!(
            "[sources.s{number}]\nplugin = \"plex\"\nwebhook_token = \"token-0123456789-{number}\"\n\n\
             [trackers.t{number}]\nplugin = \"mdblist\"\napi_key = \"key-{number}\"\napi_url = \"http://127.0.0.1:9\"\n\n\
             [[routes]]\nsource = \"s{number}\"\ntracker = \"t{number}\"\nusers = [\"*\"]\n\n"
        ));
    }
    let mut home = TestContext::new(&config);
    home.set("PLAYRELAY_LOG", "warn,playrelay::cli=info");
    let began = Instant::now();
    let daemon = home.start();
    let ready = began.elapsed();
    tokio::time::sleep(SETTLING).await;
    let before = Usage::of(daemon.pid());
    tokio::time::sleep(IDLE_TIME).await;
    let after = Usage::of(daemon.pid());
    (after.share_since(&before, IDLE_TIME), after.resident, ready.as_millis())
}

fn shown(time: Duration) -> String {
    format!("{:>9.1} us", time.as_secs_f64() * 1e6)
}

/// The mean of many rounds.
fn mean(mut work: impl FnMut()) -> Duration {
    let began = Instant::now();
    for _ in 0..ROUNDS {
        work();
    }
    began.elapsed() / ROUNDS
}

fn film(number: usize) -> Item {
    Item::of(ItemKind::Movie(Movie { title: format!("Film {number}"), ..Movie::default() }))
}

/// How long it takes to find the next delivery among those that are kept and those that wait, and when it is due.
async fn next_delivery(kept: usize, waiting: usize) -> (Duration, Duration) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("bench.db");
    let store: Arc<dyn OwnerStore> = Arc::new(open_file(&database).expect("a new database"));
    let now = Timestamp::now();
    let received = Received { source: "home".to_owned(), at: now, request: b"{}".to_vec(), person: None };
    let inbox = store.receive(received).await.expect("it can be written");
    let mut numbers = 0..kept + waiting;
    loop {
        let some: Vec<usize> = numbers.by_ref().take(PAGE).collect();
        if some.is_empty() {
            break;
        }
        fill(&store, inbox, some, now).await;
    }
    deliver_all_but(&database, waiting);
    let began = Instant::now();
    for _ in 0..ROUNDS {
        assert!(store.next_due("bob", now).await.expect("it can be read").is_some());
    }
    let due = began.elapsed() / ROUNDS;
    let began = Instant::now();
    for _ in 0..ROUNDS {
        assert!(store.next_due_at("bob").await.expect("it can be read").is_some());
    }
    (due, began.elapsed() / ROUNDS)
}

/// Events that are written at a time.
const PAGE: usize = 10_000;

async fn fill(store: &Arc<dyn OwnerStore>, inbox: i64, numbers: Vec<usize>, now: Timestamp) {
    let events: Vec<TrackerEvent> = numbers
        .into_iter()
        .map(|number| TrackerEvent {
            tracker: "bob".to_owned(),
            action: Action::Watched(95.0),
            item: film(number),
            subject: format!("play-{number}"),
            at: now,
            started_at: None,
            not_before: now,
            remove_from: Vec::new(),
            remote_id: None,
        })
        .collect();
    let settlement = ProcessedInput {
        inbox,
        at: now,
        later: false,
        verdict: Some(Verdict::new(Outcome::Queued, playrelay_engine::code::Code::Started, "many")),
        user: None,
        item: None,
        steps: Vec::new(),
        plays: Vec::new(),
        ratings: Vec::new(),
        held: Vec::new(),
        events,
        replaced: Vec::new(),
    };
    store.commit(vec![settlement]).await.expect("it can be written");
}

fn deliver_all_but(database: &Path, waiting: usize) {
    let connection = rusqlite::Connection::open(database).expect("the database is there");
    connection
        .execute(
            "UPDATE outbox SET state = 'delivered' WHERE id NOT IN (SELECT id FROM outbox ORDER BY id DESC LIMIT ?1)",
            [i64::try_from(waiting).unwrap_or(i64::MAX)],
        )
        .expect("it can be written");
}

fn configuration(accounts: usize) -> Duration {
    let mut text = String::new();
    for number in 0..accounts {
        text.push_str(&format!(
            "[sources.s{number}]\nplugin = \"plex\"\nurl = \"http://192.168.1.10:{}\"\ntoken = \"secret\"\n\n",
            number + 1
        ));
    }
    let began = Instant::now();
    let config = config::parse(Some((Path::new("bench.toml"), &text)), std::iter::empty());
    assert_eq!(config.expect("it is sound").sources.len(), accounts);
    began.elapsed()
}

fn user(number: usize) -> User {
    User { id: Some(number.to_string()), name: Some(format!("user {number}")), ..User::default() }
}

fn playback(number: usize) -> Playback {
    Playback {
        server: Server { id: "attic".to_owned(), name: None, source: "home".to_owned() },
        user: user(number),
        player: Player { id: None, name: None, product: None },
        session: None,
        item: Item { runtime_ms: Some(6_000_000), ..film(number) },
        state: PlaybackState::Playing,
        position_ms: Some(600_000),
        completion: Completion::None,
        is_unmeasured: false,
        from_session_list: false,
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: Vec::new(),
        at: Timestamp::now(),
    }
}

fn viewer(number: usize) -> Viewer {
    Viewer { server: "attic".to_owned(), user: number.to_string() }
}

/// How long one report takes.
struct Reports {
    known: Duration,
    new: Duration,
    nameless: Duration,
}

fn state(viewers: usize) -> SessionState {
    let mut sessions = SessionState::default();
    for number in 0..viewers {
        sessions.apply((0..8).map(|item| {
            let mut playback = playback(number);
            playback.item.server_ref = Some(item.to_string());
            playback.state = PlaybackState::Stopped;
            let mut play = Play::begin(viewer(number), &playback, |_| false);
            play.ended_at = Some(play.last_seen_at);
            play
        }));
    }
    sessions
}

fn reports(viewers: usize) -> Reports {
    let (sessions, policy) = (state(viewers), Policy::default());
    let of = |playback: Playback| {
        let report = Report::Playback(playback);
        mean(|| assert!(!sessions.transitions(&report, &policy).is_empty()))
    };
    let nobody = Playback { user: User::default(), ..playback(7) };
    Reports { known: of(playback(7)), new: of(playback(viewers + 1)), nameless: of(nobody) }
}

/// How long a report of a viewer takes of whom so many plays are open, each on a player of its own.
fn open_plays(plays: usize) -> Duration {
    let on_player = |number: usize| {
        let mut playback = playback(7);
        playback.player.id = Some(number.to_string());
        playback.item.server_ref = Some(number.to_string());
        playback
    };
    let mut sessions = SessionState::default();
    sessions.apply((0..plays).map(|number| Play::begin(viewer(7), &on_player(number), |_| false)));
    let (report, policy) = (Report::Playback(on_player(plays)), Policy::default());
    mean(|| assert!(!sessions.transitions(&report, &policy).is_empty()))
}

fn recall(viewers: usize) -> Duration {
    let mut sessions = SessionState::default();
    for number in 0..viewers {
        let plays = (0..8).map(|_| Play::begin(viewer(number), &playback(number), |_| false));
        sessions.apply(plays.collect::<Vec<_>>());
    }
    let row = playback(7);
    mean(|| assert!(sessions.with_past_plays(&row.server, &row.user, Vec::new()).all().next().is_some()))
}

fn decision(people: usize) -> Duration {
    let person = |number: usize| KnownUser {
        source: "home".to_owned(),
        viewer: viewer(number),
        user: user(number),
        first_seen: Timestamp::UNIX_EPOCH,
        last_seen: Timestamp::UNIX_EPOCH,
        last_item: "Film".to_owned(),
        decision: UserDecision::Ignored,
    };
    let list = UserAssignments::new((0..people).map(person).collect());
    let last = viewer(people - 1);
    mean(|| assert_eq!(list.decision("home", &last), Some(&UserDecision::Ignored)))
}
