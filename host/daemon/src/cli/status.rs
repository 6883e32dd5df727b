//! `playrelay status`

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::cli::print::{Table, columns, count, when};
use crate::config::Config;
use crate::operations::status;
use crate::operations::status::StatusReport;

pub(crate) async fn run(config: Config, output: Output) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Look).await?;
    let running = app.is_daemon_running()?;
    let report = status::report(&app, running, when).await?;
    output.print(&report, |report| describe(report, &app))
}

fn describe(report: &StatusReport, app: &App) -> String {
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
