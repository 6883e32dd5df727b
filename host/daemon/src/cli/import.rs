//! `playrelay import`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use playrelay_store::JobState;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde::Serialize;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::jobs::JobLine;
use crate::cli::output::Output;
use crate::cli::watchlist::{follow, wait_for};
use crate::config::{Config, DEFAULT_FILE};
use crate::imports::ImportFormat;
use crate::imports::setup::{ClientKeys, SetUp, read_crosswatch, read_goplaxt};
use crate::operations::imports::{self, Upload};
use crate::operations::{jobs, setup_import};

/// Bytes that are copied at once.
const PIECE: usize = 64 << 10;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// An export of Trakt: the zip, or one of its JSON files. Playrelay's own export has the same form.
    Trakt(History),
    /// An export of Letterboxd: the zip, or one of its tables.
    Letterboxd(History),
    /// A table of Movary: history, ratings or watchlist.
    Movary(History),
    /// A backup of SIMKL: JSON, alone or in a zip, or its table.
    Simkl(History),
    /// A table of Yamtrack or Floppy.
    Yamtrack(History),
    /// A table of IMDb: ratings or watchlist.
    Imdb(History),
    /// What TV Time sends on request: a zip of tables.
    TvTime(History),
    /// The set-up of CrossWatch: servers, trackers, routes and webhook addresses go into the configuration, logins into the vault.
    Crosswatch(CrossWatch),
    /// The key store of goplaxt: each person becomes a tracker with a route.
    Goplaxt(Goplaxt),
}

#[derive(Args)]
pub(crate) struct History {
    /// The file, as it was downloaded.
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

#[derive(Args)]
pub(crate) struct CrossWatch {
    /// The folder with config.json.
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(crate) struct Goplaxt {
    /// The folder keystore.
    folder: PathBuf,
    /// The id of the app that goplaxt was known as: its TRAKT_ID.
    #[arg(long, env = "TRAKT_ID", value_name = "ID")]
    client_id: String,
    /// The secret of that app: its TRAKT_SECRET.
    #[arg(long, env = "TRAKT_SECRET", value_name = "SECRET", hide_env_values = true)]
    client_secret: String,
    #[command(flatten)]
    output: Output,
}

impl Command {
    /// Whether the command makes the configuration where there is none.
    pub fn needs_no_configuration(&self) -> bool {
        matches!(self, Self::Crosswatch(_) | Self::Goplaxt(_))
    }
}

pub(crate) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    let (format, arguments) = match command {
        Command::Trakt(arguments) => (ImportFormat::Trakt, arguments),
        Command::Letterboxd(arguments) => (ImportFormat::Letterboxd, arguments),
        Command::Movary(arguments) => (ImportFormat::Movary, arguments),
        Command::Simkl(arguments) => (ImportFormat::Simkl, arguments),
        Command::Yamtrack(arguments) => (ImportFormat::Yamtrack, arguments),
        Command::Imdb(arguments) => (ImportFormat::Imdb, arguments),
        Command::TvTime(arguments) => (ImportFormat::TvTime, arguments),
        Command::Crosswatch(CrossWatch { folder, output }) => {
            let key = std::env::var("CW_CONFIG_KEY").ok().filter(|key| !key.is_empty()).map(Secret::new);
            let set_up = read_crosswatch(&folder, key).map_err(|error| CliError::Other(error.to_string()))?;
            return write_set_up(&config, set_up, output).await;
        }
        Command::Goplaxt(Goplaxt { folder, client_id, client_secret, output }) => {
            let keys = ClientKeys { id: client_id, secret: Secret::new(client_secret) };
            let set_up = read_goplaxt(&folder, &keys).map_err(|error| CliError::Other(error.to_string()))?;
            return write_set_up(&config, set_up, output).await;
        }
    };
    read_history(config, format, arguments).await
}

/// What became of a set-up.
#[derive(Serialize)]
struct Written {
    file: PathBuf,
    found: Vec<String>,
    notes: Vec<String>,
}

async fn write_set_up(config: &Config, set_up: SetUp, output: Output) -> Result<(), CliError> {
    let file = config.file.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let written = Written { file: file.clone(), found: set_up.found.clone(), notes: set_up.notes.clone() };
    setup_import::write(&file, set_up).await?;
    output.print(&written, |Written { file, found, notes }| {
        let mut text = format!("{} has now:\n", file.display());
        found.iter().for_each(|it| text.push_str(&format!("  {it}\n")));
        if !notes.is_empty() {
            text.push_str("Look at these:\n");
        }
        notes.iter().for_each(|it| text.push_str(&format!("  - {it}\n")));
        text + "Next: stop the other program, since trackers would get each play twice; then `playrelay check`, `playrelay doctor` and `playrelay serve`.\n"
    })
}

async fn read_history(config: Config, format: ImportFormat, arguments: History) -> Result<(), CliError> {
    let History { file, user, yes, output } = arguments;
    let app = App::open(config, Purpose::Change).await?;
    let upload = copy(&app, &file)?;
    let shown = file.display().to_string();
    let (person, spec) = imports::job(&app, &user, format, &upload.finish(), &shown).await?;
    let mut ended = follow(&app, &person, &spec).await?;
    if yes && ended.state == JobState::Ready {
        app.store.continue_job(ended.id, clock::now()).await?;
        ended = wait_for(&app, ended.id).await?;
    }
    let (id, message) = (ended.id, ended.message.clone().unwrap_or_default());
    if !matches!(ended.state, JobState::Done | JobState::Ready) {
        return Err(CliError::Other(format!("job {id} {}: {message}", ended.state.as_str())));
    }
    let line = JobLine::of(&app.store, &jobs::find(&app.store, id).await?).await?;
    output.print(&line, |_| match ended.state {
        JobState::Ready => format!(
            "{message}\n`playrelay jobs show {id}` shows each row, and `playrelay jobs continue {id}` imports what is new\n"
        ),
        _ => format!("{message}; `playrelay jobs undo {id}` takes it back\n"),
    })
}

/// Copies a file to where the job finds it.
fn copy(app: &App, file: &Path) -> Result<Upload, CliError> {
    let unreadable =
        |error: std::io::Error| CliError::Other(format!("{} cannot be read: {error}", file.display()));
    let mut upload = Upload::begin(&app.config.server.data_dir)?;
    let mut source = File::open(file).map_err(unreadable)?;
    let mut piece = vec![0; PIECE];
    loop {
        match source.read(&mut piece).map_err(unreadable)? {
            0 => return Ok(upload),
            length => upload.write(&piece[..length])?,
        }
    }
}
