//! Users whom no route names.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::play::Viewer;
use playrelay_engine::routing::UnroutedUser;
use playrelay_engine::routing::users::{KnownUser, UserDecision};
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::database::SqliteStore;
use crate::sqlite::rows::{json, to_json};
use crate::sqlite::versions;
use crate::{StoreError, UserStore};

/// The name of the list's version.
const VERSION: &str = "people";

#[async_trait]
impl UserStore for SqliteStore {
    async fn users(&self) -> Result<Vec<KnownUser>, StoreError> {
        self.read(list).await
    }

    async fn set_user_decision(
        &self,
        source: &str,
        viewer: &Viewer,
        decision: UserDecision,
    ) -> Result<bool, StoreError> {
        let (source, viewer) = (source.to_owned(), viewer.clone());
        self.write(move |connection| decide(connection, &source, &viewer, decision)).await
    }

    async fn users_version(&self) -> Result<i64, StoreError> {
        self.read(|connection| versions::get(connection, VERSION)).await
    }
}

/// All of them, those who were seen last first.
pub fn list(connection: &Connection) -> rusqlite::Result<Vec<KnownUser>> {
    connection
        .prepare_cached("SELECT body FROM people WHERE household = household() ORDER BY last_seen DESC")?
        .query_map([], |row| json(row, 0))?
        .collect()
}

/// Puts somebody into the list, or notes what they watched last.
pub fn hold(connection: &Connection, held: &UnroutedUser, at: Timestamp) -> rusqlite::Result<()> {
    let known = find(connection, &held.source, &held.viewer)?;
    let (first_seen, decision) =
        known.map_or((at, UserDecision::Held), |known| (known.first_seen, known.decision));
    let person = KnownUser {
        source: held.source.clone(),
        viewer: held.viewer.clone(),
        user: held.user.clone(),
        first_seen,
        last_seen: at,
        last_item: held.item.clone(),
        decision,
    };
    put(connection, &person)
}

/// Notes what is to become of somebody's plays. False where they are not in the list.
pub fn decide(
    connection: &Connection,
    source: &str,
    viewer: &Viewer,
    decision: UserDecision,
) -> rusqlite::Result<bool> {
    let Some(person) = find(connection, source, viewer)? else { return Ok(false) };
    put(connection, &KnownUser { decision, ..person }).map(|()| true)
}

fn find(connection: &Connection, source: &str, viewer: &Viewer) -> rusqlite::Result<Option<KnownUser>> {
    connection
        .prepare_cached("SELECT body FROM people WHERE household = household() AND source = ?1 AND server = ?2 AND user = ?3")?
        .query_row(params![source, viewer.server, viewer.user], |row| json(row, 0))
        .optional()
}

fn put(connection: &Connection, person: &KnownUser) -> rusqlite::Result<()> {
    let KnownUser { source, viewer, last_seen, .. } = person;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO people (household, source, server, user, last_seen, body)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![source, viewer.server, viewer.user, last_seen.as_millisecond(), to_json(person)?])?;
    versions::raise(connection, VERSION)
}
