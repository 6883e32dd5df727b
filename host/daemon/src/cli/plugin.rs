//! `playrelay plugin`

use std::io::{IsTerminal, stdin};
use std::path::PathBuf;

use clap::Subcommand;
use playrelay_plugin_host::permissions::{PermissionReport, SettingSummary};
use playrelay_plugin_host::registry;
use playrelay_plugin_host::registry::{Entry, PluginOrigin, Status};
use playrelay_store::watermarks::Watermark;
use playrelay_store::{SharedStore, watermarks};
use playrelay_util::clock;
use serde::Serialize;

use crate::app::adapters::approval_of;
use crate::app::{App, Purpose, open_store};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::cli::print::{Table, columns};
use crate::config::{Config, unknown_key_message};

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
    /// Take an approval back. The plugin stops at the next start.
    Revoke {
        /// The id.
        id: String,
    },
}

#[derive(Serialize)]
struct Row {
    id: String,
    version: String,
    origin: PluginOrigin,
    status: &'static str,
    provides: Vec<String>,
    reason: Option<String>,
}

pub(crate) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    match command {
        Command::List(output) => {
            let app = App::open(config, Purpose::Look).await?;
            let rows: Vec<_> = app.plugins.entries().iter().map(row).collect();
            output.print(&rows, |rows| match rows.is_empty() {
                true => "no plugins: this build has none bundled (`cargo xtask build` builds them in)\n"
                    .to_owned(),
                false => list(rows),
            })
        }
        Command::Inspect { plugin, output } => inspect(config, &plugin, output).await,
        Command::Approve { id, digest, yes } => approve(config, &id, digest.as_deref(), yes).await,
        Command::Revoke { id } => revoke(config, &id).await,
    }
}

fn row(entry: &Entry) -> Row {
    let (status, reason) = match &entry.status {
        Status::Active(_) => ("active", None),
        Status::Pending => ("pending", Some(format!("waits for `playrelay plugin approve {}`", entry.id()))),
        Status::Broken(reason) => ("broken", Some(reason.clone())),
    };
    let inspection = entry.inspection.as_ref();
    Row {
        id: entry.id(),
        version: inspection.map(|it| it.version.clone()).unwrap_or_default(),
        origin: entry.origin.clone(),
        status,
        provides: inspection.map(|it| it.provides.clone()).unwrap_or_default(),
        reason,
    }
}

fn list(rows: &[Row]) -> String {
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
    let first = find(&app, plugin)?;
    let found: Vec<&Entry> = app.plugins.entries().iter().filter(|entry| entry.id() == plugin).collect();
    let readable: Vec<&PermissionReport> =
        found.iter().filter_map(|entry| entry.inspection.as_ref()).collect();
    match readable.as_slice() {
        [] => {
            let reason = row(first).reason.unwrap_or_default();
            Err(CliError::Other(format!("plugin {plugin} cannot be read: {reason}")))
        }
        [only] => output.print(*only, describe),
        // One that serves, and one that would like to: both are to be seen.
        several => output.print(several, |_| {
            let parts = found.iter().filter_map(|entry| {
                let Row { status, origin, .. } = row(entry);
                let place = match origin {
                    PluginOrigin::Bundled => "bundled".to_owned(),
                    PluginOrigin::File(path) => path.display().to_string(),
                };
                Some(format!("{place} ({status})\n{}", describe(entry.inspection.as_ref()?)))
            });
            parts.collect::<Vec<_>>().join("\n")
        }),
    }
}

fn find<'a>(app: &'a App, id: &str) -> Result<&'a Entry, CliError> {
    app.plugins.find(id).ok_or_else(|| {
        let known: Vec<String> = app.plugins.entries().iter().map(Entry::id).collect();
        CliError::Other(unknown_key_message("plugin", id, "the plugin directory", &known))
    })
}

