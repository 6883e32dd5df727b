//! `playrelay connect` and `playrelay disconnect`

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stdin, stdout};
use std::time::Duration;

use clap::Args;
use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::capabilities::Check;
use playrelay_plugin_host::manifest::{Manifest, PluginLogin, SettingKind, part};
use tokio::time::Instant;

use crate::app::{App, Purpose};
use crate::auth::device_flow::{LoginError, Prompt};
use crate::auth::plugin_flow::{Form, LoginStep, PluginLoginFlow};
use crate::auth::{device_flow, plugin_flow};
use crate::cli::error::CliError;
use crate::cli::print;
use crate::config::{Config, unknown_key_message};

#[derive(Args)]
pub(crate) struct Connect {
    /// The account's name in the configuration.
    account: String,
    /// Print the QR code even if not on a terminal.
    #[arg(long)]
    qr: bool,
    /// The way to log in, where there are several.
    #[arg(long)]
    method: Option<String>,
    /// What a form asks for; what is missing is asked for here.
    #[arg(long, value_name = "KEY=VALUE")]
    field: Vec<String>,
    /// What to choose where there are several: its number in the list, or the beginning of its name.
    #[arg(long)]
    choose: Option<String>,
}

impl Connect {
    /// `--field KEY=VALUE`, by key.
    fn read_field(&self) -> Result<BTreeMap<String, String>, CliError> {
        let split = |field: &String| {
            let (key, value) = field.split_once('=')?;
            Some((key.trim().to_owned(), value.to_owned()))
        };
        let wrong = || CliError::Other("--field is KEY=VALUE".to_owned());
        self.field.iter().map(|field| split(field).ok_or_else(wrong)).collect()
    }
}

#[derive(Args)]
pub(crate) struct Disconnect {
    /// The account's name in the configuration.
    account: String,
}

pub(crate) async fn connect(config: Config, arguments: Connect) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let name = &arguments.account;
    let account = find(&app, name)?;
    if account.manifest.login.is_some() && !account.needs_login() {
        app.store.set_pause(name, None).await?;
        say!("{name} needs no login: it has a key in the configuration{}.", account_label(&app, name).await);
        return Ok(());
    }
    if let Some(login) = plugin_flow::methods(account) {
        run_plugin_login(&app, login, &arguments).await?;
        app.store.set_pause(name, None).await?;
        say!("{name} is logged in{}.", account_label(&app, name).await);
        return Ok(());
    }
    if arguments.method.is_some() || !arguments.field.is_empty() || arguments.choose.is_some() {
        let text =
            format!("{name} is logged in with a code; --method, --field and --choose mean nothing for it");
        return Err(CliError::Other(text));
    }
    let mut prompt = device_flow::begin(account).await?;
    say!("Open {} and enter the code {}", prompt.url, prompt.code);
    if arguments.qr || stdout().is_terminal() {
        print::qr(prompt.complete_url.as_deref().unwrap_or(&prompt.url))?;
    }
    say!("Waiting, for up to {} minutes…", prompt.expires_in.as_secs().div_ceil(60));
    wait(&app, account, &mut prompt).await?;
    app.store.set_pause(name, None).await?;
    say!("{name} is logged in{}.", account_label(&app, name).await);
    Ok(())
}

