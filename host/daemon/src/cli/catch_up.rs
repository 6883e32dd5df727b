//! `playrelay catch-up`

use playrelay_store::JobState;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::follow::follow;
use crate::cli::output::Output;
use crate::cli::print::{Table, columns, count, when};
use crate::config::Config;
use crate::jobs::spec::{HOUSEHOLD, JobSpec};
use crate::operations::catch_up;
use crate::operations::catch_up::CatchUpReport;

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

pub(crate) async fn run(config: Config, arguments: Arguments) -> Result<(), CliError> {
    let app = App::open(config, if arguments.run { Purpose::Change } else { Purpose::Look }).await?;
    let source = &arguments.source;
    let mut report = catch_up::run(&app, source, arguments.days, false).await?;
    if arguments.run {
        let spec = JobSpec::CatchUp { source: source.clone(), days: arguments.days };
        let ended = follow(&app, HOUSEHOLD, &spec).await?;
        if ended.state != JobState::Done {
            let message = ended.message.unwrap_or_default();
            return Err(CliError::Other(format!("job {} {}: {message}", ended.id, ended.state.as_str())));
        }
        report.entered = true;
    }
    arguments.output.print(&report, |report| text(report, source))
}

fn text(report: &CatchUpReport, source: &str) -> String {
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
