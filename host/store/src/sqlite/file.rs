//! The file: opened, migrated, written by one and read by another.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;

use crate::sql;
use crate::sql::household;
use crate::sqlite::{copies, schema};

/// How long another process (a command beside the daemon) may hold the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which it is folded into the database, idle or not.
const CHECKPOINT_PAGES: i64 = 16_000;

/// Pages that the connection which writes keeps in memory. KiB.
const WRITER_CACHE_KIB: i64 = 6 << 10;

/// Opens a database. A missing one is made; an older one is copied beside itself, and then migrated.
///
/// # Errors
///
/// The file cannot be opened, written or copied, it is no database, or a newer program wrote it. Nothing is changed then.
pub fn open_connection(path: &Path) -> sql::Result<sql::Connection> {
    let failed = |reason: String| sql::Error::NoConnection(reason);
    make_private(path).map_err(|error| failed(error.to_string()))?;
    let connection = connect(path)?;
    let cached = connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB);
    cached.map_err(|error| failed(error.to_string()))?;
    copies::before_migration(&connection, path).map_err(failed)?;
    schema::migrate(connection)
}

/// Makes the file where it is missing, for our eyes only: SQLite gives its other files the same mode.
pub fn make_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

/// A connection to a file, with the functions that statements use.
pub fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // FULL: a commit is on the disk before it is answered.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // What SQLite keeps to take a statement back does not go to a file.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A statement is planned once. Without this it is planned anew for each value of some parameters.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(128);
    household::register(&connection)?;
    // What a filter looks for is written in any case.
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("folded", 1, flags, |arguments| {
        Ok(arguments.get::<Option<String>>(0)?.map(|text| text.to_lowercase()))
    })?;
    Ok(connection)
}

/// Writes a copy of everything to a file that is not there yet, while others read and write. The copy is checked.
///
/// # Errors
///
/// Says in words why there is no copy. No file is left then.
pub fn copy(path: &Path, file: &Path) -> Result<(), String> {
    // On a connection of its own: it takes as long as the disk needs, and nobody waits for it.
    let connection = connect(path).map_err(|error| error.to_string())?;
    copies::write(&connection, file)
}

/// Bytes of a database and its write-ahead log.
///
/// # Errors
///
/// The file is gone.
pub fn size(path: &Path) -> std::io::Result<u64> {
    let database = std::fs::metadata(path)?.len();
    // There is no log where nothing was written since it was folded in.
    Ok(database + std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len()))
}

/// A file that SQLite keeps beside a database, by the end of its name: `-wal`, `-shm`.
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
