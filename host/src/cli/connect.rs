//! `playrelay connect` and `playrelay disconnect`

use std::io::{IsTerminal, Write, stdout};
use std::time::Duration;

use clap::Args;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use tokio::time::Instant;

use super::Failure;
use crate::config::{Config, unknown};
use crate::delivery::device::{self, LoginError, Prompt};
use crate::house::House;
use crate::plugins::account::Account;
use crate::plugins::capabilities::Check;

#[derive(Args)]
pub(super) struct Connect {
    /// The account's name in the configuration.
    account: String,
    /// Print the QR code also where the output is no terminal.
    #[arg(long)]
    qr: bool,
}

#[derive(Args)]
pub(super) struct Disconnect {
    /// The account's name in the configuration.
    account: String,
}

pub(super) async fn connect(config: Config, arguments: Connect) -> Result<(), Failure> {
    let house = House::open(config).await?;
    let name = &arguments.account;
    let account = find(&house, name)?;
    if account.manifest.login.is_some() && !account.needs_login() {
        house.store.park(name, None).await?;
        println!("{name} needs no login: it has a key in the configuration{}.", who(&house, name).await);
        return Ok(());
    }
    let mut prompt = device::begin(account).await?;
    println!("Open {} and enter the code {}", prompt.url, prompt.code);
    if arguments.qr || stdout().is_terminal() {
        show_qr(prompt.complete_url.as_deref().unwrap_or(&prompt.url));
    }
    println!("Waiting, for up to {} minutes…", prompt.expires_in.as_secs().div_ceil(60));
    wait(&house, account, &mut prompt).await?;
    house.store.park(name, None).await?;
    println!("{name} is logged in{}.", who(&house, name).await);
    Ok(())
}

/// Asks until the code was entered, or is too old. On a terminal the time that is left runs down.
async fn wait(house: &House, account: &Account, prompt: &mut Prompt) -> Result<(), Failure> {
    let mut asked = 0;
    let ended = loop {
        pause(prompt.interval, prompt.ends_at, asked).await;
        asked += 1;
        match device::ask(account, &house.keeper, prompt).await {
            Ok(true) => break Ok(()),
            Ok(false) => {}
            Err(error) => break Err(error.into()),
        }
    };
    if stdout().is_terminal() {
        // The countdown has ended in the middle of a line.
        println!();
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

/// An address that is too long for a QR code stands above anyway.
fn show_qr(url: &str) {
    if let Ok(code) = QrCode::new(url) {
        // Dark on light, whatever the terminal's colours: readers want a light margin.
        let image = code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
        println!("{image}");
    }
}

pub(super) async fn disconnect(config: Config, arguments: Disconnect) -> Result<(), Failure> {
    let house = House::open(config).await?;
    let name = &arguments.account;
    let account = find(&house, name)?;
    if account.manifest.login.is_none() {
        return Err(LoginError::NoLogin(name.clone()).into());
    }
    let complaint = house.keeper.disconnect(account).await.map_err(LoginError::Vault)?;
    println!("{name} is forgotten here; its events wait for the next `playrelay connect {name}`.");
    if let Some(complaint) = complaint {
        println!("At the service it may go on to be valid: {complaint}.");
    }
    Ok(())
}

fn find<'a>(house: &'a House, name: &str) -> Result<&'a Account, Failure> {
    house.accounts.get(name).map(AsRef::as_ref).ok_or_else(|| {
        let known: Vec<String> = house.accounts.keys().cloned().collect();
        Failure::Other(unknown("account", name, "the configuration", &known))
    })
}

/// What the service calls us, where it can be asked.
async fn who(house: &House, name: &str) -> String {
    let Some((plugin, caller)) = house.plugin_of(name) else { return String::new() };
    if plugin.manifest.provides.check.is_none() {
        return String::new();
    }
    match plugin.call::<Check>(&caller, ()).await.0 {
        Ok(Ok(account)) => format!(" as {}", account.name),
        Ok(Err(failure)) => format!(", but the service does not answer: {}", failure.reason()),
        Err(fault) => format!(", but the plugin failed: {fault}"),
    }
}
