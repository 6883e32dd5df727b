//! `playrelay catch-up`

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::Playback;
use playrelay_engine::play::PlayId;
use playrelay_engine::state::SessionState;
use playrelay_util::clock;
use serde::Serialize;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, count, when};
use crate::config::{Config, unknown_key_message};
use crate::realtime::catch_up;
use crate::realtime::catch_up::{CatchUpError, HistoryReader};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The source's name in the configuration.
    source: String,
    /// How many days back.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=3650))]
    days: i64,
    /// Enter what is shown: the daemon takes it from there. What is known already counts once.
    #[arg(long)]
    run: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct CatchUpEntry {
    at: Timestamp,
    user: String,
    item: String,
    /// Whether a play of it is known that this is.
    known: bool,
    /// Why it is left out, where it is.
    left_out: Option<String>,
}

#[derive(Serialize)]
struct Report {
    plays: Vec<CatchUpEntry>,
    entered: bool,
}

pub(crate) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let app = App::open(config, if arguments.run { Purpose::Change } else { Purpose::Look }).await?;
    let source = &arguments.source;
    let Some((plugin, target)) = app.plugin(source).filter(|_| app.config.sources.contains_key(source))
    else {
        let known: Vec<String> = app.config.sources.keys().cloned().collect();
        return Err(CliError::Other(unknown_key_message("source", source, "the configuration", &known)));
    };
    if plugin.manifest.provides.server_history.is_none() {
        let name = &plugin.manifest.plugin.name;
        return Err(CliError::Other(format!("plugin {name} does not know a history of its server")));
    }
    let since = clock::now().saturating_sub(SignedDuration::from_hours(24 * arguments.days));
    let since = since.unwrap_or(Timestamp::MIN);
    let found = HistoryReader { plugin, target }.since(since).await.map_err(failed)?;
    let mut plays = Vec::new();
    for playback in &found {
        plays.push(shown(&app, playback).await?);
    }
    if arguments.run {
        catch_up::enter(&app.store, source, found).await.map_err(failed)?;
    }
    let report = Report { plays, entered: arguments.run };
    arguments.output.print(&report, |report| text(report, source))
}

async fn shown(app: &App, playback: &Playback) -> Result<CatchUpEntry, CliError> {
    let stored = app.store.plays_for(playback).await?;
    let known: Vec<PlayId> = stored.iter().map(|play| play.id.clone()).collect();
    let sessions = SessionState::default().with_past_plays(&playback.server, &playback.user, stored);
    let transition = sessions.transition_from_history(playback, &app.config.engine_policy());
    Ok(CatchUpEntry {
        at: playback.at,
        user: playback.user.to_string(),
        item: playback.item.to_string(),
        known: !transition.plays.is_empty() && transition.plays.iter().all(|play| known.contains(&play.id)),
        left_out: transition.plays.is_empty().then(|| transition.verdict.code.to_string()),
    })
}

fn text(report: &Report, source: &str) -> String {
    let mut table = Table::default();
    for play in &report.plays {
        let known = play.left_out.as_deref().unwrap_or(if play.known { "known" } else { "new" });
        table.row([when(play.at), known.to_owned(), play.user.clone(), play.item.clone()]);
    }
    let mut text = table.text(columns());
    let new = report.plays.iter().filter(|play| !play.known && play.left_out.is_none()).count();
    text.push_str(&format!("{}, {new} of them new\n", count(report.plays.len(), "play")));
    text.push_str(&match (report.entered, new) {
        (true, 0) => String::new(),
        (true, _) => "entered; `playrelay events` shows what becomes of them\n".to_owned(),
        (false, 0) => String::new(),
        (false, _) => format!("`playrelay catch-up {source} --run` enters them\n"),
    });
    text
}

fn failed(error: CatchUpError) -> CliError {
    CliError::Other(error.to_string())
}
