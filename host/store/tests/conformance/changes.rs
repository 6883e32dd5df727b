//! How the tasks of a program hear of what is stored: by itself, by commands, by other programs.

use std::time::Duration;

use playrelay_engine::event::Action;
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState};
use tokio::sync::Notify;

use crate::deliveries::{now, receive, settlement};
use crate::place::{Place, each_store};

/// How long it may take until the writes of others are noticed, on a busy machine: less than a look by the clock takes.
const MAX_NOTICE: Duration = Duration::from_secs(4);

/// Two programs store requests of one source in turn, and one of them reads what it has just stored from memory.
async fn what_another_program_stores_is_read_in_its_place(place: Place) {
    let (ours, other) = (place.open().await, place.open().await);
    let ids = async |after: i64| -> Vec<i64> {
        ours.pending("home", after, 100).await.unwrap().into_iter().map(|row| row.id).collect()
    };
    let first = receive(&ours, "home").await;
    assert_eq!(ids(0).await, [first]);
    assert_eq!(ids(first).await, Vec::<i64>::new());
    let second = receive(&other, "home").await;
    let third = receive(&ours, "home").await;
    assert_eq!(ids(first).await, [second, third]);
    // Nothing is stored here meanwhile: this program hears of it by itself, each time.
    let mut changes = ours.changes();
    let mut last = third;
    for _ in 0..3 {
        changes.mark_unchanged();
        let next = receive(&other, "home").await;
        tokio::time::timeout(MAX_NOTICE, changes.changed()).await.expect("the change is noticed").unwrap();
        assert_eq!(ids(last).await, [next]);
        last = next;
    }
}

/// A command tells the tasks of its own program.
async fn a_command_counts_as_a_change(place: Place) {
    let store = place.open().await;
    let mut changes = store.changes();
    changes.mark_unchanged();
    store.put_secret("bob", b"sealed".to_vec()).await.unwrap();
    assert!(changes.has_changed().unwrap());
}

/// Whoever stores a request, or an event for a tracker, need not tell the tasks that wait for it.
async fn a_task_is_told_of_what_is_stored_for_it(place: Place) {
    let store = place.open().await;
    let given = async |signal: &Notify| {
        tokio::time::timeout(Duration::from_secs(5), signal.notified()).await.expect("the signal is given");
    };
    let (requests, bob) = (store.request_signal("home"), store.delivery_signal("bob"));
    let (other_requests, list) = (store.request_signal("attic"), store.delivery_signal("list"));
    let inbox = receive(&store, "home").await;
    given(&requests).await;
    let mut input = settlement(inbox, &[Action::Watched(95.0)]);
    input.events[0].remove_from = vec!["list".to_owned()];
    store.commit(vec![input]).await.unwrap();
    given(&bob).await;
    let row = store.next_due("bob", now()).await.unwrap().unwrap();
    let taken =
        AttemptOutcome::Settled { state: DeliveryState::Delivered, note: String::new(), receipt: None };
    store.record_attempt(&row, taken, None, now()).await.unwrap();
    given(&list).await;
    let none = tokio::time::timeout(Duration::from_millis(50), async {
        tokio::select! { () = other_requests.notified() => {}, () = bob.notified() => {} }
    });
    assert!(none.await.is_err(), "no other is told");
}

each_store!(
    what_another_program_stores_is_read_in_its_place,
    a_command_counts_as_a_change,
    a_task_is_told_of_what_is_stored_for_it,
);
