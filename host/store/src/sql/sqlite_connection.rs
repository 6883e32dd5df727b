//! A connection to a file of SQLite.

use rusqlite::CachedStatement;
use rusqlite::types::{ToSqlOutput, ValueRef as SqliteValue};

use crate::sql::value::check_count;
use crate::sql::{Result, Row, ToSql, ValueRef};

/// A connection to a file.
pub struct SqliteConnection(pub rusqlite::Connection);

/// A statement that was prepared.
pub struct Prepared<'c>(CachedStatement<'c>);

impl SqliteConnection {
    pub(super) fn prepare(&self, statement: &str) -> Result<Prepared<'_>> {
        Ok(Prepared(self.0.prepare_cached(statement)?))
    }

    pub(super) fn execute_batch(&self, statements: &str) -> Result<()> {
        Ok(self.0.execute_batch(statements)?)
    }

    pub(super) fn rollback(&self) -> Result<()> {
        if self.0.is_autocommit() { Ok(()) } else { self.execute_batch("ROLLBACK") }
    }
}

impl Prepared<'_> {
    fn bind(&mut self, params: &[&dyn ToSql]) -> Result<()> {
        check_count(self.0.parameter_count(), params.len())?;
        for (at, parameter) in params.iter().enumerate() {
            self.0.raw_bind_parameter(at + 1, Bound(parameter.value()))?;
        }
        Ok(())
    }

    pub(super) fn execute(&mut self, params: &[&dyn ToSql]) -> Result<usize> {
        self.bind(params)?;
        Ok(self.0.raw_execute()?)
    }

    pub(super) fn each(
        &mut self,
        params: &[&dyn ToSql],
        mut take: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        self.bind(params)?;
        let mut rows = self.0.raw_query();
        while let Some(row) = rows.next()? {
            if !take(&Row::Sqlite(row))? {
                break;
            }
        }
        Ok(())
    }
}

/// A parameter.
struct Bound<'v>(ValueRef<'v>);

impl rusqlite::ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            ValueRef::Null => SqliteValue::Null,
            ValueRef::Integer(number) => SqliteValue::Integer(number),
            ValueRef::Text(text) => SqliteValue::Text(text.as_bytes()),
            ValueRef::Blob(bytes) => SqliteValue::Blob(bytes),
        }))
    }
}
