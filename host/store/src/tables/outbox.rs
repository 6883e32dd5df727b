//! The outbox.

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::event::{Receipt, TrackerEvent};
use playrelay_engine::outbox::{AttemptOutcome, DeliveryState, OutboxRow};
use playrelay_engine::outbox_rules;
use playrelay_engine::outbox_rules::AttemptEffect;
use playrelay_engine::timeline::Stage;

use crate::sql;
use crate::sql::{Connection, OptionalExtension, Row, params};
use crate::tables::rows::{add_step, json, parse_enum, time, to_json};
use crate::{DeliveryFilter, OutboxStats};

const COLUMNS: &str = "id, inbox, body, state, attempts, uncertain, next_at, note, later, since";

/// Puts an event into the outbox, with what that changes for others. A watch that is there already is left out.
pub fn add(
    connection: &Connection,
    inbox: i64,
    event: &TrackerEvent,
    later: bool,
    now: Timestamp,
) -> sql::Result<()> {
    let at = now.as_millisecond();
    let waiting = waiting_of_subject(connection, event)?;
    let addition = outbox_rules::add(event, &waiting, now);
    for id in &addition.superseded {
        set_state(connection, *id, DeliveryState::Superseded, &addition.note, at)?;
    }
    let superseded: Vec<&OutboxRow> =
        waiting.iter().filter(|row| addition.superseded.contains(&row.id)).collect();
    let is_withheld = outbox_rules::only_takes_back_a_pause(event, &superseded)
        && outbox_rules::is_withheld(last_presence(connection, event)?.as_ref());
    let added = connection
        .prepare_cached(
            "INSERT INTO outbox (household, inbox, tracker, subject, action, weight, body, next_at, later, since)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING RETURNING id",
        )?
        .insert(params![
            inbox,
            event.tracker,
            event.subject,
            event.action.name(),
            event.action.delivery_class().as_str(),
            to_json(event)?,
            addition.due_at.as_millisecond(),
            later,
            at
        ])
        .optional()?;
    let Some(id) = added else {
        let text = format!("{} has been told of this watch", event.tracker);
        return add_step(connection, inbox, at, Stage::Delivery, &Code::ToldBefore, &text);
    };
    if is_withheld {
        set_state(connection, id, DeliveryState::Withheld, outbox_rules::WITHHELD_NOTE, at)?;
    }
    Ok(())
}

/// The deliveries of an event's tracker and subject that wait.
fn waiting_of_subject(connection: &Connection, event: &TrackerEvent) -> sql::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox INDEXED BY outbox_waiting
             WHERE household = household() AND tracker = ?1 AND subject = ?2 AND state = 'waiting' ORDER BY id"
        ))?
        .query_map(params![event.tracker, event.subject], read)?
        .collect()
}

/// The last presence of an event's subject that its tracker took.
fn last_presence(connection: &Connection, event: &TrackerEvent) -> sql::Result<Option<TrackerEvent>> {
    connection
        .prepare_cached(
            "SELECT body FROM outbox
             WHERE household = household() AND tracker = ?1 AND subject = ?2 AND weight = 'presence' AND state IN ('delivered', 'duplicate')
             ORDER BY id DESC LIMIT 1",
        )?
        .query_row(params![event.tracker, event.subject], |row| json(row, 0))
        .optional()
}

/// Writes what has become of a delivery.
pub fn set_state(
    connection: &Connection,
    id: i64,
    state: DeliveryState,
    note: &str,
    at: i64,
) -> sql::Result<()> {
    connection
        .prepare_cached("UPDATE outbox SET state = ?2, note = ?3, settled_at = ?4 WHERE id = ?1 AND household = household()")?
        .execute(params![id, state.as_str(), note, at])
        .map(drop)
}

