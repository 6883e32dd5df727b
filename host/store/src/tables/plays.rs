//! Plays and ratings.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::play::{Play, PlayId, Viewer};
use playrelay_engine::transition::Rating;

use crate::sql;
use crate::sql::{Connection, OptionalExtension, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::json;
use crate::{PlayFilter, PlayStore, StoreError};

#[async_trait]
impl PlayStore for SqlStore {
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
/// Plays that are read at a time where they are looked for by a text.
const PAGE_ROWS: u32 = 500;

/// Plays that fit, the newest first.
fn matching(connection: &Connection, filter: &PlayFilter) -> sql::Result<Vec<Play>> {
    let (mut at, mut id) = match &filter.before {
        Some((at, id)) => (at.as_millisecond(), id.0.clone()),
        None => (i64::MAX, String::new()),
    };
    // The database leaves out most rows by the text of their body, so that few have to be read; which fit is said by `fits`.
    let pattern =
        |part: &Option<String>| part.as_ref().filter(|part| part.is_ascii()).cloned().unwrap_or_default();
    let (user, title) = (pattern(&filter.user), pattern(&filter.title));
    let mut statement = connection.prepare_cached(
        "SELECT started_at, id, body FROM plays
         WHERE household = household() AND (started_at, id) < (?1, ?2)
           AND instr(lower(body), lower(?3)) > 0 AND instr(lower(body), lower(?4)) > 0
         ORDER BY started_at DESC, id DESC LIMIT ?5",
    )?;
    let page = filter.limit.clamp(1, PAGE_ROWS);
    let mut plays = Vec::new();
    loop {
        let mut last = None;
        let mut read = 0;
        statement.each(params![at, id, first_word(&user), first_word(&title), page], |row| {
            read += 1;
            last = Some((row.get(0)?, row.get(1)?));
            let play: Play = json(row, 2)?;
            if filter.fits(&play) {
                plays.push(play);
            }
            Ok(plays.len() < filter.limit as usize)
        })?;
        match last {
            Some(last) if read == page && plays.len() < filter.limit as usize => (at, id) = last,
            _ => return Ok(plays),
        }
    }
}

/// The first word of letters: signs between words may be written otherwise in the body.
fn first_word(text: &str) -> &str {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .find(|word| !word.is_empty())
        .unwrap_or_default()
}

/// Plays that are going on, and those that ended since a time.
pub fn since(connection: &Connection, since: Timestamp) -> sql::Result<Vec<Play>> {
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
pub fn around(connection: &Connection, server: &str, at: Timestamp) -> sql::Result<Vec<Play>> {
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
pub fn of_item(connection: &Connection, server: &str, item: &str) -> sql::Result<Vec<Play>> {
    connection
        .prepare_cached(
            "SELECT body FROM plays
             WHERE household = household() AND server = ?1 AND item = ?2
             ORDER BY last_seen_at, id",
        )?
        .query_map(params![server, item], |row| json(row, 0))?
        .collect()
}

/// Plays of a viewer that ended and are held, the oldest first, and held ratings.
pub fn held_of(connection: &Connection, viewer: &Viewer) -> sql::Result<(Vec<Play>, Vec<Rating>)> {
    let of_viewer = params![viewer.server, viewer.user];
    let plays = connection
        .prepare_cached(
            "SELECT body FROM plays WHERE household = household() AND server = ?1 AND user = ?2 AND ended_at IS NOT NULL
             AND held = 1 ORDER BY ended_at",
        )?
        .query_map(of_viewer, |row| json(row, 0))?
        .collect::<Result<_, _>>()?;
    let ratings = connection
        .prepare_cached(
            "SELECT body FROM ratings WHERE household = household() AND server = ?1 AND user = ?2
             AND held = 1 ORDER BY at",
        )?
        .query_map(of_viewer, |row| json(row, 0))?
        .collect::<Result<_, _>>()?;
    Ok((plays, ratings))
}

/// Ratings since a time, the oldest first.
pub fn ratings_since(connection: &Connection, since: Timestamp) -> sql::Result<Vec<Rating>> {
    connection
        .prepare_cached("SELECT body FROM ratings WHERE household = household() AND at >= ?1 ORDER BY at")?
        .query_map(params![since.as_millisecond()], |row| json(row, 0))?
        .collect()
}
