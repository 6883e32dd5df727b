//! Copies of a whole store: from a file to a server, or from a server to a file.
//!
//! The copy is one transaction of the target, and what it reads is one state of the source. Each table is read again at the end: as many
//! rows, with the same values, or nothing is kept.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use playrelay_util::secret::Secret;

use crate::postgres;
use crate::postgres::PostgresServer;
use crate::sql::{Connection, ToSql, ValueRef, params};
use crate::{sql, sqlite};

/// Parameters of one statement that adds rows.
const MAX_PARAMETERS: usize = 900;

/// Where a store is, or is to be.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of PostgreSQL, by its address.
    Server(Secret),
}

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedTable {
    /// The table.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Both are files, or both are servers.
    #[error("expected a file and a server: a file is copied by `playrelay backup`, a server by `pg_dump`")]
    SameKind,
    /// The target is in use, or has rows.
    #[error("{place} {reason}")]
    Occupied {
        /// The target.
        place: String,
        /// What is there, with the remedy.
        reason: String,
    },
    /// A database failed.
    #[error("{place} failed: {reason}")]
    Failed {
        /// The database.
        place: String,
        /// The reason, in words.
        reason: String,
    },
    /// The target does not hold what the source holds.
    #[error(
        "table {table} is not the same after the copy ({source_rows} and {copied_rows} rows); nothing was kept"
    )]
    Differs {
        /// The table.
        table: String,
        /// Rows of the source.
        source_rows: u64,
        /// Rows of the target.
        copied_rows: u64,
    },
}

