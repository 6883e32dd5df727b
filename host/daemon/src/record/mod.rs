//! A record of what plugins and services say to each other, for a user's report: off until somebody switches it on, for a day at most.
//!
//! Requests are recorded as the plugin made them, before the host adds credentials, and answers after the host has masked its secrets.
//! Logins are not recorded. What is personal is redacted; see [`redaction`]. One file has the exchanges, one a line, in the form that the contract
//! check of the tests reads. The other one has the calls of plugins, with all that each was told: `playrelay record replay` makes them once more.
//! What is personal in them has a pseudonym; see [`call_redaction`].

pub mod call_redaction;
mod exchange;
pub mod pseudonym;
pub mod redaction;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub use exchange::Exchange;
use jiff::Timestamp;
use playrelay_plugin_host::http::{Request, Response};
use playrelay_plugin_host::ports::{CallRecorder, ExchangeRecorder};
use playrelay_plugin_host::recording::RecordedCall;
use playrelay_util::lock::lock;
use playrelay_util::{clock, private_file};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::record::pseudonym::PseudonymKey;

/// The folder, below the data folder.
const FOLDER: &str = "record";
/// Until when it records: an instant, RFC 3339.
const UNTIL: &str = "until";
/// The recorded exchanges.
const EXCHANGES: &str = "exchanges.jsonl";
/// The recorded calls.
const CALLS: &str = "calls.jsonl";
/// The key of the pseudonyms in the calls.
const KEY: &str = "key";
/// How often it is looked whether it is still to record.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The largest file, of each kind. Bytes.
const LARGEST_FILE: u64 = 32 << 20;

/// Where a record is kept. The daemon and all commands write to the same one.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    looked: Mutex<Option<(Instant, Option<Timestamp>)>>,
}

impl Recorder {
    /// The record below a data folder. Nothing is made until it is started.
    pub fn new(data: &Path) -> Self {
        Self { folder: data.join(FOLDER), looked: Mutex::default() }
    }

    /// The file of the exchanges.
    pub fn file(&self) -> PathBuf {
        self.folder.join(EXCHANGES)
    }

    /// The file of the calls.
    pub fn calls_file(&self) -> PathBuf {
        self.folder.join(CALLS)
    }

    /// Records from now on, until an instant.
    ///
    /// # Errors
    ///
    /// Fails where the folder cannot be written to: nothing is recorded.
    pub fn start(&self, until: Timestamp) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        private_file::replace(&self.folder.join(UNTIL), "new", until.to_string().as_bytes())
    }

    /// Stops. What was recorded stays.
    ///
    /// # Errors
    ///
    /// Fails where the mark in the folder cannot be removed: the recording goes on until its end.
    pub fn stop(&self) -> io::Result<()> {
        match fs::remove_file(self.folder.join(UNTIL)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Stops, and removes what was recorded.
    ///
    /// # Errors
    ///
    /// Fails where the folder cannot be removed, or a part of it.
    pub fn delete(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Until when it records; absent where it does not.
    pub fn until(&self) -> Option<Timestamp> {
        let text = fs::read_to_string(self.folder.join(UNTIL)).ok()?;
        text.trim().parse().ok().filter(|until| *until > clock::now())
    }

    /// All exchanges that were recorded. A line that cannot be read is left out: the program may have been killed while it wrote.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read. A file that is missing is an empty list.
    pub fn exchanges(&self) -> io::Result<Vec<Exchange>> {
        lines(&self.file())
    }

    /// All calls that were recorded, as [`Recorder::exchanges`] gives the exchanges.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read. A file that is missing is an empty list.
    pub fn calls(&self) -> io::Result<Vec<RecordedCall>> {
        lines(&self.calls_file())
    }

    fn append(&self, path: &Path, entry: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_string(entry)?;
        line.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        if file.metadata()?.len() + line.len() as u64 > LARGEST_FILE {
            self.stop()?;
            return Err(io::Error::other(format!(
                "{} has {} MiB, the most that is kept; recording has ended",
                path.display(),
                LARGEST_FILE >> 20
            )));
        }
        file.write_all(line.as_bytes())
    }

    fn append_call(&self, call: RecordedCall) -> io::Result<()> {
        let key = PseudonymKey::of_file(&self.folder.join(KEY))?;
        let function = call.function.clone();
        match call_redaction::redacted_call(call, &key) {
            Ok(call) => self.append(&self.calls_file(), &call),
            Err(error) => {
                tracing::info!(function, "a call is not recorded: {error}");
                Ok(())
            }
        }
    }
}

/// The entries of a file, one a line. One that cannot be read is left out.
fn lines<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

impl CallRecorder for Recorder {
    fn is_on(&self) -> bool {
        let mut looked = lock(&self.looked);
        let until = match *looked {
            Some((at, until)) if at.elapsed() < LOOK_EVERY => until,
            _ => {
                let until = self.until();
                *looked = Some((Instant::now(), until));
                until
            }
        };
        until.is_some_and(|until| until > clock::now())
    }

    fn keep(&self, call: RecordedCall) {
        if let Err(error) = self.append_call(call) {
            tracing::warn!("a call cannot be recorded: {error}");
        }
    }
}

impl ExchangeRecorder for Recorder {
    /// Where that is wanted now. What cannot be written costs the record, and not the request.
    fn note(&self, plugin: &str, request: &Request, response: &Response) {
        if !self.is_on() {
            return;
        }
        let exchange = redaction::redacted(plugin, request, response);
        if let Err(error) = self.append(&self.file(), &exchange) {
            tracing::warn!("an exchange cannot be recorded: {error}");
        }
    }
}
