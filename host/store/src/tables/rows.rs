//! Rows, read and written.

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::timeline::{Stage, Step, Verdict};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;

use crate::sql;
use crate::sql::{Connection, Row, params};
use crate::{EventSummary, InboxRow, Received};

/// A time that we wrote ourselves; one that is out of range reads as the first or last there is.
pub fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A column with JSON that we wrote ourselves.
pub fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> sql::Result<T> {
    serde_json::from_str(row.get::<&str>(column)?).map_err(|error| unreadable(column, &error))
}

/// A column with the name of a case, as serde writes it.
pub fn parse_enum<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> sql::Result<T> {
    let name = row.get::<&str>(column)?;
    T::deserialize(StrDeserializer::<serde_json::Error>::new(name))
        .map_err(|error| unreadable(column, &error))
}

fn unreadable(column: usize, error: &serde_json::Error) -> sql::Error {
    sql::Error::Column { column, reason: error.to_string() }
}

/// JSON for a column.
pub fn to_json(value: &impl Serialize) -> sql::Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// Writes a step of an input's timeline.
pub fn add_step(
    connection: &Connection,
    inbox: i64,
    at: i64,
    stage: Stage,
    code: &Code,
    text: &str,
) -> sql::Result<()> {
    add_steps(connection, inbox, at, &[Step::new(stage, code.clone(), text)])
}

/// Writes the steps of an input that is settled, as the first row of its timeline. False where it has one.
pub fn begin_timeline(connection: &Connection, inbox: i64, at: i64, steps: &[Step]) -> sql::Result<bool> {
    connection
        .prepare_cached(
            "INSERT INTO timeline (inbox, number, at, steps) VALUES (?1, 1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![inbox, at, to_json(&steps)?])
        .map(|added| added > 0)
}

/// Writes steps of an input's timeline, which are one row.
pub fn add_steps(connection: &Connection, inbox: i64, at: i64, steps: &[Step]) -> sql::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO timeline (inbox, number, at, steps)
             SELECT ?1, (SELECT COALESCE(MAX(number), 0) + 1 FROM timeline WHERE inbox = ?1), ?2, ?3
             WHERE EXISTS (SELECT 1 FROM inbox WHERE id = ?1 AND household = household())",
        )?
        .execute(params![inbox, at, to_json(&steps)?])
        .map(drop)
}

/// Reads `id, source, received_at, request, person`.
pub fn request(row: &Row<'_>) -> sql::Result<InboxRow> {
    let received =
        Received { source: row.get(1)?, at: time(row.get(2)?), request: row.get(3)?, person: row.get(4)? };
    Ok(InboxRow { id: row.get(0)?, received })
}

/// Reads `id, source, received_at, outcome, code, detail, user, item`.
pub fn summary(row: &Row<'_>) -> sql::Result<EventSummary> {
    let settled: Option<String> = row.get(4)?;
    let verdict = settled.map(|code| {
        let code = Code::parse(&code);
        Ok::<_, sql::Error>(Verdict { outcome: parse_enum(row, 3)?, code, detail: row.get(5)? })
    });
    let verdict = verdict.transpose()?;
    Ok(EventSummary {
        id: row.get(0)?,
        source: row.get(1)?,
        received_at: time(row.get(2)?),
        user: row.get(6)?,
        item: row.get(7)?,
        verdict,
    })
}
