//! From end to end: whether each source can be heard and each tracker told, and what to do where not.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::clock;
use crate::config::source::Mode;
use crate::delivery::logins::part;
use crate::house::House;
use crate::ingress::registration::Wish;
use crate::notes;
use crate::plugins::account::Account;
use crate::plugins::capabilities::Check;
use crate::plugins::http::Trust;
use crate::state::{DeliveryState, Parked, StoreError};
use crate::watch::ear::Ear;

/// A server's clock that differs by more is not believed. Seconds.
const CLOCK_TOLERANCE: i64 = 30;
/// A login that ends sooner is worth a word.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(72);
/// How far back users are looked for.
const USERS_SINCE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Rows in which the last event, and the last delivery, are looked for.
const ROWS: u32 = 2_000;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All is well.
    Ok,
    /// It works, and could be better.
    Note,
    /// It does not work.
    Error,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The account, or what else it is about.
    pub about: String,
    /// What was looked at, stable.
    pub check: &'static str,
    /// How grave it is.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What was found of one account.
struct Chart {
    about: String,
    findings: Vec<Finding>,
}

impl Chart {
    fn add(&mut self, check: &'static str, level: Level, text: String, remedy: Option<String>) {
        self.findings.push(Finding { about: self.about.clone(), check, level, text, remedy });
    }

    fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.add(check, Level::Ok, text.into(), None);
    }

    fn note(&mut self, check: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Level::Note, text.into(), Some(remedy.into()));
    }

    fn error(&mut self, check: &'static str, text: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Level::Error, text.into(), Some(remedy.into()));
    }
}

/// Looks at everything.
pub async fn examine(house: &House) -> Result<Vec<Finding>, StoreError> {
    let mut findings = vec![];
    let chart = |about: &str| Chart { about: about.to_owned(), findings: Vec::new() };
    let mut general = chart("playrelay");
    for problem in &house.problems {
        general.error("configuration", problem.to_string(), "correct the configuration");
    }
    for waiting in &house.waiting {
        general.error("plugins", waiting.clone(), "see `playrelay plugin list`");
    }
    if house.config.routes.is_empty() {
        general.error("routes", "no route leads anywhere", "add a [[routes]] section");
    }
    public_address(house, &mut general).await;
    match house.is_served() {
        Ok(true) => general.ok("daemon", "it runs"),
        Ok(false) => general.error("daemon", "no daemon uses this data folder now", "run `playrelay serve`"),
        Err(error) => general.error("daemon", error.to_string(), "look at the data folder"),
    }
    general.ok("clock", format!("it is {}; all times are kept in UTC, whatever the time zone", clock::now()));
    findings.append(&mut general.findings);
    for name in house.config.sources.keys() {
        let mut chart = chart(name);
        source(house, name, &mut chart).await?;
        findings.append(&mut chart.findings);
    }
    for name in house.config.trackers.keys().chain(house.config.catalogues.keys()) {
        let mut chart = chart(name);
        tracker(house, name, &mut chart).await?;
        findings.append(&mut chart.findings);
    }
    Ok(findings)
}

/// Whether media servers can reach us, as far as we can tell from here.
async fn public_address(house: &House, chart: &mut Chart) {
    let takes_webhooks =
        house.config.sources.values().any(|it| it.source.enabled && it.source.mode.takes_webhooks());
    let Some(url) = &house.config.server.public_url else {
        if takes_webhooks {
            let remedy =
                "set `public_url` in [server] to the address at which your media servers reach Playrelay";
            chart.note("public-address", "it is not known how media servers reach Playrelay", remedy);
        }
        return;
    };
    match reqwest::Url::parse(&format!("{url}/healthz")) {
        Ok(address) if house.is_ours(&address).await => {
            chart.ok("public-address", format!("{url} leads to a daemon that answers"));
        }
        Ok(_) => chart.error(
            "public-address",
            format!("nobody answers at {url}/healthz"),
            "start the daemon, or correct `public_url` in [server], the proxy or the firewall",
        ),
        Err(error) => chart.error(
            "public-address",
            format!("`public_url` {url:?} is no address: {error}"),
            "correct `public_url` in [server]",
        ),
    }
}

