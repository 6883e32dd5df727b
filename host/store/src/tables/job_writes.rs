//! What a job writes: plays, ratings, titles of a watchlist, and events for trackers.

use std::collections::HashMap;

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::library::import::places_in_front;
use playrelay_engine::timeline::{Outcome, Stage, Step, Verdict};

use crate::jobs::{Job, JobWrites, ListedEntry};
use crate::sql;
use crate::sql::{Connection, params};
use crate::tables::{inbox, play_rows, titles};
use crate::{ProcessedInput, Received};

/// The source of what no source has reported.
const SOURCE: &str = "import";

/// Writes all of it.
pub fn write(connection: &Connection, job: &Job, writes: &JobWrites, now: Timestamp) -> sql::Result<()> {
    for play in &writes.plays {
        play_rows::add_imported(connection, play, job.id)?;
    }
    for rating in &writes.ratings {
        play_rows::add_rating(connection, rating, Some(job.id))?;
    }
    put_in_front(connection, job, &writes.listed, now)?;
    deliver(connection, job, &writes.deliveries, now)
}

/// Puts events into the outbox, with an input of their own, whose story says which job they are of. A watch of which the tracker was told is not told
/// again.
fn deliver(connection: &Connection, job: &Job, events: &[TrackerEvent], now: Timestamp) -> sql::Result<()> {
    let Some(first) = events.first() else { return Ok(()) };
    let person = Some(job.work.person.clone()).filter(|person| !person.is_empty());
    let received =
        Received { source: SOURCE.to_owned(), at: now, request: Vec::new(), person: person.clone() };
    let text = format!("{} events of job {}, {}", events.len(), job.id, job.work.about);
    let item = match events {
        [one] => one.item.to_string(),
        several => format!("{} and {} more", first.item, several.len() - 1),
    };
    let input = ProcessedInput {
        inbox: inbox::add(connection, &received)?,
        at: now,
        later: false,
        verdict: Some(Verdict::new(Outcome::Queued, Code::Imported, text.clone())),
        user: person,
        item: Some(item),
        steps: vec![Step::new(Stage::Received, Code::Imported, text)],
        plays: Vec::new(),
        ratings: Vec::new(),
        held: Vec::new(),
        events: events.to_vec(),
        replaced: Vec::new(),
    };
    inbox::record(connection, &input, &HashMap::new())
}

/// Puts titles in front of a watchlist, without those that stand on it.
fn put_in_front(
    connection: &Connection,
    job: &Job,
    listed: &[ListedEntry],
    now: Timestamp,
) -> sql::Result<()> {
    let mut missing: Vec<(i64, Timestamp)> = Vec::new();
    for ListedEntry { item, since } in listed {
        let Some(title) = titles::resolve(connection, item)? else { continue };
        let is_there = connection
            .prepare_cached(
                "SELECT 1 FROM watchlist WHERE household = household() AND person = ?1 AND title = ?2",
            )?
            .exists(params![job.work.person, title])?;
        if !is_there && missing.iter().all(|(known, _)| *known != title) {
            missing.push((title, (*since).min(now)));
        }
    }
    let front = connection
        .prepare_cached(
            "SELECT MIN(place) FROM watchlist INDEXED BY watchlist_order WHERE household = household() AND person = ?1",
        )?
        .query_row([&job.work.person], |row| row.get(0))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO watchlist (household, person, title, place, added_at, origin, job)
         VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for ((title, since), place) in missing.iter().zip(places_in_front(front, missing.len())) {
        insert.execute(params![
            job.work.person,
            title,
            place,
            since.as_millisecond(),
            job.work.about,
            job.id
        ])?;
    }
    Ok(())
}
