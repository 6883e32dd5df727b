//! `/api/v1/backup`: a copy of everything, while the daemon runs.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use playrelay_util::clock;

use crate::operations::backup;
use crate::web::api::context::Api;
use crate::web::api::download::Download;
use crate::web::api::problem::{Problem, Problems};

/// A checked copy of the database and the configuration, as `playrelay backup` writes it. Logins in it stay sealed.
#[utoipa::path(
    get,
    path = "/api/v1/backup",
    tag = "operations",
    responses((status = 200, description = "A compressed tar archive", content_type = "application/gzip", body = Vec<u8>), Problems)
)]
pub(crate) async fn download(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let app = api.app();
    let download = Download::begin(&api)?;
    let path = download.folder().join("backup.tar.gz");
    let written = backup::write(&*app.store, &app.config, &path).await;
    written.map_err(|error| Problem::internal(format!("the backup cannot be written: {error}")))?;
    let name = format!("playrelay-{}.tar.gz", clock::now().strftime("%Y-%m-%d"));
    download.send(&path, "application/gzip", &name).await
}