/// Copies everything to a database that holds nothing. Must be called on a runtime. `progress` hears of each table that is copied.
///
/// # Errors
///
/// The databases are of one kind, the target holds something, one of them fails, or they are not the same afterwards. The target is as
/// it was then.
pub async fn copy_store(
    from: Database,
    to: Database,
    progress: impl Fn(&CopiedTable) + Send + 'static,
) -> Result<Vec<CopiedTable>, CopyError> {
    let copied = match (from, to) {
        (Database::File(file), Database::Server(url)) => {
            let server = connect(&url)?;
            tokio::task::spawn_blocking(move || file_to_server(&file, &server, &progress)).await
        }
        (Database::Server(url), Database::File(file)) => {
            let server = connect(&url)?;
            tokio::task::spawn_blocking(move || server_to_file(&server, &file, &progress)).await
        }
        _ => return Err(CopyError::SameKind),
    };
    copied.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn connect(url: &Secret) -> Result<PostgresServer, CopyError> {
    PostgresServer::new(url)
        .map_err(|error| CopyError::Failed { place: "[store] url".to_owned(), reason: error.to_string() })
}

/// Writes all that is on a server to a new file.
///
/// # Errors
///
/// Says in words why there is no copy. No file is left then.
pub(crate) fn to_new_file(server: &PostgresServer, file: &Path) -> Result<(), String> {
    server_to_file(server, file, &|_| {}).map(drop).map_err(|error| error.to_string())
}

fn failed(place: &str) -> impl Fn(sql::Error) -> CopyError {
    let place = place.to_owned();
    move |error| CopyError::Failed { place: place.clone(), reason: error.to_string() }
}

fn file_to_server(
    file: &Path,
    server: &PostgresServer,
    progress: &dyn Fn(&CopiedTable),
) -> Result<Vec<CopiedTable>, CopyError> {
    let shown = file.display().to_string();
    if !file.exists() {
        return Err(CopyError::Failed { place: shown, reason: "there is no such file".to_owned() });
    }
    let source = sqlite::open_connection(file).map_err(failed(&shown))?;
    postgres::migrate(server).map_err(failed(server.place()))?;
    let target = server.connect().map_err(failed(server.place()))?;
    let others: u32 = number(&target, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .map_err(failed(server.place()))?;
    if others > 0 {
        let reason =
            format!("is used by {others} other connections; end the programs that use it, and try again");
        return Err(CopyError::Occupied { place: server.place().to_owned(), reason });
    }
    let copied = begin(&source, &target).map_err(failed(server.place())).and_then(|()| {
        for table in tables(&source).map_err(failed(&shown))? {
            if table != "facts"
                && number::<u32>(
                    &target,
                    &format!("SELECT COUNT(*) FROM (SELECT 1 FROM {table} LIMIT 1) AS one"),
                )
                .map_err(failed(server.place()))?
                    > 0
            {
                let reason = format!(
                    "has rows in the table {table}; expected a database without any, such as a new one"
                );
                return Err(CopyError::Occupied { place: server.place().to_owned(), reason });
            }
        }
        copy_tables(&source, &target, (&shown, server.place()), progress)
    });
    finish(&source, &target, copied, server.place())
}

fn server_to_file(
    server: &PostgresServer,
    file: &Path,
    progress: &dyn Fn(&CopiedTable),
) -> Result<Vec<CopiedTable>, CopyError> {
    let shown = file.display().to_string();
    if file.exists() && std::fs::metadata(file).is_ok_and(|file| file.len() > 0) {
        let reason = "is there; expected the name of a new file".to_owned();
        return Err(CopyError::Occupied { place: shown, reason });
    }
    let source = server.connect().map_err(failed(server.place()))?;
    let target = sqlite::open_connection(file).map_err(failed(&shown))?;
    let copied = begin(&source, &target)
        .map_err(failed(server.place()))
        .and_then(|()| copy_tables(&source, &target, (server.place(), &shown), progress));
    let copied = finish(&source, &target, copied, &shown).and_then(|copied| {
        drop(target);
        sqlite::check_file(file)
            .map(|()| copied)
            .map_err(|reason| CopyError::Failed { place: shown.clone(), reason })
    });
    if copied.is_err() {
        for name in ["", "-wal", "-shm"].map(|end| sqlite::beside(file, end)) {
            if name.exists()
                && let Err(error) = std::fs::remove_file(&name)
            {
                tracing::warn!("the unfinished copy {} cannot be removed: {error}", name.display());
            }
        }
    }
    copied
}

/// One state of the source is read, while the target is written.
fn begin(source: &Connection, target: &Connection) -> sql::Result<()> {
    match source {
        Connection::Sqlite(_) => source.begin()?,
        Connection::Postgres(server) => server.begin_reading()?,
    }
    target.begin()
}

fn finish(
    source: &Connection,
    target: &Connection,
    copied: Result<Vec<CopiedTable>, CopyError>,
    place: &str,
) -> Result<Vec<CopiedTable>, CopyError> {
    let copied = copied.and_then(|copied| target.commit().map(|()| copied).map_err(failed(place)));
    if copied.is_err() {
        // Where it fails the connection ends, and the transaction with it.
        let _ = target.rollback();
    }
    let _ = source.rollback();
    copied
}

/// Copies each table, and compares it.
fn copy_tables(
    source: &Connection,
    target: &Connection,
    (source_place, target_place): (&str, &str),
    progress: &dyn Fn(&CopiedTable),
) -> Result<Vec<CopiedTable>, CopyError> {
    let file = if matches!(source, Connection::Sqlite(_)) { source } else { target };
    let mut copied = Vec::new();
    for name in tables(file).map_err(failed(source_place))? {
        let columns = columns(file, &name).map_err(failed(source_place))?;
        // A new database has a few rows of its own, such as the name of the installation, by which trackers know events: it goes along.
        let mut clear =
            target.prepare_cached(&format!("DELETE FROM {name}")).map_err(failed(target_place))?;
        clear.execute(params![]).map_err(failed(target_place))?;
        let read = copy_table(source, target, &name, &columns).map_err(failed(target_place))?;
        let written = digest(target, &name, &columns).map_err(failed(target_place))?;
        if read != written {
            return Err(CopyError::Differs {
                table: name,
                source_rows: read.rows,
                copied_rows: written.rows,
            });
        }
        set_next_id(source, target, &name, &columns).map_err(failed(target_place))?;
        let table = CopiedTable { name, rows: read.rows };
        progress(&table);
        copied.push(table);
    }
    Ok(copied)
}

fn number<T: for<'v> sql::FromSql<'v>>(connection: &Connection, statement: &str) -> sql::Result<T> {
    connection.prepare_cached(statement)?.query_row(params![], |row| row.get(0))
}

/// The tables, by their names.
fn tables(file: &Connection) -> sql::Result<Vec<String>> {
    file.prepare_cached(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
    )?
    .query_map(params![], |row| row.get(0))?
    .collect()
}

fn columns(file: &Connection, table: &str) -> sql::Result<Vec<String>> {
    file.prepare_cached("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?
        .query_map(params![table], |row| row.get(0))?
        .collect()
}

/// A value that is on its way.
#[derive(Hash)]
enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl ToSql for Value {
    fn value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }
    }
}

/// The rows of a table: how many, and the sum of their digests, in whatever order they come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct TableDigest {
    rows: u64,
    digests: u64,
}

