//! Users whom no route names.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::play::Viewer;
use playrelay_engine::routing::UnroutedUser;
use playrelay_engine::routing::users::{KnownUser, UserDecision};

use crate::sql;
use crate::sql::{Connection, OptionalExtension, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::{json, to_json};
use crate::tables::versions;
use crate::{StoreError, UserStore};

/// The name of the list's version.
const VERSION: &str = "people";

#[async_trait]
impl UserStore for SqlStore {
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
        self.write(move |connection| decide(connection, &source, &viewer, &decision)).await
    }

    async fn users_version(&self) -> Result<i64, StoreError> {
        self.read(|connection| versions::get(connection, VERSION)).await
    }
}

/// All of them, those who were seen last first.
pub fn list(connection: &Connection) -> sql::Result<Vec<KnownUser>> {
    connection
        .prepare_cached("SELECT body FROM people WHERE household = household() ORDER BY last_seen DESC")?
        .query_map(params![], |row| json(row, 0))?
        .collect()
}

/// Puts somebody into the list, or notes what they watched last.
pub fn hold(connection: &Connection, held: &UnroutedUser, at: Timestamp) -> sql::Result<()> {
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
    decision: &UserDecision,
) -> sql::Result<bool> {
    let Some(person) = find(connection, source, viewer)? else { return Ok(false) };
    put(connection, &KnownUser { decision: decision.clone(), ..person }).map(|()| true)
}

fn find(connection: &Connection, source: &str, viewer: &Viewer) -> sql::Result<Option<KnownUser>> {
    connection
        .prepare_cached("SELECT body FROM people WHERE household = household() AND source = ?1 AND server = ?2 AND user = ?3")?
        .query_row(params![source, viewer.server, viewer.user], |row| json(row, 0))
        .optional()
}

fn put(connection: &Connection, person: &KnownUser) -> sql::Result<()> {
    let KnownUser { source, viewer, last_seen, .. } = person;
    connection
        .prepare_cached(
            "INSERT INTO people (household, source, server, user, last_seen, body)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (household, source, server, user) DO UPDATE SET last_seen = excluded.last_seen, body = excluded.body",
        )?
        .execute(params![source, viewer.server, viewer.user, last_seen.as_millisecond(), to_json(person)?])?;
    versions::raise(connection, VERSION)
}
