//! Whether a tracker can be told.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::capabilities::Check;
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::manifest::part;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::{AccountPause, StoreError};
use playrelay_util::clock;

use crate::app::App;
use crate::doctor::findings::Findings;

/// A login that ends sooner is worth a word.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(72);

/// Looks at a tracker, a catalogue or a notifier.
pub(crate) async fn check_tracker(app: &App, name: &str, found: &mut Findings) -> Result<(), StoreError> {
    let Some((plugin, target)) = app.plugin(name) else { return Ok(()) };
    let is_logged_in = check_service(app, &plugin, &target, found).await;
    match app.store.pause(name).await? {
        None => {}
        Some(AccountPause::Until { until, reason, .. }) => {
            found.note("paused", format!("paused until {until}: {reason}"), "it goes on by itself");
        }
        // That nobody is logged in was said.
        Some(AccountPause::Login { .. }) if !is_logged_in => {}
        Some(AccountPause::Login { reason }) => {
            found.error("paused", reason, format!("run `playrelay connect {name}`"));
        }
        Some(AccountPause::Blocked { until, reason }) => {
            found.error(
                "paused",
                reason,
                format!("it is tried again at {until}; the service's support can say more"),
            );
        }
    }
    if let Some(meter) = target.account.outbound.meter() {
        match meter.remaining().await {
            Ok((0, allowed)) => found.note(
                "quota",
                format!("none of {allowed} requests are left today"),
                "events wait until tomorrow",
            ),
            Ok((left, allowed)) => found.ok("quota", format!("{left} of {allowed} requests are left today")),
            Err(error) => found.error("quota", error.to_string(), "look at the database"),
        }
    }
    let told = app.store.outbox_stats(name).await?;
    if let Some(last) = &told.last_delivered {
        let (action, at) = (last.event.action.name(), last.event.at);
        found.ok(
            "last-delivery",
            format!("\u{201c}{action}\u{201d} of {} at {at} was the last to be delivered", last.event.item),
        );
    }
    let (waiting, dead) = (told.waiting, told.dead);
    if waiting > 0 {
        found.note(
            "outbox",
            format!("{waiting} {}", if waiting == 1 { "event waits" } else { "events wait" }),
            "`playrelay outbox list` says for what",
        );
    }
    if dead > 0 {
        found.note(
            "outbox",
            format!("{dead} {} could not be delivered", if dead == 1 { "event" } else { "events" }),
            "`playrelay outbox list --state dead`",
        );
    }
    Ok(())
}

/// Looks at the login, and asks the service whose it is. Gives whether somebody is logged in where that is needed.
pub(super) async fn check_service(
    app: &App,
    plugin: &Arc<Plugin>,
    target: &CallTarget,
    found: &mut Findings,
) -> bool {
    let name = &target.account.name;
    let is_logged_in = login(app, &target.account, found).await;
    // Without a login every answer is the same refusal.
    if is_logged_in && plugin.manifest.provides.check.is_some() {
        match plugin.call::<Check>(target, ()).await.0 {
            Ok(Ok(account)) => {
                let details: Vec<String> =
                    account.details.iter().map(|(name, value)| format!("{name} {value}")).collect();
                let details =
                    if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
                found.ok("service", format!("it answers, and calls us {}{details}", account.name));
            }
            Ok(Err(failure)) => {
                found.error("service", failure.reason().to_owned(), remedy(app, name, &failure));
            }
            Err(fault) => found.error("service", fault.to_string(), "see `playrelay plugin list`"),
        }
    }
    is_logged_in
}

/// The remedy for a refusal of the service.
fn remedy(app: &App, name: &str, failure: &Failure) -> String {
    let section = app.config.account(name).map_or("accounts", |(role, _)| role.section());
    let needs_login = app.accounts.get(name).is_some_and(|account| account.needs_login());
    match (failure, needs_login) {
        (Failure::Unauthorized(_), true) => format!("run `playrelay connect {name}`"),
        (Failure::Unauthorized(_), false) => format!("look at the key in [{section}.{name}]"),
        (Failure::Quota { .. }, _) => "it goes on by itself when there are requests again".to_owned(),
        (Failure::Retry { .. }, _) => {
            format!("look at the service's own status page, and at the addresses in [{section}.{name}]")
        }
        (Failure::Blocked(_) | Failure::Rejected(_), _) => {
            "look at the account at the service; its support can say more".to_owned()
        }
    }
}

/// Whether somebody is logged in where that is needed, and for how long.
pub(crate) async fn login(app: &App, account: &Account, found: &mut Findings) -> bool {
    if !account.needs_login() {
        return true;
    }
    let remedy = format!("run `playrelay connect {}`", account.name);
    let kept = match app.credentials.load(&account.name, &account.manifest.plugin.id).await {
        Ok(Some(kept)) => kept.0,
        Ok(None) => {
            found.error("login", "nobody is logged in", remedy);
            return false;
        }
        Err(error) => {
            found.error("login", error.to_string(), remedy);
            return false;
        }
    };
    let is_renewed = kept.contains_key(part::REFRESH) || kept.contains_key(part::DEVICE_KEY);
    let expires = kept.get(part::EXPIRES).and_then(|text| text.expose().parse().ok());
    let expires = expires.and_then(|seconds| Timestamp::from_second(seconds).ok());
    match expires {
        None => found.ok("login", "logged in"),
        Some(at) if is_renewed => found.ok("login", format!("logged in; it is renewed before {at}")),
        Some(at) if at < clock::now() => found.error("login", format!("the login has ended at {at}"), remedy),
        Some(at) if at.duration_since(clock::now()) < EXPIRES_SOON => {
            found.note("login", format!("the login ends at {at}"), remedy);
        }
        Some(at) => found.ok("login", format!("logged in until {at}")),
    }
    true
}