/// A login by the plugin's own code.
async fn run_plugin_login(app: &App, login: &PluginLogin, arguments: &Connect) -> Result<(), CliError> {
    let Some((plugin, target)) = app.plugin(&arguments.account) else {
        return Err(LoginError::NoLogin(arguments.account.clone()).into());
    };
    let method = match (&arguments.method, login.methods.as_slice()) {
        (None, [_, _, ..]) if stdin().is_terminal() => {
            let labels: Vec<(String, String)> =
                login.methods.iter().map(|method| (method.id.clone(), method.label.clone())).collect();
            plugin_flow::method(login, Some(&choose(&labels, None)?))?
        }
        (name, _) => plugin_flow::method(login, name.as_deref())?,
    };
    let mut form = arguments.read_field()?;
    for field in method.fields.iter().filter(|field| !form.contains_key(&field.key)).collect::<Vec<_>>() {
        form.insert(field.key.clone(), ask_for(&field.label, field.secret)?);
    }
    let (mut login, mut next) =
        PluginLoginFlow::begin(plugin, target, Form::of(method, form)?, &app.credentials, || true).await?;
    let mut interval = Duration::from_secs(1);
    let mut end = Instant::now() + Duration::from_secs(60);
    loop {
        match next {
            LoginStep::Granted => return Ok(()),
            LoginStep::Prompt(prompt) => {
                say!("Open {} and enter the code {}", prompt.url, prompt.code);
                if arguments.qr || stdout().is_terminal() {
                    print::qr(prompt.complete_url.as_deref().unwrap_or(&prompt.url))?;
                }
                interval = Duration::from_secs(prompt.interval_s.into());
                end = Instant::now() + Duration::from_secs(prompt.expires_s.into());
            }
            LoginStep::Pending => {}
            LoginStep::Choose(choices) => {
                let id = choose(&choices, arguments.choose.as_deref())?;
                next = login.choose(&id, &app.credentials).await?;
                continue;
            }
        }
        if Instant::now() >= end {
            return Err(LoginError::Expired.into());
        }
        tokio::time::sleep(interval).await;
        next = match login.poll(&app.credentials).await {
            // A network that is gone for a moment does not end a login.
            Err(LoginError::Http(error)) => {
                tracing::warn!("{error}");
                LoginStep::Pending
            }
            other => other?,
        };
    }
}

/// The id of one of several.
fn choose(choices: &[(String, String)], wanted: Option<&str>) -> Result<String, CliError> {
    let by_name = |wanted: &str| {
        let wanted = wanted.trim().to_lowercase();
        let by_number = wanted.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
        let mut begin_so = choices.iter().filter(|(_, label)| label.to_lowercase().starts_with(&wanted));
        let first = begin_so.next().filter(|_| !wanted.is_empty());
        by_number.or(first.filter(|_| begin_so.next().is_none())).map(|(id, _)| id.clone())
    };
    for (place, (_, label)) in choices.iter().enumerate() {
        let label = print::one_line(label);
        say!("{:>3}  {label}", place + 1);
    }
    match (wanted.and_then(by_name), wanted) {
        (Some(id), _) => return Ok(id),
        // A slip does not cost the login where somebody can be asked.
        (None, Some(wanted)) if stdin().is_terminal() => say!("No single entry begins with {wanted:?}."),
        (None, Some(wanted)) => {
            return Err(CliError::Other(format!("no single entry begins with {wanted:?}")));
        }
        (None, None) => {}
    }
    if !stdin().is_terminal() {
        return Err(CliError::Other("say which with --choose".to_owned()));
    }
    loop {
        let typed = ask_for("Which one", false)?;
        if let Some(id) = by_name(&typed) {
            return Ok(id);
        }
        say!("No single entry begins with {typed:?}; type its number.");
    }
}

/// Asks on the terminal; what is secret is not shown.
fn ask_for(label: &str, is_secret: bool) -> Result<String, CliError> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let unreadable = |error: std::io::Error| CliError::Other(format!("the terminal cannot be read: {error}"));
    print!("{label}: ");
    stdout().flush().map_err(unreadable)?;
    let before = tcgetattr(stdin()).ok().filter(|_| is_secret);
    if let Some(before) = &before {
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(stdin(), OptionalActions::Now, &silent).map_err(|error| unreadable(error.into()))?;
    }
    let mut line = String::new();
    let read = stdin().read_line(&mut line);
    if let Some(before) = &before {
        tcsetattr(stdin(), OptionalActions::Now, before).map_err(|error| unreadable(error.into()))?;
        say!("");
    }
    match read.map_err(unreadable)? {
        0 => Err(CliError::Other(format!(
            "nothing was typed for {label:?}; --field says it on the command line"
        ))),
        _ => Ok(line.trim_end_matches(['\n', '\r']).to_owned()),
    }
}

/// Asks until the code was entered, or is too old. On a terminal the time that is left runs down.
async fn wait(app: &App, account: &Account, prompt: &mut Prompt) -> Result<(), CliError> {
    let mut asked = 0;
    let ended = loop {
        pause(prompt.interval, prompt.ends_at, asked).await;
        asked += 1;
        match device_flow::poll_login(account, &app.credentials, prompt).await {
            Ok(true) => break Ok(()),
            Ok(false) => {}
            Err(error) => break Err(error.into()),
        }
    };
    if stdout().is_terminal() {
        // The countdown has ended in the middle of a line.
        say!("");
    }
    ended
}

