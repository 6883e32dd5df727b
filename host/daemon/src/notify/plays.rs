//! What was watched, for those who want to hear of each play.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::notifications::{Notification, Urgency};
use playrelay_engine::play::Play;
use playrelay_plugin_host::text;
use playrelay_store::StoreError;

use crate::app::App;
use crate::notify::conditions::{TEXT_BYTES, TITLE_BYTES};
use crate::notify::state;

/// The store lists plays by their end. A play can end earlier than the round before, and count as watched after it.
const MARGIN: Duration = Duration::from_secs(60 * 60);

/// The plays that counted as watched since they were last told of, and that went to a tracker. None of those before the first time.
pub(super) async fn watched(app: &App, now: Timestamp) -> Result<Vec<Notification>, StoreError> {
    let Some(since) = state::plays_until(&app.store).await? else { return Ok(Vec::new()) };
    let margin = SignedDuration::try_from(MARGIN).unwrap_or(SignedDuration::ZERO);
    let plays = app.store.plays_since(since.saturating_sub(margin).unwrap_or(since)).await?;
    let is_new = |play: &&Play| {
        play.watched_at.is_some_and(|at| since < at && at <= now) && !play.routing.sent_to.is_empty()
    };
    Ok(plays.iter().filter(is_new).map(|play| notification(play, now)).collect())
}

fn notification(play: &Play, now: Timestamp) -> Notification {
    let trackers: Vec<&str> = play.routing.sent_to.iter().map(String::as_str).collect();
    let user = play.viewer.name(&play.user);
    Notification {
        id: format!("play:{}", play.id.0),
        condition: format!("play:{}", play.id.0),
        title: text::cut(&format!("{user} watched {}", play.item), TITLE_BYTES),
        text: text::cut(&format!("It goes to {}.", trackers.join(", ")), TEXT_BYTES),
        urgency: Urgency::Low,
        page: "/history".to_owned(),
        resolved: false,
        at: now,
    }
}
