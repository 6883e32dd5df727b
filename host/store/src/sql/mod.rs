//! One face for SQLite and PostgreSQL, so that each statement of the store is written once.
//!
//! Statements are written in what both databases understand, with `?1` for the first parameter and `household()` for the household that
//! the work is done for. [`dialect`] says what is changed of them for PostgreSQL. Calls block: they run on the thread of the writer or on
//! one for blocking work.

mod connection;
mod dialect;
mod error;
mod fence;
pub mod household;
mod postgres_connection;
mod row;
mod sqlite_connection;
mod value;

pub use connection::Connection;
pub use error::{Error, OptionalExtension, Result};
pub use fence::Fence;
pub use postgres_connection::{INSTEAD_OF_NUL, PostgresConnection};
pub use row::Row;
pub use sqlite_connection::SqliteConnection;
pub(crate) use value::params;
pub use value::{FromSql, Params, ToSql, ValueRef};
