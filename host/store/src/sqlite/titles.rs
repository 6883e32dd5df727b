//! Titles: found by what an item says of them, or made.

use playrelay_engine::library::title::{KnownTitle, TitleFacts, TitleMatch, match_title, title_of};
use playrelay_engine::model::Item;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::sqlite::rows::{json, to_json};

/// Titles with one name that are looked at.
const MAX_ALIKE: u32 = 100;

/// The title of an item: the one that it belongs to, with what the item knows more of it, or a new one. Absent for an item without id and name.
pub fn resolve(connection: &Connection, item: &Item) -> rusqlite::Result<Option<i64>> {
    if TitleFacts::of(item).is_nameless() {
        return Ok(None);
    }
    let known = like(connection, item)?;
    match match_title(item, &known) {
        TitleMatch::One { id, merged } => {
            for other in merged {
                merge(connection, id, other)?;
            }
            if let Some(known) = known.iter().find(|known| known.id == id) {
                complete(connection, known, item)?;
            }
            Ok(Some(id))
        }
        TitleMatch::New | TitleMatch::Unclear(_) => add(connection, &title_of(item)).map(Some),
    }
}

/// The titles that share a key with an item.
pub fn like(connection: &Connection, item: &Item) -> rusqlite::Result<Vec<KnownTitle>> {
    let mut known: Vec<KnownTitle> = Vec::new();
    let mut found = connection.prepare_cached(
        "SELECT titles.id, titles.body FROM title_keys JOIN titles ON titles.id = title_keys.title
         WHERE title_keys.household = household() AND title_keys.key = ?1 LIMIT ?2",
    )?;
    for key in TitleFacts::of(item).keys() {
        for title in found.query_map(params![key, MAX_ALIKE], read)? {
            let title = title?;
            if known.iter().all(|known| known.id != title.id) {
                known.push(title);
            }
        }
    }
    Ok(known)
}

/// A title; absent for an unknown number.
pub fn find(connection: &Connection, id: i64) -> rusqlite::Result<Option<KnownTitle>> {
    connection
        .prepare_cached("SELECT id, body FROM titles WHERE id = ?1 AND household = household()")?
        .query_row([id], read)
        .optional()
}

/// Reads `id, body`.
pub fn read(row: &Row<'_>) -> rusqlite::Result<KnownTitle> {
    Ok(KnownTitle { id: row.get(0)?, item: json(row, 1)? })
}

fn add(connection: &Connection, title: &Item) -> rusqlite::Result<i64> {
    let facts = TitleFacts::of(title);
    let id = connection
        .prepare_cached(
            "INSERT INTO titles (household, kind, name, year, body) VALUES (household(), ?1, ?2, ?3, ?4)",
        )?
        .insert(params![facts.kind, facts.name, facts.year, to_json(title)?])?;
    add_keys(connection, id, &facts)?;
    Ok(id)
}

fn add_keys(connection: &Connection, id: i64, facts: &TitleFacts) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT OR IGNORE INTO title_keys (household, key, title) VALUES (household(), ?1, ?2)",
    )?;
    facts.keys().iter().try_for_each(|key| statement.execute(params![key, id]).map(drop))
}

/// Gives a title what an item knows more of it. A title that got its ids is found by its name all the same.
fn complete(connection: &Connection, known: &KnownTitle, item: &Item) -> rusqlite::Result<()> {
    let mut title = known.item.clone();
    title.fill_from(&title_of(item));
    if title == known.item {
        return Ok(());
    }
    let facts = TitleFacts::of(&title);
    connection
        .prepare_cached(
            "UPDATE titles SET name = ?2, year = ?3, body = ?4 WHERE id = ?1 AND household = household()",
        )?
        .execute(params![known.id, facts.name, facts.year, to_json(&title)?])?;
    add_keys(connection, known.id, &facts)
}

/// Titles that no catalogue was asked for since a time, the oldest first.
pub fn to_refresh(connection: &Connection, before: i64, limit: u32) -> rusqlite::Result<Vec<KnownTitle>> {
    connection
        .prepare_cached(
            "SELECT id, body FROM titles
             WHERE household = household() AND (refreshed_at IS NULL OR refreshed_at < ?1) ORDER BY id LIMIT ?2",
        )?
        .query_map(params![before, limit], read)?
        .collect()
}

/// Keeps what a catalogue said of a title: what `item` knows more of it, and its genres in the place of those before.
pub fn refresh(
    connection: &Connection,
    id: i64,
    item: Option<&Item>,
    genres: &[String],
    at: i64,
) -> rusqlite::Result<()> {
    let Some(known) = find(connection, id)? else { return Ok(()) };
    if let Some(item) = item {
        complete(connection, &known, item)?;
    }
    connection
        .prepare_cached("UPDATE titles SET refreshed_at = ?2 WHERE id = ?1 AND household = household()")?
        .execute([id, at])?;
    connection
        .prepare_cached("DELETE FROM title_genres WHERE household = household() AND title = ?1")?
        .execute([id])?;
    let mut add = connection.prepare_cached(
        "INSERT OR IGNORE INTO title_genres (household, title, genre) VALUES (household(), ?1, ?2)",
    )?;
    genres.iter().try_for_each(|genre| add.execute(params![id, genre]).map(drop))
}

/// The genres of all titles.
pub fn genres(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    connection
        .prepare_cached("SELECT title, genre FROM title_genres WHERE household = household()")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Makes one title of two that are the same.
fn merge(connection: &Connection, into: i64, from: i64) -> rusqlite::Result<()> {
    let Some((kept, other)) = find(connection, into)?.zip(find(connection, from)?) else { return Ok(()) };
    complete(connection, &kept, &other.item)?;
    for statement in [
        "UPDATE plays SET title = ?1 WHERE household = household() AND title = ?2",
        "UPDATE rating_changes SET title = ?1 WHERE household = household() AND title = ?2",
        "UPDATE OR IGNORE title_keys SET title = ?1 WHERE title = ?2 AND household = household()",
        "DELETE FROM title_keys WHERE ?1 <> title AND title = ?2 AND household = household()",
        "UPDATE OR IGNORE watchlist SET title = ?1 WHERE household = household() AND title = ?2",
        "DELETE FROM watchlist WHERE household = household() AND ?1 <> title AND title = ?2",
        "DELETE FROM title_genres WHERE household = household() AND ?1 <> title AND title = ?2",
        "DELETE FROM titles WHERE ?1 <> id AND id = ?2 AND household = household()",
    ] {
        connection.prepare_cached(statement)?.execute([into, from])?;
    }
    Ok(())
}
