//! `playrelay plugin list`, `inspect`, `approve`, `refuse`, `revoke` and `audit`.

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use clap::Subcommand;
use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::registry;
use playrelay_plugin_host::registry::{Entry, PluginOrigin};

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::cli::print::{Table, columns};
use crate::config::Config;
use crate::operations::plugins;
use crate::operations::plugins::{AccessView, ApprovedBy, PluginSummary};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List all plugins that were found.
    List(Output),
    /// Show all that a plugin asks for.
    Inspect {
        /// The id of a plugin that was found, or a file.
        plugin: String,
        #[command(flatten)]
        output: Output,
    },
    /// Let a plugin from the plugin directory serve, with exactly these bytes and permissions. What it asks for is shown first, and what
    /// differs from the version approved before.
    Approve {
        /// The id.
        id: String,
        /// The SHA-256 of the file that was inspected, or its beginning; needed where several files have the id.
        #[arg(long, value_name = "SHA256")]
        digest: Option<String>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Say that a plugin is not to serve. It stays in the list, and is no longer waited for.
    Refuse {
        /// The id.
        id: String,
        /// The SHA-256 of the file that was inspected, or its beginning; needed where several files have the id.
        #[arg(long, value_name = "SHA256")]
        digest: Option<String>,
    },
    /// Take an approval back. The plugin stops, and what it would send waits.
    Revoke {
        /// The id.
        id: String,
    },
    /// Show where a plugin sent requests, and what it was denied, as the daemon counted it.
    Audit {
        /// The id.
        id: String,
        #[command(flatten)]
        output: Output,
    },
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    match command {
        Command::List(output) => {
            let app = App::open(config, Purpose::Look).await?;
            let rows = plugins::list(&app).await?;
            output.print(&rows, |rows| match rows.is_empty() {
                true => "no plugins: this build has none bundled (`cargo xtask build` builds them in)\n"
                    .to_owned(),
                false => list(rows),
            })
        }
        Command::Inspect { plugin, output } => inspect(config, &plugin, output).await,
        Command::Approve { id, digest, yes } => approve(config, &id, digest.as_deref(), yes).await,
        Command::Refuse { id, digest } => refuse(config, &id, digest.as_deref()).await,
        Command::Revoke { id } => revoke(config, &id).await,
        Command::Audit { id, output } => audit(config, &id, output).await,
    }
}

fn list(rows: &[PluginSummary]) -> String {
    let mut table = Table::default();
    for row in rows {
        let origin = match &row.origin {
            PluginOrigin::Bundled => "bundled".to_owned(),
            PluginOrigin::File(path) => path.display().to_string(),
        };
        let reason = row.reason.as_ref().map(|reason| format!("; {reason}")).unwrap_or_default();
        table.row([
            row.id.clone(),
            row.version.clone(),
            row.status.to_owned(),
            row.provides.join(", "),
            format!("[{origin}]{reason}"),
        ]);
    }
    table.text(columns())
}

/// Shows a file, or all plugins that were found with an id.
async fn inspect(config: Config, plugin: &str, output: Output) -> Result<(), CliError> {
    let path = PathBuf::from(plugin);
    if path.is_file() {
        let inspection =
            registry::inspect(&path).map_err(|error| CliError::Other(format!("{plugin}: {error}")))?;
        return output.print(&inspection, describe);
    }
    let app = App::open(config, Purpose::Look).await?;
    let first = plugins::find(&app, plugin)?;
    let found: Vec<&Entry> = app.plugins.entries().iter().filter(|entry| entry.id() == plugin).collect();
    let readable: Vec<&PermissionReport> =
        found.iter().filter_map(|entry| entry.inspection.as_ref()).collect();
    match readable.as_slice() {
        [] => {
            let reason = plugins::summary(&app, first).await?.reason.unwrap_or_default();
            Err(CliError::Other(format!("plugin {plugin} cannot be read: {reason}")))
        }
        [only] => output.print(*only, describe),
        // One that serves, and one that would like to: both are to be seen.
        several => {
            let mut rows = Vec::new();
            for entry in &found {
                rows.push(plugins::summary(&app, entry).await?);
            }
            output.print(several, |_| {
                let parts = found.iter().zip(&rows).filter_map(|(entry, row)| {
                    let PluginSummary { status, origin, .. } = row;
                    let place = match origin {
                        PluginOrigin::Bundled => "bundled".to_owned(),
                        PluginOrigin::File(path) => path.display().to_string(),
                    };
                    Some(format!("{place} ({status})\n{}", describe(entry.inspection.as_ref()?)))
                });
                parts.collect::<Vec<_>>().join("\n")
            })
        }
    }
}

async fn approve(config: Config, id: &str, digest: Option<&str>, yes: bool) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let Some(inspection) = plugins::candidate(&app, id, digest)? else {
        say!("{id} serves already");
        return Ok(());
    };
    print::out(&describe(inspection))?;
    if let Some(difference) = plugins::difference(&app, inspection).await? {
        print::out(&difference)?;
    }
    if !yes && digest.is_none() && stdin().is_terminal() && !agrees()? {
        return Err(CliError::Other(format!("{id} is not approved")));
    }
    plugins::approve(&app, inspection, ApprovedBy::Command).await?;
    say!("approved; a daemon that runs takes it over within seconds");
    Ok(())
}

async fn refuse(config: Config, id: &str, digest: Option<&str>) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let Some(inspection) = plugins::candidate(&app, id, digest)? else {
        return Err(CliError::Other(format!("{id} serves; `playrelay plugin revoke {id}` ends that")));
    };
    plugins::refuse(&app, inspection).await?;
    say!("{id} is refused");
    Ok(())
}

/// Asks on the terminal.
pub(super) fn agrees() -> Result<bool, CliError> {
    print::out("Approve it? [y/N] ")?;
    let mut answer = String::new();
    stdin()
        .read_line(&mut answer)
        .map_err(|error| CliError::Other(format!("the terminal cannot be read: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

async fn revoke(config: Config, id: &str) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    plugins::revoke(&app, id).await?;
    say!("the approval of {id} is taken back; a daemon that runs stops it within seconds");
    Ok(())
}

/// Shows what a plugin reached and what it was denied.
async fn audit(config: Config, id: &str, output: Output) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Look).await?;
    let rows: Vec<AccessView> =
        plugins::accesses(&app, id).await?.into_iter().map(AccessView::from).collect();
    output.print(&rows, |rows| {
        if rows.is_empty() {
            return format!("{id} has sent no request, and was denied nothing\n");
        }
        let mut table = Table::default();
        for row in rows {
            let what = match &row.denied {
                Some(reason) => format!("denied: {reason}"),
                None => "contacted".to_owned(),
            };
            table.row([
                print::when(row.last_at),
                row.account.clone(),
                row.target.clone(),
                format!("{} times", row.count),
                what,
            ]);
        }
        table.text(columns())
    })
}

fn describe(it: &PermissionReport) -> String {
    plugins::in_words(it)
}
