//! The outbox.

use jiff::Timestamp;
use playrelay_engine::event::{Action, TrackerEvent, Weight};
use playrelay_engine::verdict::Stage;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{add_step, json, named, time, to_json};
use crate::{Attempt, DeliveryState, OutboxRow, Told};

/// A play that goes on this near to where it was paused has not moved. Percent.
const SAME_PLACE: f64 = 1.0;

const COLUMNS: &str = "id, inbox, body, state, attempts, uncertain, next_at, note, later, since";
/// What is noted of word of playing that takes back a pause.
const UNSAID: &str = "the pause was over before it was told";

/// Puts an event into the outbox. What it makes pointless is superseded; a watch that is there already is left out.
pub fn add(
    connection: &Connection,
    inbox: i64,
    event: &TrackerEvent,
    later: bool,
    at: i64,
) -> rusqlite::Result<()> {
    let weight = event.action.weight();
    let superseded = match weight {
        Weight::Rating => Some(Weight::Rating),
        Weight::Presence | Weight::Watch => Some(Weight::Presence),
        Weight::Removal => None,
    };
    let superseded = superseded.map(Weight::as_str);
    let note = format!("superseded by \u{201c}{}\u{201d}", event.action.name());
    let superseded: Vec<(u32, TrackerEvent)> = connection
        .prepare_cached(
            "UPDATE outbox SET state = 'superseded', note = ?4, settled_at = ?5
             WHERE tracker = ?1 AND subject = ?2 AND weight = ?3 AND state = 'waiting'
             RETURNING attempts, body",
        )?
        .query_map(params![event.tracker, event.subject, superseded, note, at], |row| {
            Ok((row.get(0)?, json(row, 1)?))
        })?
        .collect::<Result<_, _>>()?;
    let unsaid = takes_back_a_pause(connection, event, &superseded)?;
    let added = connection
        .prepare_cached(
            "INSERT OR IGNORE INTO outbox (inbox, tracker, subject, action, weight, body, next_at, later, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            inbox,
            event.tracker,
            event.subject,
            event.action.name(),
            weight.as_str(),
            to_json(event)?,
            due(event, at),
            later,
            at
        ])?;
    if unsaid {
        connection
            .prepare_cached(
                "UPDATE outbox SET state = 'superseded', note = ?2, settled_at = ?3 WHERE id = ?1",
            )?
            .execute(params![connection.last_insert_rowid(), UNSAID, at])?;
    }
    if added == 0 {
        let text = format!("{} has been told of this watch", event.tracker);
        add_step(connection, inbox, at, Stage::Delivery.as_str(), "told-before", &text)?;
    }
    Ok(())
}

/// Whether an event only says that something plays of which the tracker was told so, and of whose pause, just superseded, it
/// has not heard.
fn takes_back_a_pause(
    connection: &Connection,
    event: &TrackerEvent,
    superseded: &[(u32, TrackerEvent)],
) -> rusqlite::Result<bool> {
    let (Action::Playing(progress), [(0, pause)]) = (event.action, superseded) else { return Ok(false) };
    if !matches!(pause.action, Action::Paused(at) if (at - progress).abs() <= SAME_PLACE) {
        return Ok(false);
    }
    let told: Option<TrackerEvent> = connection
        .prepare_cached(
            "SELECT body FROM outbox
             WHERE tracker = ?1 AND subject = ?2 AND weight = 'presence' AND state IN ('delivered', 'duplicate')
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![event.tracker, event.subject], |row| json(row, 0))
        .optional()?;
    Ok(told.is_some_and(|told| matches!(told.action, Action::Playing(_))))
}

