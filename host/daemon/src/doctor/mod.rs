//! From end to end: whether each source can be heard and each tracker told, and what to do where not.

mod findings;
mod source;
mod tracker;

use findings::Findings;
pub use findings::{Finding, Severity};
use playrelay_plugin_host::http::tls;
use playrelay_store::watermarks::Watermark;
use playrelay_store::{StoreError, watermarks};
use playrelay_util::clock;

use crate::app::App;

/// Looks at everything.
pub async fn examine(house: &App) -> Result<Vec<Finding>, StoreError> {
    let mut findings = vec![];
    let chart = |about: &str| Findings { about: about.to_owned(), findings: Vec::new() };
    let mut general = chart("playrelay");
    for problem in &house.problems {
        general.error("configuration", problem.to_string(), "correct the configuration");
    }
    for waiting in &house.waiting {
        general.error("plugins", waiting.clone(), "see `playrelay plugin list`");
    }
    let has_routes = !house.config.routes.is_empty();
    if !has_routes {
        general.error("routes", "no route leads anywhere", "add a [[routes]] section");
    }
    // Where there are none at all, that no account has one is the same fault.
    for warning in
        house.warnings().iter().filter(|warning| has_routes || !warning.text.starts_with("no route"))
    {
        general.note("configuration", warning.to_string(), "correct the configuration, or leave it as it is");
    }
    plugins_changed(house, &mut general).await;
    if let Some(reason) = tls::without_authorities() {
        general.error("certificates", "the system has no certificates of authorities", reason);
    }
    public_address(house, &mut general).await;
    for (source, count) in house.store.pending_by_source().await? {
        if !house.config.sources.contains_key(&source) {
            let text = format!("{count} inputs of {source:?} wait, and no source has that name any more");
            let remedy =
                format!("rename the section to [sources.{source}] until they are worked on, or leave them");
            general.note("inbox", text, remedy);
        }
    }
    match house.is_daemon_running() {
        Ok(true) => general.ok("daemon", "it runs"),
        Ok(false) => general.error("daemon", "no daemon uses this data folder now", "run `playrelay serve`"),
        Err(error) => general.error("daemon", error.to_string(), "look at the data folder"),
    }
    let (now, zone) = (clock::now(), jiff::tz::TimeZone::system());
    let here = now.to_zoned(zone.clone()).strftime("%H:%M");
    let zone = zone.iana_name().unwrap_or("a time zone without a name").to_owned();
    general.ok("clock", format!("it is {now}, {here} in {zone}; all times are kept in UTC"));
    findings.append(&mut general.findings);
    for name in house.config.sources.keys() {
        let mut chart = chart(name);
        source::check_source(house, name, &mut chart).await?;
        findings.append(&mut chart.findings);
    }
    for name in house.config.trackers.keys().chain(house.config.catalogues.keys()) {
        let mut chart = chart(name);
        tracker::check_tracker(house, name, &mut chart).await?;
        findings.append(&mut chart.findings);
    }
    Ok(findings)
}

/// Whether plugins were approved or revoked that the running daemon does not know of.
async fn plugins_changed(house: &App, chart: &mut Findings) {
    let read = async |note| watermarks::read(&house.store, watermarks::DAEMON, note).await;
    match (read(Watermark::Started).await, read(Watermark::PluginsChanged).await) {
        (Ok(Some(started)), Ok(Some(changed))) if changed > started => {
            let text =
                format!("a plugin was approved or revoked at {changed}, after the daemon's last start");
            chart.note("plugins", text, "restart the daemon");
        }
        (Ok(_), Ok(_)) => {}
        (Err(error), _) | (_, Err(error)) => {
            chart.error("plugins", error.to_string(), "look at the database");
        }
    }
}

/// Whether media servers can reach us, as far as we can tell from here.
async fn public_address(house: &App, chart: &mut Findings) {
    // Whoever is listened to need not reach us.
    let takes_webhooks = house.config.sources.iter().any(|(name, it)| {
        let is_heard_else = it.source.mode.uses_realtime() && house.has_address(name);
        it.source.enabled && it.source.mode.takes_webhooks() && !is_heard_else
    });
    let Some(url) = &house.config.server.public_url else {
        if takes_webhooks {
            let remedy =
                "set `public_url` in [server] to the address at which your media servers reach Playrelay";
            chart.note("public-address", "it is not known how media servers reach Playrelay", remedy);
        }
        return;
    };
    match reqwest::Url::parse(&format!("{url}/healthz")) {
        Ok(address) => match house.is_playrelay_at(&address).await {
            Ok(()) => chart.ok("public-address", format!("{url} leads to a daemon that answers")),
            Err(error) => chart.error(
                "public-address",
                format!("no daemon answers at {url}/healthz: {error}"),
                "start the daemon, or correct `public_url` in [server], the proxy or the firewall",
            ),
        },
        Err(error) => chart.error(
            "public-address",
            format!("`public_url` {url:?} is no address: {error}"),
            "correct `public_url` in [server]",
        ),
    }
}
