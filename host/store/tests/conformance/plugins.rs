//! What is kept of plugins: approvals, and what they reached.

use jiff::{SignedDuration, Timestamp};
use playrelay_store::plugins::{OTHER_TARGETS, PLUGIN_ACCESSES};
use playrelay_store::{Approval, PluginAccess, PluginStore, StoredApproval};

use crate::place::{Place, each_store};

fn now() -> Timestamp {
    "2026-11-29T20:00:00Z".parse().unwrap()
}

fn access(target: &str, denied: Option<&str>, at: Timestamp) -> PluginAccess {
    PluginAccess {
        account: "diary".to_owned(),
        target: target.to_owned(),
        denied: denied.map(str::to_owned),
        count: 1,
        first_at: at,
        last_at: at,
    }
}

async fn an_approval_knows_when_and_how(place: Place) {
    let store = place.store().await;
    let approval =
        Approval { id: "notebook".to_owned(), digest: "d".to_owned(), permissions: "p".to_owned() };
    let stored = StoredApproval { approval: approval.clone(), at: now(), by: "command".to_owned() };
    store.approve(stored.clone(), "{}".to_owned()).await.unwrap();
    assert_eq!(store.stored_approvals().await.unwrap(), [stored]);
    assert_eq!(store.approvals().await.unwrap(), [approval]);
    assert!(store.revoke("notebook").await.unwrap());
    assert!(store.stored_approvals().await.unwrap().is_empty());
}

async fn accesses_are_added_up(place: Place) {
    let store = place.store().await;
    let later = now() + SignedDuration::from_mins(5);
    store.count_accesses("notebook", vec![access("https://a.example", None, later)]).await.unwrap();
    let again = [access("https://a.example", None, now()), access("kv", Some("not here"), now())];
    store.count_accesses("notebook", again.to_vec()).await.unwrap();
    store.count_accesses("other", vec![access("https://b.example", None, now())]).await.unwrap();
    let found = store.accesses("notebook").await.unwrap();
    let both = PluginAccess { count: 2, first_at: now(), ..access("https://a.example", None, later) };
    assert_eq!(found, [both, access("kv", Some("not here"), now())]);
}

async fn a_plugin_that_tries_everything_fills_no_database(place: Place) {
    let store = place.store().await;
    let tried =
        (0..PLUGIN_ACCESSES + 20).map(|it| access(&format!("https://{it}.example"), Some("no"), now()));
    store.count_accesses("rogue", tried.collect()).await.unwrap();
    let found = store.accesses("rogue").await.unwrap();
    assert_eq!(found.len(), PLUGIN_ACCESSES + 1);
    let rest = found.iter().find(|access| access.target == OTHER_TARGETS).unwrap();
    assert_eq!((rest.count, rest.denied.as_deref()), (20, Some(OTHER_TARGETS)));
    // What is known already is still counted by its name.
    store.count_accesses("rogue", vec![access("https://3.example", Some("no"), now())]).await.unwrap();
    let found = store.accesses("rogue").await.unwrap();
    assert!(found.iter().any(|access| access.target == "https://3.example" && access.count == 2));
}

each_store!(
    an_approval_knows_when_and_how,
    accesses_are_added_up,
    a_plugin_that_tries_everything_fills_no_database,
);
