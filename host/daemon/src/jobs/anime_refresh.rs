//! Reads the file that maps ids of anime catalogues again.

use std::path::Path;

use playrelay_plugin_install::download;
use playrelay_store::JobState;

use crate::app::App;
use crate::config::MappingFile;
use crate::imports;
use crate::jobs::step::{JobEnd, JobStop};
use crate::metadata::anime;

/// Fetches the file, checks it, and keeps it in the place of the one before.
pub(super) async fn run(app: &App, about: &str) -> JobEnd {
    let configured = app.config.mappings.anime.as_ref().filter(|file| file.to_string() == about);
    let Some(file) = configured else {
        return Err(JobStop::Failed("`anime` in [mappings] names another file by now, or none".to_owned()));
    };
    let bytes = match file {
        MappingFile::Path(path) => read(path).await?,
        MappingFile::Url(url) => download(url, anime::FILE_LIMIT_BYTES)
            .await
            .map_err(|error| JobStop::Later { reason: error.to_string(), after: None })?,
    };
    let data = app.config.server.data_dir.clone();
    let kept = tokio::task::spawn_blocking(move || -> Result<usize, JobStop> {
        let index = imports::anime::parse(&bytes).map_err(|error| JobStop::Failed(error.to_string()))?;
        let failed = |error: std::io::Error| JobStop::Later { reason: error.to_string(), after: None };
        anime::keep(&data, &bytes).map_err(failed)?;
        Ok(index.len())
    });
    let entries = kept.await.map_err(|error| JobStop::Failed(error.to_string()))??;
    Ok((JobState::Done, format!("{entries} anime are mapped")))
}

async fn read(path: &Path) -> Result<Vec<u8>, JobStop> {
    let failed = |reason: String| JobStop::Failed(format!("{}: {reason}", path.display()));
    let facts = tokio::fs::metadata(path).await.map_err(|error| failed(error.to_string()))?;
    if !facts.is_file() || facts.len() > anime::FILE_LIMIT_BYTES as u64 {
        return Err(failed(format!("expected a file of at most {} MiB", anime::FILE_LIMIT_BYTES >> 20)));
    }
    tokio::fs::read(path).await.map_err(|error| failed(error.to_string()))
}