async fn source(house: &House, name: &str, chart: &mut Chart) -> Result<(), StoreError> {
    let Some(options) = house.config.sources.get(name).map(|it| &it.source) else { return Ok(()) };
    if !options.enabled {
        chart.note("enabled", "it is switched off", "remove `enabled = false` to switch it on");
        return Ok(());
    }
    let Some((plugin, caller)) = house.plugin_of(name) else { return Ok(()) };
    match options.trust {
        Trust::Authorities => {}
        Trust::Fingerprint(_) => chart.ok("tls", "its certificate is believed by its fingerprint"),
        Trust::Anybody => chart.note(
            "tls",
            "its certificate is not looked at (`tls_insecure`)",
            "set `tls_fingerprint` instead: without it, run this command to learn the fingerprint",
        ),
    }
    // A source that only sends webhooks needs none.
    if options.mode.watches() && house.has_address(name) {
        login(house, &caller.account, chart).await?;
    }
    if house.has_address(name) && options.mode.watches() {
        if plugin.manifest.provides.realtime.is_some() {
            listen(&Ear { plugin: Arc::clone(&plugin), caller: caller.clone() }, chart).await;
        }
    } else if house.has_address(name) {
        chart.ok("realtime", "it is not listened to (`mode = \"webhook\"`)");
    } else if options.mode == Mode::Watch {
        let remedy =
            format!("set the server's address in [sources.{name}], or run `playrelay connect {name}`");
        chart.error("address", "no server address is known, so it cannot be listened to", remedy);
    } else if options.mode.watches() {
        let remedy =
            format!("set the server's address in [sources.{name}], or run `playrelay connect {name}`");
        chart.note("address", "no server address is known, so it cannot be listened to", remedy);
    }
    if options.mode.takes_webhooks() {
        webhook(house, name, chart).await;
    }
    users(house, name, chart).await?;
    let events = house.store.events(None, ROWS).await?;
    match events.iter().filter(|event| event.source == name).map(|event| event.received_at).max() {
        Some(at) => chart.ok("last-event", format!("something was heard at {at}")),
        None => chart.note("last-event", "nothing has been heard yet", "play something, and look again"),
    }
    if let (Some(limit), true) = (options.catch_up, plugin.manifest.provides.server_history.is_some()) {
        match notes::read(&house.store, name, notes::HEARD_UNTIL).await {
            Ok(Some(until)) => chart.ok(
                "catch-up",
                format!("heard until {until}; gaps of up to {} h are filled", limit.as_secs() / 3600),
            ),
            Ok(None) => chart.note(
                "catch-up",
                "the daemon has never listened to it",
                format!("`playrelay catch-up {name}` shows what its server's history has"),
            ),
            Err(error) => chart.error("catch-up", error, "look at the database"),
        }
    }
    Ok(())
}

async fn listen(ear: &Ear, chart: &mut Chart) {
    let trial = match ear.try_out().await {
        Ok(trial) => trial,
        Err(reason) => {
            let remedy = "check the address and the token; the token must be of the server's owner or an administrator";
            chart.error("server", reason, remedy);
            return;
        }
    };
    let playing = match trial.sessions.len() {
        0 => "nothing plays now".to_owned(),
        count => format!("{count} play now: {}", trial.sessions.join(", ")),
    };
    chart.ok("server", format!("it answers, and the token may see its sessions; {playing}"));
    match trial.clock_ahead {
        Some(ahead) if ahead.abs() > CLOCK_TOLERANCE => chart.note(
            "clock",
            format!("the server's clock differs from ours by {ahead} s; its times are not believed"),
            "set both clocks by NTP",
        ),
        Some(_) => chart.ok("clock", "the server's clock agrees with ours"),
        None => {}
    }
    for (place, (by, trouble)) in trial.ways.iter().enumerate() {
        match trouble {
            None => {
                chart.ok("realtime", format!("it can be listened to by {by}"));
                return;
            }
            Some(trouble) => chart.note(
                "realtime",
                format!("it cannot be listened to by {by}: {trouble}"),
                if place == 0 {
                    "a proxy in between may have to be told to let websockets through"
                } else {
                    "see above"
                },
            ),
        }
    }
    chart.error("realtime", "it cannot be listened to in any way", "see above");
}

async fn webhook(house: &House, name: &str, chart: &mut Chart) {
    if house.config.server.public_url.is_none() {
        return;
    }
    let registration = match house.registration(name).await {
        Ok(Some(registration)) => registration,
        Ok(None) => return,
        Err(error) => return chart.error("webhook", error.to_string(), "look at the database"),
    };
    let by_hand = format!("`playrelay webhooks register {name}`");
    match registration.ask(Wish::Verify).await {
        Ok(true) => chart.ok("webhook", "its server sends webhooks here"),
        Ok(false) => chart.note("webhook", "its server sends no webhooks to this address", by_hand),
        Err(reason) => {
            chart.note("webhook", format!("whether it sends webhooks is not known: {reason}"), by_hand);
        }
    }
    let used = match notes::read(&house.store, name, notes::OLD_TOKEN_USED).await {
        Ok(used) => used.filter(|_| registration.tokens.old_until().is_some()),
        Err(error) => return chart.error("webhook-token", error, "look at the database"),
    };
    if let Some(at) = used {
        chart.note(
            "webhook-token",
            format!("the token that was replaced was used at {at}"),
            "enter the new address at the server",
        );
    }
}

