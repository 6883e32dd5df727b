//! Writes a person's history into an archive that stays for a while.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use playrelay_store::{Job, JobState};
use tempfile::TempDir;

use crate::app::App;
use crate::exports::history::ExportFormat;
use crate::jobs::step::{JobEnd, JobStop};
use crate::operations::{OperationError, export, people};

/// Below the data folder.
const FOLDER: &str = "exports";
/// How long an archive stays.
const KEEP: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The archive of a job.
pub(crate) fn archive(data: &Path, job: i64) -> PathBuf {
    data.join(FOLDER).join(format!("{job}.zip"))
}

/// Writes the archive.
pub(super) async fn run(app: &App, job: &Job, format: &str) -> JobEnd {
    let format = ExportFormat::parse(format)
        .ok_or_else(|| JobStop::Failed(format!("there is no form {format:?} any more")))?;
    let failed = |error: OperationError| match error {
        OperationError::Store(error) => JobStop::from(error),
        error => JobStop::Failed(error.to_string()),
    };
    let person = people::find(&app.store, &app.config, &job.work.person).await.map_err(failed)?;
    let path = archive(&app.config.server.data_dir, job.id);
    let folder = path.parent().unwrap_or(&app.config.server.data_dir);
    let unwritable = |error: std::io::Error| JobStop::Later {
        reason: format!("{} cannot be written: {error}", path.display()),
        after: None,
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritable)?;
    // Beside its place, so that it is moved there whole.
    let writing = TempDir::with_prefix_in("writing-", folder).map_err(unwritable)?;
    let written =
        export::export_archive(&app.store, format, writing.path(), &person).await.map_err(failed)?;
    fs::rename(written, &path).map_err(unwritable)?;
    Ok((JobState::Done, "the archive can be downloaded for 30 days".to_owned()))
}

/// Removes archives that are old.
pub(super) fn remove_old(data: &Path) {
    let Ok(files) = fs::read_dir(data.join(FOLDER)) else { return };
    for file in files.flatten() {
        let age = file.metadata().and_then(|facts| facts.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_none_or(|age| age <= KEEP) {
            continue;
        }
        // What was being written when the program ended is a folder.
        let is_folder = file.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if is_folder { fs::remove_dir_all(file.path()) } else { fs::remove_file(file.path()) };
        if let Err(error) = removed {
            tracing::warn!("the old export {} cannot be removed: {error}", file.path().display());
        }
    }
}