/// The first event that is due and has no other of its subject before it. The indexes are named: without statistics SQLite's planner
/// takes the one over all that is kept.
pub fn next_due(
    connection: &Connection,
    tracker: &str,
    now: Timestamp,
) -> rusqlite::Result<Option<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox AS this INDEXED BY outbox_queue
             WHERE tracker = ?1 AND state = 'waiting' AND next_at <= ?2 AND NOT EXISTS (
                 SELECT 1 FROM outbox AS earlier INDEXED BY outbox_waiting
                 WHERE earlier.tracker = this.tracker AND earlier.subject = this.subject
                   AND earlier.state = 'waiting' AND earlier.id < this.id)
             ORDER BY id LIMIT 1"
        ))?
        .query_row(params![tracker, now.as_millisecond()], read)
        .optional()
}

/// When the next event becomes due.
pub fn next_time(connection: &Connection, tracker: &str) -> rusqlite::Result<Option<Timestamp>> {
    connection
        .prepare_cached(
            "SELECT MIN(next_at) FROM outbox INDEXED BY outbox_due WHERE tracker = ?1 AND state = 'waiting'",
        )?
        .query_row(params![tracker], |row| Ok(row.get::<_, Option<i64>>(0)?.map(time)))
}

/// Writes that an attempt is about to be made.
pub fn attempting(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE outbox SET uncertain = 1 WHERE id = ?1")?.execute(params![id]).map(drop)
}

/// Makes what waits after a failure due.
pub fn wake(connection: &Connection, tracker: &str, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET next_at = ?2
             WHERE tracker = ?1 AND state = 'waiting' AND attempts > 0 AND next_at > ?2",
        )?
        .execute(params![tracker, now.as_millisecond()])
        .map(drop)
}

/// Writes what became of an attempt. What was said of the event meanwhile stays: one that was superseded or dropped stays so unless the
/// tracker has taken it, and one that somebody has matched is still to be sent.
pub fn attempted(
    connection: &Connection,
    row: &OutboxRow,
    attempt: &Attempt,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let now = at.as_millisecond();
    let tracker = &row.event.tracker;
    let action = row.event.action.name();
    let (code, text) = match attempt {
        Attempt::Settled { state, note, .. } if is_matched_anew(connection, row)? => {
            let text = format!(
                "\u{201c}{action}\u{201d} for {tracker} was {} with what it was before: {note}",
                state.as_str()
            );
            return add_step(connection, row.inbox, now, Stage::Delivery.as_str(), "overtaken", &text);
        }
        Attempt::Settled { state, note, receipt } => {
            let receipt = receipt.as_ref().map(to_json).transpose()?;
            let is_taken = matches!(state, DeliveryState::Delivered | DeliveryState::Duplicate);
            connection
                .prepare_cached(
                    "UPDATE outbox SET state = ?2, note = ?3, receipt = ?4, settled_at = ?5, attempts = ?6, uncertain = 0
                     WHERE id = ?1 AND (?7 OR state = 'waiting')",
                )?
                .execute(params![row.id, state.as_str(), note, receipt, now, row.attempts + 1, is_taken])?;
            if *state == DeliveryState::Delivered && matches!(row.event.action, Action::Paused(_)) {
                say_after_all(connection, &row.event, now)?;
            }
            if matches!(state, DeliveryState::Delivered | DeliveryState::Duplicate) {
                unlist(connection, row, at)?;
            }
            let separator = if note.is_empty() { "" } else { ": " };
            (
                state.as_str(),
                format!("\u{201c}{action}\u{201d} for {tracker} is {}{separator}{note}", state.as_str()),
            )
        }
        Attempt::Postponed { next_at, note, uncertain } => {
            connection
                .prepare_cached(
                    "UPDATE outbox SET next_at = ?2, note = ?3, attempts = ?4, uncertain = ?5
                     WHERE id = ?1 AND state = 'waiting'",
                )?
                .execute(params![
                    row.id,
                    next_at.as_millisecond(),
                    note,
                    row.attempts + 1,
                    row.uncertain | uncertain
                ])?;
            let until = if *next_at > at { format!(" until {next_at}") } else { String::new() };
            ("postponed", format!("\u{201c}{action}\u{201d} for {tracker} waits{until}: {note}"))
        }
    };
    // A month of the same failure is one line of the timeline.
    let repeated = matches!(attempt, Attempt::Postponed { note, .. } if row.note.as_ref() == Some(note));
    if repeated {
        return Ok(());
    }
    add_step(connection, row.inbox, now, Stage::Delivery.as_str(), code, &text)
}

