//! How all stands: the conditions that need a person now.

use std::time::Duration;

use jiff::Timestamp;
use playrelay_engine::notifications::{Condition, Urgency, has_passed};
use playrelay_engine::outbox::DeliveryState;
use playrelay_engine::routing::users::UserDecision;
use playrelay_plugin_host::registry::Status;
use playrelay_plugin_host::text;
use playrelay_store::{AccountPause, StoreError};

use crate::app::App;
use crate::platform::file_system;

/// Bytes of a title…
pub(super) const TITLE_BYTES: usize = 120;
/// …and of a text. Phones show less.
pub(super) const TEXT_BYTES: usize = 500;
/// Somebody who has just added an account logs in within this time, and need not be told to.
const LOGIN_GRACE: Duration = Duration::from_secs(15 * 60);
/// Deliveries often fail together: the host waits this long, and sends one notification for all of them.
const NEEDS_YOU_GRACE: Duration = Duration::from_secs(10 * 60);
/// The host reminds a person of deliveries and users at most this often.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// A disk with less room is nearly full: SQLite needs some for every write. Bytes.
const MIN_FREE_BYTES: u64 = 500 << 20;

/// Looks at how all stands, beside what was `found` elsewhere.
pub(super) async fn observe(
    app: &App,
    mut found: Vec<Condition>,
    now: Timestamp,
) -> Result<Vec<Condition>, StoreError> {
    found.extend(accounts(app).await?);
    found.extend(needs_you(app).await?);
    found.extend(plugins(app));
    found.extend(disk(app));
    found.extend(silent_sources(app, now).await?);
    for condition in &mut found {
        condition.title = text::cut(&condition.title, TITLE_BYTES);
        condition.text = text::cut(&condition.text, TEXT_BYTES);
        condition.resolved_title = text::cut(&condition.resolved_title, TITLE_BYTES);
    }
    Ok(found)
}

/// A condition that is said at once, and once.
pub(super) fn condition(
    key: String,
    urgency: Urgency,
    page: &str,
    [title, text, resolved_title]: [String; 3],
) -> Condition {
    Condition {
        key,
        title,
        text,
        resolved_title,
        urgency,
        page: page.to_owned(),
        notify_after: Duration::ZERO,
        repeat_after: None,
    }
}

/// Accounts that want a login, are blocked, or are away while something waits for them.
async fn accounts(app: &App) -> Result<Vec<Condition>, StoreError> {
    let mut found = Vec::new();
    for name in app.config.trackers.keys().chain(app.config.sources.keys()) {
        let Some(pause) = app.store.pause(name).await? else { continue };
        let is_tracker = app.config.trackers.contains_key(name);
        let waiting = if is_tracker { app.store.outbox_stats(name).await?.waiting } else { 0 };
        let page = format!("/accounts/{name}");
        let because = |reason: &str| match waiting {
            0 => sentence(reason),
            1 => format!("{} 1 delivery waits; nothing is lost.", sentence(reason)),
            count => format!("{} {count} deliveries wait; nothing is lost.", sentence(reason)),
        };
        found.extend(match pause {
            AccountPause::Login { reason } => Some(wants_login(name, &page, because(&reason))),
            AccountPause::Blocked { reason, .. } => {
                let title = format!("{name} is blocked by its service");
                let texts = [title, because(&reason), format!("{name} is not blocked any more")];
                Some(condition(format!("blocked:{name}"), Urgency::High, &page, texts))
            }
            AccountPause::Until { reason, .. } if waiting > 0 => {
                let title = format!("{name} is away");
                let texts = [title, because(&reason), format!("{name} is back")];
                let away = condition(format!("away:{name}"), Urgency::Normal, &page, texts);
                Some(Condition { notify_after: app.config.notify.away_after, ..away })
            }
            AccountPause::Until { .. } => None,
        });
    }
    // A source may do with webhooks alone, and need no login for them.
    let logged_out = app.logged_out().await.into_iter();
    for (name, _) in logged_out.filter(|(name, _)| !app.config.sources.contains_key(name)) {
        let key = format!("login:{name}");
        if found.iter().all(|condition| condition.key != key) {
            let text = "Nobody is logged in there.".to_owned();
            let login = wants_login(&name, &format!("/accounts/{name}"), text);
            found.push(Condition { notify_after: LOGIN_GRACE, ..login });
        }
    }
    Ok(found)
}

