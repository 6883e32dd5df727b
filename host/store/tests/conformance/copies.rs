//! Copies from a file to a server and back hold the same.

use playrelay_engine::event::Action;
use playrelay_store::copy::{CopyError, Database, copy_store};
use playrelay_store::{Store, open_file};

use crate::deliveries::{now, receive, settlement, states};
use crate::place::Place;

#[tokio::test(flavor = "multi_thread")]
async fn a_store_goes_to_a_server_and_back() {
    let Some(server) = Place::server() else { return };
    let file = Place::file();
    let store = file.open().await;
    for action in [Action::Watched(90.0), Action::Rated(7.0)] {
        let inbox = receive(&store, "home").await;
        store.commit(vec![settlement(inbox, &[action])]).await.unwrap();
    }
    let waiting = receive(&store, "a NUL: \0").await;
    store.put_secret("bob", vec![0, 1, 255]).await.unwrap();
    // The last id was given to what is gone.
    let gone = receive(&store, "gone").await;
    file.execute(&format!("DELETE FROM inbox WHERE id = {gone}"), "");
    let installation = store.installation().await.unwrap();
    let known = (states(&store).await, store.kept().await.unwrap());
    drop(store);

    let copied = copy_store(file.database(), server.database(), |_| {}).await.unwrap();
    assert_eq!(copied.iter().find(|table| table.name == "inbox").unwrap().rows, 3);
    let store = server.open().await;
    assert_eq!((states(&store).await, store.kept().await.unwrap()), known);
    assert_eq!(store.secret("bob").await.unwrap(), Some(vec![0, 1, 255]));
    assert_eq!(store.installation().await.unwrap(), installation);
    assert_eq!(store.request(waiting).await.unwrap().unwrap().received.source, "a NUL: \u{fffd}");
    let next = receive(&store, "home").await;
    assert!(next > gone, "{next} follows {gone}");
    assert_eq!(store.next_due("bob", now()).await.unwrap().unwrap().id, 1);
    // A backup of the server is a file that the same program opens.
    let backup = file.folder().join("backup.db");
    store.copy_to(&backup).await.unwrap();
    assert!(store.copy_to(&backup).await.is_err(), "it is not overwritten");
    let copy = open_file(&backup).unwrap();
    assert_eq!(copy.kept().await.unwrap(), store.kept().await.unwrap());
    drop((store, copy));

    let back = Database::File(file.folder().join("back.db"));
    copy_store(server.database(), back.clone(), |_| {}).await.unwrap();
    let Database::File(path) = &back else { unreachable!("it was made above") };
    let store = open_file(path).unwrap();
    assert_eq!(store.installation().await.unwrap(), installation);
    let store: std::sync::Arc<dyn playrelay_store::OwnerStore> = std::sync::Arc::new(store);
    assert!(receive(&store, "home").await > next);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_something_is_not_overwritten() {
    let Some(server) = Place::server() else { return };
    let (file, other) = (Place::file(), Place::file());
    for place in [&file, &other] {
        receive(&place.open().await, "home").await;
    }
    copy_store(file.database(), server.database(), |_| {}).await.unwrap();
    let refused = |error: CopyError| matches!(error, CopyError::Occupied { .. });
    assert!(refused(copy_store(file.database(), server.database(), |_| {}).await.unwrap_err()));
    assert!(refused(copy_store(server.database(), other.database(), |_| {}).await.unwrap_err()));
    assert_eq!(other.open().await.kept().await.unwrap().events, 1);
    let same = copy_store(file.database(), other.database(), |_| {}).await.unwrap_err();
    assert!(matches!(same, CopyError::SameKind));
    let missing = Database::File(file.folder().join("missing.db"));
    assert!(copy_store(missing, server.database(), |_| {}).await.is_err());
    assert!(!file.folder().join("missing.db").exists());
}
