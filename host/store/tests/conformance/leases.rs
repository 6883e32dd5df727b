//! Who owns the household where several nodes share a database, and what an owner of yesterday can still do.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use playrelay_engine::event::Action;
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxRow};
use playrelay_store::leases::{ATTEMPT_GRACE, LEASE_DURATION};
use playrelay_store::{AccountPause, Claim, InboxStore, LeaseStore, Node, OwnerStore, SqlStore, StoreError};

use crate::deliveries::{now, receive, received, settlement};
use crate::place::{Place, each_store};

fn node(name: &str) -> Node {
    Node { id: name.into(), name: format!("{name}.lan").into() }
}

/// The owner, where the claim succeeds; else the name of the one that stays.
async fn claim(store: &SqlStore, name: &str) -> Result<Arc<dyn OwnerStore>, Option<String>> {
    match store.claim(&node(name), now()).await.unwrap() {
        Claim::Owned(owner) => Ok(owner),
        Claim::Standby { owner } => Err(owner),
    }
}

async fn owner(store: &SqlStore, name: &str) -> Arc<dyn OwnerStore> {
    claim(store, name).await.unwrap_or_else(|other| panic!("{name} does not own it, but {other:?}"))
}

/// A watch that is due at the tracker.
async fn due(owner: &Arc<dyn OwnerStore>) -> OutboxRow {
    let inbox = receive(owner, "home").await;
    owner.commit(vec![settlement(inbox, &[Action::Watched(95.0)])]).await.unwrap();
    owner.next_due("bob", now()).await.unwrap().unwrap()
}

/// The node was not heard for longer than its lease lasts.
fn is_gone(place: &Place, name: &str) {
    let gone = LEASE_DURATION.as_millis() + 1_000;
    place.execute("", &format!("UPDATE nodes SET expires_at = expires_at - {gone} WHERE id = '{name}'"));
}

/// The node has renewed itself for as long as a lease lasts.
fn is_steady(place: &Place, name: &str) {
    let steady = LEASE_DURATION.as_millis() + 1_000;
    place
        .execute("", &format!("UPDATE nodes SET steady_since = steady_since - {steady} WHERE id = '{name}'"));
}

/// A file has one node, and so has a server that others do not use: nobody has to wait.
async fn the_only_node_owns_everything_at_once(place: Place) {
    let store = place.store().await;
    store.renew(&node("one")).await.unwrap();
    let first = owner(&store, "one").await;
    assert!(first.is_held().await.unwrap());
    receive(&first, "home").await;
    // It has ended, and started again.
    let again = owner(&store, "one").await;
    assert_eq!(again.pending("home", 0, 10).await.unwrap().len(), 1);
    assert!(again.is_held().await.unwrap() && !*again.lost().borrow());
}

/// Every write of an owner of yesterday fails, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_of_yesterday_writes_nothing() {
    let Some(place) = Place::server() else { return };
    let (one, two) = (place.store().await, place.store().await);
    let old = owner(&one, "one").await;
    let row = due(&old).await;
    let second = receive(&old, "home").await;
    two.renew(&node("two")).await.unwrap();
    assert_eq!(claim(&two, "two").await.err(), Some(Some("one.lan".to_owned())));
    is_gone(&place, "one");
    assert_eq!(claim(&two, "two").await.err(), Some(None), "it has not been there for long enough itself");
    is_steady(&place, "two");
    let new = owner(&two, "two").await;
    let mut lost = old.lost();
    assert!(!old.is_held().await.unwrap() && new.is_held().await.unwrap() && !*lost.borrow());
    let taken =
        || AttemptOutcome::Settled { state: DeliveryState::Delivered, note: String::new(), receipt: None };
    let refused = [
        old.commit(vec![settlement(second, &[])]).await.err(),
        old.begin_attempt(&row).await.err(),
        old.record_attempt(&row, taken(), None, now()).await.err(),
        old.make_due("bob", now()).await.err(),
        old.record_removal("key".to_owned(), now()).await.err(),
        old.prune(Vec::new(), now()).await.err(),
        old.set_pause("bob", Some(AccountPause::Login { reason: "gone".to_owned() })).await.err(),
        old.receive(received("home")).await.err(),
        old.release().await.err(),
    ];
    for error in refused {
        assert!(matches!(error, Some(StoreError::LeaseLost)), "{error:?}");
    }
    assert!(*lost.borrow_and_update());
    // What any node may do, it may still do.
    one.receive(received("home")).await.unwrap();
    let waiting = new.pending("home", 0, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|row| row.id).collect::<Vec<_>>(), [second, second + 1]);
    assert_eq!(
        new.next_due("bob", now()).await.unwrap().map(|it| (it.id, it.uncertain)),
        Some((row.id, false))
    );
    assert!(new.pause("bob").await.unwrap().is_none() && new.removals().await.unwrap().is_empty());
}

