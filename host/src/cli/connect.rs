//! `playrelay connect`

use std::time::Duration;

use tokio::time::Instant;

use super::Failure;
use crate::config::{Config, unknown};
use crate::delivery::device::{self, LoginError, Progress};
use crate::house::House;
use crate::plugins::capabilities::Check;

pub(super) async fn run(config: Config, name: &str) -> Result<(), Failure> {
    let house = House::open(config).await?;
    let Some(account) = house.accounts.get(name) else {
        let known: Vec<String> = house.accounts.keys().cloned().collect();
        return Err(Failure::Other(unknown("account", name, "the configuration", &known)));
    };
    let prompt = device::begin(account).await?;
    println!("Open {} and enter the code {}", prompt.url, prompt.code);
    println!("Waiting, for up to {} minutes…", prompt.expires_in.as_secs().div_ceil(60));
    let end = Instant::now() + prompt.expires_in;
    let mut interval = prompt.interval;
    loop {
        tokio::time::sleep(interval).await;
        if Instant::now() >= end {
            return Err(LoginError::Expired.into());
        }
        match device::poll(account, &house.keeper, &prompt).await {
            Ok(Progress::Granted) => break,
            Ok(Progress::Pending) => {}
            Ok(Progress::SlowDown) => interval += Duration::from_secs(1),
            // A network that is gone for a moment does not end a login.
            Err(LoginError::Http(error)) => tracing::warn!("{error}"),
            Err(error) => return Err(error.into()),
        }
    }
    house.store.park(name, None).await?;
    println!("{name} is logged in{}.", who(&house, name).await);
    Ok(())
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
