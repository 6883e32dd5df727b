//! The store in SQLite: one file, write-ahead log, one writer with group commit.

mod commands;
mod counts;
mod inbox;
mod kv;
mod outbox;
mod people;
mod plays;
mod rows;
mod schema;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::model::Item;
use playrelay_engine::people::{Decision, Person};
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::session::Rating;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Attempt, Command, DeliveryState, EventFilter, EventStory, EventSummary, InboxRow, OutboxRow, Parked,
    Received, Selection, Settlement, Store, StoreError, Told,
};
use crate::Approval;
use rows::{json, time};
use writer::Writer;

/// How long another process (a command beside the daemon) may hold the database.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which it is folded into the database, idle or not.
const CHECKPOINT_PAGES: i64 = 16_000;

/// Entries of the ledger of removals: as many as the file for other programs has had.
const REMOVALS_KEPT: u32 = 2_000;

/// The database.
pub struct Sqlite {
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    path: String,
}

impl Sqlite {
    /// Opens a database, making or migrating it where needed.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let shown = path.display().to_string();
        let failed =
            |error: rusqlite::Error| StoreError::Database { path: shown.clone(), reason: error.to_string() };
        make_private(path)
            .map_err(|error| StoreError::Database { path: shown.clone(), reason: error.to_string() })?;
        let mut connection = connect(path).map_err(failed)?;
        schema::migrate(&mut connection).map_err(failed)?;
        let reader = connect(path).map_err(failed)?;
        let writer = Writer::start(connection, path)
            .map_err(|error| StoreError::Database { path: shown.clone(), reason: error.to_string() })?;
        Ok(Self { writer, reader: Arc::new(Mutex::new(reader)), path: shown })
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader);
        let result =
            tokio::task::spawn_blocking(move || work(&reader.lock().unwrap_or_else(PoisonError::into_inner)));
        match result.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                Err(StoreError::Database { path: self.path.clone(), reason: error.to_string() })
            }
            Err(_) => Err(StoreError::Closed),
        }
    }
}

/// Makes the file where it is missing, for our eyes only: SQLite gives its other files the same mode.
fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk before it is answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.set_prepared_statement_cache_capacity(128);
    // What a filter looks for is written in any case.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |arguments| {
        Ok(arguments.get::<Option<String>>(0)?.map(|text| text.to_lowercase()))
    })?;
    Ok(connection)
}

#[async_trait]
impl Store for Sqlite {
    async fn receive(&self, received: Received) -> Result<i64, StoreError> {
        self.writer.write_one(move |connection| inbox::add(connection, &received)).await
    }

