//! Inputs and deliveries: what is kept, and what is left out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::code::Code;
use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::model::{Item, ItemKind, Movie, User};
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxCommand, OutboxSelection};
use playrelay_engine::play::Viewer;
use playrelay_engine::routing::UnroutedUser;
use playrelay_engine::routing::users::UserDecision;
use playrelay_engine::timeline::{Outcome, Stage, Step, Verdict};
use playrelay_engine::{outbox_rules, retention};
use playrelay_store::{
    AccountPause, EventFilter, Household, OwnerStore, ProcessedInput, QuotaUsage, Received,
};

use crate::place::{Place, each_store};

pub fn now() -> Timestamp {
    "2026-11-21T20:00:00Z".parse().unwrap()
}

pub async fn receive(store: &Arc<dyn OwnerStore>, source: &str) -> i64 {
    store.receive(received(source)).await.unwrap()
}

/// A request to a source.
pub fn received(source: &str) -> Received {
    Received { source: source.to_owned(), at: now(), request: b"{}".to_vec(), person: None }
}

fn event(action: Action) -> TrackerEvent {
    TrackerEvent {
        tracker: "bob".to_owned(),
        action,
        item: Item::of(ItemKind::Movie(Movie { title: "Mirror".to_owned(), ..Movie::default() })),
        subject: "a-play".to_owned(),
        at: now(),
        started_at: None,
        not_before: now(),
        remove_from: Vec::new(),
        remote_id: None,
    }
}

pub fn settlement(inbox: i64, actions: &[Action]) -> ProcessedInput {
    ProcessedInput {
        inbox,
        at: now(),
        later: false,
        user: Some("sean".to_owned()),
        item: Some("Mirror (1975)".to_owned()),
        verdict: Some(Verdict::new(Outcome::Queued, Code::Started, "of the store")),
        ratings: Vec::new(),
        held: Vec::new(),
        steps: vec![Step::new(Stage::Engine, Code::Parsed, "one step")],
        plays: vec![],
        events: actions.iter().map(|action| event(*action)).collect(),
        replaced: Vec::new(),
    }
}

pub async fn states(store: &Arc<dyn OwnerStore>) -> Vec<(&'static str, &'static str)> {
    let rows = store.outbox(None, 100).await.unwrap();
    rows.iter().rev().map(|row| (row.event.action.name(), row.state.as_str())).collect()
}

async fn many_at_once_are_all_kept_and_come_back_in_order(place: Place) {
    let store = place.open().await;
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { receive(&store, if number % 2 == 0 { "even" } else { "odd" }).await })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for task in tasks {
        ids.insert(task.await.unwrap());
    }
    let kept = store.kept().await.unwrap();
    assert_eq!((ids.len(), kept.events, kept.oldest_event, kept.plays), (200, 200, Some(now()), 0));
    drop(store);
    let store = place.open().await;
    let even: Vec<_> = store.pending("even", 0, 1_000).await.unwrap().iter().map(|row| row.id).collect();
    assert!(even.len() == 100 && even.is_sorted(), "{even:?}");
    let after = store.pending("even", even[49], 10).await.unwrap();
    assert_eq!(after.iter().map(|row| row.id).collect::<Vec<_>>(), even[50..60]);
}

async fn a_watch_is_kept_once_and_presence_gives_way(place: Place) {
    let store = place.open().await;
    for actions in [
        &[Action::Playing(0.0)][..],
        &[Action::Paused(10.0)],
        &[Action::Watched(90.0)],
        &[Action::Watched(97.0), Action::Stopped(97.0)],
    ] {
        let inbox = receive(&store, "home").await;
        store.commit(vec![settlement(inbox, actions)]).await.unwrap();
    }
    let expected =
        [("playing", "superseded"), ("paused", "superseded"), ("watched", "waiting"), ("stopped", "waiting")];
    assert_eq!(states(&store).await, expected);
    // The order of a play is kept: the stop waits behind the watch.
    let first = store.next_due("bob", now()).await.unwrap().unwrap();
    assert_eq!(first.event.action.name(), "watched");
    let later = now() + SignedDuration::from_mins(5);
    let attempt = AttemptOutcome::Postponed { next_at: later, note: "down".to_owned(), uncertain: true };
    store.record_attempt(&first, attempt, None, now()).await.unwrap();
    assert_eq!(store.next_due("bob", now()).await.unwrap(), None);
    let again = store.next_due("bob", later).await.unwrap().unwrap();
    assert!(again.uncertain && again.attempts == 1 && again.id == first.id);
    let story = store.event(first.inbox).await.unwrap().unwrap();
    assert_eq!(story.timeline.last().unwrap().code, "postponed");
}

