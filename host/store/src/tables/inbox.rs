//! The inbox: what was received, and what became of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::play::{Play, PlayId};
use playrelay_engine::retention::RetentionRule;
use playrelay_engine::timeline::Step;
use tokio::sync::Notify;

use crate::sql;
use crate::sql::{Connection, OptionalExtension, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::time;
use crate::tables::{outbox, play_rows, rows, users};
use crate::{
    CodeCount, EventDetail, EventFilter, EventSummary, InboxOwner, InboxRow, InboxStore, ProcessedInput,
    Received, Store, StoreError, TimelineRow,
};

#[async_trait]
impl InboxStore for SqlStore {
    async fn receive(&self, received: Received) -> Result<i64, StoreError> {
        self.receive_with(None, received).await
    }

    async fn receive_once(&self, key: String, received: Received) -> Result<i64, StoreError> {
        // A file has no table of keys.
        let key = self.server().is_some().then_some(key);
        self.receive_with(key, received).await
    }

    async fn request(&self, id: i64) -> Result<Option<InboxRow>, StoreError> {
        self.read(move |connection| find(connection, id)).await
    }

    async fn requests_before(
        &self,
        request: &InboxRow,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let (id, source) = (request.id, request.received.source.clone());
        self.read(move |connection| before(connection, id, &source, since, limit)).await
    }

    async fn oldest_pending(&self) -> Result<BTreeMap<String, Timestamp>, StoreError> {
        self.read(oldest_pending).await
    }

    async fn pending_by_source(&self) -> Result<Vec<(String, u32)>, StoreError> {
        self.read(waiting).await
    }

    async fn last_received(&self, source: &str) -> Result<Option<Timestamp>, StoreError> {
        let source = source.to_owned();
        self.read(move |connection| last_received(connection, &source)).await
    }

    async fn events(&self, filter: &EventFilter) -> Result<Vec<EventSummary>, StoreError> {
        let filter = filter.clone();
        self.read(move |connection| summaries(connection, &filter)).await
    }

    async fn count_codes(&self, since: Timestamp) -> Result<Vec<CodeCount>, StoreError> {
        self.read(move |connection| count_codes(connection, since)).await
    }

    async fn event(&self, id: i64) -> Result<Option<EventDetail>, StoreError> {
        self.read(move |connection| detail(connection, id)).await
    }
}

impl SqlStore {
    async fn receive_with(&self, key: Option<String>, received: Received) -> Result<i64, StoreError> {
        let received = Arc::new(received);
        let (stored, household) = (Arc::clone(&received), self.household().clone());
        let (recent, signals) = (self.recent_requests(), Arc::clone(self.signals()));
        let tell = move |id: &i64| {
            if let Some(recent) = &recent {
                recent.add(&household, InboxRow { id: *id, received: Received::clone(&received) });
            }
            signals.requests.notify(&household, &received.source);
        };
        let store = move |connection: &Connection| match &key {
            Some(key) => add_once(connection, key, &stored),
            None => add(connection, &stored),
        };
        self.write_then(store, tell).await
    }
}

#[async_trait]
impl InboxOwner for SqlStore {
    fn request_signal(&self, source: &str) -> Arc<Notify> {
        self.signals().requests.of(self.household(), source)
    }

    async fn pending(&self, source: &str, after: i64, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
        let recent = self.recent_requests();
        let kept = recent.and_then(|it| it.after(self.household(), source, after, limit, PAGE_BYTES));
        if let Some(rows) = kept {
            return Ok(rows);
        }
        let source = source.to_owned();
        self.read(move |connection| pending(connection, &source, after, limit)).await
    }

    async fn commit(&self, inputs: Vec<ProcessedInput>) -> Result<(), StoreError> {
        let settled: Vec<i64> =
            inputs.iter().filter(|input| input.verdict.is_some()).map(|input| input.inbox).collect();
        let trackers: BTreeSet<String> =
            inputs.iter().flat_map(|input| &input.events).map(|event| event.tracker.clone()).collect();
        let (recent, household) = (self.recent_requests(), self.household().clone());
        let signals = Arc::clone(self.signals());
        let tell = move |(): &()| {
            if let Some(recent) = &recent {
                recent.settle(&household, &settled);
            }
            trackers.iter().for_each(|tracker| signals.deliveries.notify(&household, tracker));
        };
        let record_all = move |connection: &Connection| {
            let last = last_states(&inputs);
            inputs.iter().try_for_each(|input| record(connection, input, &last))
        };
        self.write_then(record_all, tell).await
    }

    async fn prune(&self, rules: Vec<RetentionRule>, now: Timestamp) -> Result<usize, StoreError> {
        let has_keys = self.server().is_some();
        let prune = move |connection: &Connection| {
            if has_keys {
                forget_keys(connection, now)?;
            }
            prune(connection, &rules, now)
        };
        self.write(prune).await
    }
}

/// Requests that are read at a time, beside their number. Bytes.
const PAGE_BYTES: usize = 8 << 20;

/// Inputs that one call of `prune` deletes by each rule.
const PRUNE_LIMIT: u32 = 1_000;

/// How long keys of requests are kept. Milliseconds.
const KEY_RETENTION_MS: i64 = 24 * 60 * 60 * 1_000;

/// Adds a request. Gives its id.
pub fn add(connection: &Connection, received: &Received) -> sql::Result<i64> {
    let id = connection
        .prepare_cached(
            "INSERT INTO inbox (household, source, received_at, person) VALUES (household(), ?1, ?2, ?3) RETURNING id",
        )?
        .insert(params![received.source, received.at.as_millisecond(), received.person])?;
    connection
        .prepare_cached("INSERT INTO requests (inbox, request) VALUES (?1, ?2)")?
        .execute(params![id, received.request])?;
    Ok(id)
}

/// Adds a request unless its key is known. Gives the id.
fn add_once(connection: &Connection, key: &str, received: &Received) -> sql::Result<i64> {
    let known = connection
        .prepare_cached("SELECT inbox FROM request_keys WHERE household = household() AND key = ?1")?
        .query_row(params![key], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id = add(connection, received)?;
    connection
        .prepare_cached(
            "INSERT INTO request_keys (household, key, inbox, at) VALUES (household(), ?1, ?2, ?3)",
        )?
        .execute(params![key, id, received.at.as_millisecond()])?;
    Ok(id)
}

/// A source's requests after one that are not settled, the oldest first: so many, or so many bytes of them, but one at least.
pub fn pending(connection: &Connection, source: &str, after: i64, limit: u32) -> sql::Result<Vec<InboxRow>> {
    // The index is named, here and below: SQLite's planner takes one over all that is kept, and these are asked for all the time.
    let mut statement = connection.prepare_cached(
        "SELECT id, source, received_at, request, person
         FROM inbox INDEXED BY inbox_pending JOIN requests ON requests.inbox = inbox.id
         WHERE household = household() AND source = ?1 AND settled_at IS NULL AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    statement.each(params![source, after, limit], |row| {
        let row = rows::request(row)?;
        bytes += row.received.request.len();
        found.push(row);
        Ok(bytes < PAGE_BYTES)
    })?;
    Ok(found)
}

/// When the first of them was received, of each source that has one.
pub fn oldest_pending(connection: &Connection) -> sql::Result<BTreeMap<String, Timestamp>> {
    connection
        .prepare_cached(
            "SELECT source, MIN(received_at) FROM inbox INDEXED BY inbox_pending
             WHERE household = household() AND settled_at IS NULL GROUP BY source",
        )?
        .query_map(params![], |row| Ok((row.get(0)?, time(row.get(1)?))))?
        .collect()
}

/// The sources whose requests are not settled, with how many there are.
pub fn waiting(connection: &Connection) -> sql::Result<Vec<(String, u32)>> {
    connection
        .prepare_cached(
            "SELECT source, COUNT(*) FROM inbox INDEXED BY inbox_pending
             WHERE household = household() AND settled_at IS NULL GROUP BY source ORDER BY source",
        )?
        .query_map(params![], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// When a source's last request was received.
pub fn last_received(connection: &Connection, source: &str) -> sql::Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT received_at FROM inbox WHERE household = household() AND source = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row(params![source], |row| Ok(time(row.get(0)?)))
        .optional()
}

/// One request.
pub fn find(connection: &Connection, id: i64) -> sql::Result<Option<InboxRow>> {
    connection
        .prepare_cached(
            "SELECT id, source, received_at, request, person FROM inbox JOIN requests ON requests.inbox = inbox.id
             WHERE id = ?1 AND household = household()",
        )?
        .query_row(params![id], rows::request)
        .optional()
}

/// The last of a source's requests before one and since a time, the oldest first.
pub fn before(
    connection: &Connection,
    id: i64,
    source: &str,
    since: Timestamp,
    limit: u32,
) -> sql::Result<Vec<InboxRow>> {
    let mut found: Vec<InboxRow> = connection
        .prepare_cached(
            "SELECT id, source, received_at, request, person FROM inbox JOIN requests ON requests.inbox = inbox.id
             WHERE household = household() AND source = ?1 AND id < ?2 AND received_at >= ?3 ORDER BY id DESC LIMIT ?4",
        )?
        .query_map(params![source, id, since.as_millisecond(), limit], rows::request)?
        .collect::<Result<_, _>>()?;
    found.reverse();
    Ok(found)
}

/// Requests, the last first.
pub fn summaries(connection: &Connection, filter: &EventFilter) -> sql::Result<Vec<EventSummary>> {
    let EventFilter { before, source, user, title, outcome, without_repeats, limit } = filter;
    let within = |text: &Option<String>| text.as_ref().map(|text| text.to_lowercase());
    // By the ids, or by the index over those of a source: SQLite's planner would sort all of the household.
    let order = if source.is_some() { "INDEXED BY inbox_source" } else { "NOT INDEXED" };
    connection
        .prepare_cached(&format!(
            "SELECT id, source, received_at, outcome, code, detail, user, item FROM inbox {order}
             WHERE household = household() AND id < ?1 AND {}
               AND (instr(folded(user), ?3) > 0 OR ?3 IS NULL) AND (instr(folded(item), ?4) > 0 OR ?4 IS NULL)
               AND (outcome = ?5 OR code = ?5 OR ?5 IS NULL) AND (NOT ?6 OR code IS NULL OR code <> ?8)
             ORDER BY id DESC LIMIT ?7",
            if source.is_some() { "source = ?2" } else { "CAST(?2 AS TEXT) IS NULL" }
        ))?
        .query_map(
            params![
                before.unwrap_or(i64::MAX),
                source,
                within(user),
                within(title),
                outcome,
                without_repeats,
                limit,
                Code::NoChange.as_str()
            ],
            rows::summary,
        )?
        .collect()
}

/// How many requests ended in each way since a time, the most frequent first.
fn count_codes(connection: &Connection, since: Timestamp) -> sql::Result<Vec<CodeCount>> {
    connection
        .prepare_cached(
            "SELECT outcome, code, COUNT(*) AS count FROM inbox INDEXED BY inbox_settled
             WHERE household = household() AND settled_at >= ?1 GROUP BY outcome, code ORDER BY count DESC, code",
        )?
        .query_map(params![since.as_millisecond()], |row| {
            let code = Code::parse(row.get::<&str>(1)?);
            Ok(CodeCount { outcome: rows::parse_enum(row, 0)?, code, count: row.get(2)? })
        })?
        .collect()
}

/// Everything about one request.
pub fn detail(connection: &Connection, id: i64) -> sql::Result<Option<EventDetail>> {
    let summary = connection
        .prepare_cached(
            "SELECT id, source, received_at, outcome, code, detail, user, item FROM inbox
             WHERE id = ?1 AND household = household()",
        )?
        .query_row(params![id], rows::summary)
        .optional()?;
    let Some(summary) = summary else { return Ok(None) };
    let mut timeline = Vec::new();
    let mut written =
        connection.prepare_cached("SELECT at, steps FROM timeline WHERE inbox = ?1 ORDER BY number")?;
    for row in
        written.query_map(params![id], |row| Ok((time(row.get(0)?), rows::json::<Vec<Step>>(row, 1)?)))?
    {
        let (at, steps) = row?;
        let row = |Step { stage, code, text }| TimelineRow { at, stage, code, text };
        timeline.extend(steps.into_iter().map(row));
    }
    let outbox = outbox::of_inbox(connection, id)?;
    Ok(Some(EventDetail { summary, timeline, outbox }))
}

/// Nobody stores these requests again.
fn forget_keys(connection: &Connection, now: Timestamp) -> sql::Result<()> {
    connection
        .prepare_cached("DELETE FROM request_keys WHERE household = household() AND at < ?1")?
        .execute(params![now.as_millisecond().saturating_sub(KEY_RETENTION_MS)])
        .map(drop)
}

/// Deletes what the rules say, and what was cached until before `now`. Gives how many inputs.
fn prune(connection: &Connection, rules: &[RetentionRule], now: Timestamp) -> sql::Result<usize> {
    let mut forgotten: Vec<i64> = Vec::new();
    for rule in rules {
        let mut found = connection.prepare_cached(&pruned_by(rule))?;
        for id in
            found.query_map(params![rule.ended_before.as_millisecond(), PRUNE_LIMIT], |row| row.get(0))?
        {
            forgotten.push(id?);
        }
    }
    forgotten.sort_unstable();
    forgotten.dedup();
    for id in &forgotten {
        for statement in [
            "DELETE FROM timeline WHERE inbox = ?1",
            "DELETE FROM requests WHERE inbox = ?1",
            "DELETE FROM outbox WHERE inbox = ?1",
            "DELETE FROM inbox WHERE id = ?1",
        ] {
            connection.prepare_cached(statement)?.execute(params![id])?;
        }
    }
    for statement in [
        "DELETE FROM look_ups WHERE household = household() AND expires_at < ?1",
        "DELETE FROM plugin_values WHERE household = household() AND expires_at < ?1",
    ] {
        connection.prepare_cached(statement)?.execute(params![now.as_millisecond()])?;
    }
    Ok(forgotten.len())
}

/// The query for the inputs that a rule deletes. Words of the rule stand in it as they are, so that SQLite finds its partial indexes.
fn pruned_by(rule: &RetentionRule) -> String {
    let code = rule.code.as_ref().map(|code| format!("AND code = '{code}'")).unwrap_or_default();
    let states: Vec<String> = rule.kept_by.iter().map(|state| format!("'{}'", state.as_str())).collect();
    format!(
        "SELECT id FROM inbox WHERE household = household() AND settled_at < ?1 {code} AND NOT EXISTS (
             SELECT 1 FROM outbox WHERE outbox.inbox = inbox.id AND state IN ({})) LIMIT ?2",
        states.join(", ")
    )
}

/// The last state of each play that inputs lead to. Those before it need not be written: they are in the same transaction, and nobody sees them.
pub fn last_states(inputs: &[ProcessedInput]) -> HashMap<&PlayId, &Play> {
    inputs.iter().flat_map(|input| &input.plays).map(|play| (&play.id, play)).collect()
}

/// Stores what working on a request has led to: of its plays, those that are the last states.
pub fn record(
    connection: &Connection,
    input: &ProcessedInput,
    last: &HashMap<&PlayId, &Play>,
) -> sql::Result<()> {
    let ProcessedInput {
        inbox,
        at,
        later,
        verdict,
        user,
        item,
        steps,
        plays,
        ratings,
        held,
        events,
        replaced,
    } = input;
    let now = at.as_millisecond();
    let mut is_settled = false;
    if let Some(verdict) = verdict {
        let changed = connection
            .prepare_cached(
                "UPDATE inbox SET settled_at = ?2, outcome = ?3, code = ?4, detail = ?5,
                 user = COALESCE(?6, user), item = COALESCE(?7, item) WHERE id = ?1 AND household = household()",
            )?
            .execute(params![
                inbox,
                now,
                verdict.outcome.as_str(),
                verdict.code.as_str(),
                verdict.detail,
                user,
                item
            ])?;
        is_settled = changed > 0;
    }
    let is_written = steps.is_empty() || is_settled && rows::begin_timeline(connection, *inbox, now, steps)?;
    if !is_written {
        rows::add_steps(connection, *inbox, now, steps)?;
    }
    for play in plays {
        if last.get(&play.id).is_some_and(|last| std::ptr::eq(*last, play)) {
            play_rows::put(connection, play)?;
        }
    }
    for play in replaced {
        play_rows::remove_imported(connection, play)?;
    }
    for rating in ratings {
        play_rows::add_rating(connection, rating, None)?;
    }
    for held in held {
        users::hold(connection, held, *at)?;
    }
    for event in events {
        outbox::add(connection, *inbox, event, *later, *at)?;
    }
    Ok(())
}
