//! `playrelay jobs`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use playrelay_store::{Job, JobRow, SharedStore};
use serde::Serialize;

use crate::app::{App, Purpose, open_store, open_store_to_read};
use crate::cli::error::CliError;
use crate::cli::follow::follow;
use crate::cli::outbox::parse_external_id;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, count, when};
use crate::config::Config;
use crate::jobs::spec::{HOUSEHOLD, JobSpec};
use crate::operations::deliveries::Correction;
use crate::operations::{import_rows, imports, jobs};

/// Rows that `show` prints of a state.
const SHOWN_ROWS: u32 = 100;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    output: Output,
}

#[derive(Subcommand)]
enum Command {
    /// List the jobs, the newest first, as without a command.
    List {
        /// Those of one person.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Show a job and its rows.
    Show {
        /// The id.
        id: i64,
        /// Only rows in this state, such as `unclear`.
        #[arg(long)]
        state: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// End a job before its end. What it wrote stays.
    Cancel {
        /// The id.
        id: i64,
    },
    /// Have a job go on that failed or was cancelled, from where it was; or carry out one that is ready.
    Continue {
        /// The id.
        id: i64,
    },
    /// Say what a row of an import is that is unclear. It is imported with the others, or at once where the import is done.
    Match {
        /// The id of the import.
        id: i64,
        /// The row, by the number that `show` prints.
        row: u32,
        /// An id of the movie, or of the show of an episode: imdb=tt1375666. May be given several times.
        #[arg(long = "id", value_name = "CATALOGUE=ID", value_parser = parse_external_id)]
        ids: Vec<(String, String)>,
        /// The season of an episode.
        #[arg(long)]
        season: Option<u32>,
        /// The number of an episode.
        #[arg(long)]
        episode: Option<u32>,
    },
    /// Tell a tracker what an import has written; in lists, where it takes lists. What it was told before is not told again.
    Tell {
        /// The id of the import.
        id: i64,
        /// The tracker.
        #[arg(long)]
        tracker: String,
    },
    /// Ask the catalogue for genres and missing ids of titles now. The daemon does it within the hour.
    RefreshTitles,
    /// Take back exactly what a job wrote here. Services keep what they were told.
    Undo {
        /// The id.
        id: i64,
    },
}

/// A job, as it is printed.
#[derive(Serialize)]
pub(super) struct JobLine {
    id: i64,
    kind: String,
    person: String,
    about: String,
    state: &'static str,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
    done: u64,
    total: Option<u64>,
    rows: BTreeMap<String, u64>,
    message: Option<String>,
}

impl JobLine {
    pub(super) async fn of(store: &SharedStore, job: &Job) -> Result<Self, CliError> {
        Ok(Self {
            id: job.id,
            kind: job.work.kind.clone(),
            person: job.work.person.clone(),
            about: job.work.about.clone(),
            state: job.state.as_str(),
            created_at: job.created_at,
            ended_at: job.ended_at,
            done: job.done,
            total: job.total,
            rows: store.count_job_rows(job.id).await?,
            message: job.message.clone(),
        })
    }

    fn cells(&self) -> [String; 5] {
        let of = if self.person.is_empty() { String::new() } else { format!(" of {}", self.person) };
        let what = format!("{}{of} from {}", self.kind, self.about);
        let said = self.message.clone().unwrap_or_else(|| format!("{} done", self.done));
        [self.id.to_string(), when(self.created_at), self.state.to_owned(), what, said]
    }
}

pub(crate) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    match arguments.command {
        None => list(&config, None, 20, arguments.output).await,
        Some(Command::List { user, limit, output }) => list(&config, user, limit, output).await,
        Some(Command::Show { id, state, output }) => show(&config, id, state, output).await,
        Some(Command::Cancel { id }) => {
            let store: SharedStore = open_store(&config).await?;
            jobs::cancel(&store, id).await?;
            say!("job {id} is cancelled; what it wrote stays");
            Ok(())
        }
        Some(Command::Continue { id }) => {
            let store: SharedStore = open_store(&config).await?;
            jobs::go_on(&store, id).await?;
            say!("job {id} goes on as soon as the daemon runs");
            Ok(())
        }
        Some(Command::Match { id, row, ids, season, episode }) => {
            let app = App::open(config, Purpose::Change).await?;
            let episodes: Vec<u32> = episode.into_iter().collect();
            let correction = Correction { ids, season, episodes, remember: false };
            let row = import_rows::match_row(&app, id, row, &correction).await?;
            say!("{}: {}", row.what, row.state);
            Ok(())
        }
        Some(Command::Tell { id, tracker }) => {
            let app = App::open(config, Purpose::Change).await?;
            let spec = imports::delivery(&app, id, &tracker).await?;
            let person = jobs::find(&app.store, id).await?.work.person;
            let ended = follow(&app, &person, &spec).await?;
            say!("{}", ended.message.unwrap_or_default());
            Ok(())
        }
        Some(Command::RefreshTitles) => {
            let app = App::open(config, Purpose::Change).await?;
            let ended = follow(&app, HOUSEHOLD, &JobSpec::MetadataRefresh).await?;
            say!("{}", ended.message.unwrap_or_default());
            Ok(())
        }
        Some(Command::Undo { id }) => {
            let store: SharedStore = open_store(&config).await?;
            let undone = jobs::undo(&store, id).await?;
            say!(
                "taken back: {}, {}, {} of the watchlist",
                count(undone.plays as usize, "play"),
                count(undone.ratings as usize, "rating"),
                count(undone.listed as usize, "title")
            );
            Ok(())
        }
    }
}

async fn list(config: &Config, user: Option<String>, limit: u32, output: Output) -> Result<(), CliError> {
    let opened = open_store_to_read(config).await?;
    let mut lines = Vec::new();
    for job in opened.store.jobs(user.as_deref(), None, limit).await? {
        lines.push(JobLine::of(&opened.store, &job).await?);
    }
    output.print(&lines, |lines| {
        if lines.is_empty() {
            return "there has been no job yet\n".to_owned();
        }
        let mut table = Table::default();
        lines.iter().for_each(|line| table.row(line.cells()));
        table.text(columns())
    })
}

/// A job with its rows, as it is printed.
#[derive(Serialize)]
struct Shown {
    job: JobLine,
    rows: Vec<ShownRow>,
}

#[derive(Serialize)]
struct ShownRow {
    number: u32,
    state: String,
    what: String,
    reason: String,
}

impl From<JobRow> for ShownRow {
    fn from(row: JobRow) -> Self {
        let JobRow { number, state, what, reason, .. } = row;
        Self { number, state, what, reason }
    }
}

async fn show(config: &Config, id: i64, state: Option<String>, output: Output) -> Result<(), CliError> {
    let opened = open_store_to_read(config).await?;
    let job = JobLine::of(&opened.store, &jobs::find(&opened.store, id).await?).await?;
    let rows = opened.store.job_rows(id, state.as_deref(), None, SHOWN_ROWS).await?;
    let shown = Shown { job, rows: rows.into_iter().map(ShownRow::from).collect() };
    output.print(&shown, |Shown { job, rows }| {
        let mut table = Table::default();
        table.row(job.cells());
        let mut text = table.text(columns());
        let counts: Vec<String> = job.rows.iter().map(|(state, count)| format!("{count} {state}")).collect();
        if !counts.is_empty() {
            text.push_str(&format!("rows: {}\n", counts.join(", ")));
        }
        let mut table = Table::default();
        for row in rows {
            table.row([row.number.to_string(), row.state.clone(), row.what.clone(), row.reason.clone()]);
        }
        text.push_str(&table.text(columns()));
        if rows.len() == SHOWN_ROWS as usize {
            text.push_str(&format!(
                "the first {SHOWN_ROWS} rows; `--state` chooses, and the page of the job has all\n"
            ));
        }
        text
    })
}
