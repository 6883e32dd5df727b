//! Numbers that change with what others keep in memory.

use crate::sql;
use crate::sql::Connection;

/// The number of a name; 0 before the first change.
pub fn get(connection: &Connection, name: &str) -> sql::Result<i64> {
    connection
        .prepare_cached(
            "SELECT COALESCE(MAX(version), 0) FROM versions WHERE household = household() AND name = ?1",
        )?
        .query_row([name], |row| row.get(0))
}

/// Makes the number of a name another one.
pub fn raise(connection: &Connection, name: &str) -> sql::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO versions (household, name, version) VALUES (household(), ?1, 1)
             ON CONFLICT (household, name) DO UPDATE SET version = versions.version + 1",
        )?
        .execute([name])
        .map(drop)
}
