//! Histories that other programs wrote: an upload, and the job that reads it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use playrelay_engine::model::normalize;
use playrelay_store::JobState;

use crate::app::App;
use crate::config::unknown_key_message;
use crate::imports::{FOLDER, ImportFormat, MAX_UPLOAD_BYTES};
use crate::jobs::spec::JobSpec;
use crate::operations::{OperationError, jobs, people};

/// Letters of the name of an upload that are kept.
const MAX_NAME: usize = 80;
/// An upload whose job never came is removed after this long.
const KEEP_UPLOADS: Duration = Duration::from_secs(24 * 60 * 60);

/// A file that is being uploaded. It is removed unless [`Upload::finish`] is called.
pub struct Upload {
    file: fs::File,
    path: PathBuf,
    bytes: u64,
    is_kept: bool,
}

impl Upload {
    /// Begins an upload in the data folder (mode 0600).
    ///
    /// # Errors
    ///
    /// The file cannot be made.
    pub fn begin(data: &Path) -> Result<Self, OperationError> {
        let folder = data.join(FOLDER);
        let failed =
            |error: io::Error| OperationError::Conflict(format!("the upload cannot be kept: {error}"));
        DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        let name = getrandom::u64().map_err(|error| failed(io::Error::other(error)))?;
        let path = folder.join(format!("{name:016x}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        Ok(Self { file, path, bytes: 0, is_kept: false })
    }

    /// Adds a piece.
    ///
    /// # Errors
    ///
    /// The file is too large, or cannot be written.
    pub fn write(&mut self, piece: &[u8]) -> Result<(), OperationError> {
        self.bytes += piece.len() as u64;
        if self.bytes > MAX_UPLOAD_BYTES {
            return Err(OperationError::Invalid(format!(
                "the file has more than {} MB; take out what is no history",
                MAX_UPLOAD_BYTES >> 20
            )));
        }
        let written = self.file.write_all(piece);
        written.map_err(|error| OperationError::Conflict(format!("the upload cannot be kept: {error}")))
    }

    /// Whether nothing has come yet.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Ends it. Gives its name for the job.
    pub fn finish(mut self) -> String {
        self.is_kept = true;
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_kept {
            // What stays is removed when it is old.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The job that reads an upload for a person; with the person's name as it is written. `name` is what the person calls the file. What is imported is
/// told to the trackers in `tell`.
///
/// # Errors
///
/// Fails where there is no such person or tracker, or a tracker wrote the file itself.
pub async fn job(
    app: &App,
    person: &str,
    format: ImportFormat,
    upload: &str,
    name: &str,
    tell: &[String],
) -> Result<(String, JobSpec), OperationError> {
    for tracker in tell {
        check_tracker(app, tracker, format)?;
    }
    let person = people::find(&app.store, &app.config, person).await?.person.name;
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|letter| !letter.is_control()).take(MAX_NAME).collect();
    let name = if normalize(&name).is_empty() { format.as_str().to_owned() } else { name };
    Ok((person, JobSpec::HistoryImport { format, file: upload.to_owned(), name, tell: tell.to_vec() }))
}

/// The job that tells a tracker what another job has imported.
///
/// # Errors
///
/// Fails where there is no such job or tracker, the job is no import that is done, or the tracker wrote the file itself.
pub async fn delivery(app: &App, id: i64, tracker: &str) -> Result<JobSpec, OperationError> {
    let job = jobs::find(&app.store, id).await?;
    let Some(JobSpec::HistoryImport { format, .. }) = JobSpec::read(&job.work.spec) else {
        return Err(OperationError::Conflict(format!("job {id} is no import of a history")));
    };
    if job.state != JobState::Done {
        let state = job.state.as_str();
        return Err(OperationError::Conflict(format!(
            "job {id} is {state}; trackers are told of an import that is done"
        )));
    }
    check_tracker(app, tracker, format)?;
    Ok(JobSpec::import_delivery(&job, tracker))
}

/// Whether a tracker can be told of what a file has. One that wrote the file has it all, and would count it twice.
fn check_tracker(app: &App, tracker: &str, format: ImportFormat) -> Result<(), OperationError> {
    let trackers = &app.config.trackers;
    let account = trackers.get(tracker).ok_or_else(|| {
        let known: Vec<String> = trackers.keys().cloned().collect();
        OperationError::NotFound(unknown_key_message("tracker", tracker, "the configuration", &known))
    })?;
    match account.plugin == format.as_str() {
        true => Err(OperationError::Conflict(format!(
            "{tracker} is of the service that wrote the file: it has these plays, and would count them twice"
        ))),
        false => Ok(()),
    }
}

/// Removes uploads that nobody needs any more.
pub(crate) fn remove_old(data: &Path) {
    let Ok(files) = fs::read_dir(data.join(FOLDER)) else { return };
    for file in files.flatten() {
        let age = file.metadata().and_then(|facts| facts.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > KEEP_UPLOADS)
            && let Err(error) = fs::remove_file(file.path())
        {
            tracing::warn!("the old upload {} cannot be removed: {error}", file.path().display());
        }
    }
}