/// When an event is to be sent that is stored at a time. Where the clock was set back, what happened by it lies ahead: that is no
/// reason to wait for it.
fn due(event: &TrackerEvent, at: i64) -> i64 {
    let not_before = event.not_before.as_millisecond();
    not_before.min(at + (not_before - event.at.as_millisecond()).max(0))
}

/// Whether somebody has said meanwhile that an event is about something else.
fn is_matched_anew(connection: &Connection, row: &OutboxRow) -> rusqlite::Result<bool> {
    Ok(one(connection, row.id)?.is_some_and(|stored| stored.event.item != row.event.item))
}

/// A watch was confirmed: it goes off the watchlists for which that was asked.
fn unlist(connection: &Connection, row: &OutboxRow, at: Timestamp) -> rusqlite::Result<()> {
    for account in &row.event.unlist_from {
        let event = TrackerEvent {
            tracker: account.clone(),
            action: Action::Unlisted,
            not_before: at,
            unlist_from: Vec::new(),
            ..row.event.clone()
        };
        add(connection, row.inbox, &event, true, at.as_millisecond())?;
    }
    Ok(())
}

/// A pause was on its way when it was over, and has arrived after all: then word that it plays is needed after all.
fn say_after_all(connection: &Connection, pause: &TrackerEvent, now: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'waiting', next_at = ?4, note = NULL, settled_at = NULL
             WHERE state = 'superseded' AND note = ?3 AND id = (
                 SELECT MAX(id) FROM outbox WHERE tracker = ?1 AND subject = ?2)",
        )?
        .execute(params![pause.tracker, pause.subject, UNSAID, now])
        .map(drop)
}

/// The newest first.
pub fn list(
    connection: &Connection,
    state: Option<DeliveryState>,
    limit: u32,
) -> rusqlite::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE ?1 IS NULL OR state = ?1 ORDER BY id DESC LIMIT ?2"
        ))?
        .query_map(params![state.map(DeliveryState::as_str), limit], read)?
        .collect()
}

/// How it stands with what a tracker is to be told.
pub fn told(connection: &Connection, tracker: &str) -> rusqlite::Result<Told> {
    let last_delivered = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE tracker = ?1 AND state = 'delivered' ORDER BY id DESC LIMIT 1"
        ))?
        .query_row(params![tracker], read)
        .optional()?;
    let count = |state: DeliveryState| {
        connection
            .prepare_cached("SELECT count(*) FROM outbox WHERE tracker = ?1 AND state = ?2")?
            .query_row(params![tracker, state.as_str()], |row| row.get(0))
    };
    Ok(Told { last_delivered, waiting: count(DeliveryState::Waiting)?, dead: count(DeliveryState::Dead)? })
}

/// The one with this number.
pub fn one(connection: &Connection, id: i64) -> rusqlite::Result<Option<OutboxRow>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1"))?
        .query_row(params![id], read)
        .optional()
}

/// What a request led to.
pub fn of_inbox(connection: &Connection, inbox: i64) -> rusqlite::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE inbox = ?1 ORDER BY id"))?
        .query_map(params![inbox], read)?
        .collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    let event: TrackerEvent = json(row, 2)?;
    Ok(OutboxRow {
        id: row.get(0)?,
        inbox: row.get(1)?,
        // Those of an older program have been tried since they happened.
        since: row.get::<_, Option<i64>>(9)?.map_or(event.at, time),
        event,
        state: named(row, 3)?,
        attempts: row.get(4)?,
        uncertain: row.get(5)?,
        next_at: time(row.get(6)?),
        note: row.get(7)?,
        later: row.get(8)?,
    })
}
