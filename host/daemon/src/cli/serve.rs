//! `playrelay serve`

use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::config::{Config, DEFAULT_FILE};

pub(crate) async fn run(config: Config) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(|error| CliError::Other(error.to_string()))?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
    };
    let file = app.config.file.clone();
    let (sources, trackers) = (app.config.sources.len(), app.config.trackers.len());
    let ready = |address| {
        tracing::info!(%address, sources, trackers, "ready");
        if sources == 0 {
            let folder = std::env::current_dir().unwrap_or_default();
            let file = file.unwrap_or_else(|| folder.join(DEFAULT_FILE));
            tracing::info!(
                "there are no sources yet: `playrelay init` writes {}, which is taken over as soon as it is there",
                file.display()
            );
        } else {
            tracing::info!(
                "`playrelay webhooks` shows the addresses for the media servers, `playrelay events` what came"
            );
        }
    };
    Ok(app.serve(ready, stop).await?)
}
