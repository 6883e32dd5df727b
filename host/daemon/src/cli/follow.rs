//! Waits for a job, with its progress on the terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use playrelay_store::Job;
use playrelay_util::clock;

use crate::app::{App, lock_folder};
use crate::cli::error::CliError;
use crate::jobs::runner;
use crate::jobs::spec::JobSpec;
use crate::operations::jobs;

/// Between two looks at a job.
const LOOK: Duration = Duration::from_millis(200);

/// Asks for a job and waits for its end, with its progress on the terminal. The daemon works on it where one runs; this program otherwise.
pub(super) async fn follow(app: &App, person: &str, spec: &JobSpec) -> Result<Job, CliError> {
    let id = app.store.add_job(spec.for_person(person), clock::now()).await?;
    wait_for(app, id).await
}

/// Waits for a job's end, with its progress on the terminal.
pub(super) async fn wait_for(app: &App, id: i64) -> Result<Job, CliError> {
    let bar = ProgressBar::new_spinner().with_style(style());
    let shown = tokio::spawn(show_progress(app.clone(), id, bar.clone()));
    // Held to the end: no daemon starts beside this one.
    let alone = lock_folder(&app.config.server.data_dir).ok();
    if alone.is_some() {
        app.store.resume_jobs().await?;
        runner::run_alone(app, id).await?;
    }
    let ended = loop {
        let job = jobs::find(&app.store, id).await?;
        if !job.state.is_active() {
            break job;
        }
        tokio::time::sleep(LOOK).await;
    };
    shown.abort();
    bar.finish_and_clear();
    Ok(ended)
}

fn style() -> ProgressStyle {
    // The template is ours, and has no mistake.
    ProgressStyle::with_template("{spinner} {pos} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

async fn show_progress(app: App, id: i64, bar: ProgressBar) {
    loop {
        if let Ok(Some(job)) = app.store.job(id).await {
            bar.set_position(job.done);
            if let Some(total) = job.total {
                bar.set_length(total);
            }
            bar.set_message(job.message.unwrap_or_else(|| "done".to_owned()));
        }
        tokio::time::sleep(LOOK).await;
    }
}