async fn approve(config: Config, id: &str, digest: Option<&str>, yes: bool) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let fits = |entry: &&Entry| match (digest, &entry.inspection) {
        (Some(digest), Some(it)) => it.digest.as_str().starts_with(&digest.to_lowercase()),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let mut pending: Vec<&Entry> = app.plugins.pending(id).filter(fits).collect();
    // Copies of one file are one plugin.
    pending.dedup_by_key(|entry| entry.inspection.as_ref().map(|it| &it.digest));
    let entry = match pending.as_slice() {
        [only] => *only,
        [] if digest.is_some() && app.plugins.pending(id).next().is_some() => {
            let text = "no file that waits has this digest: it is not the one that was inspected; `playrelay plugin inspect` shows it";
            return Err(CliError::Other(text.to_owned()));
        }
        [] => find(&app, id)?,
        several => {
            let digests = several.iter().filter_map(|entry| entry.inspection.as_ref());
            let digests: Vec<String> = digests.map(|it| format!("--digest {}", it.digest)).collect();
            return Err(CliError::Other(format!(
                "several files have the id {id:?}; say which by one of {}",
                digests.join(", ")
            )));
        }
    };
    let inspection = match (&entry.status, &entry.inspection) {
        (Status::Active(_), _) => {
            say!("{id} serves already");
            return Ok(());
        }
        (Status::Pending, Some(inspection)) => inspection,
        _ => {
            let reason = row(entry).reason.unwrap_or_default();
            return Err(CliError::Other(format!("plugin {id} cannot be approved: {reason}")));
        }
    };
    print::out(&describe(inspection))?;
    if let Some(difference) = difference(&app, inspection).await? {
        print::out(&difference)?;
    }
    if !yes && digest.is_none() && stdin().is_terminal() && !agrees()? {
        return Err(CliError::Other(format!("{id} is not approved")));
    }
    let shown = serde_json::to_string(inspection).map_err(|error| CliError::Other(error.to_string()))?;
    app.store.approve(approval_of(inspection), shown, clock::now()).await?;
    note_change(&app.store).await?;
    say!("approved; it serves from the next start on: restart the daemon");
    Ok(())
}

/// Asks on the terminal.
fn agrees() -> Result<bool, CliError> {
    print::out("Approve it? [y/N] ")?;
    let mut answer = String::new();
    stdin()
        .read_line(&mut answer)
        .map_err(|error| CliError::Other(format!("the terminal cannot be read: {error}")))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The permissions that changed since a plugin of this id was approved, line by line; absent if none was approved.
async fn difference(app: &App, now: &PermissionReport) -> Result<Option<String>, CliError> {
    let id = &now.id;
    if !app.store.approvals().await?.iter().any(|approval| approval.id == *id) {
        return Ok(None);
    }
    let Some(shown) = app.store.shown_at_approval(id).await? else {
        return Ok(Some(format!("\nanother version of {id} was approved before; this takes its place\n")));
    };
    let before: PermissionReport = serde_json::from_str(&shown)
        .map_err(|error| CliError::Other(format!("what was approved of {id} cannot be read: {error}")))?;
    let (old, new) = (describe(&before), describe(now));
    let gone = old
        .lines()
        .filter(|line| !new.lines().any(|other| other == *line))
        .map(|line| format!("- {}\n", line.trim()));
    let added = new
        .lines()
        .filter(|line| !old.lines().any(|other| other == *line))
        .map(|line| format!("+ {}\n", line.trim()));
    let lines: String = gone.chain(added).collect();
    let permissions = match before.permissions == now.permissions {
        true => "the permissions are the same",
        false => "THE PERMISSIONS ARE OTHERS",
    };
    Ok(Some(format!("\nwhat is other than in the version approved before ({permissions}):\n{lines}")))
}

/// The doctor says so where the daemon was started before.
async fn note_change(store: &SharedStore) -> Result<(), CliError> {
    watermarks::write(store, watermarks::DAEMON, Watermark::PluginsChanged, clock::now()).await?;
    Ok(())
}

async fn revoke(config: Config, id: &str) -> Result<(), CliError> {
    let store: SharedStore = open_store(&config)?;
    if !store.revoke(id).await? {
        return Err(CliError::Other(format!(
            "plugin {id:?} is not approved; `playrelay plugin list` shows all"
        )));
    }
    note_change(&store).await?;
    say!("the approval of {id} is taken back; it stops at the next start: restart the daemon");
    Ok(())
}

fn setting(it: &SettingSummary) -> String {
    let mut facts = vec![it.kind.clone()];
    facts.extend(it.required.then(|| "required".to_owned()));
    facts.extend(it.secret.then(|| "secret".to_owned()));
    facts.extend(it.default.as_ref().map(|default| format!("default {default}")));
    let help = if it.help.is_empty() { String::new() } else { format!(". {}", it.help) };
    format!("{}: {} ({}){help}", it.key, it.label, facts.join(", "))
}

fn describe(it: &PermissionReport) -> String {
    let mut text = format!("{} {} ({})\n", it.name, it.version, it.id);
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("{title}:\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    };
    section("does", vec![it.description.clone()]);
    section("provides", vec![it.provides.join(", ")]);
    section(
        "may send requests to",
        it.network.iter().map(|(origin, reason)| format!("{origin}: {reason}")).collect(),
    );
    section("has added to its requests", it.credentials.clone());
    section("is logged in at", it.login.clone());
    section("settings", it.settings.iter().map(setting).collect());
    section("imports", it.imports.clone());
    section("limits", vec![format!("{} MiB of memory", it.memory_mib)]);
    section(
        "file",
        vec![format!("{} bytes, sha256 {}", it.size, it.digest), format!("permissions {}", it.permissions)],
    );
    text
}
