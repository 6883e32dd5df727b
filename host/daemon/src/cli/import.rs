//! `playrelay import`

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use clap::Args;
use playrelay_store::JobState;
use playrelay_util::clock;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::jobs::JobLine;
use crate::cli::output::Output;
use crate::cli::watchlist::{follow, wait_for};
use crate::config::Config;
use crate::imports::ImportFormat;
use crate::operations::imports::{self, Upload};
use crate::operations::jobs;

/// Bytes that are copied at once.
const PIECE: usize = 64 << 10;

#[derive(Args)]
pub(crate) struct Import {
    /// Whose form the file has.
    #[arg(value_enum)]
    format: ImportFormat,
    /// The file: a zip as it was downloaded, or one of its files.
    file: PathBuf,
    /// Whose history it is.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Import what is new without being asked.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(config: Config, arguments: Import) -> Result<(), CliError> {
    let Import { format, file, user, yes, output } = arguments;
    let app = App::open(config, Purpose::Change).await?;
    let shown = file.display().to_string();
    let unreadable = |error: std::io::Error| CliError::Other(format!("{shown} cannot be read: {error}"));
    let mut upload = Upload::begin(&app.config.server.data_dir)?;
    let mut source = File::open(&file).map_err(unreadable)?;
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece).map_err(unreadable)? {
            0 => break,
            length => upload.write(&piece[..length])?,
        }
    }
    let (person, spec) = imports::job(&app, &user, format, &upload.finish(), &shown).await?;
    let mut ended = follow(&app, &person, &spec).await?;
    if yes && ended.state == JobState::Ready {
        app.store.continue_job(ended.id, clock::now()).await?;
        ended = wait_for(&app, ended.id).await?;
    }
    let (id, message) = (ended.id, ended.message.clone().unwrap_or_default());
    match ended.state {
        JobState::Done => {}
        JobState::Ready => {}
        state => return Err(CliError::Other(format!("job {id} {}: {message}", state.as_str()))),
    }
    let line = JobLine::of(&app.store, &jobs::find(&app.store, id).await?).await?;
    output.print(&line, |_| match ended.state {
        JobState::Ready => format!(
            "{message}\n`playrelay jobs show {id}` shows each row, and `playrelay jobs continue {id}` imports what is new\n"
        ),
        _ => format!("{message}; `playrelay jobs undo {id}` takes it back\n"),
    })
}