async fn an_attempt_of_which_nothing_is_heard_is_uncertain(place: Place) {
    let store = place.open().await;
    let inbox = receive(&store, "home").await;
    store.commit(vec![settlement(inbox, &[Action::Watched(90.0)])]).await.unwrap();
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    assert!(store.begin_attempt(&row).await.unwrap());
    drop(store);
    let store = place.open().await;
    assert!(store.next_due("bob", now()).await.unwrap().unwrap().uncertain);
}

async fn only_what_is_old_and_done_is_forgotten(place: Place) {
    let store = place.open().await;
    let (waiting, delivered, unsettled) =
        (receive(&store, "home").await, receive(&store, "home").await, receive(&store, "home").await);
    store.commit(vec![settlement(waiting, &[Action::Rated(7.0)])]).await.unwrap();
    store.commit(vec![settlement(delivered, &[Action::Watched(90.0)])]).await.unwrap();
    let watch = store.outbox(None, 1).await.unwrap().remove(0);
    let done =
        AttemptOutcome::Settled { state: DeliveryState::Delivered, note: String::new(), receipt: None };
    store.record_attempt(&watch, done, None, now()).await.unwrap();
    let repeated = receive(&store, "home").await;
    let mut said_nothing_new = settlement(repeated, &[]);
    said_nothing_new.verdict = Some(Verdict::new(Outcome::Merged, Code::NoChange, "still playing"));
    store.commit(vec![said_nothing_new]).await.unwrap();
    // The rules keep all for a minute, and what changed nothing as long or for two days.
    let prune = async |at: Timestamp, all: bool| {
        let [old, unchanged] = retention::rules(at, Duration::from_secs(60));
        store.prune(if all { vec![old, unchanged] } else { vec![unchanged] }, at).await.unwrap()
    };
    let soon = now() + SignedDuration::from_secs(61);
    assert_eq!(prune(now() + SignedDuration::from_secs(60), true).await, 0, "not older than a minute");
    assert_eq!(prune(soon, false).await, 1, "what changed nothing");
    assert!(store.event(repeated).await.unwrap().is_none());
    assert_eq!(prune(soon, true).await, 1);
    assert!(store.event(delivered).await.unwrap().is_none());
    assert!(store.event(waiting).await.unwrap().is_some() && store.event(unsettled).await.unwrap().is_some());
}

async fn a_pause_of_which_nobody_heard_is_taken_back_in_silence(place: Place) {
    let store = place.open().await;
    let told = async |action: Action| {
        let inbox = receive(&store, "home").await;
        store.commit(vec![settlement(inbox, &[action])]).await.unwrap();
    };
    told(Action::Playing(10.0)).await;
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    let done =
        AttemptOutcome::Settled { state: DeliveryState::Delivered, note: String::new(), receipt: None };
    store.record_attempt(&row, done, None, now()).await.unwrap();
    for action in [Action::Paused(20.0), Action::Playing(20.1), Action::Paused(21.0), Action::Playing(60.0)] {
        told(action).await;
    }
    let expected = [
        ("playing", "delivered"),
        ("paused", "superseded"),
        ("playing", "withheld"),
        ("paused", "superseded"),
        // It went on elsewhere: that is news.
        ("playing", "waiting"),
    ];
    assert_eq!(states(&store).await, expected);
}

async fn a_pause_that_was_on_its_way_is_taken_back_aloud(place: Place) {
    let store = place.open().await;
    let told = async |action: Action| {
        let inbox = receive(&store, "home").await;
        store.commit(vec![settlement(inbox, &[action])]).await.unwrap();
    };
    let done =
        || AttemptOutcome::Settled { state: DeliveryState::Delivered, note: String::new(), receipt: None };
    told(Action::Playing(10.0)).await;
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    store.record_attempt(&row, done(), None, now()).await.unwrap();
    told(Action::Paused(20.0)).await;
    let on_its_way = store.next_due("bob", now()).await.unwrap().unwrap();
    told(Action::Playing(20.1)).await;
    assert_eq!(store.next_due("bob", now()).await.unwrap(), None);
    store.record_attempt(&on_its_way, done(), None, now()).await.unwrap();
    let expected = [("playing", "delivered"), ("paused", "delivered"), ("playing", "waiting")];
    assert_eq!(states(&store).await, expected);
}