/// The delivery that [`outbox_rules::next_due`] names, found without reading all that waits. The indexes are named: without statistics SQLite's planner
/// takes the one over all that is kept.
pub fn next_due(connection: &Connection, tracker: &str, now: Timestamp) -> sql::Result<Option<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox AS this INDEXED BY outbox_queue
             WHERE household = household() AND tracker = ?1 AND state = 'waiting' AND next_at <= ?2 AND NOT EXISTS (
                 SELECT 1 FROM outbox AS earlier INDEXED BY outbox_waiting
                 WHERE earlier.household = this.household AND earlier.tracker = this.tracker AND earlier.subject = this.subject
                   AND earlier.state = 'waiting' AND earlier.id < this.id)
             ORDER BY id LIMIT 1"
        ))?
        .query_row(params![tracker, now.as_millisecond()], read)
        .optional()
}

/// Those that could be sent in one request: due, or with `with_postponed` woken as soon as the tracker is back, and each the first of its subject.
pub fn due_together(
    connection: &Connection,
    tracker: &str,
    now: Timestamp,
    with_postponed: bool,
    limit: u32,
) -> sql::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox AS this INDEXED BY outbox_queue
             WHERE household = household() AND tracker = ?1 AND state = 'waiting' AND (next_at <= ?2 OR (?4 AND attempts > 0)) AND NOT EXISTS (
                 SELECT 1 FROM outbox AS earlier INDEXED BY outbox_waiting
                 WHERE earlier.household = this.household AND earlier.tracker = this.tracker AND earlier.subject = this.subject
                   AND earlier.state = 'waiting' AND earlier.id < this.id)
             ORDER BY id LIMIT ?3"
        ))?
        .query_map(params![tracker, now.as_millisecond(), limit, with_postponed], read)?
        .collect()
}

/// When the next event becomes due.
pub fn next_time(connection: &Connection, tracker: &str) -> sql::Result<Option<Timestamp>> {
    connection
        .prepare_cached(
            "SELECT MIN(next_at) FROM outbox INDEXED BY outbox_due
             WHERE household = household() AND tracker = ?1 AND state = 'waiting'",
        )?
        .query_row(params![tracker], |row| Ok(row.get::<Option<i64>>(0)?.map(time)))
}

/// Writes that an attempt is about to be made. False where the delivery does not wait any more.
pub fn attempting(connection: &Connection, id: i64) -> sql::Result<bool> {
    connection
        .prepare_cached(
            "UPDATE outbox SET uncertain = 1 WHERE id = ?1 AND household = household() AND state = 'waiting'",
        )?
        .execute(params![id])
        .map(|changed| changed > 0)
}

/// Makes the deliveries due that [`outbox_rules::is_woken`] names.
pub fn wake(connection: &Connection, tracker: &str, now: Timestamp) -> sql::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET next_at = ?2
             WHERE household = household() AND tracker = ?1 AND state = 'waiting' AND attempts > 0 AND next_at > ?2",
        )?
        .execute(params![tracker, now.as_millisecond()])
        .map(drop)
}

