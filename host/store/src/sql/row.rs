//! Rows of answers.

use rusqlite::types::ValueRef as SqliteValue;

use crate::sql::{Error, FromSql, Result, ValueRef};

/// A row of an answer.
pub enum Row<'r> {
    /// Of SQLite.
    Sqlite(&'r rusqlite::Row<'r>),
    /// Of PostgreSQL.
    Postgres(&'r tokio_postgres::Row),
}

impl<'r> Row<'r> {
    /// Reads a column, counted from 0.
    ///
    /// # Errors
    ///
    /// There is no such column, or its value is of another kind.
    pub fn get<T: FromSql<'r>>(&self, column: usize) -> Result<T> {
        let value = match self {
            Self::Sqlite(row) => of_sqlite(row, column)?,
            Self::Postgres(row) => row.try_get::<_, ValueRef<'r>>(column)?,
        };
        T::from_value(value).ok_or_else(|| Error::Column {
            column,
            reason: format!("its value is no {}", std::any::type_name::<T>()),
        })
    }
}

fn of_sqlite<'r>(row: &'r rusqlite::Row<'r>, column: usize) -> Result<ValueRef<'r>> {
    let unreadable = |reason: String| Error::Column { column, reason };
    Ok(match row.get_ref(column)? {
        SqliteValue::Null => ValueRef::Null,
        SqliteValue::Integer(number) => ValueRef::Integer(number),
        SqliteValue::Text(text) => {
            ValueRef::Text(std::str::from_utf8(text).map_err(|error| unreadable(error.to_string()))?)
        }
        SqliteValue::Blob(bytes) => ValueRef::Blob(bytes),
        SqliteValue::Real(_) => return Err(unreadable("it holds a fraction".to_owned())),
    })
}