async fn with(place: &Place, actions: &[Action]) -> Arc<dyn OwnerStore> {
    let store = place.open().await;
    for action in actions {
        let inbox = receive(&store, "home").await;
        store.commit(vec![settlement(inbox, &[*action])]).await.unwrap();
    }
    store
}

fn settled(state: DeliveryState) -> AttemptOutcome {
    AttemptOutcome::Settled { state, note: "a note".to_owned(), receipt: None }
}

async fn a_watch_that_may_have_arrived_stays_so_however_often_it_is_retried(place: Place) {
    let store = with(&place, &[Action::Watched(90.0)]).await;
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    assert!(store.begin_attempt(&row).await.unwrap());
    store.record_attempt(&row, settled(DeliveryState::Dead), None, now()).await.unwrap();
    for _ in 0..2 {
        let count =
            store.apply_command(OutboxSelection::AllFailed, OutboxCommand::Retry, now()).await.unwrap();
        let row = store.next_due("bob", now()).await.unwrap().unwrap();
        assert!(row.uncertain && count <= 1 && row.attempts == 0, "{row:?}");
        // Killed in the middle of an attempt, and retried once more.
        assert!(store.begin_attempt(&row).await.unwrap());
        assert_eq!(
            store.apply_command(OutboxSelection::One(row.id), OutboxCommand::Retry, now()).await.unwrap(),
            1
        );
        assert!(store.next_due("bob", now()).await.unwrap().unwrap().uncertain);
    }
}

async fn what_a_person_says_outlives_an_attempt_that_was_under_way(place: Place) {
    let store = with(&place, &[Action::Watched(90.0)]).await;
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    store.apply_command(OutboxSelection::One(row.id), OutboxCommand::Drop, now()).await.unwrap();
    assert!(!store.begin_attempt(&row).await.unwrap(), "what was taken back is not sent");
    store.record_attempt(&row, settled(DeliveryState::Unmatched), None, now()).await.unwrap();
    assert_eq!(states(&store).await, [("watched", "dropped")]);
    store.apply_command(OutboxSelection::One(row.id), OutboxCommand::Retry, now()).await.unwrap();
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    let mut item = row.event.item.clone();
    if let ItemKind::Movie(movie) = &mut item.kind {
        movie.ids.insert("imdb", "tt0072443");
    }
    store
        .apply_command(OutboxSelection::One(row.id), OutboxCommand::Match(Box::new(item.clone())), now())
        .await
        .unwrap();
    store.record_attempt(&row, settled(DeliveryState::Delivered), None, now()).await.unwrap();
    let next = store.next_due("bob", now()).await.unwrap().unwrap();
    assert_eq!((next.event.item, next.state), (item, DeliveryState::Waiting));
    let story = store.event(row.inbox).await.unwrap().unwrap();
    assert!(story.timeline.iter().any(|step| step.code == "overtaken"), "{story:?}");
}

async fn an_old_rating_is_not_retried_over_a_newer_one(place: Place) {
    let store = with(&place, &[Action::Rated(6.0)]).await;
    let old = store.next_due("bob", now()).await.unwrap().unwrap();
    store.record_attempt(&old, settled(DeliveryState::Dead), None, now()).await.unwrap();
    let inbox = receive(&store, "home").await;
    store.commit(vec![settlement(inbox, &[Action::Rated(8.0)])]).await.unwrap();
    let new = store.next_due("bob", now()).await.unwrap().unwrap();
    store.record_attempt(&new, settled(DeliveryState::Delivered), None, now()).await.unwrap();
    store.apply_command(OutboxSelection::AllFailed, OutboxCommand::Retry, now()).await.unwrap();
    assert_eq!(states(&store).await, [("rated", "superseded"), ("rated", "delivered")]);
}

async fn a_confirmed_watch_puts_removals_in_its_wake(place: Place) {
    let store = place.open().await;
    let inbox = receive(&store, "home").await;
    let mut settlement = settlement(inbox, &[Action::Watched(90.0)]);
    settlement.events[0].remove_from = vec!["bob".to_owned(), "list".to_owned()];
    store.commit(vec![settlement]).await.unwrap();
    let watch = store.next_due("bob", now()).await.unwrap().unwrap();
    let postponed = AttemptOutcome::Postponed { next_at: now(), note: "not yet".to_owned(), uncertain: true };
    store.record_attempt(&watch, postponed, None, now()).await.unwrap();
    assert!(store.next_due("list", now()).await.unwrap().is_none(), "it is not confirmed");
    store.record_attempt(&watch, settled(DeliveryState::Duplicate), None, now()).await.unwrap();
    for account in ["bob", "list"] {
        let row = store.next_due(account, now()).await.unwrap().unwrap();
        assert_eq!((row.event.action, row.later), (Action::RemoveFromWatchlist, true));
    }
}

