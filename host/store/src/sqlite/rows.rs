//! Rows, read and written.

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::timeline::{Stage, Verdict};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::StrDeserializer;

use crate::{EventSummary, InboxRow, Received};

/// A time that we wrote ourselves; one that is out of range reads as the first or last there is.
pub fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A column with JSON that we wrote ourselves.
pub fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(column, error))
}

/// A column with the name of a case, as serde writes it.
pub fn parse_enum<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let name = row.get_ref(column)?.as_str()?;
    T::deserialize(StrDeserializer::<serde_json::Error>::new(name)).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

/// JSON for a column.
pub fn to_json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Writes a step of an input's timeline.
pub fn add_step(
    connection: &Connection,
    inbox: i64,
    at: i64,
    stage: Stage,
    code: &Code,
    text: &str,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO timeline (inbox, at, stage, code, text) SELECT ?1, ?2, ?3, ?4, ?5
             WHERE EXISTS (SELECT 1 FROM inbox WHERE id = ?1 AND household = household())",
        )?
        .execute(params![inbox, at, stage.as_str(), code.as_str(), text])
        .map(drop)
}

/// Reads `id, source, received_at, request, person`.
pub fn request(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    let received =
        Received { source: row.get(1)?, at: time(row.get(2)?), request: row.get(3)?, person: row.get(4)? };
    Ok(InboxRow { id: row.get(0)?, received })
}

/// Reads `id, source, received_at, outcome, code, detail, user, item`.
pub fn summary(row: &Row<'_>) -> rusqlite::Result<EventSummary> {
    let settled: Option<String> = row.get(4)?;
    let verdict = settled.map(|code| {
        let code = Code::parse(&code);
        Ok::<_, rusqlite::Error>(Verdict { outcome: parse_enum(row, 3)?, code, detail: row.get(5)? })
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
