//! Households in one database: each sees what it would see in a database of its own, whatever the others do.

use std::sync::Arc;

use playrelay_engine::event::Action;
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxCommand, OutboxSelection};
use playrelay_store::{AccountPause, EventFilter, Household, OwnerStore, QuotaUsage};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::runtime::Runtime;

use crate::deliveries::{now, receive, settlement};
use crate::place::Place;

/// Runs of random steps. Each takes a tenth of a second on a server.
const CASES: u32 = 24;

/// What a household does. Names are the same in all households, so that they get into each other's way where they can.
#[derive(Clone, Debug)]
enum Step {
    Receive,
    /// Decides the oldest request that waits.
    Decide(bool),
    /// Attempts what is due at the tracker.
    Attempt(DeliveryState),
    Command(OutboxCommand),
    Pause(bool),
    Secret(u8),
    Value(u8),
    DeleteValue,
    Count,
    Removal(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Receive),
        3 => any::<bool>().prop_map(Step::Decide),
        2 => prop_oneof![
            Just(DeliveryState::Delivered), Just(DeliveryState::Dead), Just(DeliveryState::Unmatched)
        ].prop_map(Step::Attempt),
        1 => prop_oneof![Just(OutboxCommand::Retry), Just(OutboxCommand::Drop)].prop_map(Step::Command),
        1 => any::<bool>().prop_map(Step::Pause),
        1 => any::<u8>().prop_map(Step::Secret),
        1 => any::<u8>().prop_map(Step::Value),
        1 => Just(Step::DeleteValue),
        1 => Just(Step::Count),
        1 => (0..3_u8).prop_map(Step::Removal),
    ]
}

async fn take(store: &Arc<dyn OwnerStore>, step: Step) {
    match step {
        Step::Receive => {
            receive(store, "home").await;
        }
        Step::Decide(is_watched) => {
            let Some(oldest) = store.pending("home", 0, 1).await.unwrap().into_iter().next() else { return };
            let actions: &[Action] =
                if is_watched { &[Action::Watched(95.0)] } else { &[Action::Playing(1.0)] };
            let mut input = settlement(oldest.id, actions);
            // Each watch is another one.
            input.events[0].subject =
                format!("play-{}", store.events(&EventFilter::newest(1_000)).await.unwrap().len());
            store.commit(vec![input]).await.unwrap();
        }
        Step::Attempt(state) => {
            let Some(row) = store.next_due("bob", now()).await.unwrap() else { return };
            assert!(store.begin_attempt(&row).await.unwrap());
            let outcome = AttemptOutcome::Settled { state, note: "of a step".to_owned(), receipt: None };
            store.record_attempt(&row, outcome, None, now()).await.unwrap();
        }
        Step::Command(command) => {
            store.apply_command(OutboxSelection::AllFailed, command, now()).await.unwrap();
        }
        Step::Pause(is_paused) => {
            let pause = is_paused.then(|| AccountPause::Login { reason: "it was refused".to_owned() });
            store.set_pause("bob", pause).await.unwrap();
        }
        Step::Secret(value) => store.put_secret("bob", vec![value]).await.unwrap(),
        Step::Value(value) => assert!(store.set("bob", "key", vec![value], None).await.unwrap()),
        Step::DeleteValue => store.delete("bob", "key").await.unwrap(),
        Step::Count => {
            let rule = |kept: Option<QuotaUsage>| {
                let used = kept.map_or(0, |kept| kept.used) + 1;
                Some(QuotaUsage { day: "2026-11-21".to_owned(), used, allowed: 100 })
            };
            store.change_quota_usage("bob", Box::new(rule)).await.unwrap();
        }
        Step::Removal(key) => store.record_removal(format!("title-{key}"), now()).await.unwrap(),
    }
}

/// All that a household sees, without the ids, which all households of a database share.
async fn view(store: &Arc<dyn OwnerStore>) -> Vec<String> {
    let mut seen = Vec::new();
    for event in store.events(&EventFilter::newest(1_000)).await.unwrap() {
        let detail = store.event(event.id).await.unwrap().unwrap();
        let steps: Vec<_> =
            detail.timeline.iter().map(|row| (row.code.to_string(), row.text.clone())).collect();
        seen.push(format!("{:?} {:?} {steps:?}", event.source, event.verdict));
    }
    for row in store.outbox(None, 1_000).await.unwrap() {
        seen.push(format!("{} {:?} {} {:?}", row.event.subject, row.state, row.attempts, row.note));
    }
    let due = store.next_due("bob", now()).await.unwrap().map(|row| row.event.subject);
    seen.push(format!("{due:?} {:?}", store.next_due_at("bob").await.unwrap()));
    let stats = store.outbox_stats("bob").await.unwrap();
    seen.push(format!("{} {} {:?}", stats.waiting, stats.dead, stats.oldest_waiting));
    seen.push(format!(
        "{:?} {:?}",
        store.pending_by_source().await.unwrap(),
        store.oldest_pending().await.unwrap()
    ));
    seen.push(format!("{:?} {:?}", store.pause("bob").await.unwrap(), store.secret("bob").await.unwrap()));
    seen.push(format!(
        "{:?} {:?}",
        store.get("bob", "key").await.unwrap(),
        store.quota_usage("bob").await.unwrap()
    ));
    seen.push(format!("{:?} {:?}", store.removals().await.unwrap(), store.kept().await.unwrap()));
    seen
}

/// Two households take steps in one database, and each takes its own in a database for itself.
fn check(place: impl Fn() -> Place) {
    let runtime = Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let steps = proptest::collection::vec((any::<bool>(), step()), 1..60);
    let result = runner.run(&steps, |steps| {
        runtime.block_on(async {
            let (shared, alone) = (place(), [place(), place()]);
            let names = ["home", "other"].map(Household::new);
            let store = shared.store().await;
            let together =
                names.clone().map(|name| Arc::new(store.of_household(name)) as Arc<dyn OwnerStore>);
            let mut apart = Vec::new();
            for (place, name) in alone.iter().zip(names) {
                apart.push(Arc::new(place.store().await.of_household(name)) as Arc<dyn OwnerStore>);
            }
            for (is_other, step) in steps {
                let household = usize::from(is_other);
                take(&together[household], step.clone()).await;
                take(&apart[household], step).await;
            }
            for (together, apart) in together.iter().zip(&apart) {
                assert_eq!(view(together).await, view(apart).await);
            }
        });
        Ok(())
    });
    result.unwrap();
}

#[test]
fn each_sees_what_it_would_see_alone_in_a_file() {
    check(Place::file);
}

#[test]
fn each_sees_what_it_would_see_alone_on_a_server() {
    if Place::server().is_some() {
        check(|| Place::server().unwrap());
    }
}