fn wants_login(name: &str, page: &str, text: String) -> Condition {
    let texts = [format!("{name} wants a new login"), text, format!("{name} is logged in again")];
    condition(format!("login:{name}"), Urgency::High, page, texts)
}

/// Deliveries that a person has to decide on, and users of whom nobody knows where their plays go.
async fn needs_you(app: &App) -> Result<Option<Condition>, StoreError> {
    let deliveries = app.store.count_deliveries(DeliveryState::NEED_A_PERSON.to_vec()).await?;
    let users = app.store.users().await?;
    let held = users.iter().filter(|user| user.decision == UserDecision::Held);
    let held: Vec<&str> = held.map(|user| user.viewer.name(&user.user)).collect();
    let mut texts = Vec::new();
    match deliveries {
        0 => {}
        1 => texts.push("1 delivery needs you.".to_owned()),
        count => texts.push(format!("{count} deliveries need you.")),
    }
    if !held.is_empty() {
        texts.push(format!("No route mentions {}: what they watch is held.", held.join(", ")));
    }
    if texts.is_empty() {
        return Ok(None);
    }
    let page = if deliveries == 0 { "/people" } else { "/deliveries" };
    let texts = ["Something needs you".to_owned(), texts.join(" "), "Nothing needs you any more".to_owned()];
    let needs = condition("needs-you".to_owned(), Urgency::Normal, page, texts);
    Ok(Some(Condition { notify_after: NEEDS_YOU_GRACE, repeat_after: Some(DAY), ..needs }))
}

/// Plugins that wait for approval, or are broken.
fn plugins(app: &App) -> Vec<Condition> {
    let found = app.plugins.entries().iter().filter_map(|entry| {
        let id = entry.id();
        Some(match &entry.status {
            Status::Pending => {
                let texts = [
                    format!("Plugin {id} waits for your approval"),
                    "It does nothing until you have looked at what it asks for.".to_owned(),
                    format!("Plugin {id} does not wait any more"),
                ];
                condition(format!("plugin-waits:{id}"), Urgency::Normal, "/plugins", texts)
            }
            Status::Broken(reason) => {
                let texts = [
                    format!("Plugin {id} is broken"),
                    sentence(reason),
                    format!("Plugin {id} is not broken any more"),
                ];
                condition(format!("plugin-broken:{id}"), Urgency::Normal, "/plugins", texts)
            }
            Status::Active(_) | Status::Compiling(_) => return None,
        })
    });
    found.collect()
}

/// The disk of the data folder is nearly full.
fn disk(app: &App) -> Option<Condition> {
    let folder = &app.config.server.data_dir;
    let free = file_system::free_bytes(folder).filter(|free| *free < MIN_FREE_BYTES)?;
    let texts = [
        "The disk is nearly full".to_owned(),
        format!(
            "{} MB are left for {}. Without room, webhooks are asked to come again later.",
            free >> 20,
            folder.display()
        ),
        "The disk has room again".to_owned(),
    ];
    Some(condition("disk".to_owned(), Urgency::High, "/doctor", texts))
}

/// Sources that were heard once, and are silent for long.
async fn silent_sources(app: &App, now: Timestamp) -> Result<Vec<Condition>, StoreError> {
    let Some(limit) = app.config.notify.silent_after else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (name, source) in app.config.sources.iter().filter(|(_, source)| source.source.enabled) {
        let Some(heard) = app.store.last_received(name).await? else { continue };
        if !has_passed(heard, now, limit) {
            continue;
        }
        let texts = [
            format!("{name} is silent"),
            format!(
                "Nothing came from this {} source since {}. Its webhook may be gone.",
                source.plugin,
                heard.strftime("%Y-%m-%d")
            ),
            format!("{name} is heard again"),
        ];
        found.push(condition(format!("silent:{name}"), Urgency::Low, "/doctor", texts));
    }
    Ok(found)
}

/// A reason as a sentence: it begins with a capital letter, and ends with a full stop.
fn sentence(reason: &str) -> String {
    let mut letters = reason.trim().chars();
    let Some(first) = letters.next() else { return String::new() };
    let sentence: String = first.to_uppercase().chain(letters).collect();
    if sentence.ends_with(['.', '!', '?']) { sentence } else { sentence + "." }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_a_sentence() {
        for (reason, expected) in
            [("", ""), ("no answer", "No answer."), ("It is down!", "It is down!"), (" éa. ", "Éa.")]
        {
            assert_eq!(sentence(reason), expected);
        }
    }
}
