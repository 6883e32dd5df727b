//! The tables, and how older databases get them.

use crate::postgres::PostgresServer;
use crate::sql::{Connection, Error, Result, params};

/// One step per version; a step that has been released is never changed.
const MIGRATIONS: [&str; 2] = [include_str!("migrations/1.sql"), include_str!("migrations/2.sql")];
/// The lock of those that migrate: one program at a time.
const MIGRATION_LOCK: i64 = 0x0070_6c61_7972_656c;

/// Brings the database up to this program's version.
///
/// # Errors
///
/// The server cannot be reached, may lose what it has confirmed, or a newer program wrote the database. It is unchanged then.
pub fn migrate(server: &PostgresServer) -> Result<()> {
    let connection = server.connect()?;
    connection.begin()?;
    let migrated = migrate_within(&connection).and_then(|()| connection.commit());
    if migrated.is_err() {
        // The connection ends, and the transaction with it, where this fails as well.
        let _ = connection.rollback();
    }
    migrated
}

fn migrate_within(connection: &Connection) -> Result<()> {
    let text = |statement: &str| -> Result<String> {
        connection.prepare_cached(statement)?.query_row(params![], |row| row.get(0))
    };
    connection.prepare_cached("SELECT pg_advisory_xact_lock(?1)")?.execute([MIGRATION_LOCK])?;
    if matches!(text("SHOW synchronous_commit")?.as_str(), "off" | "local") {
        return Err(Error::NoConnection(
            "its setting `synchronous_commit` is off: it confirms what it may lose; expected `on`, for this database or at all".to_owned(),
        ));
    }
    if text("SHOW server_encoding")? != "UTF8" {
        return Err(Error::NoConnection(
            "its texts are not stored in UTF-8; expected a database with ENCODING 'UTF8'".to_owned(),
        ));
    }
    connection.execute_batch("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")?;
    let version: u32 = connection
        .prepare_cached("SELECT COALESCE(MAX(version), 0) FROM schema_version")?
        .query_row(params![], |row| row.get(0))?;
    let version = version as usize;
    if version > MIGRATIONS.len() {
        return Err(Error::Newer(format!(
            "it was written by a newer Playrelay (schema {version}, this one knows {}); start that one",
            MIGRATIONS.len()
        )));
    }
    for migration in MIGRATIONS.iter().skip(version) {
        connection.execute_batch(migration)?;
    }
    connection.execute_batch(&format!(
        "DELETE FROM schema_version; INSERT INTO schema_version (version) VALUES ({})",
        MIGRATIONS.len()
    ))
}
