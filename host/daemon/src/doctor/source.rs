//! Whether a source can be heard.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::routing::users::UserDecision;
use playrelay_plugin_host::account::Account;
use playrelay_plugin_host::http::Trust;
use playrelay_store::watermarks::Watermark;
use playrelay_store::{StoreError, watermarks};
use playrelay_util::clock;

use crate::app::App;
use crate::config::source::ListenMode;
use crate::doctor::findings::Findings;
use crate::doctor::tracker::login;
use crate::realtime::ConnectionError;
use crate::realtime::client::RealtimeClient;
use crate::webhooks::registration::RegistrationAction;

/// A server's clock that differs by more is not believed. Seconds.
const CLOCK_TOLERANCE: i64 = 30;
/// How far back users are looked for.
const USERS_SINCE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Looks at a source.
pub(crate) async fn check_source(app: &App, name: &str, found: &mut Findings) -> Result<(), StoreError> {
    let Some(options) = app.config.sources.get(name).map(|it| &it.source) else { return Ok(()) };
    if !options.enabled {
        found.note("enabled", "it is switched off", "remove `enabled = false` to switch it on");
        return Ok(());
    }
    let Some((plugin, target)) = app.plugin(name) else { return Ok(()) };
    match options.trust {
        Trust::SystemRoots => {}
        Trust::Fingerprint(_) => found.ok("tls", "its certificate is trusted by its fingerprint"),
        Trust::Anybody => found.note(
            "tls",
            "its certificate is not looked at (`tls_insecure`)",
            "set `tls_fingerprint` instead: without it, run this command to learn the fingerprint",
        ),
    }
    if app.has_address(name) {
        check_server(app, &RealtimeClient { plugin: Arc::clone(&plugin), target }, options.mode, found).await;
    } else if options.mode.uses_realtime() {
        let remedy =
            format!("set the server's address in [sources.{name}], or run `playrelay connect {name}`");
        let text = "no server address is known, so it cannot be listened to";
        match options.mode {
            ListenMode::Watch => found.error("address", text, remedy),
            _ => found.note("address", text, remedy),
        }
    }
    if options.mode.takes_webhooks() {
        webhook(app, name, found).await;
    }
    users(app, name, found).await?;
    match app.store.last_received(name).await? {
        Some(at) => found.ok("last-event", format!("something was heard at {at}")),
        None => found.note("last-event", "nothing has been heard yet", "play something, and look again"),
    }
    if let (Some(limit), true) = (options.catch_up, plugin.manifest.provides.server_history.is_some()) {
        match watermarks::read(&app.store, name, Watermark::SeenUntil).await {
            Ok(Some(until)) => found.ok(
                "catch-up",
                format!("heard until {until}; gaps of up to {} h are filled", limit.as_secs() / 3600),
            ),
            Ok(None) => found.note(
                "catch-up",
                "the daemon has never listened to it",
                format!("`playrelay catch-up {name}` shows what its server's history has"),
            ),
            Err(error) => found.error("catch-up", error.to_string(), "look at the database"),
        }
    }
    Ok(())
}

/// Looks at a source's server. One that only sends webhooks is asked too: for what they leave out, and for its history.
pub(super) async fn check_server(app: &App, ear: &RealtimeClient, mode: ListenMode, found: &mut Findings) {
    let is_logged_in = login(app, &ear.target.account, found).await;
    if is_logged_in && ear.plugin.manifest.provides.realtime.is_some() {
        check_realtime(ear, mode.uses_realtime(), found).await;
    }
}

