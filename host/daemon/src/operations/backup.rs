//! A copy of everything that is worth keeping, in one file, and its way back.
//!
//! The file is a compressed tar archive with the database, the configuration and a list of their digests. Logins stay sealed: the key
//! that opens them (`vault.key`) is not in it, so that a backup on another machine opens nothing.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use playrelay_store::{Store, StoreError, sqlite};
use playrelay_util::clock;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::app::{self, AppError, DATABASE};
use crate::config::{Config, DEFAULT_FILE};

/// The list's name in the archive.
const LIST: &str = "backup.json";
/// The version of the archive's form.
const FORM: u32 = 1;
/// Bytes of the list.
const MAX_LIST: u64 = 64 << 10;
/// Bytes of a configuration.
const MAX_CONFIGURATION: u64 = 16 << 20;
/// The end of the name that a database has which was replaced.
const REPLACED: &str = "before-restore";

/// Why there is no backup, or none that can be restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{path} cannot be used: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The file is no backup, or a damaged one.
    #[error("{path} is no sound backup: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is a database where the one of the backup would go.
    #[error("{0} is there already; --force puts it aside as {0}.{REPLACED}")]
    Exists(PathBuf),
    /// The configuration keeps everything on a server, and the backup is a file.
    #[error(
        "`url` in [store] names a server; restore without that key, and copy the database there with `playrelay store copy`"
    )]
    OnServer,
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data folder cannot be used.
    #[error(transparent)]
    App(#[from] AppError),
}

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupList {
    /// The version of the archive's form.
    pub form: u32,
    /// The version of the program that wrote it.
    pub version: String,
    /// When it was written, UTC.
    pub at: Timestamp,
    /// The files, with the SHA-256 of each.
    pub files: Vec<BackupFile>,
}

/// A file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFile {
    /// The name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Writes a backup to a file that is not there yet; others may read and write meanwhile. Only its owner may read the file.
///
/// # Errors
///
/// Fails where the file is there or cannot be written, or the copy is not sound. No file is left then.
pub async fn write(store: &dyn Store, config: &Config, file: &Path) -> Result<BackupList, BackupError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::File { path, error }
    };
    let scratch = TempDir::with_prefix("playrelay-backup-").map_err(failed(&std::env::temp_dir()))?;
    let copy = scratch.path().join(DATABASE);
    store.copy_to(&copy).await?;
    let mut parts = vec![(DATABASE.to_owned(), copy)];
    let configuration = config.file.clone().filter(|path| path.is_file());
    parts.extend(configuration.map(|path| (DEFAULT_FILE.to_owned(), path)));
    let target = file.to_owned();
    let archived = tokio::task::spawn_blocking(move || {
        let written = archive(&parts, &target);
        if written.is_err() && !matches!(&written, Err(error) if error.kind() == io::ErrorKind::AlreadyExists)
        {
            // What is half written is no backup. Where it cannot be removed, the first error says why.
            let _ = fs::remove_file(&target);
        }
        drop(scratch);
        written
    });
    let written = archived.await.map_err(|error| io::Error::other(error.to_string())).flatten();
    written.map_err(failed(file))
}

fn archive(parts: &[(String, PathBuf)], target: &Path) -> io::Result<BackupList> {
    let mut files = Vec::new();
    for (name, path) in parts {
        let (size, sha256) = digest(File::open(path)?)?;
        files.push(BackupFile { name: name.clone(), size, sha256 });
    }
    let list =
        BackupList { form: FORM, version: env!("CARGO_PKG_VERSION").to_owned(), at: clock::now(), files };
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    let text = serde_json::to_vec_pretty(&list)?;
    append(&mut archive, LIST, text.len() as u64, &*text)?;
    for ((name, path), part) in parts.iter().zip(&list.files) {
        append(&mut archive, name, part.size, File::open(path)?.take(part.size))?;
    }
    let file = archive.into_inner()?.finish()?;
    file.sync_all()?;
    Ok(list)
}

fn append(archive: &mut tar::Builder<impl Write>, name: &str, size: u64, data: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, data)
}

