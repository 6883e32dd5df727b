//! `playrelay plugin`

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use super::{Failure, Output};
use crate::clock;
use crate::config::{Config, unknown};
use crate::house::House;
use crate::plugins::permissions::{Inspection, ShownSetting};
use crate::plugins::registry::{self, Approval, Entry, Origin, Status};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List all plugins that were found.
    List(Output),
    /// Show all that a plugin asks for.
    Inspect {
        /// The id of a plugin that was found, or a file.
        plugin: String,
        #[command(flatten)]
        output: Output,
    },
    /// Let a plugin from the plugin directory serve, with these bytes and these permissions.
    Approve {
        /// The id.
        id: String,
    },
}

#[derive(Serialize)]
struct Row {
    id: String,
    version: String,
    origin: Origin,
    status: &'static str,
    provides: Vec<String>,
    reason: Option<String>,
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    match command {
        Command::List(output) => {
            let house = House::open(config).await?;
            let rows: Vec<_> = house.plugins.entries().iter().map(row).collect();
            output.print(&rows, |rows| rows.iter().map(line).collect())
        }
        Command::Inspect { plugin, output } => {
            let inspection = inspect(config, &plugin).await?;
            output.print(&inspection, describe)
        }
        Command::Approve { id } => approve(config, &id).await,
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

fn line(row: &Row) -> String {
    let reason = row.reason.as_ref().map(|reason| format!("  {reason}")).unwrap_or_default();
    let origin = match &row.origin {
        Origin::Bundled => "bundled".to_owned(),
        Origin::File(path) => path.display().to_string(),
    };
    format!(
        "{:<16} {:<10} {:<8} {} [{origin}]{reason}\n",
        row.id,
        row.version,
        row.status,
        row.provides.join(",")
    )
}

async fn inspect(config: Config, plugin: &str) -> Result<Inspection, Failure> {
    let path = PathBuf::from(plugin);
    if path.is_file() {
        return registry::inspect(&path).map_err(|error| Failure::Other(format!("{plugin}: {error}")));
    }
    let house = House::open(config).await?;
    let entry = find(&house, plugin)?;
    entry.inspection.clone().ok_or_else(|| {
        Failure::Other(format!("plugin {plugin} cannot be read: {}", row(entry).reason.unwrap_or_default()))
    })
}

fn find<'a>(house: &'a House, id: &str) -> Result<&'a Entry, Failure> {
    house.plugins.find(id).ok_or_else(|| {
        let known: Vec<String> = house.plugins.entries().iter().map(Entry::id).collect();
        Failure::Other(unknown("plugin", id, "the plugin directory", &known))
    })
}

async fn approve(config: Config, id: &str) -> Result<(), Failure> {
    let house = House::open(config).await?;
    let entry = match house.plugins.pending(id) {
        Some(pending) => pending,
        None => find(&house, id)?,
    };
    match (&entry.status, &entry.inspection) {
        (Status::Active(_), _) => println!("{id} serves already"),
        (Status::Pending, Some(inspection)) => {
            print!("{}", describe(inspection));
            house.store.approve(Approval::from(inspection), clock::now()).await?;
            println!("approved; it serves from the next start on");
        }
        _ => {
            let reason = row(entry).reason.unwrap_or_default();
            return Err(Failure::Other(format!("plugin {id} cannot be approved: {reason}")));
        }
    }
    Ok(())
}

fn setting(it: &ShownSetting) -> String {
    let mut facts = vec![it.kind.clone()];
    facts.extend(it.required.then(|| "required".to_owned()));
    facts.extend(it.secret.then(|| "secret".to_owned()));
    facts.extend(it.default.as_ref().map(|default| format!("default {default}")));
    let help = if it.help.is_empty() { String::new() } else { format!(". {}", it.help) };
    format!("{}: {} ({}){help}", it.key, it.label, facts.join(", "))
}

fn describe(it: &Inspection) -> String {
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
