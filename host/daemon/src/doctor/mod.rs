//! From end to end: whether each source can be heard and each tracker told, and what to do where not.
//!
//! - `source`, `tracker`: an account of each kind
//! - `connection`: an account that is not saved yet, step by step

pub(crate) mod connection;
mod findings;
mod source;
mod tracker;

pub(crate) use findings::Findings;
pub use findings::{Finding, Severity};
use playrelay_store::StoreError;
use playrelay_util::clock;

use crate::app::App;
use crate::config::Role;
use crate::platform::file_system;

/// Looks at everything.
///
/// # Errors
///
/// Fails where the database cannot be read. All else that fails is a finding.
pub async fn examine(app: &App) -> Result<Vec<Finding>, StoreError> {
    let mut findings = vec![];
    let mut general = Findings::of("playrelay");
    for problem in &app.problems {
        general.error("configuration", problem.to_string(), "correct the configuration");
    }
    for waiting in &app.waiting {
        general.error("plugins", waiting.clone(), "see `playrelay plugin list`");
    }
    let has_routes = !app.config.routes.is_empty();
    if !has_routes {
        general.error("routes", "no route leads anywhere", "add a [[routes]] section");
    }
    // Where there are none at all, that no account has one is the same fault.
    for warning in app.warnings().iter().filter(|warning| has_routes || !warning.text.starts_with("no route"))
    {
        general.note("configuration", warning.to_string(), "correct the configuration, or leave it as it is");
    }
    if let Some(reason) = app.wire.without_system_roots() {
        general.note(
            "certificates",
            format!("the system has no certificates of authorities ({reason}): those that are built into the program count"),
            "install the package ca-certificates, which is renewed more often",
        );
    }
    if let Some((text, remedy)) = file_system::complaint(&app.config.server.data_dir) {
        general.note("data-folder", text, remedy);
    }
    public_address(app, &mut general).await;
    for (source, count) in app.store.pending_by_source().await? {
        if !app.config.sources.contains_key(&source) {
            let text = format!("{count} inputs of {source:?} wait, and no source has that name any more");
            let remedy =
                format!("rename the section to [sources.{source}] until they are worked on, or leave them");
            general.note("inbox", text, remedy);
        }
    }
    match app.is_daemon_running() {
        Ok(true) => general.ok("daemon", "it runs"),
        Ok(false) => general.error("daemon", "no daemon uses this data folder now", "run `playrelay serve`"),
        Err(error) => general.error("daemon", error.to_string(), "look at the data folder"),
    }
    let (now, zone) = (clock::now(), jiff::tz::TimeZone::system());
    let here = now.to_zoned(zone.clone()).strftime("%H:%M");
    let zone = zone.iana_name().unwrap_or("a time zone without a name").to_owned();
    general.ok("clock", format!("it is {now}, {here} in {zone}; all times are kept in UTC"));
    findings.append(&mut general.findings);
    for name in app.config.sources.keys() {
        let mut found = Findings::of(name);
        source::check_source(app, name, &mut found).await?;
        findings.append(&mut found.findings);
    }
    let others = [Role::Tracker, Role::Catalogue, Role::Notifier];
    for name in others.into_iter().flat_map(|role| app.config.accounts(role).keys()) {
        let mut found = Findings::of(name);
        tracker::check_tracker(app, name, &mut found).await?;
        findings.append(&mut found.findings);
    }
    Ok(findings)
}

/// Whether media servers can reach us, as far as we can tell from here.
async fn public_address(app: &App, found: &mut Findings) {
    // Whoever is listened to need not reach us.
    let takes_webhooks = app.config.sources.iter().any(|(name, it)| {
        let is_heard_else = it.source.mode.uses_realtime() && app.has_address(name);
        it.source.enabled && it.source.mode.takes_webhooks() && !is_heard_else
    });
    let Some(url) = &app.config.server.public_url else {
        if takes_webhooks {
            let remedy =
                "set `public_url` in [server] to the address at which your media servers reach Playrelay";
            found.note("public-address", "it is not known how media servers reach Playrelay", remedy);
        }
        return;
    };
    match reqwest::Url::parse(&format!("{url}/healthz")) {
        Ok(address) => match app.is_playrelay_at(&address).await {
            Ok(()) => found.ok("public-address", format!("{url} leads to a daemon that answers")),
            Err(error) => found.error(
                "public-address",
                format!("no daemon answers at {url}/healthz: {error}"),
                "start the daemon, or correct `public_url` in [server], the proxy or the firewall",
            ),
        },
        Err(error) => found.error(
            "public-address",
            format!("`public_url` {url:?} is not a valid URL: {error}"),
            "correct `public_url` in [server]",
        ),
    }
}