/// The query for what is due says what the rule says, whatever waits.
async fn what_is_due_is_what_the_rule_names(place: Place) {
    let store = place.open().await;
    // Subjects and delays of all kinds, in an order that is fixed and looks random.
    let mut seed = 7_u32;
    let mut next = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) % below
    };
    for round in 0..40 {
        let inbox = receive(&store, "home").await;
        let mut it = settlement(inbox, &[Action::Rated(f64::from(next(10)))]);
        for event in &mut it.events {
            event.subject = format!("item-{}", next(8));
            event.not_before = now() + SignedDuration::from_secs(i64::from(next(5)) * 10);
        }
        store.commit(vec![it]).await.unwrap();
        for seconds in [0, 10, 25, 60] {
            let at = now() + SignedDuration::from_secs(seconds);
            let mut waiting = store.outbox(Some(DeliveryState::Waiting), 1_000).await.unwrap();
            waiting.reverse();
            let expected = outbox_rules::next_due(&waiting, at).map(|row| row.id);
            let found = store.next_due("bob", at).await.unwrap().map(|row| row.id);
            assert_eq!(found, expected, "round {round}, {seconds} s: {waiting:#?}");
        }
    }
}

/// The query for what is woken against the rule.
async fn what_waits_after_a_failure_is_due_when_its_tracker_is_back(place: Place) {
    let store = with(&place, &[Action::Watched(90.0)]).await;
    let inbox = receive(&store, "home").await;
    let mut later = settlement(inbox, &[Action::Rated(7.0)]);
    later.events[0].subject = "another".to_owned();
    later.events[0].not_before = now() + SignedDuration::from_secs(60);
    store.commit(vec![later]).await.unwrap();
    let tried = store.next_due("bob", now()).await.unwrap().unwrap();
    let next_at = now() + SignedDuration::from_secs(60);
    let postponed = AttemptOutcome::Postponed { next_at, note: "down".to_owned(), uncertain: false };
    store.record_attempt(&tried, postponed, None, now()).await.unwrap();
    store.make_due("bob", now()).await.unwrap();
    for row in store.outbox(None, 10).await.unwrap() {
        assert_eq!(row.next_at == now(), outbox_rules::is_woken(&row), "{row:?}");
    }
}

