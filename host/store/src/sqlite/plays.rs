//! Plays and ratings.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::play::{Play, PlayId, Viewer};
use playrelay_engine::transition::Rating;
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::database::SqliteStore;
use crate::sqlite::rows::json;
use crate::{PlayFilter, PlayStore, StoreError};

#[async_trait]
impl PlayStore for SqliteStore {
    async fn plays_matching(&self, filter: PlayFilter) -> Result<Vec<Play>, StoreError> {
        self.read(move |connection| matching(connection, &filter)).await
    }

    async fn play(&self, id: &PlayId) -> Result<Option<Play>, StoreError> {
        let id = id.clone();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT body FROM plays WHERE household = household() AND id = ?1")?
                .query_row([id.0], |row| json(row, 0))
                .optional()
        })
        .await
    }

    async fn plays_since(&self, since: Timestamp) -> Result<Vec<Play>, StoreError> {
        self.read(move |connection| self::since(connection, since)).await
    }

    async fn plays_around(&self, server: &str, at: Timestamp) -> Result<Vec<Play>, StoreError> {
        let server = server.to_owned();
        self.read(move |connection| around(connection, &server, at)).await
    }

    async fn plays_of_item(&self, server: &str, item: &str) -> Result<Vec<Play>, StoreError> {
        let (server, item) = (server.to_owned(), item.to_owned());
        self.read(move |connection| of_item(connection, &server, &item)).await
    }

    async fn unrouted_plays(&self, viewer: &Viewer) -> Result<(Vec<Play>, Vec<Rating>), StoreError> {
        let viewer = viewer.clone();
        self.read(move |connection| held_of(connection, &viewer)).await
    }

    async fn ratings_since(&self, since: Timestamp) -> Result<Vec<Rating>, StoreError> {
        self.read(move |connection| ratings_since(connection, since)).await
    }
}

/// Two days. Milliseconds.
const AROUND_MS: i64 = 2 * 24 * 60 * 60 * 1000;
/// Plays that fit, the newest first.
fn matching(connection: &Connection, filter: &PlayFilter) -> rusqlite::Result<Vec<Play>> {
    let (at, id) = match &filter.before {
        Some((at, id)) => (at.as_millisecond(), id.0.clone()),
        None => (i64::MAX, String::new()),
    };
    // SQLite leaves out most rows by the text of their body, so that few have to be read; which fit is said by `fits`.
    let pattern =
        |part: &Option<String>| part.as_ref().filter(|part| part.is_ascii()).cloned().unwrap_or_default();
    let mut statement = connection.prepare_cached(
        "SELECT body FROM plays
         WHERE household = household() AND (started_at, id) < (?1, ?2)
           AND instr(lower(body), lower(?3)) > 0 AND instr(lower(body), lower(?4)) > 0
         ORDER BY started_at DESC, id DESC",
    )?;
    let mut rows = statement.query(params![
        at,
        id,
        first_word(&pattern(&filter.user)),
        first_word(&pattern(&filter.title))
    ])?;
    let mut plays = Vec::new();
    while let Some(row) = rows.next()? {
        let play: Play = json(row, 0)?;
        if filter.fits(&play) {
            plays.push(play);
        }
        if plays.len() >= filter.limit as usize {
            break;
        }
    }
    Ok(plays)
}

/// The first word of letters: signs between words may be written otherwise in the body.
fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .find(|word| !word.is_empty())
        .unwrap_or_default()
}

/// Plays that are going on, and those that ended since a time.
pub fn since(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Play>> {
    // Two conditions in one query would have SQLite read all plays.
    connection
        .prepare_cached(
            "SELECT body FROM plays INDEXED BY plays_open WHERE household = household() AND ended_at IS NULL
             UNION ALL SELECT body FROM plays INDEXED BY plays_open WHERE household = household() AND ended_at >= ?1",
        )?
        .query_map(params![since.as_millisecond()], |row| json(row, 0))?
        .collect()
}

/// Plays on a server within two days of a time.
pub fn around(connection: &Connection, server: &str, at: Timestamp) -> rusqlite::Result<Vec<Play>> {
    let at = at.as_millisecond();
    connection
        .prepare_cached(
            "SELECT body FROM plays WHERE household = household() AND server = ?1 AND last_seen_at BETWEEN ?2 AND ?3
             ORDER BY last_seen_at, id",
        )?
        .query_map(params![server, at - AROUND_MS, at + AROUND_MS], |row| json(row, 0))?
        .collect()
}

/// Plays of an item of a server, by whomever: the item by the server's own key for it.
pub fn of_item(connection: &Connection, server: &str, item: &str) -> rusqlite::Result<Vec<Play>> {
    connection
        .prepare_cached(
            "SELECT body FROM plays
             WHERE household = household() AND server = ?1 AND json_extract(body, '$.item.server_ref') = ?2
             ORDER BY last_seen_at, id",
        )?
        .query_map(params![server, item], |row| json(row, 0))?
        .collect()
}

/// Plays of a viewer that ended and are held, the oldest first, and held ratings.
pub fn held_of(connection: &Connection, viewer: &Viewer) -> rusqlite::Result<(Vec<Play>, Vec<Rating>)> {
    let of_viewer = params![viewer.server, viewer.user];
    let plays = connection
        .prepare_cached(
            "SELECT body FROM plays WHERE household = household() AND server = ?1 AND user = ?2 AND ended_at IS NOT NULL
             AND json_extract(body, '$.held') ORDER BY ended_at",
        )?
        .query_map(of_viewer, |row| json(row, 0))?
        .collect::<Result<_, _>>()?;
    let ratings = connection
        .prepare_cached(
            "SELECT body FROM ratings WHERE household = household() AND server = ?1 AND user = ?2
             AND json_extract(body, '$.held') ORDER BY at",
        )?
        .query_map(of_viewer, |row| json(row, 0))?
        .collect::<Result<_, _>>()?;
    Ok((plays, ratings))
}

/// Ratings since a time, the oldest first.
pub fn ratings_since(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Rating>> {
    connection
        .prepare_cached("SELECT body FROM ratings WHERE household = household() AND at >= ?1 ORDER BY at")?
        .query_map(params![since.as_millisecond()], |row| json(row, 0))?
        .collect()
}