/// Writes what became of an attempt, and what follows. Gives the trackers of the events that follow.
pub fn attempted(
    connection: &Connection,
    row: &OutboxRow,
    outcome: &AttemptOutcome,
    now: Timestamp,
) -> sql::Result<Vec<String>> {
    let at = now.as_millisecond();
    let (tracker, action) = (&row.event.tracker, row.event.action.name());
    let stored = one(connection, row.id)?;
    let effect = outbox_rules::attempted(row, stored.as_ref(), outcome, now);
    let step = |code: Code, text: &str| add_step(connection, row.inbox, at, Stage::Delivery, &code, text);
    match effect {
        AttemptEffect::Overtaken { state, note } => {
            let state = state.as_str();
            let text =
                format!("\u{201c}{action}\u{201d} for {tracker} was {state} with what it was before: {note}");
            step(Code::Overtaken, &text)?;
            Ok(Vec::new())
        }
        AttemptEffect::Settled {
            state,
            note,
            receipt,
            applies_to_all_states,
            releases_withheld,
            follow_ups,
        } => {
            let receipt = receipt.map(to_json).transpose()?;
            connection
                .prepare_cached(
                    "UPDATE outbox SET state = ?2, note = ?3, receipt = ?4, settled_at = ?5, attempts = ?6, uncertain = 0
                     WHERE id = ?1 AND household = household() AND (?7 OR state = 'waiting')",
                )?
                .execute(params![
                    row.id,
                    state.as_str(),
                    note,
                    receipt,
                    at,
                    row.attempts + 1,
                    applies_to_all_states
                ])?;
            if releases_withheld {
                release_withheld(connection, &row.event, at)?;
            }
            for event in &follow_ups {
                add(connection, row.inbox, event, true, now)?;
            }
            let separator = if note.is_empty() { "" } else { ": " };
            let text =
                format!("\u{201c}{action}\u{201d} for {tracker} is {}{separator}{note}", state.as_str());
            step(state.code(), &text)?;
            Ok(follow_ups.into_iter().map(|event| event.tracker).collect())
        }
        AttemptEffect::Postponed { next_at, note, uncertain, is_repeated } => {
            connection
                .prepare_cached(
                    "UPDATE outbox SET next_at = ?2, note = ?3, attempts = ?4, uncertain = ?5
                     WHERE id = ?1 AND household = household() AND state = 'waiting'",
                )?
                .execute(params![row.id, next_at.as_millisecond(), note, row.attempts + 1, uncertain])?;
            if is_repeated {
                return Ok(Vec::new());
            }
            let until = if next_at > now { format!(" until {next_at}") } else { String::new() };
            step(Code::Postponed, &format!("\u{201c}{action}\u{201d} for {tracker} waits{until}: {note}"))?;
            Ok(Vec::new())
        }
    }
}

/// Has a delivery sent that is withheld: the last one of the subject, where it is withheld.
fn release_withheld(connection: &Connection, pause: &TrackerEvent, at: i64) -> sql::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'waiting', next_at = ?3, note = NULL, settled_at = NULL
             WHERE state = 'withheld' AND id = (
                 SELECT MAX(id) FROM outbox WHERE household = household() AND tracker = ?1 AND subject = ?2)",
        )?
        .execute(params![pause.tracker, pause.subject, at])
        .map(drop)
}

/// Events that fit, the newest first.
pub fn list(connection: &Connection, filter: &DeliveryFilter) -> sql::Result<Vec<OutboxRow>> {
    let list = |state: Option<DeliveryState>| -> sql::Result<Vec<OutboxRow>> {
        let source = rows_in_state(state);
        connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM {source} AND household = household() AND (tracker = ?1 OR ?1 IS NULL) AND id < ?2
                 ORDER BY id DESC LIMIT ?3"
            ))?
            .query_map(params![filter.tracker, filter.before.unwrap_or(i64::MAX), filter.limit], read)?
            .collect()
    };
    if filter.states.is_empty() {
        return list(None);
    }
    // State by state: over several at once SQLite would sort all that it finds.
    let mut rows = Vec::new();
    for state in &filter.states {
        rows.extend(list(Some(*state))?);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    rows.truncate(filter.limit as usize);
    Ok(rows)
}

/// The table with the condition that a delivery is in a state, and how it is read: most are delivered, and are found by their ids; the others have an
/// index. Without these words SQLite's planner takes the index over the household, and sorts. A state as a parameter would hide the index from it.
fn rows_in_state(state: Option<DeliveryState>) -> String {
    match state {
        None => "outbox NOT INDEXED WHERE TRUE".to_owned(),
        Some(DeliveryState::Delivered) => "outbox NOT INDEXED WHERE state = 'delivered'".to_owned(),
        Some(state) => {
            format!(
                "outbox INDEXED BY outbox_state WHERE state = '{}' AND state <> 'delivered'",
                state.as_str()
            )
        }
    }
}

