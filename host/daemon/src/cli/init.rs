//! `playrelay init`

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write as _, stdin};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use clap::Args;
use playrelay_plugin_host::permissions::{PermissionReport, SettingSummary};
use playrelay_plugin_host::registry::Status;

use crate::app::{App, AppError, Purpose};
use crate::cli::error::CliError;
use crate::cli::print;
use crate::config;

/// The answers that are given on the command line. `init` asks for the others.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The plugin of the media server.
    #[arg(long, value_name = "PLUGIN")]
    source: Option<String>,
    /// The plugin of the tracker.
    #[arg(long, value_name = "PLUGIN")]
    tracker: Option<String>,
    /// The users of the media server whose plays go to the tracker; may be given several times.
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// A setting of the source or the tracker, such as url=http://192.168.1.5:8096.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Ask nothing; what is missing is left for you to fill in.
    #[arg(long)]
    no_questions: bool,
}

/// Writes a configuration to `file`, which must not be there yet.
pub(crate) async fn run(file: &Path, arguments: Arguments) -> Result<(), CliError> {
    if file.exists() {
        return Err(CliError::Other(format!("{} is there already; it is left as it is", file.display())));
    }
    // The plugins know what can be set. Nothing is made yet.
    let empty = config::parse(None, std::iter::empty()).map_err(AppError::Config)?;
    let app = App::open(empty, Purpose::Look).await?;
    let asks = !arguments.no_questions && stdin().is_terminal();
    let given = given(&arguments.set)?;
    let source = plugin(&app, "media server", arguments.source, &["webhook", "realtime"], asks)?;
    let tracker = plugin(&app, "tracker", arguments.tracker, &["sink"], asks)?;
    let mut used = Vec::new();
    let mut text = String::from(
        "# Playrelay. Changes of this file are taken over while the daemon runs; `playrelay check` finds mistakes.\n\n\
         [server]\n\
         # Where webhooks come in.\n\
         listen = \"0.0.0.0:8787\"\n\
         # Where everything is kept, relative to this file.\n\
         data_dir = \"playrelay-data\"\n\
         # How media servers reach Playrelay, for the addresses that it shows.\n\
         # public_url = \"http://192.168.1.5:8787\"\n\n",
    );
    section(&mut text, "sources", "home", &source, &given, &mut used, asks)?;
    section(&mut text, "trackers", "me", &tracker, &given, &mut used, asks)?;
    if let Some((key, _)) = given.iter().find(|(key, _)| !used.contains(key)) {
        return Err(CliError::Other(format!(
            "--set {key}: neither plugin {} nor plugin {} has such a setting",
            source.id, tracker.id
        )));
    }
    let mut users = arguments.user;
    if users.is_empty() && asks {
        let typed = ask("Users of the media server whose plays go to the tracker, with commas between them")?;
        users = typed.split(',').map(str::trim).filter(|user| !user.is_empty()).map(str::to_owned).collect();
    }
    let users: Vec<String> = users.iter().map(|user| quoted(user)).collect();
    let _ = write!(
        text,
        "[[routes]]\n\
         source = \"home\"\n\
         tracker = \"me\"\n\
         # Names as the media server has them. Whoever is not named here is held: `playrelay users list`.\n\
         users = [{}]\n\
         # Percent from which on a play is watched.\n\
         # watched_at = 80\n",
        users.join(", ")
    );
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error: io::Error| {
        CliError::Other(format!("{} cannot be written: {error}", file.display()))
    })?;
    say!("{} is written.", file.display());
    if users.is_empty() {
        say!(
            "Its route names no user yet: write them into `users`, or assign them later with `playrelay users`."
        );
    }
    say!("Next: `playrelay check`, `playrelay connect me`, then `playrelay serve`.");
    Ok(())
}

fn given(set: &[String]) -> Result<Vec<(String, String)>, CliError> {
    let split = |text: &String| {
        let (key, value) = text.split_once('=')?;
        Some((key.trim().to_owned(), value.trim().to_owned()))
    };
    let wrong = |text: &String| CliError::Other(format!("--set {text}: expected KEY=VALUE"));
    set.iter().map(|text| split(text).ok_or_else(|| wrong(text))).collect()
}

