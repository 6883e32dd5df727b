//! Rows of plays and ratings, written.

use jiff::Timestamp;
use playrelay_engine::model::ItemKind;
use playrelay_engine::play::{Play, PlayId};
use playrelay_engine::transition::Rating;

use crate::sql;
use crate::sql::{Connection, OptionalExtension, params};
use crate::tables::rows::{json, to_json};
use crate::tables::titles;

/// Writes a play, in place of what was known of it. Whose it is and when it began are part of its id.
pub fn put(connection: &Connection, play: &Play) -> sql::Result<()> {
    let title = titles::resolve(connection, &play.item)?;
    let body = to_json(play)?;
    if move_on(connection, play, title, &body)? {
        return Ok(());
    }
    write(connection, play, title, &body, None, "DO UPDATE SET
         last_seen_at = excluded.last_seen_at, ended_at = excluded.ended_at, watched_at = excluded.watched_at, body = excluded.body,
         title = excluded.title, counted_at = excluded.counted_at, is_movie = excluded.is_movie, runtime_ms = excluded.runtime_ms,
         item = excluded.item, held = excluded.held")
}

/// Writes a play that is known and has only moved on, as most reports say: the indexes over everything else stay as they are. False where more
/// is new.
fn move_on(connection: &Connection, play: &Play, title: Option<i64>, body: &str) -> sql::Result<bool> {
    connection
        .prepare_cached(
            "UPDATE plays SET last_seen_at = ?2, body = ?3
             WHERE household = household() AND id = ?1 AND ended_at IS NOT DISTINCT FROM ?4 AND watched_at IS NOT DISTINCT FROM ?5
               AND title IS NOT DISTINCT FROM ?6 AND counted_at IS NOT DISTINCT FROM ?7 AND is_movie = ?8
               AND runtime_ms IS NOT DISTINCT FROM ?9 AND item IS NOT DISTINCT FROM ?10 AND held = ?11",
        )?
        .execute(params![
            play.id.0,
            play.last_seen_at.as_millisecond(),
            body,
            ms(play.ended_at),
            ms(play.watched_at),
            title,
            ms(play.counted_at()),
            matches!(play.item.kind, ItemKind::Movie(_)),
            play.item.runtime_ms,
            play.item.server_ref,
            play.routing.awaiting_route
        ])
        .map(|changed| changed > 0)
}

fn ms(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::as_millisecond)
}

/// Writes a play that a job has read. One that is there stays as it is.
pub fn add_imported(connection: &Connection, play: &Play, job: i64) -> sql::Result<()> {
    write(
        connection,
        play,
        titles::resolve(connection, &play.item)?,
        &to_json(play)?,
        Some(job),
        "DO NOTHING",
    )
}

fn write(
    connection: &Connection,
    play: &Play,
    title: Option<i64>,
    body: &str,
    job: Option<i64>,
    conflict: &str,
) -> sql::Result<()> {
    connection
        .prepare_cached(&format!(
            "INSERT INTO plays (household, id, server, user, started_at, last_seen_at, ended_at, watched_at, body, title, counted_at,
                                is_movie, runtime_ms, job, item, held)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
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
            body,
            title,
            ms(play.counted_at()),
            matches!(play.item.kind, ItemKind::Movie(_)),
            play.item.runtime_ms,
            job,
            play.item.server_ref,
            play.routing.awaiting_route
        ])
        .map(drop)
}

/// Gives the plays and ratings of older programs what the library needs of them. One that cannot be read stays as it is: the rest must be there.
pub fn fill_library(connection: &Connection) -> sql::Result<()> {
    let mut bodies = connection.prepare_cached("SELECT id, body FROM plays WHERE household = household()")?;
    for row in bodies.query_map(params![], |row| Ok((row.get::<String>(0)?, json::<Play>(row, 1))))? {
        match row? {
            (_, Ok(play)) => put(connection, &play)?,
            (id, Err(error)) => {
                tracing::warn!(play = id, %error, "a play is left out of the library: it cannot be read");
            }
        }
    }
    let mut bodies =
        connection.prepare_cached("SELECT item, body FROM ratings WHERE household = household()")?;
    for row in bodies.query_map(params![], |row| Ok((row.get::<String>(0)?, json::<Rating>(row, 1))))? {
        match row? {
            (_, Ok(rating)) => add_change(connection, &rating, None)?,
            (item, Err(error)) => {
                tracing::warn!(item, %error, "a rating is left out of the library: it cannot be read");
            }
        }
    }
    Ok(())
}

/// Writes a rating: as one more, and in place of an older one of the same item by the same user.
pub fn add_rating(connection: &Connection, rating: &Rating, job: Option<i64>) -> sql::Result<()> {
    add_change(connection, rating, job)?;
    let Rating { viewer, rated, .. } = rating;
    let newer = connection
        .prepare_cached(
            "SELECT 1 FROM ratings WHERE household = household() AND server = ?1 AND user = ?2 AND item = ?3 AND at > ?4",
        )?
        .exists(params![viewer.server, viewer.user, rated.item.key(), rated.at.as_millisecond()])?;
    if newer { Ok(()) } else { put_rating(connection, rating) }
}

fn add_change(connection: &Connection, rating: &Rating, job: Option<i64>) -> sql::Result<()> {
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
pub fn remove_ratings_of(connection: &Connection, job: i64) -> sql::Result<u64> {
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

fn put_rating(connection: &Connection, rating: &Rating) -> sql::Result<()> {
    let Rating { viewer, rated, .. } = rating;
    connection
        .prepare_cached(
            "INSERT INTO ratings (household, server, user, item, at, body, held)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (household, server, user, item) DO UPDATE SET at = excluded.at, body = excluded.body, held = excluded.held",
        )?
        .execute(params![
            viewer.server,
            viewer.user,
            rated.item.key(),
            rated.at.as_millisecond(),
            to_json(rating)?,
            rating.held
        ])
        .map(drop)
}

/// Removes a play that an import wrote: one that a server tells takes its place.
pub fn remove_imported(connection: &Connection, play: &PlayId) -> sql::Result<()> {
    connection
        .prepare_cached("DELETE FROM plays WHERE household = household() AND id = ?1 AND job IS NOT NULL")?
        .execute([&play.0])
        .map(drop)
}
