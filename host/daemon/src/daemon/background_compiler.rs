//! Compiles plugins while the daemon runs: what comes for them is kept meanwhile.

use std::sync::Arc;
use std::time::Duration;

use playrelay_plugin_host::compile::CompileError;
use playrelay_plugin_host::registry::Uncompiled;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::app::adapters::BUNDLED;
use crate::app::{App, LAST_GOOD};

/// The pause before the daemon tries again, where the cache or the file of a plugin cannot be used: the disk may be full.
const CACHE_RETRY: Duration = Duration::from_secs(60);

/// What is compiled now. One plugin at a time: a compiler takes a processor and up to 370 MB of memory.
#[derive(Default)]
pub(super) struct BackgroundCompiler {
    running: Option<JoinHandle<()>>,
    ended: Arc<Notify>,
}

impl BackgroundCompiler {
    /// Starts to compile the next plugin that waits, unless another one is compiled now.
    pub(super) fn start_next(&mut self, app: &App) {
        if self.running.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        // What comes for an account waits for its plugin; nobody waits for the others.
        let is_unused = |plugin: &Uncompiled| app.config.accounts_of(&plugin.id).next().is_none();
        let Some(next) = app.plugins.uncompiled().into_iter().min_by_key(is_unused) else { return };
        let (app, ended) = (app.clone(), Arc::clone(&self.ended));
        self.running = Some(tokio::spawn(async move {
            compile(app, next).await;
            ended.notify_one();
        }));
    }

    /// Waits until a plugin is compiled, or could not be.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

async fn compile(app: App, plugin: Uncompiled) {
    let last_good = app.config.server.data_dir.join(LAST_GOOD);
    let compiled =
        tokio::task::spawn_blocking(move || plugin.compile(BUNDLED, &last_good, &app.runtime, &app.compiler));
    match compiled.await {
        Ok(Ok(())) => {}
        // The plugin is listed with the reason.
        Ok(Err(error @ CompileError::Compiler(_))) => tracing::warn!("a plugin is not loaded: {error}"),
        Ok(Err(error @ (CompileError::Cache { .. } | CompileError::Bytes(_)))) => {
            tracing::error!("plugins wait, and what comes for them is kept: {error}");
            tokio::time::sleep(CACHE_RETRY).await;
        }
        Err(error) => tracing::error!("the compiler of plugins ended: {error}"),
    }
}