async fn check_realtime(ear: &RealtimeClient, watches: bool, found: &mut Findings) {
    let trial = match ear.probe(watches).await {
        Ok(trial) => trial,
        Err(broken) => return connection_problem(&ear.target.account, watches, &broken, found),
    };
    let playing = match trial.sessions.len() {
        0 => "nothing plays now".to_owned(),
        count => format!("{count} play now: {}", trial.sessions.join(", ")),
    };
    found.ok("server", format!("it answers, and the token may see its sessions; {playing}"));
    match trial.clock_ahead {
        Some(ahead) if ahead.abs() > CLOCK_TOLERANCE => found.note(
            "clock",
            format!("the server's clock differs from ours by {ahead} s; its times are not used"),
            "set both clocks by NTP",
        ),
        Some(_) => found.ok("clock", "the server's clock agrees with ours"),
        None => {}
    }
    if !watches {
        return found.ok("realtime", "it is not listened to (`mode = \"webhook\"`)");
    }
    for (place, (by, trouble)) in trial.ways.iter().enumerate() {
        match trouble {
            None => {
                found.ok("realtime", format!("it can be listened to by {by}"));
                return;
            }
            Some(trouble) => found.note(
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
    found.error("realtime", "it cannot be listened to in any way", "see above");
}

/// The reason why a server cannot be asked, and its remedy.
fn connection_problem(account: &Account, watches: bool, broken: &ConnectionError, found: &mut Findings) {
    let name = &account.name;
    let owner = "the token must be of the server's owner or an administrator";
    match broken {
        // Webhooks come without any right to ask.
        ConnectionError::Unauthorized(403) if !watches => found.note(
            "server",
            format!("{broken}: what its webhooks leave out cannot be looked up, and gaps are not filled"),
            format!("for that {owner}"),
        ),
        ConnectionError::Unauthorized(401) if account.needs_login() => {
            found.error("server", broken.to_string(), format!("run `playrelay connect {name}`"));
        }
        ConnectionError::Unauthorized(_) if watches => {
            found.error("server", broken.to_string(), format!("{owner}; `mode = \"webhook\"` needs none"));
        }
        ConnectionError::Unauthorized(_) => found.error("server", broken.to_string(), owner),
        ConnectionError::Other(_) => found.error(
            "server",
            broken.to_string(),
            format!("see whether the server runs, and check its address in [sources.{name}]"),
        ),
    }
}

async fn webhook(app: &App, name: &str, found: &mut Findings) {
    if app.config.server.public_url.is_none() {
        return;
    }
    let registration = match app.registration(name).await {
        Ok(Some(registration)) => registration,
        Ok(None) => return,
        Err(error) => return found.error("webhook", error.to_string(), "look at the database"),
    };
    let by_hand = format!("`playrelay webhooks register {name}`");
    match registration.perform(RegistrationAction::Verify, app.credentials.vault()).await {
        Ok(true) => found.ok("webhook", "its server sends webhooks here"),
        Ok(false) => found.note("webhook", "its server sends no webhooks to this address", by_hand),
        Err(reason) => {
            found.note("webhook", format!("whether it sends webhooks is not known: {reason}"), by_hand);
        }
    }
    let used = match watermarks::read(&app.store, name, Watermark::OldTokenUsed).await {
        Ok(used) => used.filter(|_| registration.tokens.old_until().is_some()),
        Err(error) => return found.error("webhook-token", error.to_string(), "look at the database"),
    };
    if let Some(at) = used {
        found.note(
            "webhook-token",
            format!("the token that was replaced was used at {at}"),
            "enter the new address at the server",
        );
    }
}

/// Who has been seen, and whose plays lead nowhere.
async fn users(app: &App, name: &str, found: &mut Findings) -> Result<(), StoreError> {
    let since = clock::now().saturating_sub(USERS_SINCE).unwrap_or(Timestamp::MIN);
    let plays = app.store.plays_since(since).await?;
    let seen = plays.iter().filter(|play| play.origin.sources.contains(name));
    let seen: BTreeSet<String> = seen.map(|play| play.user.to_string()).collect();
    if !seen.is_empty() {
        found.ok(
            "users",
            format!("seen in the last 30 days: {}", seen.into_iter().collect::<Vec<_>>().join(", ")),
        );
    }
    let people = app.store.users().await?;
    let held = people.iter().filter(|person| person.source == name && person.decision == UserDecision::Held);
    let held: Vec<String> = held.map(|person| person.user.to_string()).collect();
    if !held.is_empty() {
        let text = format!("no route names {}; their plays are held", held.join(", "));
        found.note("users", text, "`playrelay users assign`, or `users` of a route");
    }
    Ok(())
}
