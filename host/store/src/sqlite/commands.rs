//! What a person says of events in the outbox.

use playrelay_engine::event::TrackerEvent;
use playrelay_engine::verdict::Stage;
use rusqlite::{Connection, params};

use super::rows::{add_step, json, to_json};
use crate::{Command, DeliveryState, Selection};

/// Does it. Gives the number of events.
pub fn apply(
    connection: &Connection,
    selection: Selection,
    command: &Command,
    at: i64,
) -> rusqlite::Result<usize> {
    let (which, id) = match selection {
        Selection::One(id) => ("id = ?1", Some(id)),
        Selection::AllFailed => ("?1 IS NULL AND state IN ('dead', 'unmatched')", None),
        Selection::AllWaiting => ("?1 IS NULL AND state = 'waiting' AND attempts > 0", None),
    };
    // What was delivered, or is no longer true, is the past.
    let states = match command {
        Command::Drop => "'waiting', 'held', 'dead', 'unmatched'",
        Command::Retry | Command::Match(_) => {
            "'waiting', 'held', 'dead', 'unmatched', 'unsupported', 'skipped', 'dropped'"
        }
    };
    let events: Vec<(i64, i64, TrackerEvent)> = connection
        .prepare(&format!("SELECT id, inbox, body FROM outbox WHERE {which} AND state IN ({states})"))?
        .query_map(params![id], |row| Ok((row.get(0)?, row.get(1)?, json(row, 2)?)))?
        .collect::<Result<_, _>>()?;
    for (id, inbox, mut event) in events.iter().cloned() {
        let action = event.action.name();
        if !matches!(command, Command::Drop) && is_overtaken(connection, id)? {
            settle(connection, id, DeliveryState::Superseded, "a later one has taken its place", at)?;
            continue;
        }
        let (code, text) = match command {
            Command::Drop => {
                settle(connection, id, DeliveryState::Dropped, "dropped by hand", at)?;
                ("dropped", format!("\u{201c}{action}\u{201d} for {} was dropped by hand", event.tracker))
            }
            Command::Retry => {
                again(connection, id, &event, at)?;
                ("retried", format!("\u{201c}{action}\u{201d} for {} is tried again, by hand", event.tracker))
            }
            Command::Match(item) => {
                event.item = (**item).clone();
                again(connection, id, &event, at)?;
                let text = format!("\u{201c}{action}\u{201d} for {} is {item}, somebody said", event.tracker);
                ("matched-by-hand", text)
            }
        };
        add_step(connection, inbox, at, Stage::Delivery.as_str(), code, &text)?;
    }
    Ok(events.len())
}

fn settle(
    connection: &Connection,
    id: i64,
    state: DeliveryState,
    note: &str,
    at: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE outbox SET state = ?2, note = ?3, settled_at = ?4 WHERE id = ?1")?
        .execute(params![id, state.as_str(), note, at])
        .map(drop)
}

/// Whether the tracker has been told, or is to be told, something later of the same: an old rating must not take the place of a
/// newer one, nor a watch that of its being taken back.
fn is_overtaken(connection: &Connection, id: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox AS this JOIN outbox AS later
                 ON later.tracker = this.tracker AND later.subject = this.subject AND later.weight = this.weight
                 AND later.id > this.id AND later.state IN ('waiting', 'delivered', 'duplicate')
             WHERE this.id = ?1)",
        )?
        .query_row(params![id], |row| row.get(0))
}

/// A watch may have arrived at an earlier attempt, so it is looked for first. The account is tried at once, too, unless it waits
/// for a login.
fn again(connection: &Connection, id: i64, event: &TrackerEvent, at: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'waiting', body = ?2, next_at = ?3, settled_at = NULL, note = NULL,
             uncertain = uncertain OR (weight = 'watch' AND attempts > 0), attempts = 0, since = ?3 WHERE id = ?1",
        )?
        .execute(params![id, to_json(event)?, at])?;
    connection
        .prepare_cached(
            "UPDATE accounts SET parked = NULL WHERE name = ?1 AND json_extract(parked, '$.kind') <> 'login'",
        )?
        .execute(params![event.tracker])
        .map(drop)
}
