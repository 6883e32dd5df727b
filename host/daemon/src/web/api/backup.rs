//! `/api/v1/backup`: a copy of everything, while the daemon runs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use playrelay_util::clock;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::operations::backup;
use crate::web::api::context::Api;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// Bytes that are read at a time.
const CHUNK: usize = 64 << 10;

/// A checked copy of the database and the configuration, as `playrelay backup` writes it. Logins in it stay sealed.
#[utoipa::path(
    get,
    path = "/api/v1/backup",
    tag = "operations",
    responses((status = 200, description = "A compressed tar archive", content_type = "application/gzip", body = Vec<u8>), Problems)
)]
pub(crate) async fn download(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let app = api.app();
    let failed =
        |error: &dyn std::fmt::Display| Problem::internal(format!("the backup cannot be written: {error}"));
    // One at a time, until it is read or its reader is gone: each takes the room of the database.
    let turn = Arc::clone(&api.limits.copies).try_acquire_owned().map_err(|_| {
        Problem::new(ProblemCode::TooManyRequests, "another backup is being written", "try again in a moment")
    })?;
    let folder = TempDir::with_prefix("playrelay-backup-").map_err(|error| failed(&error))?;
    let path = folder.path().join("backup.tar.gz");
    backup::write(&*app.store, &app.config, &path).await.map_err(|error| failed(&error))?;
    let file = tokio::fs::File::open(&path).await.map_err(|error| failed(&error))?;
    let size = file.metadata().await.map_err(|error| failed(&error))?.len();
    let chunks = stream::try_unfold((file, folder, turn), async |(mut file, folder, turn)| {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((chunk, (file, folder, turn))))
    });
    let name = format!("attachment; filename=\"playrelay-{}.tar.gz\"", clock::now().strftime("%Y-%m-%d"));
    let headers = [
        (header::CONTENT_TYPE, "application/gzip".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CONTENT_LENGTH, size.to_string()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
