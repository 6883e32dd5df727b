//! Commands of a person for deliveries.

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::outbox::{DeliveryState, OutboxCommand, OutboxRow, OutboxSelection};
use playrelay_engine::outbox_rules;
use playrelay_engine::outbox_rules::CommandEffect;
use playrelay_engine::timeline::Stage;

use crate::AccountPause;
use crate::sql;
use crate::sql::{Connection, params};
use crate::tables::outbox::set_state;
use crate::tables::rows::{add_step, to_json};
use crate::tables::{accounts, outbox};

/// Does it. Gives the number of deliveries that the command applied to.
pub fn apply(
    connection: &Connection,
    selection: OutboxSelection,
    command: &OutboxCommand,
    now: Timestamp,
) -> sql::Result<usize> {
    let at = now.as_millisecond();
    let mut count = 0;
    for row in selected(connection, selection)? {
        // An earlier one of the selection may have changed it.
        let later = outbox::later_of_subject(connection, &row)?;
        let (tracker, action) = (&row.event.tracker, row.event.action.name());
        let effect = outbox_rules::command(&row, command, &later);
        let (code, text) = match (effect, command) {
            (CommandEffect::None, _) => continue,
            (CommandEffect::Superseded, _) => {
                let note = "a later one has taken its place";
                set_state(connection, row.id, DeliveryState::Superseded, note, at)?;
                count += 1;
                continue;
            }
            (CommandEffect::Dropped, _) => {
                set_state(connection, row.id, DeliveryState::Dropped, "dropped by hand", at)?;
                (Code::Dropped, format!("\u{201c}{action}\u{201d} for {tracker} was dropped by hand"))
            }
            (CommandEffect::Requeued { looks_first }, OutboxCommand::Match(item)) => {
                let event = TrackerEvent { item: (**item).clone(), ..row.event.clone() };
                requeue(connection, row.id, &event, looks_first, at)?;
                let text = format!("\u{201c}{action}\u{201d} for {tracker} is {item}, somebody said");
                (Code::MatchedByHand, text)
            }
            (CommandEffect::Requeued { looks_first }, _) => {
                requeue(connection, row.id, &row.event, looks_first, at)?;
                (Code::Retried, format!("\u{201c}{action}\u{201d} for {tracker} is tried again, by hand"))
            }
        };
        add_step(connection, row.inbox, at, Stage::Delivery, &code, &text)?;
        count += 1;
    }
    Ok(count)
}

/// Drops what no tracker has taken of plays that somebody took back: it is not to be sent any more, by itself or with all that failed.
pub fn drop_undelivered(
    connection: &Connection,
    is_taken_back: impl Fn(&str) -> sql::Result<bool>,
    now: Timestamp,
) -> sql::Result<()> {
    let at = now.as_millisecond();
    for state in [DeliveryState::Waiting].into_iter().chain(DeliveryState::NEED_A_PERSON) {
        for row in &outbox::in_state(connection, state)? {
            if !is_taken_back(&row.event.subject)? {
                continue;
            }
            set_state(connection, row.id, DeliveryState::Dropped, "the play was taken back", at)?;
            let (tracker, action) = (&row.event.tracker, row.event.action.name());
            let text = format!("\u{201c}{action}\u{201d} for {tracker} was dropped: the play was taken back");
            add_step(connection, row.inbox, at, Stage::Delivery, &Code::Dropped, &text)?;
        }
    }
    Ok(())
}

/// The deliveries that are meant, the oldest first.
fn selected(connection: &Connection, selection: OutboxSelection) -> sql::Result<Vec<OutboxRow>> {
    match selection {
        OutboxSelection::One(id) => Ok(outbox::one(connection, id)?.into_iter().collect()),
        OutboxSelection::AllFailed => {
            let failed = DeliveryState::ALL.into_iter().filter(|state| outbox_rules::is_failed(*state));
            let mut rows = Vec::new();
            for state in failed {
                rows.extend(outbox::in_state(connection, state)?);
            }
            rows.sort_by_key(|row| row.id);
            Ok(rows)
        }
        OutboxSelection::AllWaiting => {
            let waiting = outbox::in_state(connection, DeliveryState::Waiting)?;
            Ok(waiting.into_iter().filter(|row| row.attempts > 0).collect())
        }
    }
}

/// Sends it again, with fresh attempts. Its account is tried at once, too, unless it waits for a login.
fn requeue(
    connection: &Connection,
    id: i64,
    event: &TrackerEvent,
    looks_first: bool,
    at: i64,
) -> sql::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = 'waiting', body = ?2, next_at = ?3, settled_at = NULL, note = NULL,
             uncertain = ?4, attempts = 0, since = ?3 WHERE id = ?1 AND household = household()",
        )?
        .execute(params![id, to_json(event)?, at, looks_first])?;
    match accounts::pause(connection, &event.tracker)? {
        None | Some(AccountPause::Login { .. }) => Ok(()),
        Some(AccountPause::Until { .. } | AccountPause::Blocked { .. }) => {
            accounts::park(connection, &event.tracker, None)
        }
    }
}