/// Two households use the same names, and know nothing of each other.
async fn a_household_sees_its_own_data_only(place: Place) {
    let home = place.store().await;
    let other = home.of_household(Household::new("other"));
    let (home, other): (Arc<dyn OwnerStore>, Arc<dyn OwnerStore>) = (Arc::new(home), Arc::new(other));
    assert_eq!((home.household().as_str(), other.household().as_str()), ("home", "other"));
    // One of everything.
    let inbox = receive(&home, "home").await;
    let mut processed = settlement(inbox, &[Action::Watched(90.0)]);
    let viewer = Viewer { server: "server".to_owned(), user: "1".to_owned() };
    processed.held = vec![UnroutedUser {
        source: "home".to_owned(),
        viewer: viewer.clone(),
        user: User { id: Some("1".to_owned()), name: Some("sean".to_owned()), ..User::default() },
        item: "Mirror (1975)".to_owned(),
    }];
    home.commit(vec![processed]).await.unwrap();
    let row = home.next_due("bob", now()).await.unwrap().unwrap();
    home.put_secret("bob", b"sealed".to_vec()).await.unwrap();
    home.record_removal("a-title".to_owned(), now()).await.unwrap();
    home.set_pause("bob", Some(AccountPause::Login { reason: "it was refused".to_owned() })).await.unwrap();
    let usage = QuotaUsage { day: "2026-11-21".to_owned(), used: 1, allowed: 100 };
    home.change_quota_usage("bob", Box::new(move |_| Some(usage.clone()))).await.unwrap();
    home.set("bob", "key", b"value".to_vec(), None).await.unwrap();
    let item = event(Action::Watched(90.0)).item;
    let tomorrow = now() + SignedDuration::from_hours(24);
    home.cache_lookup("home", "key", &item, tomorrow).await.unwrap();
    let waiting = receive(&home, "home").await;

    assert!(other.events(&EventFilter::newest(10)).await.unwrap().is_empty());
    assert!(other.event(inbox).await.unwrap().is_none() && other.request(inbox).await.unwrap().is_none());
    assert!(other.pending("home", 0, 10).await.unwrap().is_empty());
    assert!(
        other.oldest_pending().await.unwrap().is_empty()
            && other.pending_by_source().await.unwrap().is_empty()
    );
    assert_eq!(other.last_received("home").await.unwrap(), None);
    assert!(
        other.outbox(None, 10).await.unwrap().is_empty() && other.outbox_row(row.id).await.unwrap().is_none()
    );
    assert!(other.next_due("bob", now()).await.unwrap().is_none());
    assert_eq!(other.next_due_at("bob").await.unwrap(), None);
    let stats = other.outbox_stats("bob").await.unwrap();
    assert_eq!((stats.last_delivered, stats.waiting, stats.dead), (None, 0, 0));
    assert!(other.users().await.unwrap().is_empty());
    assert!(!other.set_user_decision("home", &viewer, UserDecision::Ignored).await.unwrap());
    assert!(!other.has_secrets().await.unwrap() && other.secret("bob").await.unwrap().is_none());
    assert!(other.removals().await.unwrap().is_empty() && other.pause("bob").await.unwrap().is_none());
    assert!(other.quota_usage("bob").await.unwrap().is_none());
    assert_eq!(other.get("bob", "key").await.unwrap(), None);
    assert_eq!(other.cached_lookup("home", "key", now()).await.unwrap(), None);

    // What it does changes nothing at home.
    for selection in [OutboxSelection::One(row.id), OutboxSelection::AllWaiting, OutboxSelection::AllFailed] {
        assert_eq!(other.apply_command(selection, OutboxCommand::Drop, now()).await.unwrap(), 0);
    }
    other.commit(vec![settlement(waiting, &[])]).await.unwrap();
    assert!(!other.begin_attempt(&row).await.unwrap());
    other.record_attempt(&row, settled(DeliveryState::Dead), None, now()).await.unwrap();
    other.make_due("bob", now()).await.unwrap();
    other.delete("bob", "key").await.unwrap();
    other.delete_secret("bob").await.unwrap();
    let late = now() + SignedDuration::from_hours(24 * 365);
    assert_eq!(other.prune(retention::rules(late, Duration::ZERO).to_vec(), late).await.unwrap(), 0);
    assert_eq!(home.outbox(None, 10).await.unwrap(), std::slice::from_ref(&row));
    assert_eq!(home.pending("home", 0, 10).await.unwrap().len(), 1);
    assert!(home.event(waiting).await.unwrap().unwrap().timeline.is_empty());
    let refused = AccountPause::Login { reason: "it was refused".to_owned() };
    assert_eq!(home.pause("bob").await.unwrap(), Some(refused));
    let (secret, value) = (home.secret("bob").await.unwrap(), home.get("bob", "key").await.unwrap());
    assert_eq!((secret.as_deref(), value.as_deref()), (Some(&b"sealed"[..]), Some(&b"value"[..])));
    assert!(home.cached_lookup("home", "key", now()).await.unwrap().is_some());

    // The same watch under the same names is another one.
    let inbox = receive(&other, "home").await;
    other.commit(vec![settlement(inbox, &[Action::Watched(90.0)])]).await.unwrap();
    assert_eq!(states(&other).await, [("watched", "waiting")]);
    assert!(other.users_version().await.unwrap() == 0 && home.users_version().await.unwrap() > 0);
}

each_store!(
    many_at_once_are_all_kept_and_come_back_in_order,
    a_watch_is_kept_once_and_presence_gives_way,
    an_attempt_of_which_nothing_is_heard_is_uncertain,
    only_what_is_old_and_done_is_forgotten,
    a_pause_of_which_nobody_heard_is_taken_back_in_silence,
    a_pause_that_was_on_its_way_is_taken_back_aloud,
    a_watch_that_may_have_arrived_stays_so_however_often_it_is_retried,
    what_a_person_says_outlives_an_attempt_that_was_under_way,
    an_old_rating_is_not_retried_over_a_newer_one,
    a_confirmed_watch_puts_removals_in_its_wake,
    what_is_due_is_what_the_rule_names,
    what_waits_after_a_failure_is_due_when_its_tracker_is_back,
    a_household_sees_its_own_data_only,
);