/// The tracker may be answering the last owner just now.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_may_be_under_way_is_left_alone() {
    let Some(place) = Place::server() else { return };
    let (one, two) = (place.store().await, place.store().await);
    let old = owner(&one, "one").await;
    let row = due(&old).await;
    assert!(old.begin_attempt(&row).await.unwrap());
    // The same node that starts again has no attempt under way.
    let again = owner(&one, "one").await;
    assert!(again.next_due("bob", now()).await.unwrap().is_some());
    two.renew(&node("two")).await.unwrap();
    is_steady(&place, "two");
    is_gone(&place, "one");
    let new = owner(&two, "two").await;
    assert_eq!(new.next_due("bob", now()).await.unwrap(), None);
    let later = new.next_due_at("bob").await.unwrap().unwrap();
    assert_eq!(later, now() + ATTEMPT_GRACE);
    assert!(new.next_due("bob", later).await.unwrap().is_some_and(|row| row.uncertain));
}

/// Whoever ends in order lets the next one begin at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_given_back_is_free() {
    let Some(place) = Place::server() else { return };
    let (one, two) = (place.store().await, place.store().await);
    let old = owner(&one, "one").await;
    assert!(claim(&two, "two").await.is_err());
    old.release().await.unwrap();
    let new = owner(&two, "two").await;
    assert!(matches!(old.commit(Vec::new()).await, Err(StoreError::LeaseLost)));
    new.commit(Vec::new()).await.unwrap();
    assert_eq!(claim(&one, "one").await.err(), Some(Some("two.lan".to_owned())));
}

/// The database was away for longer than a lease lasts, and all nodes with it.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_goes_on_where_the_database_was_away() {
    let Some(place) = Place::server() else { return };
    let (one, two) = (place.store().await, place.store().await);
    let held = owner(&one, "one").await;
    two.renew(&node("two")).await.unwrap();
    is_steady(&place, "two");
    is_gone(&place, "one");
    is_gone(&place, "two");
    assert_eq!(claim(&two, "two").await.err(), Some(None));
    one.renew(&node("one")).await.unwrap();
    assert!(held.is_held().await.unwrap());
    held.commit(Vec::new()).await.unwrap();
    assert_eq!(claim(&two, "two").await.err(), Some(Some("one.lan".to_owned())));
}

/// An owner's open transaction ends before another node takes over, and of eight nodes one does.
#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_takes_over() {
    let Some(place) = Place::server() else { return };
    let first = place.store().await;
    let old = owner(&first, "one").await;
    let mut stores = Vec::new();
    for number in 0..8 {
        let (store, name) = (place.store().await, format!("node-{number}"));
        store.renew(&node(&name)).await.unwrap();
        is_steady(&place, &name);
        stores.push((store, name));
    }
    is_gone(&place, "one");
    // The owner is in the middle of a transaction: it lasts as long as this.
    place.execute(
        "",
        "CREATE FUNCTION wait() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1); RETURN NEW; END $$;
         CREATE TRIGGER wait BEFORE INSERT ON removals FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let writing = {
        let old = Arc::clone(&old);
        tokio::spawn(async move { old.record_removal("key".to_owned(), now()).await })
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let mut owners = Vec::new();
    while owners.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "nobody takes over");
        let claims = stores.iter().map(|(store, name)| claim(store, name));
        owners = futures_util::future::join_all(claims).await.into_iter().flatten().collect();
    }
    assert_eq!(owners.len(), 1);
    // It was written whole before the takeover, or not at all.
    let result = writing.await.unwrap();
    let removals = owners[0].removals().await.unwrap().len();
    assert!(
        matches!((&result, removals), (Ok(()), 1) | (Err(StoreError::LeaseLost), 0)),
        "{result:?}, {removals}"
    );
}

/// The answer got lost on its way, and the request comes again with its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_again_is_stored_once() {
    let Some(place) = Place::server() else { return };
    let (one, two) = (place.store().await, place.store().await);
    let key = || "a-key".to_owned();
    let first = one.receive_once(key(), received("home")).await.unwrap();
    let ids = [
        two.receive_once(key(), received("home")).await.unwrap(),
        one.receive_once(key(), received("home")).await.unwrap(),
    ];
    assert_eq!(ids, [first; 2]);
    let other = one.receive_once("another".to_owned(), received("home")).await.unwrap();
    assert_ne!(other, first);
    // Keys are kept for a day.
    let owner = owner(&one, "one").await;
    owner.prune(Vec::new(), now() + SignedDuration::from_hours(23)).await.unwrap();
    assert_eq!(one.receive_once(key(), received("home")).await.unwrap(), first);
    owner.prune(Vec::new(), now() + SignedDuration::from_hours(25)).await.unwrap();
    assert_ne!(one.receive_once(key(), received("home")).await.unwrap(), first);
}

each_store!(the_only_node_owns_everything_at_once);