impl TableDigest {
    fn add(&mut self, row: &[Value]) {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        self.rows += 1;
        self.digests = self.digests.wrapping_add(hasher.finish());
    }
}

/// Reads all rows of a table.
fn read(
    connection: &Connection,
    table: &str,
    columns: &[String],
    mut take: impl FnMut(Vec<Value>) -> sql::Result<()>,
) -> sql::Result<()> {
    let statement = format!("SELECT {} FROM {table}", columns.join(", "));
    connection.prepare_cached(&statement)?.each(params![], |row| {
        let values = (0..columns.len()).map(|column| {
            Ok(match row.get(column)? {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(number) => Value::Integer(number),
                // PostgreSQL stores no NUL in a text.
                ValueRef::Text(text) => Value::Text(text.replace('\0', sql::INSTEAD_OF_NUL)),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            })
        });
        take(values.collect::<sql::Result<_>>()?)?;
        Ok(true)
    })
}

fn digest(connection: &Connection, table: &str, columns: &[String]) -> sql::Result<TableDigest> {
    let mut digest = TableDigest::default();
    read(connection, table, columns, |row| {
        digest.add(&row);
        Ok(())
    })?;
    Ok(digest)
}

/// Copies a table, many rows at a time.
fn copy_table(
    source: &Connection,
    target: &Connection,
    table: &str,
    columns: &[String],
) -> sql::Result<TableDigest> {
    let mut digest = TableDigest::default();
    let (rows_at_once, mut waiting) = ((MAX_PARAMETERS / columns.len()).max(1), Vec::new());
    read(source, table, columns, |row| {
        digest.add(&row);
        waiting.extend(row);
        if waiting.len() >= rows_at_once * columns.len() {
            add(target, table, columns, &waiting)?;
            waiting.clear();
        }
        Ok(())
    })?;
    add(target, table, columns, &waiting)?;
    Ok(digest)
}

fn add(target: &Connection, table: &str, columns: &[String], values: &[Value]) -> sql::Result<()> {
    if values.is_empty() {
        return Ok(());
    }
    let row = format!("({})", vec!["?"; columns.len()].join(", "));
    let rows = vec![row; values.len() / columns.len()].join(", ");
    let statement = format!("INSERT INTO {table} ({}) VALUES {rows}", columns.join(", "));
    let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    target.prepare_cached(&statement)?.execute(&*values).map(drop)
}

/// Ids go on where they were: also one that was removed is given to nothing else, since trackers know deliveries by them.
fn set_next_id(source: &Connection, target: &Connection, table: &str, columns: &[String]) -> sql::Result<()> {
    if !columns.iter().any(|column| column == "id") {
        return Ok(());
    }
    match (source, target) {
        (Connection::Sqlite(_), _) => {
            let is_numbered = target
                .prepare_cached("SELECT 1 WHERE pg_get_serial_sequence(?1, 'id') IS NOT NULL")?
                .exists(params![table])?;
            if !is_numbered {
                return Ok(());
            }
            let last: Option<i64> = source
                .prepare_cached(&format!(
                    "SELECT MAX(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = ?1), 0), COALESCE((SELECT MAX(id) FROM {table}), 0))"
                ))?
                .query_row(params![table], |row| row.get(0))?;
            let statement = "SELECT setval(pg_get_serial_sequence(?1, 'id'), ?2)";
            match last.filter(|last| *last > 0) {
                Some(last) => target.prepare_cached(statement)?.exists(params![table, last]).map(drop),
                None => Ok(()),
            }
        }
        (Connection::Postgres(_), _) => {
            let is_numbered: bool = source
                .prepare_cached("SELECT pg_get_serial_sequence(?1, 'id') IS NOT NULL")?
                .query_row(params![table], |row| row.get(0))?;
            let has_own: bool = target
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = ?1 AND sql LIKE '%AUTOINCREMENT%')")?
                .query_row(params![table], |row| row.get(0))?;
            if !is_numbered || !has_own {
                return Ok(());
            }
            let last: i64 = number(
                source,
                &format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {table}_id_seq"),
            )?;
            target.prepare_cached("DELETE FROM sqlite_sequence WHERE name = ?1")?.execute(params![table])?;
            target
                .prepare_cached("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)")?
                .execute(params![table, last])
                .map(drop)
        }
    }
}