async fn pause(interval: Duration, end: Instant, asked: u32) {
    if !stdout().is_terminal() {
        return tokio::time::sleep(interval).await;
    }
    let until = Instant::now() + interval;
    while Instant::now() < until {
        let left = end.saturating_duration_since(Instant::now()).as_secs();
        print!("\r{:>2}:{:02} left, asked {asked} times ", left / 60, left % 60);
        // A terminal that is gone is no reason to give the login up.
        let _ = stdout().flush();
        tokio::time::sleep(Duration::from_secs(1).min(until.saturating_duration_since(Instant::now()))).await;
    }
}

pub(crate) async fn disconnect(config: Config, arguments: Disconnect) -> Result<(), CliError> {
    let app = App::open(config, Purpose::Change).await?;
    let name = &arguments.account;
    let account = find(&app, name)?;
    if account.manifest.login.is_none() {
        return Err(LoginError::NoLogin(name.clone()).into());
    }
    let Some((plugin, target)) = app.plugin(name) else {
        return Err(LoginError::NoLogin(name.clone()).into());
    };
    let parting =
        plugin_flow::log_out(&plugin, &target, &app.credentials).await.map_err(LoginError::Vault)?;
    if !parting.was_logged_in && parting.has_key {
        return Err(CliError::Other(format!(
            "{name} has no login: it has a key in the configuration; remove that, and end it at the service"
        )));
    }
    if !parting.was_logged_in {
        say!("{name} was not logged in.");
    } else if parting.has_key {
        say!("Removed the stored login of {name}. The key in the configuration is still used.");
    } else {
        say!("Removed the stored login of {name}; its events wait for the next `playrelay connect {name}`.");
    }
    if let Some(remains) = parting.remains {
        say!("It may still be valid at the service: {}.", remains.trim_end_matches('.'));
    }
    Ok(())
}

fn find<'a>(app: &'a App, name: &str) -> Result<&'a Account, CliError> {
    app.accounts.get(name).map(AsRef::as_ref).ok_or_else(|| {
        let known: Vec<String> = app.accounts.keys().cloned().collect();
        CliError::Other(unknown_key_message("account", name, "the configuration", &known))
    })
}

/// The name of the account at the service, if it can be asked. A source's server is not that of the service that its plugin may know as well.
async fn account_label(app: &App, name: &str) -> String {
    let Some((plugin, target)) = app.plugin(name) else { return String::new() };
    if app.config.sources.contains_key(name) {
        return at_server(app, name, &plugin.manifest).await;
    }
    if plugin.manifest.provides.check.is_none() {
        return String::new();
    }
    match plugin.call::<Check>(&target, ()).await.0 {
        Ok(Ok(account)) => format!(" as {}", account.name),
        Ok(Err(failure)) => format!(", but the service does not answer: {}", failure.reason()),
        Err(fault) => format!(", but the plugin failed: {fault}"),
    }
}

/// At which server a source is logged in: where the user typed it, or the login found it.
async fn at_server(app: &App, name: &str, manifest: &Manifest) -> String {
    let found = match app.credentials.load(name, &manifest.plugin.id).await {
        Ok(kept) => kept.map(|kept| kept.0).unwrap_or_default(),
        Err(error) => return format!(", but its login cannot be read: {error}"),
    };
    let person =
        found.get(part::ACCOUNT_NAME).map(|person| format!(" as {}", person.expose())).unwrap_or_default();
    let addresses =
        manifest.settings.iter().filter(|(_, it)| it.kind == SettingKind::ServerUrl && it.default.is_none());
    let typed = |key: &String| app.accounts.get(name)?.settings.get(key).cloned();
    let address = addresses.into_iter().find_map(|(key, _)| {
        typed(key).or_else(|| found.get(key).map(|address| address.expose().to_owned()))
    });
    let address = address.map(|address| format!(" at {address}")).unwrap_or_default();
    person + &address
}