/// How many are in a state, at a tracker or at all.
pub fn count(connection: &Connection, state: DeliveryState, tracker: Option<&str>) -> sql::Result<u32> {
    let source = rows_in_state(Some(state));
    connection
        .prepare_cached(&format!(
            "SELECT count(*) FROM {source} AND household = household() AND (tracker = ?1 OR ?1 IS NULL)"
        ))?
        .query_row([tracker], |row| row.get(0))
}

/// The tracker's own id of what it was told.
pub fn remote_id(connection: &Connection, delivery: i64) -> sql::Result<Option<String>> {
    let receipt: Option<Receipt> = connection
        .prepare_cached(
            "SELECT receipt FROM outbox WHERE household = household() AND id = ?1 AND receipt IS NOT NULL",
        )?
        .query_row([delivery], |row| json(row, 0))
        .optional()?;
    Ok(receipt.and_then(|receipt| receipt.remote_id))
}

/// Those of a tracker that belong to a play or a rated item, the oldest first.
pub fn of_subject(connection: &Connection, tracker: &str, subject: &str) -> sql::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox INDEXED BY outbox_subject
             WHERE household = household() AND tracker = ?1 AND subject = ?2 ORDER BY id"
        ))?
        .query_map(params![tracker, subject], read)?
        .collect()
}

/// How it stands with what a tracker is to be told.
pub fn told(connection: &Connection, tracker: &str) -> sql::Result<OutboxStats> {
    let source = rows_in_state(Some(DeliveryState::Delivered));
    let last_delivered = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM {source} AND household = household() AND tracker = ?1 ORDER BY id DESC LIMIT 1"
        ))?
        .query_row(params![tracker], read)
        .optional()?;
    Ok(OutboxStats {
        last_delivered,
        waiting: count(connection, DeliveryState::Waiting, Some(tracker))?,
        dead: count(connection, DeliveryState::Dead, Some(tracker))?,
        oldest_waiting: connection
            .prepare_cached(
                "SELECT min(since) FROM outbox WHERE household = household() AND tracker = ?1 AND state = 'waiting'",
            )?
            .query_row(params![tracker], |row| row.get::<Option<i64>>(0))?
            .map(time),
    })
}

/// The one with this number.
pub fn one(connection: &Connection, id: i64) -> sql::Result<Option<OutboxRow>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox WHERE id = ?1 AND household = household()"))?
        .query_row(params![id], read)
        .optional()
}

/// The deliveries of a row's tracker and subject with higher ids, in order.
pub fn later_of_subject(connection: &Connection, row: &OutboxRow) -> sql::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox
             WHERE household = household() AND tracker = ?1 AND subject = ?2 AND id > ?3 ORDER BY id"
        ))?
        .query_map(params![row.event.tracker, row.event.subject, row.id], read)?
        .collect()
}

/// The deliveries in a state, in order.
pub fn in_state(connection: &Connection, state: DeliveryState) -> sql::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE household = household() AND state = ?1 ORDER BY id"
        ))?
        .query_map(params![state.as_str()], read)?
        .collect()
}

/// The deliveries of an input.
pub fn of_inbox(connection: &Connection, inbox: i64) -> sql::Result<Vec<OutboxRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM outbox WHERE inbox = ?1 AND household = household() ORDER BY id"
        ))?
        .query_map(params![inbox], read)?
        .collect()
}

fn read(row: &Row<'_>) -> sql::Result<OutboxRow> {
    let event: TrackerEvent = json(row, 2)?;
    Ok(OutboxRow {
        id: row.get(0)?,
        inbox: row.get(1)?,
        // Those of an older program have been tried since they happened.
        since: row.get::<Option<i64>>(9)?.map_or(event.at, time),
        event,
        state: parse_enum(row, 3)?,
        attempts: row.get(4)?,
        uncertain: row.get(5)?,
        next_at: time(row.get(6)?),
        note: row.get(7)?,
        later: row.get(8)?,
    })
}
