//! `cargo xtask bench scale`: what grows on one machine, each small and large.

#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use playrelay::config;
use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::model::{
    Completion, Content, Item, ItemKind, Movie, Playback, PlaybackState, Player, Server, User,
};
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::routing::users::{KnownUser, UserAssignments, UserDecision};
use playrelay_engine::state::SessionState;
use playrelay_engine::timeline::{Outcome, Verdict};
use playrelay_store::open_file;
use playrelay_store::{OwnerStore, ProcessedInput, Received};

/// How often each thing is done; the mean is shown.
const ROUNDS: u32 = 50;

#[tokio::main]
async fn main() {
    println!("the next delivery, with 10 events waiting among those that are kept");
    for kept in [1_000, 100_000] {
        let (due, time) = next_delivery(kept).await;
        println!("  {kept:>8} kept       next_due {} next_time {}", shown(due), shown(time));
    }
    println!("reading the configuration");
    for accounts in [10, 4_000] {
        println!("  {accounts:>8} accounts   {}", shown(configuration(accounts)));
    }
    println!("recalling one viewer for a row of a history");
    for viewers in [100, 4_000] {
        println!("  {viewers:>8} viewers    {}", shown(recall(viewers)));
    }
    println!("what was said of one user");
    for people in [200, 15_000] {
        println!("  {people:>8} people     {}", shown(decision(people)));
    }
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

async fn next_delivery(kept: usize) -> (Duration, Duration) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let database = folder.path().join("bench.db");
    let store: Arc<dyn OwnerStore> = Arc::new(open_file(&database).expect("a new database"));
    let now = Timestamp::now();
    let received = Received { source: "home".to_owned(), at: now, request: b"{}".to_vec(), person: None };
    let inbox = store.receive(received).await.expect("it can be written");
    fill(&store, inbox, kept, now).await;
    deliver_all_but(&database, 10);
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

async fn fill(store: &Arc<dyn OwnerStore>, inbox: i64, kept: usize, now: Timestamp) {
    let events: Vec<TrackerEvent> = (0..kept)
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

fn deliver_all_but(database: &Path, waiting: u32) {
    let connection = rusqlite::Connection::open(database).expect("the database is there");
    connection
        .execute(
            "UPDATE outbox SET state = 'delivered' WHERE id NOT IN (SELECT id FROM outbox ORDER BY id DESC LIMIT ?1)",
            [waiting],
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
