//! Copies of the whole database: one before each migration, and backups while it is used.

use std::fs;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use crate::sqlite::schema;

/// Copies before migrations that are kept; older ones are removed.
const KEPT_COPIES: usize = 2;
/// The middle of the name of such a copy: `playrelay.db.before-schema-9`.
const BEFORE: &str = ".before-schema-";

/// Copies a database beside itself where this program would migrate it.
///
/// # Errors
///
/// Says in words why there is no copy, and what to do.
pub fn before_migration(connection: &Connection, path: &Path) -> Result<(), String> {
    let version = schema::version(connection).map_err(|error| error.to_string())?;
    if version == 0 || version >= schema::CURRENT {
        return Ok(());
    }
    let copy = PathBuf::from(format!("{}{BEFORE}{}", path.display(), schema::CURRENT));
    if !copy.exists() {
        write(connection, &copy).map_err(|reason| {
            format!(
                "it is of schema {version} and has to be migrated to {}, and the copy {} that is made before cannot be written: \
                 {reason}; make room beside it for its size",
                schema::CURRENT,
                copy.display()
            )
        })?;
    }
    tracing::info!(
        from = version,
        to = schema::CURRENT,
        copy = %copy.display(),
        "the database is migrated; the copy is as it was before"
    );
    remove_old(path);
    Ok(())
}

/// Writes a copy to a file that is not there yet, and checks it. No file is left where that fails.
pub fn write(connection: &Connection, file: &Path) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    // Made empty by us, so that nobody else may read it; an empty file is what SQLite writes into.
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(|error| error.to_string())?;
    let written = connection
        .execute("VACUUM INTO ?1", [file.display().to_string()])
        .map_err(text)
        .and_then(|_| check(file));
    if written.is_err()
        && let Err(error) = fs::remove_file(file)
    {
        tracing::warn!("the unfinished copy {} cannot be removed: {error}", file.display());
    }
    written
}

/// Whether a file is a sound database that this program can read.
///
/// # Errors
///
/// Says in words why it is not.
pub fn check(file: &Path) -> Result<(), String> {
    let text = |error: rusqlite::Error| error.to_string();
    let copy = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(text)?;
    let answer: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(text)?;
    if answer != "ok" {
        return Err(format!("it is damaged: {answer}"));
    }
    match schema::version(&copy).map_err(text)? {
        0 => Err("it is no database of Playrelay".to_owned()),
        version if version > schema::CURRENT => Err(format!(
            "it was written by a newer Playrelay (schema {version}, this one knows {})",
            schema::CURRENT
        )),
        _ => Ok(()),
    }
}

/// Removes all but the newest copies.
fn remove_old(path: &Path) {
    let Some((folder, name)) = path.parent().zip(path.file_name()) else { return };
    let start = format!("{}{BEFORE}", name.to_string_lossy());
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut copies: Vec<(i64, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&start))
        .filter_map(|entry| Some((entry.metadata().ok()?.mtime(), entry.path())))
        .collect();
    copies.sort();
    let surplus = copies.len().saturating_sub(KEPT_COPIES);
    for (_, copy) in copies.into_iter().take(surplus) {
        if let Err(error) = fs::remove_file(&copy) {
            tracing::warn!("the old copy {} cannot be removed: {error}", copy.display());
        }
    }
}