fn digest(mut file: impl Read) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
    Ok((size, hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

/// What became of a backup that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What was in it.
    pub list: BackupList,
    /// Where the database that was there is now; absent if there was none.
    pub replaced: Option<PathBuf>,
    /// Where the configuration of the backup is now; absent if the backup has none.
    pub configuration: Option<PathBuf>,
}

/// Puts a backup into the data folder of a configuration, while no daemon uses it. A configuration that is there is left alone: the one
/// of the backup is put beside it.
///
/// # Errors
///
/// Fails where the file is no sound backup, a daemon uses the folder, or there is a database and `force` does not say that it is put
/// aside. Nothing is changed then.
pub fn restore(config: &Config, file: &Path, force: bool) -> Result<Restored, BackupError> {
    use std::os::unix::fs::DirBuilderExt;
    if config.store.url.is_some() {
        return Err(BackupError::OnServer);
    }
    let data = &config.server.data_dir;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::File { path, error }
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed(data))?;
    let _lock = app::lock_folder(data)?;
    let database = data.join(DATABASE);
    if database.exists() && !force {
        return Err(BackupError::Exists(database));
    }
    // Beside its place: what is complete and sound is moved, and nothing else.
    let scratch = TempDir::with_prefix_in("restore-", data).map_err(failed(data))?;
    let list = unpack(file, scratch.path())?;
    let copy = scratch.path().join(DATABASE);
    sqlite::check_file(&copy).map_err(|reason| BackupError::Damaged { path: file.to_owned(), reason })?;
    let replaced = database.exists().then(|| data.join(format!("{DATABASE}.{REPLACED}")));
    if let Some(aside) = &replaced {
        for end in ["", "-wal", "-shm"] {
            let (from, to) = (with_end(&database, end), with_end(aside, end));
            if from.exists() {
                fs::rename(&from, &to).map_err(failed(&from))?;
            }
        }
    }
    fs::rename(&copy, &database).map_err(failed(&database))?;
    let configuration = restore_configuration(config, scratch.path())?;
    Ok(Restored { list, replaced, configuration })
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    PathBuf::from(format!("{}{end}", path.display()))
}

/// Puts the configuration of a backup into its place, or beside the one that is there.
fn restore_configuration(config: &Config, scratch: &Path) -> Result<Option<PathBuf>, BackupError> {
    let copy = scratch.join(DEFAULT_FILE);
    if !copy.exists() {
        return Ok(None);
    }
    let place = config.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let target = if place.exists() { with_end(&place, ".restored") } else { place };
    let text = fs::read(&copy).map_err(|error| BackupError::File { path: copy, error })?;
    playrelay_util::private_file::replace(&target, "new", &text)
        .map_err(|error| BackupError::File { path: target.clone(), error })?;
    Ok(Some(target))
}

/// Unpacks the files that the list names, and checks each.
fn unpack(file: &Path, folder: &Path) -> Result<BackupList, BackupError> {
    let damaged = |reason: String| BackupError::Damaged { path: file.to_owned(), reason };
    let open = File::open(file).map_err(|error| BackupError::File { path: file.to_owned(), error })?;
    let mut archive = tar::Archive::new(GzDecoder::new(open));
    let mut entries = archive.entries().map_err(|error| damaged(error.to_string()))?;
    let mut next = || match entries.next() {
        Some(entry) => entry.map_err(|error| damaged(error.to_string())),
        None => Err(damaged("it ends too early".to_owned())),
    };
    let mut text = Vec::new();
    next()?.take(MAX_LIST).read_to_end(&mut text).map_err(|error| damaged(error.to_string()))?;
    let list: BackupList = serde_json::from_slice(&text)
        .map_err(|error| damaged(format!("its list cannot be read: {error}")))?;
    if list.form != FORM {
        return Err(damaged(format!("it has form {}, and this program knows {FORM}", list.form)));
    }
    let names: Vec<&str> = list.files.iter().map(|part| part.name.as_str()).collect();
    if !matches!(names.as_slice(), [DATABASE] | [DATABASE, DEFAULT_FILE]) {
        return Err(damaged(format!("it has other files than expected: {}", names.join(", "))));
    }
    for part in &list.files {
        let entry = next()?;
        if part.name == DEFAULT_FILE && part.size > MAX_CONFIGURATION {
            return Err(damaged("its configuration is too large".to_owned()));
        }
        let path = folder.join(&part.name);
        let mut target = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| BackupError::File { path: path.clone(), error })?;
        // No more than the list says, whatever the archive says.
        io::copy(&mut entry.take(part.size + 1), &mut target).map_err(|error| damaged(error.to_string()))?;
        let written =
            File::open(&path).and_then(digest).map_err(|error| BackupError::File { path, error })?;
        if written != (part.size, part.sha256.clone()) {
            return Err(damaged(format!("{} is not as it was written", part.name)));
        }
    }
    Ok(list)
}
