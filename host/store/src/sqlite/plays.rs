//! Plays and ratings.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::model::ItemKind;
use playrelay_engine::play::{Play, PlayId, Viewer};
use playrelay_engine::transition::Rating;
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::database::SqliteStore;
use crate::sqlite::rows::{json, to_json};
use crate::sqlite::titles;
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

/// Writes a play, in place of what was known of it.
pub fn put(connection: &Connection, play: &Play) -> rusqlite::Result<()> {
    write(connection, play, None, "DO UPDATE SET
         server = excluded.server, user = excluded.user, started_at = excluded.started_at, last_seen_at = excluded.last_seen_at,
         ended_at = excluded.ended_at, watched_at = excluded.watched_at, body = excluded.body, title = excluded.title,
         counted_at = excluded.counted_at, is_movie = excluded.is_movie, runtime_ms = excluded.runtime_ms")
}

/// Writes a play that a job has read. One that is there stays as it is.
pub fn add_imported(connection: &Connection, play: &Play, job: i64) -> rusqlite::Result<()> {
    write(connection, play, Some(job), "DO NOTHING")
}

fn write(connection: &Connection, play: &Play, job: Option<i64>, conflict: &str) -> rusqlite::Result<()> {
    let ms = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
    connection
        .prepare_cached(&format!(
            "INSERT INTO plays (household, id, server, user, started_at, last_seen_at, ended_at, watched_at, body, title, counted_at,
                                is_movie, runtime_ms, job)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (household, id) {conflict}"
        ))?
        .execute(params![
            play.id.0,
            play.viewer.server,
            play.viewer.user,
            play.started_at.as_millisecond(),
            play.last_seen_at.as_millisecond(),
            ms(play.ended_at),
            ms(play.watched_at),
            to_json(play)?,
            titles::resolve(connection, &play.item)?,
            ms(play.counted_at()),
            matches!(play.item.kind, ItemKind::Movie(_)),
            play.item.runtime_ms,
            job
        ])
        .map(drop)
}

/// Gives the plays and ratings of older programs what the library needs of them.
pub fn fill_library(connection: &Connection) -> rusqlite::Result<()> {
    let mut bodies = connection.prepare("SELECT body FROM plays WHERE household = household()")?;
    for play in bodies.query_map([], |row| json(row, 0))? {
        put(connection, &play?)?;
    }
    let mut bodies = connection.prepare("SELECT body FROM ratings WHERE household = household()")?;
    for rating in bodies.query_map([], |row| json(row, 0))? {
        add_change(connection, &rating?, None)?;
    }
    Ok(())
}

/// Writes a rating: as one more, and in place of an older one of the same item by the same user.
pub fn add_rating(connection: &Connection, rating: &Rating, job: Option<i64>) -> rusqlite::Result<()> {
    add_change(connection, rating, job)?;
    let Rating { viewer, rated, .. } = rating;
    let newer = connection
        .prepare_cached(
            "SELECT 1 FROM ratings WHERE household = household() AND server = ?1 AND user = ?2 AND item = ?3 AND at > ?4",
        )?
        .exists(params![viewer.server, viewer.user, rated.item.key(), rated.at.as_millisecond()])?;
    if newer { Ok(()) } else { put_rating(connection, rating) }
}

fn add_change(connection: &Connection, rating: &Rating, job: Option<i64>) -> rusqlite::Result<()> {
    let Rating { viewer, rated, .. } = rating;
    connection
        .prepare_cached(
            "INSERT INTO rating_changes (household, server, user, item, title, at, body, job)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (household, server, user, item, at) DO UPDATE SET body = excluded.body, title = excluded.title",
        )?
        .execute(params![
            viewer.server,
            viewer.user,
            rated.item.key(),
            titles::resolve(connection, &rated.item)?,
            rated.at.as_millisecond(),
            to_json(rating)?,
            job
        ])
        .map(drop)
}

/// Takes back the ratings of a job: what was given before counts again. Gives how many.
pub fn remove_ratings_of(connection: &Connection, job: i64) -> rusqlite::Result<u64> {
    let removed: Vec<Rating> = connection
        .prepare_cached(
            "DELETE FROM rating_changes WHERE household = household() AND job = ?1 RETURNING body",
        )?
        .query_map([job], |row| json(row, 0))?
        .collect::<Result<_, _>>()?;
    for Rating { viewer, rated, .. } in &removed {
        let (server, user, item) = (&viewer.server, &viewer.user, rated.item.key());
        connection
            .prepare_cached("DELETE FROM ratings WHERE household = household() AND server = ?1 AND user = ?2 AND item = ?3")?
            .execute(params![server, user, item])?;
        let before = connection
            .prepare_cached(
                "SELECT body FROM rating_changes
                 WHERE household = household() AND server = ?1 AND user = ?2 AND item = ?3 ORDER BY at DESC LIMIT 1",
            )?
            .query_row(params![server, user, item], |row| json(row, 0))
            .optional()?;
        if let Some(before) = before {
            put_rating(connection, &before)?;
        }
    }
    Ok(removed.len() as u64)
}

fn put_rating(connection: &Connection, rating: &Rating) -> rusqlite::Result<()> {
    let Rating { viewer, rated, .. } = rating;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO ratings (household, server, user, item, at, body)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            viewer.server,
            viewer.user,
            rated.item.key(),
            rated.at.as_millisecond(),
            to_json(rating)?
        ])
        .map(drop)
}
