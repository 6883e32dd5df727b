//! `playrelay outbox`

use clap::{Args, Subcommand};
use playrelay_engine::outbox::{DeliveryState, OutboxCommand, OutboxRow, OutboxSelection};
use playrelay_store::{self, AccountPause, SharedStore};

use crate::app::{open_store, open_store_to_read};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::cli::print::{columns, count, hang, when};
use crate::config::Config;
use crate::operations::deliveries;
use crate::operations::deliveries::Correction;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List events for trackers, the newest first: what happens next to each, and when.
    List {
        /// Only those in this state: waiting, delivered, duplicate, unmatched, unsupported, superseded, withheld, held, skipped, dropped or
        /// dead.
        #[arg(long, value_parser = state)]
        state: Option<DeliveryState>,
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Try an event again now, whatever became of it; a watch is looked for at the tracker first.
    Retry(OutboxTarget),
    /// Never send an event. It stays in the list.
    Drop(OutboxTarget),
    /// Say what an event is about, and try it again now.
    Match {
        /// The event, by the number in the list.
        event: i64,
        /// An id of the movie, or of the show of an episode: imdb=tt1375666. May be given several times.
        #[arg(long = "id", value_name = "CATALOGUE=ID", value_parser = parse_external_id)]
        ids: Vec<(String, String)>,
        /// The season of an episode.
        #[arg(long)]
        season: Option<u32>,
        /// The number of an episode; several for a file that holds them.
        #[arg(long, value_delimiter = ',')]
        episode: Vec<u32>,
        /// Keep it for later plays of the title, and try others of it that wait.
        #[arg(long)]
        remember: bool,
    },
}

#[derive(Args)]
#[group(required = true)]
pub(crate) struct OutboxTarget {
    /// One event, by the number in the list.
    id: Option<i64>,
    /// All that failed for good: dead, or unknown to the tracker.
    #[arg(long, conflicts_with = "id")]
    failed: bool,
    /// All that wait after a failure.
    #[arg(long, conflicts_with_all = ["id", "failed"])]
    waiting: bool,
}

impl OutboxTarget {
    fn selection(&self) -> OutboxSelection {
        match (self.id, self.failed) {
            (Some(id), _) => OutboxSelection::One(id),
            (None, true) => OutboxSelection::AllFailed,
            (None, false) => OutboxSelection::AllWaiting,
        }
    }
}

fn state(name: &str) -> Result<DeliveryState, String> {
    let found = DeliveryState::ALL.into_iter().find(|state| state.as_str() == name);
    found.ok_or_else(|| {
        format!("expected one of {}", DeliveryState::ALL.map(DeliveryState::as_str).join(", "))
    })
}

pub(crate) fn parse_external_id(text: &str) -> Result<(String, String), String> {
    let named = text.split_once('=').filter(|(name, id)| !name.trim().is_empty() && !id.trim().is_empty());
    let (name, id) = named.ok_or_else(|| "expected an id as CATALOGUE=ID, imdb=tt1375666".to_owned())?;
    Ok((name.trim().to_lowercase(), id.trim().to_owned()))
}

pub(crate) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    if let Command::List { state, limit, output } = command {
        return list(&open_store_to_read(&config).await?.store, state, limit, output).await;
    }
    let store: SharedStore = open_store(&config).await?;
    match command {
        Command::List { .. } => Ok(()),
        Command::Retry(which) => apply(&store, which.selection(), OutboxCommand::Retry, "tried again").await,
        Command::Drop(which) => apply(&store, which.selection(), OutboxCommand::Drop, "dropped").await,
        Command::Match { event, ids, season, episode, remember } => {
            let correction = Correction { ids, season, episodes: episode, remember };
            let tried = deliveries::correct(&*store, event, &correction).await?.len();
            say!("{} {} tried again", count(tried, "event"), if tried == 1 { "is" } else { "are" });
            Ok(())
        }
    }
}

async fn apply(
    store: &SharedStore,
    selection: OutboxSelection,
    command: OutboxCommand,
    done: &str,
) -> Result<(), CliError> {
    let found = deliveries::apply(&**store, selection, command).await?;
    say!("{} {} {done}", count(found, "event"), if found == 1 { "is" } else { "are" });
    Ok(())
}

async fn list(
    store: &SharedStore,
    state: Option<DeliveryState>,
    limit: u32,
    output: Output,
) -> Result<(), CliError> {
    let rows = store.outbox(state, limit).await?;
    let mut parked = std::collections::BTreeMap::new();
    for row in rows.iter().filter(|row| row.state == DeliveryState::Waiting) {
        if !parked.contains_key(&row.event.tracker) {
            parked.insert(row.event.tracker.clone(), store.pause(&row.event.tracker).await?);
        }
    }
    output.print(&rows, |rows| match rows.is_empty() {
        true if state.is_some() => "no event is in that state\n".to_owned(),
        true => "nothing waits, and nothing was sent yet\n".to_owned(),
        false => rows
            .iter()
            .map(|row| line(row, parked.get(&row.event.tracker).and_then(Option::as_ref)))
            .collect(),
    })
}

/// The next step of an event, and when.
pub(crate) fn line(row: &OutboxRow, parked: Option<&AccountPause>) -> String {
    let next = next_step(row, parked);
    let end = match row.note.as_deref().filter(|note| !note.is_empty()) {
        None => next,
        // "superseded by …" need not be said to be superseded.
        Some(note) if note.starts_with(&next) => note.to_owned(),
        Some(note) => format!("{next}: {note}"),
    };
    let head = format!(
        "{:>6}  {}  {:<10} {:<9} ",
        row.id,
        when(row.event.at),
        row.event.tracker,
        row.event.action.name()
    );
    let text = format!("{} \u{2014} {end}", row.event.item);
    hang(&print::one_line(&head), &print::one_line(&text), columns()) + "\n"
}

fn next_step(row: &OutboxRow, parked: Option<&AccountPause>) -> String {
    let id = row.id;
    match (row.state, parked) {
        (DeliveryState::Waiting, Some(AccountPause::Login { .. })) => {
            format!("waits for `playrelay connect {}`", row.event.tracker)
        }
        (
            DeliveryState::Waiting,
            Some(AccountPause::Until { until, .. } | AccountPause::Blocked { until, .. }),
        ) => {
            let at = row.next_at.max(*until);
            format!("waits; attempt {} at {}", row.attempts + 1, when(at))
        }
        (DeliveryState::Waiting, None) => {
            format!("waits; attempt {} at {}", row.attempts + 1, when(row.next_at))
        }
        (DeliveryState::Held, _) => {
            format!("held; `playrelay outbox match {id}` says what it is, `drop {id}` ends it")
        }
        (DeliveryState::Unmatched, _) => {
            format!("unmatched; `playrelay outbox match {id}` says what it is, `retry {id}` tries again")
        }
        (DeliveryState::Dead, _) => {
            format!("dead; `playrelay outbox retry {id}` tries again, `drop {id}` ends it")
        }
        (state, _) => state.as_str().to_owned(),
    }
}
