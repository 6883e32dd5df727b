//! A connection to either database.

use crate::Household;
use crate::sql::household;
use crate::sql::{Error, Fence, Params, PostgresConnection, Result, Row, SqliteConnection};
use crate::sql::{postgres_connection, sqlite_connection};

/// A connection to a database.
pub enum Connection {
    /// To a file.
    Sqlite(SqliteConnection),
    /// To a server.
    Postgres(PostgresConnection),
}

/// A statement that was prepared, and is kept for the next time.
pub enum Statement<'c> {
    /// Of SQLite.
    Sqlite(sqlite_connection::Prepared<'c>),
    /// Of PostgreSQL.
    Postgres(postgres_connection::Prepared<'c>),
}

impl Connection {
    /// Prepares a statement, or takes the one that was prepared before.
    ///
    /// # Errors
    ///
    /// The database does not understand it.
    pub fn prepare_cached(&self, statement: &str) -> Result<Statement<'_>> {
        match self {
            Self::Sqlite(connection) => connection.prepare(statement).map(Statement::Sqlite),
            Self::Postgres(connection) => connection.prepare(statement).map(Statement::Postgres),
        }
    }

    /// Has statements done, one after another.
    ///
    /// # Errors
    ///
    /// The database refused one; those after it are not done.
    pub fn execute_batch(&self, statements: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(statements),
            Self::Postgres(connection) => connection.execute_batch(statements),
        }
    }

    /// Does some work for a household, within a transaction that is open. With a fence it is done only for the node that owns the household, which
    /// stays the owner until the transaction has ended. A file has one node, and no fence.
    ///
    /// # Errors
    ///
    /// Those of the work, the household could not be set, or another node owns it.
    pub fn within<T>(
        &self,
        household: &Household,
        fence: Option<&Fence>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        match self {
            Self::Sqlite(_) => household::within(household, work),
            Self::Postgres(connection) => {
                connection.enter(household, fence)?;
                work()
            }
        }
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    ///
    /// Another process holds the database, or it cannot be reached.
    pub fn begin(&self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch("BEGIN IMMEDIATE"),
            Self::Postgres(connection) => connection.begin(),
        }
    }

    /// Ends the transaction. Its writes are durable when this returns.
    ///
    /// # Errors
    ///
    /// The database refused: none of its writes is there, but where PostgreSQL could not be heard any more, which leaves it open.
    pub fn commit(&self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute_batch("COMMIT"),
            Self::Postgres(connection) => connection.commit(),
        }
    }

    /// Takes back the transaction, where one is open.
    ///
    /// # Errors
    ///
    /// The database refused, or cannot be reached.
    pub fn rollback(&self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => connection.rollback(),
            Self::Postgres(connection) => connection.rollback(),
        }
    }
}

impl Statement<'_> {
    /// Has it done. Gives how many rows were changed.
    ///
    /// # Errors
    ///
    /// The database refused.
    pub fn execute(&mut self, params: impl Params) -> Result<usize> {
        params.pass(|params| match self {
            Self::Sqlite(statement) => statement.execute(params),
            Self::Postgres(statement) => statement.execute(params),
        })
    }

    /// Adds a row. Gives its column `id`.
    ///
    /// # Errors
    ///
    /// The database refused.
    pub fn insert(&mut self, params: impl Params) -> Result<i64> {
        self.query_row(params, |row| row.get(0))
    }

    /// Reads all rows.
    ///
    /// # Errors
    ///
    /// The database refused.
    pub fn query_map<T>(
        &mut self,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<std::vec::IntoIter<Result<T>>> {
        let mut found = Vec::new();
        self.each(params, |row| {
            found.push(read(row));
            Ok(true)
        })?;
        Ok(found.into_iter())
    }

    /// Reads rows until `take` says that it wants no more.
    ///
    /// # Errors
    ///
    /// The database refused, or `take` failed.
    pub fn each(&mut self, params: impl Params, take: impl FnMut(&Row<'_>) -> Result<bool>) -> Result<()> {
        params.pass(|params| match self {
            Self::Sqlite(statement) => statement.each(params, take),
            Self::Postgres(statement) => statement.each(params, take),
        })
    }

    /// Reads the first row.
    ///
    /// # Errors
    ///
    /// The query gives no row, the database refused, or `read` failed.
    pub fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        let (mut read, mut found) = (Some(read), None);
        self.each(params, |row| {
            if let Some(read) = read.take() {
                found = Some(read(row)?);
            }
            Ok(false)
        })?;
        found.ok_or(Error::NoRow)
    }

    /// Whether there is a row.
    ///
    /// # Errors
    ///
    /// The database refused.
    pub fn exists(&mut self, params: impl Params) -> Result<bool> {
        let mut exists = false;
        self.each(params, |_| {
            exists = true;
            Ok(false)
        })?;
        Ok(exists)
    }
}
