//! Titles: found by what an item says of them, or made.

use playrelay_engine::library::title::{KnownTitle, TitleFacts, TitleMatch, match_title, title_of};
use playrelay_engine::model::Item;

use crate::sql;
use crate::sql::{Connection, OptionalExtension, Row, ToSql, params};
use crate::tables::rows::{json, to_json};

/// Titles with one name that are looked at.
const MAX_ALIKE: u32 = 100;

/// The title of an item: the one that it belongs to, with what the item knows more of it, or a new one. Absent for an item without id and name.
pub fn resolve(connection: &Connection, item: &Item) -> sql::Result<Option<i64>> {
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
pub fn like(connection: &Connection, item: &Item) -> sql::Result<Vec<KnownTitle>> {
    let keys = TitleFacts::of(item).keys();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let places = vec!["?"; keys.len()].join(", ");
    let limit = MAX_ALIKE * u32::try_from(keys.len()).unwrap_or(1);
    let mut params: Vec<&dyn ToSql> = keys.iter().map(|key| key as &dyn ToSql).collect();
    params.push(&limit);
    let mut known: Vec<KnownTitle> = connection
        .prepare_cached(&format!(
            "SELECT titles.id, titles.body FROM title_keys JOIN titles ON titles.id = title_keys.title
             WHERE title_keys.household = household() AND title_keys.key IN ({places}) LIMIT ?"
        ))?
        .query_map(&*params, read)?
        .collect::<sql::Result<_>>()?;
    known.sort_by_key(|known| known.id);
    known.dedup_by_key(|known| known.id);
    Ok(known)
}

/// A title; absent for an unknown number.
pub fn find(connection: &Connection, id: i64) -> sql::Result<Option<KnownTitle>> {
    connection
        .prepare_cached("SELECT id, body FROM titles WHERE id = ?1 AND household = household()")?
        .query_row([id], read)
        .optional()
}

/// Reads `id, body`.
pub fn read(row: &Row<'_>) -> sql::Result<KnownTitle> {
    Ok(KnownTitle { id: row.get(0)?, item: json(row, 1)? })
}

fn add(connection: &Connection, title: &Item) -> sql::Result<i64> {
    let facts = TitleFacts::of(title);
    let id = connection
        .prepare_cached(
            "INSERT INTO titles (household, kind, name, year, body) VALUES (household(), ?1, ?2, ?3, ?4) RETURNING id",
        )?
        .insert(params![facts.kind, facts.name, facts.year, to_json(title)?])?;
    add_keys(connection, id, &facts)?;
    Ok(id)
}

fn add_keys(connection: &Connection, id: i64, facts: &TitleFacts) -> sql::Result<()> {
    let keys = facts.keys();
    if keys.is_empty() {
        return Ok(());
    }
    let rows = vec!["(household(), ?, ?)"; keys.len()].join(", ");
    let params: Vec<&dyn ToSql> = keys.iter().flat_map(|key| [key as &dyn ToSql, &id]).collect();
    connection
        .prepare_cached(&format!(
            "INSERT INTO title_keys (household, key, title) VALUES {rows} ON CONFLICT DO NOTHING"
        ))?
        .execute(&*params)
        .map(drop)
}

/// Gives a title what an item knows more of it. A title that got its ids is found by its name all the same.
fn complete(connection: &Connection, known: &KnownTitle, item: &Item) -> sql::Result<()> {
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
pub fn to_refresh(connection: &Connection, before: i64, limit: u32) -> sql::Result<Vec<KnownTitle>> {
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
) -> sql::Result<()> {
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
        "INSERT INTO title_genres (household, title, genre) VALUES (household(), ?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    genres.iter().try_for_each(|genre| add.execute(params![id, genre]).map(drop))
}

/// The genres of all titles.
pub fn genres(connection: &Connection) -> sql::Result<Vec<(i64, String)>> {
    connection
        .prepare_cached("SELECT title, genre FROM title_genres WHERE household = household()")?
        .query_map(params![], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// Makes one title of two that are the same.
fn merge(connection: &Connection, into: i64, from: i64) -> sql::Result<()> {
    let Some((kept, other)) = find(connection, into)?.zip(find(connection, from)?) else { return Ok(()) };
    complete(connection, &kept, &other.item)?;
    for statement in [
        "UPDATE plays SET title = ?1 WHERE household = household() AND title = ?2",
        "UPDATE rating_changes SET title = ?1 WHERE household = household() AND title = ?2",
        "UPDATE title_keys SET title = ?1 WHERE title = ?2 AND household = household() AND NOT EXISTS (
             SELECT 1 FROM title_keys AS kept
             WHERE kept.household = title_keys.household AND kept.key = title_keys.key AND kept.title = ?1)",
        "DELETE FROM title_keys WHERE ?1 <> title AND title = ?2 AND household = household()",
        "UPDATE watchlist SET title = ?1 WHERE household = household() AND title = ?2 AND NOT EXISTS (
             SELECT 1 FROM watchlist AS kept
             WHERE kept.household = watchlist.household AND kept.person = watchlist.person AND kept.title = ?1)",
        "DELETE FROM watchlist WHERE household = household() AND ?1 <> title AND title = ?2",
        "DELETE FROM title_genres WHERE household = household() AND ?1 <> title AND title = ?2",
        "DELETE FROM titles WHERE ?1 <> id AND id = ?2 AND household = household()",
    ] {
        connection.prepare_cached(statement)?.execute([into, from])?;
    }
    Ok(())
}
