//! `playrelay import`

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use playrelay_store::JobState;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde::Serialize;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::follow::{follow, wait_for};
use crate::cli::jobs::JobLine;
use crate::cli::output::Output;
use crate::config::{Config, DEFAULT_FILE};
use crate::imports::setup::{self, ClientKeys, SetUp};
use crate::imports::{ImportFormat, ImportSource};
use crate::operations::imports::{self, Upload};
use crate::operations::{jobs, setup_import};

/// Bytes that are copied at once.
const PIECE: usize = 64 << 10;

#[derive(Args)]
pub(crate) struct Import {
    /// What is imported.
    #[arg(value_enum, value_name = "WHAT")]
    source: ImportSource,
    /// The file of a history, as it was downloaded; the folder of a set-up.
    path: PathBuf,
    /// Whose history it is.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Import what is new of a history without being asked.
    #[arg(long)]
    yes: bool,
    /// Tell a tracker of what is imported; in lists, where it takes lists. May be given several times.
    #[arg(long, value_name = "TRACKER")]
    tell: Vec<String>,
    /// The id of the app that the program of a set-up was known as.
    #[arg(long, value_name = "ID", requires = "client_secret")]
    client_id: Option<String>,
    /// The secret of that app.
    #[arg(long, value_name = "SECRET", requires = "client_id")]
    client_secret: Option<String>,
    #[command(flatten)]
    output: Output,
}

impl Import {
    /// Whether the command writes a configuration file if it finds no file.
    pub fn needs_no_configuration(&self) -> bool {
        matches!(self.source, ImportSource::SetUp(_))
    }
}

pub(crate) async fn run(config: Config, arguments: Import) -> Result<(), CliError> {
    let Import { source, path, user, yes, tell, client_id, client_secret, output } = arguments;
    match source {
        ImportSource::History(format) => {
            let user = user.ok_or_else(|| {
                CliError::Other("a history belongs to somebody; say to whom with --user NAME".to_owned())
            })?;
            read_history(config, format, (&path, &user), (yes, &tell), output).await
        }
        ImportSource::SetUp(format) => {
            let key = std::env::var("CW_CONFIG_KEY").ok().filter(|key| !key.is_empty()).map(Secret::new);
            let app = client_id.zip(client_secret);
            let app = app.map(|(id, secret)| ClientKeys { id, secret: Secret::new(secret) });
            let set_up =
                setup::read(format, &path, key, app).map_err(|error| CliError::Other(error.to_string()))?;
            write_set_up(&config, set_up, output).await
        }
    }
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

async fn read_history(
    config: Config,
    format: ImportFormat,
    (file, user): (&Path, &str),
    (yes, tell): (bool, &[String]),
    output: Output,
) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let upload = copy(&app, file)?;
    let shown = file.display().to_string();
    let (person, spec) = imports::job(&app, user, format, &upload.finish(), &shown, tell).await?;
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