    async fn pending(&self, source: &str, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
        let source = source.to_owned();
        self.read(move |connection| inbox::pending(connection, &source, after, limit)).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                settlements.iter().try_for_each(|settlement| settle(connection, settlement))
            })
            .await
    }

    async fn plays_since(&self, since: Timestamp) -> Result<Vec<Play>, StoreError> {
        self.read(move |connection| plays::since(connection, since)).await
    }

    async fn plays_around(&self, server: &str, at: Timestamp) -> Result<Vec<Play>, StoreError> {
        let server = server.to_owned();
        self.read(move |connection| plays::around(connection, &server, at)).await
    }

    async fn plays_of_item(&self, server: &str, item: &str) -> Result<Vec<Play>, StoreError> {
        let (server, item) = (server.to_owned(), item.to_owned());
        self.read(move |connection| plays::of_item(connection, &server, &item)).await
    }

    async fn held_of(&self, viewer: &Viewer) -> Result<(Vec<Play>, Vec<Rating>), StoreError> {
        let viewer = viewer.clone();
        self.read(move |connection| plays::held_of(connection, &viewer)).await
    }

    async fn ratings_since(&self, since: Timestamp) -> Result<Vec<Rating>, StoreError> {
        self.read(move |connection| plays::ratings_since(connection, since)).await
    }

    async fn people(&self) -> Result<Vec<Person>, StoreError> {
        self.read(people::list).await
    }

    async fn decide(&self, source: &str, viewer: &Viewer, decision: Decision) -> Result<bool, StoreError> {
        let (source, viewer) = (source.to_owned(), viewer.clone());
        self.writer.write(move |connection| people::decide(connection, &source, &viewer, decision)).await
    }

    async fn oldest_pending(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        self.read(inbox::oldest_pending).await
    }

    async fn people_version(&self) -> Result<i64, StoreError> {
        self.read(people::version).await
    }

    async fn waiting(&self) -> Result<Vec<(String, u32)>, StoreError> {
        self.read(inbox::waiting).await
    }

    async fn request(&self, id: i64) -> Result<Option<InboxRow>, StoreError> {
        self.read(move |connection| inbox::find(connection, id)).await
    }

    async fn requests_before(
        &self,
        request: &InboxRow,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let (id, source) = (request.id, request.received.source.clone());
        self.read(move |connection| inbox::before(connection, id, &source, since, limit)).await
    }

    async fn next_due(&self, tracker: &str, now: Timestamp) -> Result<Option<OutboxRow>, StoreError> {
        let tracker = tracker.to_owned();
        self.read(move |connection| outbox::next_due(connection, &tracker, now)).await
    }

    async fn next_time(&self, tracker: &str) -> Result<Option<Timestamp>, StoreError> {
        let tracker = tracker.to_owned();
        self.read(move |connection| outbox::next_time(connection, &tracker)).await
    }

    async fn attempting(&self, row: &OutboxRow) -> Result<(), StoreError> {
        let id = row.id;
        self.writer.write(move |connection| outbox::attempting(connection, id)).await
    }

    async fn wake(&self, tracker: &str, now: Timestamp) -> Result<(), StoreError> {
        let tracker = tracker.to_owned();
        self.writer.write(move |connection| outbox::wake(connection, &tracker, now)).await
    }

    async fn attempted(
        &self,
        row: &OutboxRow,
        attempt: Attempt,
        parked: Option<Parked>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = row.clone();
        self.writer
            .write(move |connection| {
                outbox::attempted(connection, &row, &attempt, at)?;
                rows::park(connection, &row.event.tracker, parked.as_ref())
            })
            .await
    }

    async fn command(
        &self,
        selection: Selection,
        command: Command,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        self.writer
            .write(move |connection| commands::apply(connection, selection, &command, at.as_millisecond()))
            .await
    }

    async fn removals(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT key, at FROM removals ORDER BY at, key")?
                .query_map([], |row| Ok((row.get(0)?, time(row.get(1)?))))?
                .collect()
        })
        .await
    }

    async fn removed(&self, key: String, at: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO removals (key, at) VALUES (?1, ?2)")?
                    .execute(params![key, at.as_millisecond()])?;
                connection
                    .prepare_cached(
                        "DELETE FROM removals WHERE key IN (SELECT key FROM removals ORDER BY at DESC LIMIT -1 OFFSET ?1)",
                    )?
                    .execute(params![REMOVALS_KEPT])
                    .map(drop)
            })
            .await
    }

    async fn outbox_row(&self, id: i64) -> Result<Option<OutboxRow>, StoreError> {
        self.read(move |connection| outbox::one(connection, id)).await
    }

    async fn outbox(&self, state: Option<DeliveryState>, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.read(move |connection| outbox::list(connection, state, limit)).await
    }

    async fn parked(&self, account: &str) -> Result<Option<Parked>, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| {
            let parked = connection
                .prepare_cached("SELECT parked FROM accounts WHERE name = ?1 AND parked IS NOT NULL")?
                .query_row(params![account], |row| json(row, 0));
            parked.optional()
        })
        .await
    }

    async fn park(&self, account: &str, parked: Option<Parked>) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.writer.write(move |connection| rows::park(connection, &account, parked.as_ref())).await
    }

    async fn sealed(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT sealed FROM credentials WHERE name = ?1")?
                .query_row(params![name], |row| row.get(0))
                .optional()
        })
        .await
    }

    async fn seal(&self, name: &str, sealed: Vec<u8>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.writer
            .write(move |connection| {
                connection
                    .prepare_cached("INSERT OR REPLACE INTO credentials (name, sealed) VALUES (?1, ?2)")?
                    .execute(params![name, sealed])
                    .map(drop)
            })
            .await
    }

    async fn seal_new(&self, name: &str, sealed: Vec<u8>) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.writer
            .write(move |connection| {
                connection
                    .prepare_cached("INSERT OR IGNORE INTO credentials (name, sealed) VALUES (?1, ?2)")?
                    .execute(params![name, sealed])
                    .map(|rows| rows > 0)
            })
            .await
    }

    async fn unseal(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.writer
            .write(move |connection| {
                connection
                    .prepare_cached("DELETE FROM credentials WHERE name = ?1")?
                    .execute(params![name])
                    .map(drop)
            })
            .await
    }

    async fn looked_up(&self, source: &str, item: &str, now: Timestamp) -> Result<Option<Item>, StoreError> {
        let key = (source.to_owned(), item.to_owned());
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT body FROM look_ups WHERE source = ?1 AND item = ?2 AND expires_at > ?3",
                )?
                .query_row(params![key.0, key.1, now.as_millisecond()], |row| json(row, 0))
                .optional()
        })
        .await
    }

    async fn keep_look_up(
        &self,
        source: &str,
        item: &str,
        found: &Item,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let key = (source.to_owned(), item.to_owned());
        let body = rows::to_json(found);
        self.writer
            .write(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO look_ups (source, item, body, expires_at) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![key.0, key.1, body?, until.as_millisecond()])
                    .map(drop)
            })
            .await
    }

    async fn last_received(&self, source: &str) -> Result<Option<Timestamp>, StoreError> {
        let source = source.to_owned();
        self.read(move |connection| inbox::last_received(connection, &source)).await
    }

    async fn told(&self, tracker: &str) -> Result<Told, StoreError> {
        let tracker = tracker.to_owned();
        self.read(move |connection| outbox::told(connection, &tracker)).await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventSummary>, StoreError> {
        let filter = filter.clone();
        self.read(move |connection| inbox::summaries(connection, &filter)).await
    }

    async fn is_writable(&self) -> Result<(), StoreError> {
        if !self.writer.has_failed() {
            return self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await;
        }
        let tried = self.writer.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO versions (name, version) VALUES ('tried', abs(random() % 1000000))",
                )?
                .execute([])
                .map(drop)
        });
        tried.await
    }

    async fn event(&self, id: i64) -> Result<Option<EventStory>, StoreError> {
        self.read(move |connection| inbox::story(connection, id)).await
    }

    async fn prune(
        &self,
        before: Timestamp,
        repeats_before: Timestamp,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.writer.write(move |connection| inbox::prune(connection, before, repeats_before, now)).await
    }

    async fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT id, digest, permissions FROM approvals")?
                .query_map([], |row| {
                    Ok(Approval { id: row.get(0)?, digest: row.get(1)?, permissions: row.get(2)? })
                })?
                .collect()
        })
        .await
    }

    async fn approve(&self, approval: Approval, shown: String, at: Timestamp) -> Result<(), StoreError> {
        self.writer
            .write(move |connection| {
                let Approval { id, digest, permissions } = &approval;
                connection
                    .prepare_cached(
                        "INSERT OR REPLACE INTO approvals (id, digest, permissions, approved_at, shown)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![id, digest, permissions, at.as_millisecond(), shown])
                    .map(drop)
            })
            .await
    }

    async fn has_sealed(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM credentials)")?
                .query_row([], |row| row.get(0))
        })
        .await
    }

    async fn shown_at_approval(&self, id: &str) -> Result<Option<String>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT shown FROM approvals WHERE id = ?1")?
                .query_row(params![id], |row| row.get(0))
                .optional()
        })
        .await
        .map(Option::flatten)
    }

    async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer
            .write(move |connection| {
                connection
                    .prepare_cached("DELETE FROM approvals WHERE id = ?1")?
                    .execute(params![id])
                    .map(|count| count > 0)
            })
            .await
    }

    async fn installation(&self) -> Result<String, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT value FROM facts WHERE name = 'installation'")?
                .query_row([], |row| row.get(0))
        })
        .await
    }
}

fn settle(connection: &Connection, settlement: &Settlement) -> rusqlite::Result<()> {
    let Settlement { inbox, at, later, verdict, user, item, steps, plays, ratings, held, events } =
        settlement;
    let now = at.as_millisecond();
    if let Some(verdict) = verdict {
        connection
            .prepare_cached(
                "UPDATE inbox SET settled_at = ?2, outcome = ?3, code = ?4, detail = ?5,
                 user = COALESCE(?6, user), item = COALESCE(?7, item) WHERE id = ?1",
            )?
            .execute(params![
                inbox,
                now,
                verdict.outcome.as_str(),
                verdict.code,
                verdict.detail,
                user,
                item
            ])?;
    }
    for step in steps {
        rows::add_step(connection, *inbox, now, step.stage.as_str(), &step.code, &step.text)?;
    }
    for play in plays {
        plays::put(connection, play)?;
    }
    for rating in ratings {
        plays::put_rating(connection, rating)?;
    }
    for held in held {
        people::hold(connection, held, *at)?;
    }
    for event in events {
        outbox::add(connection, *inbox, event, *later, now)?;
    }
    Ok(())
}
