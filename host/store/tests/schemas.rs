//! Databases of all earlier programs are copied, migrated, and keep all that they had.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use playrelay_engine::routing::users::UserDecision;
use playrelay_store::open_file;
use playrelay_store::{
    AccessStore, AccountPause, AccountStore, EventFilter, InboxStore, KeyValueStore, LookupStore, Member,
    OutboxStore, PlayStore, PluginStore, QuotaStore, Role, SecretStore, Store, UserStore,
};
use rusqlite::Connection;

/// The schema before this program's own.
const LAST: usize = 14;

/// A database of an earlier schema.
fn database(folder: &Path, schema: usize) -> PathBuf {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/schemas/{schema}.sql"));
    let path = folder.join("playrelay.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(&std::fs::read_to_string(text).unwrap()).unwrap();
    path
}

fn schema_of(path: &Path) -> usize {
    let connection = Connection::open(path).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0)).unwrap() as usize
}

#[tokio::test(flavor = "multi_thread")]
async fn every_earlier_database_keeps_all_that_it_had() {
    for schema in 1..=LAST {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), schema);
        let store = open_file(&path).unwrap_or_else(|error| panic!("schema {schema}: {error}"));
        let events = store.events(&EventFilter::newest(10)).await.unwrap();
        assert_eq!(events.len(), 2, "schema {schema}");
        assert_eq!(store.pending_by_source().await.unwrap(), [("home".to_owned(), 1)]);
        let story = store.event(1).await.unwrap().unwrap();
        assert_eq!((story.timeline.len(), story.outbox.len()), (1, 1), "schema {schema}");
        assert_eq!(story.outbox[0].event.tracker, "bob");
        assert_eq!(story.outbox[0].attempts, 1);
        let plays = store.plays_since(Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(plays.len(), 1, "schema {schema}");
        assert!(plays[0].watched_at.is_some());
        assert!(matches!(store.pause("bob").await.unwrap(), Some(AccountPause::Login { .. })));
        assert_eq!(store.secret("bob").await.unwrap(), Some(vec![1, 2]));
        assert_eq!(store.approvals().await.unwrap()[0].id, "org.example.diary");
        assert!(store.cached_lookup("home", "9", Timestamp::UNIX_EPOCH).await.unwrap().is_some());
        assert!(store.get("host:home", "heard-first").await.unwrap().is_some());
        if schema >= 2 {
            let users = store.users().await.unwrap();
            assert_eq!(users.len(), 1, "schema {schema}");
            assert_eq!(users[0].decision, UserDecision::Held);
            assert_eq!(store.ratings_since(Timestamp::UNIX_EPOCH).await.unwrap().len(), 1);
        }
        if schema >= 3 {
            assert_eq!(store.quota_usage("bob").await.unwrap().unwrap().used, 7);
            assert_eq!(store.removals().await.unwrap().len(), 1);
        }
        assert_eq!(store.installation().await.unwrap().len(), 16);
        if schema >= 9 {
            let members = store.members().await.unwrap();
            assert_eq!((members.len(), members[0].role), (1, Role::Admin), "schema {schema}");
            assert_eq!(store.api_tokens().await.unwrap().len(), 1);
            assert_eq!(store.web_sessions(None, Timestamp::UNIX_EPOCH).await.unwrap().len(), 1);
            continue;
        }
        let member = Member {
            name: "ada".to_owned(),
            role: Role::Admin,
            password: None,
            subject: None,
            created_at: Timestamp::UNIX_EPOCH,
        };
        assert!(store.add_first_member(member).await.unwrap(), "schema {schema}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_copied_before_it_is_migrated() {
    use std::os::unix::fs::PermissionsExt;
    for schema in 1..=LAST {
        let folder = tempfile::tempdir().unwrap();
        let path = database(folder.path(), schema);
        drop(open_file(&path).unwrap());
        let current = schema_of(&path);
        assert_eq!(current, LAST + 1);
        let copy = folder.path().join(format!("playrelay.db.before-schema-{current}"));
        assert_eq!(schema_of(&copy), schema);
        assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        // Nothing is copied where nothing is migrated.
        std::fs::remove_file(&copy).unwrap();
        drop(open_file(&path).unwrap());
        assert!(!copy.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_two_newest_copies_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), LAST);
    for older in 2..6 {
        let copy = folder.path().join(format!("playrelay.db.before-schema-{older}"));
        let file = std::fs::File::create(copy).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(older)).unwrap();
    }
    drop(open_file(&path).unwrap());
    let mut copies: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("before-schema"))
        .collect();
    copies.sort();
    let newest = format!("playrelay.db.before-schema-{}", LAST + 1);
    assert_eq!(copies, [newest.as_str(), "playrelay.db.before-schema-5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_copy_there_is_no_migration() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), LAST);
    // The copy's place is taken by what is no file.
    let copy = folder.path().join(format!("playrelay.db.before-schema-{}", LAST + 1));
    std::os::unix::fs::symlink(folder.path().join("nowhere/file"), copy).unwrap();
    let error = open_file(&path).err().unwrap().to_string();
    assert!(error.contains("cannot be written") && error.contains("make room"), "{error}");
    assert_eq!(schema_of(&path), LAST);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_sound_and_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path(), LAST);
    let store = open_file(&path).unwrap();
    let copy = folder.path().join("backup.db");
    store.copy_to(&copy).await.unwrap();
    let again = store.copy_to(&copy).await.unwrap_err().to_string();
    assert!(again.contains("backup.db"), "{again}");
    let copied = open_file(&copy).unwrap();
    assert_eq!(copied.event(1).await.unwrap(), store.event(1).await.unwrap());
    assert!(store.size().await.unwrap() >= copied.size().await.unwrap());
}