/// Who has been seen, and whose plays lead nowhere.
async fn users(house: &House, name: &str, chart: &mut Chart) -> Result<(), StoreError> {
    let since = clock::now().saturating_sub(USERS_SINCE).unwrap_or(Timestamp::MIN);
    let plays = house.store.plays_since(since).await?;
    let seen = plays.iter().filter(|play| play.sources.contains(name));
    let seen: BTreeSet<String> = seen.map(|play| play.user.to_string()).collect();
    if !seen.is_empty() {
        chart.ok(
            "users",
            format!("seen in the last 30 days: {}", seen.into_iter().collect::<Vec<_>>().join(", ")),
        );
    }
    let people = house.store.people().await?;
    let held = people
        .iter()
        .filter(|person| person.source == name && person.decision == crate::dispatch::people::Decision::Held);
    let held: Vec<String> = held.map(|person| person.user.to_string()).collect();
    if !held.is_empty() {
        let text = format!("no route names {}; their plays are held", held.join(", "));
        chart.note("users", text, "`playrelay users assign`, or `users` of a route");
    }
    Ok(())
}

async fn tracker(house: &House, name: &str, chart: &mut Chart) -> Result<(), StoreError> {
    let Some((plugin, caller)) = house.plugin_of(name) else { return Ok(()) };
    login(house, &caller.account, chart).await?;
    if plugin.manifest.provides.check.is_some() {
        match plugin.call::<Check>(&caller, ()).await.0 {
            Ok(Ok(account)) => {
                let details: Vec<String> =
                    account.details.iter().map(|(name, value)| format!("{name} {value}")).collect();
                let details =
                    if details.is_empty() { String::new() } else { format!(" ({})", details.join(", ")) };
                chart.ok("service", format!("it answers, and calls us {}{details}", account.name));
            }
            Ok(Err(failure)) => chart.error(
                "service",
                failure.reason().to_owned(),
                format!("look at the service's own status page, or run `playrelay connect {name}`"),
            ),
            Err(fault) => chart.error("service", fault.to_string(), "see `playrelay plugin list`"),
        }
    }
    match house.store.parked(name).await? {
        None => {}
        Some(Parked::Until { until, reason, .. }) => {
            chart.note("paused", format!("paused until {until}: {reason}"), "it goes on by itself");
        }
        Some(Parked::Login { reason }) => {
            chart.error("paused", reason, format!("run `playrelay connect {name}`"));
        }
        Some(Parked::Blocked { until, reason }) => {
            chart.error(
                "paused",
                reason,
                format!("it is tried again at {until}; the service's support can say more"),
            );
        }
    }
    if let Some(meter) = caller.account.outbound.meter() {
        match meter.left().await {
            Ok((0, allowed)) => chart.note(
                "quota",
                format!("none of {allowed} requests are left today"),
                "events wait until tomorrow",
            ),
            Ok((left, allowed)) => chart.ok("quota", format!("{left} of {allowed} requests are left today")),
            Err(error) => chart.error("quota", error.to_string(), "look at the database"),
        }
    }
    let of = |rows: Vec<crate::state::OutboxRow>| {
        rows.into_iter().filter(|row| row.event.tracker == name).collect::<Vec<_>>()
    };
    if let Some(last) = of(house.store.outbox(Some(DeliveryState::Delivered), ROWS).await?).first() {
        let text = format!(
            "\u{201c}{}\u{201d} of {} was the last to be delivered",
            last.event.action.name(),
            last.event.at
        );
        chart.ok("last-delivery", text);
    }
    let waiting = of(house.store.outbox(Some(DeliveryState::Waiting), ROWS).await?).len();
    let dead = of(house.store.outbox(Some(DeliveryState::Dead), ROWS).await?).len();
    if waiting > 0 {
        chart.note("outbox", format!("{waiting} events wait"), "`playrelay outbox list` says for what");
    }
    if dead > 0 {
        chart.note(
            "outbox",
            format!("{dead} events could not be delivered"),
            "`playrelay outbox list --state dead`",
        );
    }
    Ok(())
}

/// Whether somebody is logged in, and for how long.
async fn login(house: &House, account: &Account, chart: &mut Chart) -> Result<(), StoreError> {
    if !account.needs_login() {
        return Ok(());
    }
    let remedy = format!("run `playrelay connect {}`", account.name);
    let kept = match house.keeper.vault().get(&account.name).await {
        Ok(Some(kept)) => kept,
        Ok(None) => {
            chart.error("login", "nobody is logged in", remedy);
            return Ok(());
        }
        Err(error) => {
            chart.error("login", error.to_string(), remedy);
            return Ok(());
        }
    };
    let expires = kept.get(part::EXPIRES).and_then(|text| text.expose().parse().ok());
    match expires.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
        Some(at) if at < clock::now() && !kept.contains_key(part::REFRESH) => {
            chart.error("login", format!("the login has ended at {at}"), remedy);
        }
        Some(at) if at.duration_since(clock::now()) < EXPIRES_SOON && !kept.contains_key(part::REFRESH) => {
            chart.note("login", format!("the login ends at {at}"), remedy);
        }
        Some(at) => chart.ok("login", format!("logged in until {at}, and renewed before")),
        None => chart.ok("login", "logged in"),
    }
    Ok(())
}
