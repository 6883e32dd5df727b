//! A record of what plugins and services say to each other, for a user's report: off until somebody switches it on, for a day at most.
//!
//! Requests are recorded as the plugin made them, before the host adds credentials, and answers after the host has masked its secrets.
//! Logins are not recorded. What is personal is redacted; see [`redaction`]. The file has the form that the contract check of the tests
//! reads, one exchange a line.

mod exchange;
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
use playrelay_plugin_host::ports::ExchangeRecorder;
use playrelay_util::lock::lock;
use playrelay_util::{clock, private_file};

/// The folder, below the data folder.
const FOLDER: &str = "record";
/// Until when it records: an instant, RFC 3339.
const UNTIL: &str = "until";
/// A recorded exchange.
const EXCHANGES: &str = "exchanges.jsonl";
/// How often it is looked whether it is still to record.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The largest file. Bytes.
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

    /// The file.
    pub fn file(&self) -> PathBuf {
        self.folder.join(EXCHANGES)
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

    /// All that was recorded. A line that cannot be read is left out: the program may have been killed while it wrote.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read. A file that is missing is an empty list.
    pub fn exchanges(&self) -> io::Result<Vec<Exchange>> {
        match fs::read_to_string(self.file()) {
            Ok(text) => Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

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

    fn append(&self, exchange: &Exchange) -> io::Result<()> {
        let mut line = serde_json::to_string(exchange)?;
        line.push('\n');
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(self.file())?;
        if file.metadata()?.len() + line.len() as u64 > LARGEST_FILE {
            self.stop()?;
            return Err(io::Error::other(format!(
                "{} has {} MiB, the most that is kept; recording has ended",
                self.file().display(),
                LARGEST_FILE >> 20
            )));
        }
        file.write_all(line.as_bytes())
    }
}

impl ExchangeRecorder for Recorder {
    /// Where that is wanted now. What cannot be written costs the record, and not the request.
    fn note(&self, plugin: &str, request: &Request, response: &Response) {
        if !self.is_on() {
            return;
        }
        let exchange = redaction::redacted(plugin, request, response);
        if let Err(error) = self.append(&exchange) {
            tracing::warn!("an exchange cannot be recorded: {error}");
        }
    }
}