/// A plugin that provides one of these interfaces: the one that is named, or chosen.
fn plugin(
    app: &App,
    what: &str,
    named: Option<String>,
    provides: &[&str],
    asks: bool,
) -> Result<PermissionReport, CliError> {
    let serves = app.plugins.entries().iter().filter(|entry| matches!(entry.status, Status::Active(_)));
    let fitting: Vec<&PermissionReport> = serves
        .filter_map(|entry| entry.inspection.as_ref())
        .filter(|it| provides.iter().any(|needed| it.provides.iter().any(|provided| provided == needed)))
        .collect();
    let known: Vec<String> = fitting.iter().map(|it| it.id.clone()).collect();
    if known.is_empty() {
        let text = "this build has no bundled plugins: build it with `cargo xtask build`";
        return Err(CliError::Other(text.to_owned()));
    }
    let mut named = named;
    loop {
        let id = match named.take() {
            Some(id) => id,
            None if asks => ask(&format!("Which {what} ({})", known.join(", ")))?,
            None => {
                let flag = if what == "tracker" { "--tracker" } else { "--source" };
                return Err(CliError::Other(format!("give {flag}: {}", known.join(", "))));
            }
        };
        match fitting.iter().find(|it| it.id.eq_ignore_ascii_case(id.trim())) {
            Some(found) => return Ok((*found).clone()),
            None if asks => say!("There is no {what} {id:?}; expected one of {}.", known.join(", ")),
            None => {
                return Err(CliError::Other(config::unknown_key_message(
                    what,
                    &id,
                    "the bundled plugins",
                    &known,
                )));
            }
        }
    }
}

/// Writes the section of an account: what is set, and the rest as comments.
fn section(
    text: &mut String,
    kind: &str,
    name: &str,
    plugin: &PermissionReport,
    given: &[(String, String)],
    used: &mut Vec<String>,
    asks: bool,
) -> Result<(), CliError> {
    // Writing to a text cannot fail.
    let _ = write!(text, "# {}\n[{kind}.{name}]\nplugin = {}\n", plugin.description, quoted(&plugin.id));
    for setting in &plugin.settings {
        let SettingSummary { key, label, help, default, required, kind, .. } = setting;
        let mut value = given.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
        used.extend(value.is_some().then(|| key.clone()));
        let matters = *required
            || default.is_none() && (kind.contains("http") || key.contains("key") || key.contains("token"));
        if value.is_none() && matters && asks {
            let hint = if help.is_empty() { String::new() } else { format!(" ({help})") };
            let empty = if *required { "" } else { ", empty to leave it out" };
            value = Some(ask(&format!("{label}{hint}{empty}"))?).filter(|value| !value.is_empty());
        }
        let words = if help.is_empty() { label.clone() } else { format!("{label}. {help}") };
        let _ = writeln!(text, "# {}", print::one_line(&words));
        match (value, default) {
            (Some(value), _) => {
                let is_plain = kind.contains("number") || kind.contains("true or false");
                let value = if is_plain { value } else { quoted(&value) };
                let _ = writeln!(text, "{key} = {value}");
            }
            (None, Some(default)) => {
                let _ = writeln!(text, "# {key} = {}", quoted(default));
            }
            (None, None) if *required => {
                let _ = writeln!(text, "{key} = \"\"");
            }
            (None, None) => {
                let _ = writeln!(text, "# {key} = \"\"");
            }
        }
    }
    text.push('\n');
    Ok(())
}

/// Text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn ask(question: &str) -> Result<String, CliError> {
    print::out(&format!("{question}: "))?;
    let mut line = String::new();
    match stdin().read_line(&mut line) {
        Ok(0) => Err(CliError::Other("nothing was typed; give the answers on the command line".to_owned())),
        Ok(_) => Ok(line.trim().to_owned()),
        Err(error) => Err(CliError::Other(format!("the terminal cannot be read: {error}"))),
    }
}
