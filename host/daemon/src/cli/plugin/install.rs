//! `playrelay plugin install`, `update` and `remove`.

use std::fs::File;
use std::io::{IsTerminal, Read, stdin};
use std::path::Path;

use clap::{Args, Subcommand};

use crate::app::{App, Purpose};
use crate::cli::error::CliError;
use crate::cli::plugin::approval::agrees;
use crate::cli::print;
use crate::config::Config;
use crate::operations::plugins;
use crate::operations::plugins::{FetchedPlugin, InstallRequest};
use crate::platform::memory_limit;

/// A file with a key has less. Bytes.
const KEY_FILE_LIMIT_BYTES: u64 = 16 << 10;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Fetch a plugin, show all that it asks for, and put it into the plugin directory, approved.
    Install(Install),
    /// Look for newer versions of the plugins that were installed, show what changes, and take them over.
    Update {
        /// The id; all that were installed where it is left out.
        id: Option<String>,
        /// Only show what would change.
        #[arg(long, conflicts_with = "yes")]
        check: bool,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Remove a plugin from the plugin directory, with its approval. What it would send waits.
    Remove {
        /// The id.
        id: String,
    },
}

#[derive(Args)]
pub(crate) struct Install {
    /// A file, an https address, or a place in an OCI registry, as ghcr.io/someone/notebook:1.2.
    source: String,
    /// The SHA-256 of the component. An address needs it, or a key.
    #[arg(long, value_name = "SHA256")]
    digest: Option<String>,
    /// The public key of the author: of minisign, or a PEM file of cosign. It is kept, and counts for later versions too.
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), CliError> {
    // What a registry says is read by a library that has no limits of its own.
    memory_limit::set()
        .map_err(|error| CliError::Other(format!("the memory of this command cannot be limited: {error}")))?;
    let app = App::open(config, Purpose::Change).await?;
    match command {
        Command::Install(arguments) => install(&app, arguments).await,
        Command::Update { id: Some(id), check, yes } => update(&app, &id, check, yes).await,
        Command::Update { id: None, check, yes } => update_all(&app, check, yes).await,
        Command::Remove { id } => remove(&app, &id).await,
    }
}

async fn install(app: &App, arguments: Install) -> Result<(), CliError> {
    let key = arguments.key.as_deref().map(read_key).transpose()?;
    let request = InstallRequest { source: arguments.source, digest: arguments.digest, key };
    let fetched = plugins::fetch_plugin(app, &request).await?;
    show(app, &fetched).await?;
    take(app, &fetched, arguments.yes).await
}

async fn update(app: &App, id: &str, only_check: bool, yes: bool) -> Result<(), CliError> {
    let Some(fetched) = plugins::fetch_update(app, id).await? else {
        say!("{id} is up to date");
        return Ok(());
    };
    show(app, &fetched).await?;
    match only_check {
        true => Ok(()),
        false => take(app, &fetched, yes).await,
    }
}

/// One that fails stops no other.
async fn update_all(app: &App, only_check: bool, yes: bool) -> Result<(), CliError> {
    let all = plugins::installations(app).await?;
    if all.is_empty() {
        say!("no plugin was installed by `playrelay plugin install`");
        return Ok(());
    }
    let mut failed = Vec::new();
    for (id, installation) in all {
        if !installation.has_updates() {
            say!("{id} is bound to its digest");
        } else if let Err(error) = update(app, &id, only_check, yes).await {
            failed.push(format!("{id}: {error}"));
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(CliError::Other(failed.join("\n"))) }
}

async fn remove(app: &App, id: &str) -> Result<(), CliError> {
    let left = plugins::remove(app, id).await?;
    say!("{id} is removed; a daemon that runs stops it within seconds");
    if !left.is_empty() {
        say!("these accounts need it, and wait: {}", left.join(", "));
    }
    Ok(())
}

/// Shows what was fetched, and what differs from the version that was approved before.
async fn show(app: &App, fetched: &FetchedPlugin) -> Result<(), CliError> {
    print::out(&plugins::in_words(&fetched.report))?;
    print::out("fetched from:\n")?;
    let installation = &fetched.installation;
    for line in
        [Some(&installation.source), installation.resolved.as_ref(), Some(&fetched.signature.to_string())]
    {
        line.map_or(Ok(()), |line| print::out(&format!("  {line}\n")))?;
    }
    match plugins::difference(app, &fetched.report).await? {
        Some(difference) => print::out(&difference),
        None => Ok(()),
    }
}

async fn take(app: &App, fetched: &FetchedPlugin, yes: bool) -> Result<(), CliError> {
    let id = &fetched.report.id;
    if !yes {
        if !stdin().is_terminal() {
            return Err(CliError::Other(format!(
                "{id} is not installed: nobody can be asked; `--yes` approves it"
            )));
        }
        if !agrees()? {
            return Err(CliError::Other(format!("{id} is not installed")));
        }
    }
    plugins::install(app, fetched).await?;
    say!("installed and approved; a daemon that runs takes it over within seconds");
    Ok(())
}

/// The key itself, or the file with it.
fn read_key(text: &str) -> Result<String, CliError> {
    if !Path::new(text).is_file() {
        return Ok(text.to_owned());
    }
    let mut key = String::new();
    let read = File::open(text).and_then(|file| file.take(KEY_FILE_LIMIT_BYTES).read_to_string(&mut key));
    read.map_err(|error| CliError::Other(format!("the key in {text} cannot be read: {error}")))?;
    Ok(key)
}
