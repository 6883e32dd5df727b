//! Notifications: what a person has to know goes to their phone, their chat or their mail.
//!
//! The engine decides what is said, and when it is over; a round looks at how all stands, asks it, and sends. What is said is stored before it is sent: a restart
//! says nothing twice that was sent, and loses nothing that was not.
//!
//! - `conditions`: how all stands
//! - `plays`: what was watched, for those who want to hear of that
//! - `jobs`: imports that need somebody or have ended
//! - `notifier`: who sends: the plugin of an account, or e-mail
//! - `email`: e-mail
//! - `error`: why a notification was not sent
//! - `state`: what is stored

mod conditions;
mod email;
mod error;
mod jobs;
mod notifier;
mod plays;
pub(crate) mod state;

use std::time::Duration;

use error::SendError;
use futures_util::future::join_all;
use jiff::tz::TimeZone;
use notifier::Notifier;
use playrelay_engine::notifications::{Notification, Urgency};
use playrelay_store::StoreError;
use playrelay_util::clock;

use crate::app::{App, CurrentApp};

/// Between two rounds.
const ROUND_INTERVAL: Duration = Duration::from_secs(30);
/// Notifications that a notifier sends in a round. Services limit how many they take a second.
const MAX_SENT_PER_ROUND: usize = 5;

/// Sends notifications for as long as the daemon runs.
pub(crate) async fn run(current: CurrentApp) {
    loop {
        let app = current.get();
        if let Err(error) = round(&app).await {
            tracing::warn!("notifications cannot be read or stored: {error}");
        }
        drop(app);
        clock::sleep(ROUND_INTERVAL).await;
    }
}

/// Looks at how all stands, and sends what waits.
async fn round(app: &App) -> Result<(), StoreError> {
    let notifiers = app.notifiers();
    if notifiers.is_empty() {
        return Ok(());
    }
    let now = clock::now();
    let mut ledger = state::ledger(&app.store).await?;
    let before = ledger.clone();
    let found = conditions::observe(app, jobs::conditions(app, now).await?, now).await?;
    let mut said = ledger.observe(found, now);
    said.extend(jobs::ended(app, now).await?);
    if app.config.notify.plays {
        said.extend(plays::watched(app, now).await?);
    }
    if !said.is_empty() {
        for (name, _) in &notifiers {
            let mut queue = state::queue(&app.store, name).await?;
            said.iter().for_each(|notification| queue.push(notification.clone()));
            state::store_queue(&app.store, name, &queue).await?;
        }
    }
    if ledger != before {
        state::store_ledger(&app.store, &ledger).await?;
    }
    if app.config.notify.plays {
        state::store_plays_until(&app.store, now).await?;
    }
    let is_quiet = app.config.notify.quiet.is_some_and(|hours| {
        let here = now.to_zoned(TimeZone::system()).time();
        hours.contains(here)
    });
    if is_quiet {
        return Ok(());
    }
    let sent = notifiers.iter().map(|(name, notifier)| send_waiting(app, name, notifier));
    join_all(sent).await.into_iter().collect()
}

/// Sends what waits for a notifier, until one cannot be sent.
async fn send_waiting(app: &App, name: &str, notifier: &Notifier) -> Result<(), StoreError> {
    let mut queue = state::queue(&app.store, name).await?;
    for _ in 0..MAX_SENT_PER_ROUND {
        let before = queue.clone();
        let next = queue.next(clock::now()).map(|queued| queued.notification.clone());
        if let Some(notification) = &next {
            let outcome = notifier.send(app, notification).await;
            let now = clock::now();
            match outcome {
                Ok(()) => queue.sent(now),
                Err(SendError::Refused(reason)) => {
                    tracing::warn!(notifier = name, condition = %notification.condition, "a notification is given up: {reason}");
                    queue.refused(&reason);
                }
                Err(SendError::Later { reason, after }) => {
                    tracing::info!(notifier = name, condition = %notification.condition, "a notification waits: {reason}");
                    queue.failed(&reason, after, now);
                }
            }
        }
        if queue != before {
            state::store_queue(&app.store, name, &queue).await?;
        }
        if next.is_none() {
            break;
        }
    }
    Ok(())
}

/// Sends a notification that says it is a test, at once, through one notifier. Absent where no notifier of this name can send.
///
/// # Errors
///
/// The service was not reached, or refused it.
pub(crate) async fn send_test(app: &App, name: &str) -> Option<Result<(), SendError>> {
    let notifiers = app.notifiers();
    let (_, notifier) = notifiers.iter().find(|(known, _)| known == name)?;
    Some(notifier.send(app, &test_notification()).await)
}

fn test_notification() -> Notification {
    let now = clock::now();
    Notification {
        id: format!("test@{now}"),
        condition: "test".to_owned(),
        title: "Playrelay can reach you".to_owned(),
        text:
            "This is a test. Notifications about logins, trackers and plays that need you look like this one."
                .to_owned(),
        urgency: Urgency::Normal,
        page: "/notifications".to_owned(),
        resolved: false,
        at: now,
    }
}
