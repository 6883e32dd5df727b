//! `playrelay notify`

use clap::Subcommand;

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::config::Config;
use crate::operations::notifications::{self, ConditionSummary, NotificationReport, NotifierSummary};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show who sends notifications, how that went, and what needs you now.
    List(Output),
    /// Send a test, at once, also in quiet hours.
    Test {
        /// The notifier's name in the configuration; `email` for [notify.email].
        notifier: String,
    },
}

pub(crate) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    match command {
        Command::List(output) => {
            let app = App::open(config, Purpose::Look).await?;
            let report = notifications::report(&app).await?;
            output.print(&report, text)
        }
        Command::Test { notifier } => {
            let app = App::open(config, Purpose::Change).await?;
            notifications::send_test(&app, &notifier).await?;
            say!("{notifier}: the test was sent.");
            Ok(())
        }
    }
}

fn text(report: &NotificationReport) -> String {
    if report.notifiers.is_empty() {
        return "no notifier is configured; add a section [notifiers.NAME] or [notify.email]\n".to_owned();
    }
    let notifiers = report.notifiers.iter().map(notifier_line);
    notifiers.chain(report.conditions.iter().map(condition_line)).collect()
}

fn notifier_line(notifier: &NotifierSummary) -> String {
    let plugin = notifier.plugin.as_deref().unwrap_or("sent by Playrelay itself");
    let mut facts = vec![match notifier.sent_at {
        Some(at) => format!("sent last at {}", print::when(at)),
        None => "nothing was sent yet".to_owned(),
    }];
    if !notifier.ready {
        facts.push("its plugin does not serve".to_owned());
    }
    if notifier.waiting > 0 {
        facts.push(format!("{} waiting", notifier.waiting));
    }
    facts.extend(notifier.failure.as_ref().map(|reason| format!("the last attempt failed: {reason}")));
    format!("{} ({plugin}): {}\n", notifier.name, facts.join("; "))
}

fn condition_line(condition: &ConditionSummary) -> String {
    let said = match condition.said_at {
        Some(at) => format!("said at {}", print::when(at)),
        None => "not said yet".to_owned(),
    };
    format!("needs you since {}: {} ({said})\n", print::when(condition.since), condition.title)
}
