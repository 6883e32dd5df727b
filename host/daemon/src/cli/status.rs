//! `playrelay status`

use playrelay_engine::routing::users::UserDecision;
use playrelay_store::AccountPause;
use serde::Serialize;
use serde_json::Value;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::cli::print::{Table, columns, count, when};
use crate::config::Config;
use crate::exports::now_playing;

#[derive(Serialize)]
struct Report {
    /// Whether a daemon uses the data folder.
    running: bool,
    /// Current playback, as the daemon last wrote it.
    playing: Vec<Playing>,
    sources: Vec<Source>,
    trackers: Vec<Tracker>,
    /// Users of whom it is not known where their plays go.
    held: Vec<String>,
}

#[derive(Serialize)]
struct Playing {
    user: String,
    title: String,
    state: String,
    progress: u64,
}

#[derive(Serialize)]
struct Source {
    name: String,
    last_heard: Option<jiff::Timestamp>,
    logged_in: bool,
}

#[derive(Serialize)]
struct Tracker {
    name: String,
    logged_in: bool,
    waiting: u32,
    dead: u32,
    last_delivered: Option<String>,
    /// Why nothing is sent now, where that is so.
    paused: Option<String>,
}

pub(crate) async fn run(config: Config, output: Output) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Look).await?;
    let store = &app.store;
    let logged_out: Vec<String> = app.logged_out().await.into_iter().map(|(name, _)| name).collect();
    let mut sources = Vec::new();
    for name in app.config.sources.keys() {
        sources.push(Source {
            name: name.clone(),
            last_heard: store.last_received(name).await?,
            logged_in: !logged_out.contains(name),
        });
    }
    let mut trackers = Vec::new();
    for name in app.config.trackers.keys() {
        let told = store.outbox_stats(name).await?;
        let paused = store.pause(name).await?.map(|parked| match parked {
            AccountPause::Until { until, reason, .. } | AccountPause::Blocked { until, reason } => {
                format!("until {}: {reason}", when(until))
            }
            AccountPause::Login { reason } => reason,
        });
        trackers.push(Tracker {
            name: name.clone(),
            logged_in: !logged_out.contains(name),
            waiting: told.waiting,
            dead: told.dead,
            last_delivered: told.last_delivered.map(|row| {
                format!("{} of {} at {}", row.event.action.name(), row.event.item, when(row.event.at))
            }),
            paused,
        });
    }
    let people = store.users().await?;
    let held =
        people.iter().filter(|person| person.decision == UserDecision::Held).map(|it| it.user.to_string());
    let running = app.is_daemon_running()?;
    let report = Report {
        running,
        playing: if running { playing(&app) } else { Vec::new() },
        sources,
        trackers,
        held: held.collect(),
    };
    output.print(&report, |report| describe(report, &app))
}

/// Current playback, as the daemon reports it.
fn playing(app: &App) -> Vec<Playing> {
    let shown = now_playing::read(&app.config.server.data_dir);
    let streams = shown.as_ref().and_then(|shown| shown["streams"].as_object()).into_iter().flatten();
    let text = |stream: &Value, key: &str| stream[key].as_str().unwrap_or_default().to_owned();
    let row = |(_, stream): (&String, &Value)| {
        let number = match (stream["season"].as_u64(), stream["episode"].as_u64()) {
            (Some(season), Some(episode)) => format!(" {season}x{episode:02}"),
            _ => String::new(),
        };
        Playing {
            user: text(stream, "account"),
            title: text(stream, "title") + &number,
            state: text(stream, "state"),
            progress: stream["progress"].as_u64().unwrap_or_default(),
        }
    };
    streams.map(row).collect()
}

fn describe(report: &Report, app: &App) -> String {
    let columns = columns();
    let mut text = match report.running {
        true => "the daemon runs\n".to_owned(),
        false => "no daemon runs here; start it with `playrelay serve`\n".to_owned(),
    };
    let mut table = Table::default();
    for it in &report.playing {
        table.row([format!("{} {} %", it.state, it.progress), format!("{} \u{b7} {}", it.user, it.title)]);
    }
    if report.running && report.playing.is_empty() {
        text.push_str("nothing plays\n");
    }
    for it in &report.sources {
        let heard =
            it.last_heard.map_or("nothing heard yet".to_owned(), |at| format!("last heard {}", when(at)));
        let login = if it.logged_in {
            String::new()
        } else {
            format!("; not logged in: `playrelay connect {}`", it.name)
        };
        table.row([format!("source {}", it.name), heard + &login]);
    }
    for it in &report.trackers {
        let mut facts = Vec::new();
        if !it.logged_in {
            facts.push(format!("not logged in: `playrelay connect {}`", it.name));
        }
        if it.waiting > 0 {
            let verb = if it.waiting == 1 { "waits" } else { "wait" };
            facts.push(format!("{} {verb}", count(it.waiting as usize, "event")));
        }
        if it.dead > 0 {
            facts.push(format!(
                "{} failed: `playrelay outbox list --state dead`",
                count(it.dead as usize, "event")
            ));
        }
        if let Some(reason) = it.paused.as_ref().filter(|_| it.logged_in) {
            facts.push(format!("paused, {reason}"));
        }
        match &it.last_delivered {
            Some(last) => facts.push(format!("last: {last}")),
            None => facts.push("nothing delivered yet".to_owned()),
        }
        table.row([format!("tracker {}", it.name), facts.join("; ")]);
    }
    text.push_str(&table.text(columns));
    if app.config.sources.is_empty() {
        text.push_str("there are no sources yet; `playrelay init` writes a first configuration\n");
    }
    if !report.held.is_empty() {
        let held = format!("held: {}; `playrelay users list` shows them", report.held.join(", "));
        text.push_str(&(print::wrap(&print::one_line(&held), 2, columns) + "\n"));
    }
    text
}
