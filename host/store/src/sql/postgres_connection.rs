//! A connection to PostgreSQL, used from threads that may block.

use std::error::Error as StdError;
use std::pin::pin;

use bytes::BytesMut;
use deadpool_postgres::Object;
use futures_util::TryStreamExt;
use tokio::runtime::Handle;
use tokio_postgres::Statement;
use tokio_postgres::types::{FromSql, IsNull, ToSql as PostgresToSql, Type, to_sql_checked};

use crate::Household;
use crate::sql::value::check_count;
use crate::sql::{Error, Fence, Result, Row, ToSql, ValueRef, dialect};

/// Stands in texts for a letter that PostgreSQL does not store.
pub const INSTEAD_OF_NUL: &str = "\u{fffd}";

/// A connection of the pool.
pub struct PostgresConnection {
    client: Object,
    runtime: Handle,
}

/// A statement that was prepared.
pub struct Prepared<'c> {
    connection: &'c PostgresConnection,
    statement: Statement,
}

impl PostgresConnection {
    /// A connection, whose traffic is carried on a runtime.
    pub fn new(client: Object, runtime: Handle) -> Self {
        Self { client, runtime }
    }

    pub(super) fn prepare(&self, statement: &str) -> Result<Prepared<'_>> {
        let translated = dialect::for_postgres(statement);
        let statement = self.runtime.block_on(self.client.prepare_cached(&translated))?;
        Ok(Prepared { connection: self, statement })
    }

    pub(super) fn execute_batch(&self, statements: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.client.batch_execute(statements))?)
    }

    /// Begins a transaction.
    ///
    /// # Errors
    ///
    /// The server cannot be reached.
    pub fn begin(&self) -> Result<()> {
        self.execute_batch("BEGIN")
    }

    /// Begins a transaction that sees one state of the database, and changes none.
    ///
    /// # Errors
    ///
    /// The server cannot be reached.
    pub fn begin_reading(&self) -> Result<()> {
        self.execute_batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// Works as a household, beside its writers.
    ///
    /// # Errors
    ///
    /// The server cannot be reached.
    pub fn enter_apart(&self, household: &Household) -> Result<()> {
        self.prepare("SELECT set_config('playrelay.household', ?1, TRUE)")?
            .execute(&[&household.as_str()])
            .map(drop)
    }

    /// Writes as a household. Writers of one household wait for each other: the rules of the store read before they write, and ids ascend in
    /// the order of the commits. With a fence, the node must own the household, and stays its owner until the transaction has ended.
    pub(super) fn enter(&self, household: &Household, fence: Option<&Fence>) -> Result<()> {
        let household = household.as_str();
        let Some(Fence { node, epoch }) = fence else {
            return self
                .prepare("SELECT set_config('playrelay.household', ?1, TRUE), pg_advisory_xact_lock(hashtextextended(?1, 0))")?
                .execute(&[&household])
                .map(drop);
        };
        let entered = self
            .prepare(
                "SELECT set_config('playrelay.household', ?1, TRUE), pg_advisory_xact_lock(hashtextextended(?1, 0))
                 FROM leases WHERE household = ?1 AND node = ?2 AND epoch = ?3 FOR SHARE",
            )?
            .execute(&[&household, node, epoch])?;
        if entered == 0 { Err(Error::LeaseLost) } else { Ok(()) }
    }

    pub(super) fn commit(&self) -> Result<()> {
        self.execute_batch("COMMIT").map_err(|error| match error {
            // Nothing was written. After any other error it may have been.
            Error::Postgres(_) if error.is_conflict() => error,
            error => Error::Unconfirmed(Box::new(error)),
        })
    }

    pub(super) fn rollback(&self) -> Result<()> {
        self.execute_batch("ROLLBACK")
    }
}

impl Prepared<'_> {
    fn bound<'p>(&self, params: &'p [&'p dyn ToSql]) -> Result<Vec<Bound<'p>>> {
        check_count(self.statement.params().len(), params.len())?;
        Ok(params.iter().map(|parameter| Bound(parameter.value())).collect())
    }

    pub(super) fn execute(&mut self, params: &[&dyn ToSql]) -> Result<usize> {
        let bound = self.bound(params)?;
        let PostgresConnection { client, runtime, .. } = self.connection;
        let changed = runtime.block_on(client.execute_raw(&self.statement, bound))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    pub(super) fn each(
        &mut self,
        params: &[&dyn ToSql],
        mut take: impl FnMut(&Row<'_>) -> Result<bool>,
    ) -> Result<()> {
        let bound = self.bound(params)?;
        let PostgresConnection { client, runtime, .. } = self.connection;
        let mut rows = pin!(runtime.block_on(client.query_raw(&self.statement, bound))?);
        while let Some(row) = runtime.block_on(rows.try_next())? {
            if !take(&Row::Postgres(&row))? {
                break;
            }
        }
        Ok(())
    }
}

/// A parameter. What kind it is says the statement.
#[derive(Debug)]
struct Bound<'v>(ValueRef<'v>);

impl PostgresToSql for Bound<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self.0, kind) {
            (ValueRef::Null, _) => Ok(IsNull::Yes),
            (ValueRef::Integer(number), &Type::INT8) => number.to_sql(kind, out),
            (ValueRef::Integer(number), &Type::INT4) => i32::try_from(number)?.to_sql(kind, out),
            (ValueRef::Integer(number), &Type::BOOL) => (number != 0).to_sql(kind, out),
            (ValueRef::Text(text), &Type::TEXT) => match text.contains('\0') {
                true => text.replace('\0', INSTEAD_OF_NUL).to_sql(kind, out),
                false => text.to_sql(kind, out),
            },
            (ValueRef::Blob(bytes), &Type::BYTEA) => bytes.to_sql(kind, out),
            (value, kind) => Err(format!("{value:?} is no {kind}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'v> FromSql<'v> for ValueRef<'v> {
    fn from_sql(kind: &Type, raw: &'v [u8]) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(match *kind {
            Type::INT8 => Self::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Self::Integer(i32::from_sql(kind, raw)?.into()),
            Type::BOOL => Self::Integer(bool::from_sql(kind, raw)?.into()),
            Type::TEXT | Type::VARCHAR | Type::NAME => Self::Text(<&str>::from_sql(kind, raw)?),
            Type::BYTEA => Self::Blob(raw),
            ref kind => return Err(format!("a column has the kind {kind}").into()),
        })
    }

    fn from_sql_null(_: &Type) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
