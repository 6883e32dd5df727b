//! A file that was written for one answer, and goes with it.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::sync::OwnedSemaphorePermit;

use crate::web::api::context::Api;
use crate::web::api::problem::{Problem, ProblemCode};

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// A folder for what a download takes, and the turn to write it: one at a time, until it is read or its reader is gone, since each takes
/// the room of the database.
pub(crate) struct Download {
    folder: TempDir,
    _turn: OwnedSemaphorePermit,
}

impl Download {
    /// Takes the turn.
    ///
    /// # Errors
    ///
    /// Fails where another download is being written or read, and where there is no room for the folder.
    pub(crate) fn begin(api: &Api) -> Result<Self, Problem> {
        let turn = Arc::clone(&api.limits.copies).try_acquire_owned().map_err(|_| {
            let detail = "another backup or export is being written";
            Problem::new(ProblemCode::TooManyRequests, detail, "try again in a moment")
        })?;
        let folder = TempDir::with_prefix("playrelay-download-").map_err(|error| failed(&error))?;
        Ok(Self { folder, _turn: turn })
    }

    /// Where files are written. Only our own user reads it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The answer with a file of the folder, under a name.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read.
    pub(crate) async fn send(
        self,
        file: &Path,
        media_type: &'static str,
        name: &str,
    ) -> Result<Response, Problem> {
        let path = file.to_owned();
        send_file(&path, media_type, name, self).await
    }
}

/// The answer with a file, under a name. `kept` is dropped when the file is read, or its reader is gone.
///
/// # Errors
///
/// Fails where the file cannot be read.
pub(crate) async fn send_file<T: Send + 'static>(
    path: &Path,
    media_type: &'static str,
    name: &str,
    kept: T,
) -> Result<Response, Problem> {
    let file = tokio::fs::File::open(path).await.map_err(|error| failed(&error))?;
    let size = file.metadata().await.map_err(|error| failed(&error))?.len();
    let chunks = stream::try_unfold((file, kept), async |(mut file, kept)| {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((chunk, (file, kept))))
    });
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CONTENT_LENGTH, size.to_string()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn failed(error: &dyn Display) -> Problem {
    Problem::internal(format!("the download cannot be written: {error}"))
}
