//! Plays: take one back, here and at the trackers that have it.

use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::model::ItemKind;
use playrelay_engine::outbox::{DeliveryState, OutboxRow};
use playrelay_engine::play::Play;
use playrelay_util::clock;

use crate::app::App;
use crate::operations::OperationError;

/// A tracker that accepted a play.
pub struct ToldTracker {
    /// The delivery that it accepted.
    pub delivery: OutboxRow,
    /// Its own id of the play, by which it removes this one alone; or why it cannot, in words.
    pub remote_id: Result<String, &'static str>,
}

/// The trackers that took a play.
///
/// # Errors
///
/// Fails where the database fails.
pub async fn told_trackers(app: &App, play: &Play) -> Result<Vec<ToldTracker>, OperationError> {
    let trackers = app.config.trackers.keys().cloned().collect();
    let mut told = Vec::new();
    for delivery in app.store.deliveries_of(trackers, vec![play.id.0.clone()]).await? {
        let is_watch = matches!(delivery.event.action, Action::Watched(_));
        if is_watch && delivery.state == DeliveryState::Delivered {
            let remote_id = remote_id(app, &delivery).await?;
            told.push(ToldTracker { delivery, remote_id });
        }
    }
    Ok(told)
}

async fn remote_id(app: &App, delivery: &OutboxRow) -> Result<Result<String, &'static str>, OperationError> {
    let account = app.accounts.get(&delivery.event.tracker);
    let facts = account.and_then(|account| account.manifest.provides.sink.as_ref());
    if !facts.is_some_and(|facts| facts.removes_plays) {
        return Ok(Err("it cannot remove one play alone"));
    }
    // An id is of one entry, and a file with several episodes has made several.
    if matches!(&delivery.event.item.kind, ItemKind::Episode(episode) if episode.numbers.len() > 1) {
        return Ok(Err("the file has several episodes, and it gave the id of one"));
    }
    Ok(app.store.remote_id(delivery.id).await?.ok_or("it gave no id of this play"))
}

/// Takes a play back: here, and at those of the trackers that are named. Each of these removes this one play by its own id, as soon as
/// it is there. What no tracker has taken yet is not sent.
///
/// # Errors
///
/// Fails where the play goes on or is gone, and where a named tracker does not have it or cannot remove it alone: nothing is changed
/// then.
pub async fn undo(app: &App, play: &Play, trackers: &[String]) -> Result<(), OperationError> {
    let now = clock::now();
    let told = told_trackers(app, play).await?;
    let mut events = Vec::new();
    for name in trackers {
        let tracker = told.iter().find(|told| told.delivery.event.tracker == *name).ok_or_else(|| {
            OperationError::Conflict(format!(
                "{name} has not taken this play, so there is nothing to remove there"
            ))
        })?;
        let remote_id = tracker.remote_id.clone().map_err(|why| {
            OperationError::Conflict(format!("this play cannot be removed at {name}: {why}; remove it there"))
        })?;
        let event = TrackerEvent {
            action: Action::Unwatched,
            at: now,
            not_before: now,
            remove_from: Vec::new(),
            remote_id: Some(remote_id),
            ..tracker.delivery.event.clone()
        };
        events.push((tracker.delivery.inbox, event));
    }
    match app.store.remove_play(&play.id.0, events, now).await? {
        Some(_) => Ok(()),
        None => Err(OperationError::Conflict("the play goes on, or is gone; wait for its end".to_owned())),
    }
}
