//! Plays of a server's own history: what they are, and entering them.

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::Playback;
use playrelay_engine::play::PlayId;
use playrelay_engine::state::SessionState;
use playrelay_store::StoreError;
use playrelay_util::clock;
use serde::Serialize;

use crate::app::App;
use crate::operations::{OperationError, unknown_source};
use crate::realtime::catch_up;
use crate::realtime::catch_up::{CatchUpError, HistoryReader};

/// The longest that a history is read back. Days.
pub const MAX_DAYS: i64 = 3_650;

/// A play of a server's history.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryPlay {
    /// When it was watched, UTC.
    pub at: Timestamp,
    /// The user, in words.
    pub user: String,
    /// The title, in words.
    pub item: String,
    /// Whether a play of it is known that this is.
    pub known: bool,
    /// The code of the rule that leaves it out; absent where it is not left out.
    pub left_out: Option<String>,
}

/// What a history has.
#[derive(Clone, Debug, Serialize)]
pub struct CatchUpReport {
    /// The plays, the oldest first.
    pub plays: Vec<HistoryPlay>,
    /// Whether they were entered.
    pub entered: bool,
}

/// Reads a source's history of some days, and enters it where `enter` says so. What is known already counts once.
///
/// # Errors
///
/// Fails where there is no such source, or its server gives no history, and where the database fails.
pub async fn run(app: &App, source: &str, days: i64, enter: bool) -> Result<CatchUpReport, OperationError> {
    let Some((plugin, target)) = app.plugin(source).filter(|_| app.config.sources.contains_key(source))
    else {
        return Err(unknown_source(app, source));
    };
    if plugin.manifest.provides.server_history.is_none() {
        let name = &plugin.manifest.plugin.name;
        return Err(OperationError::Conflict(format!("plugin {name} does not know a history of its server")));
    }
    if !app.has_address(source) {
        let text =
            format!("[sources.{source}] has no address, so its server cannot be asked; set it, or log in");
        return Err(OperationError::Conflict(text));
    }
    let since = clock::now().saturating_sub(SignedDuration::from_hours(24 * days.clamp(1, MAX_DAYS)));
    let since = since.unwrap_or(Timestamp::MIN);
    let found = HistoryReader { plugin, target }.since(since).await.map_err(failed)?;
    let mut plays = Vec::new();
    for playback in &found {
        plays.push(describe(app, playback).await?);
    }
    if enter {
        catch_up::enter(&app.store, source, found).await.map_err(failed)?;
    }
    Ok(CatchUpReport { plays, entered: enter })
}

async fn describe(app: &App, playback: &Playback) -> Result<HistoryPlay, StoreError> {
    let stored = app.store.plays_for(playback).await?;
    let known: Vec<PlayId> = stored.iter().map(|play| play.id.clone()).collect();
    let sessions = SessionState::default().with_past_plays(&playback.server, &playback.user, stored);
    let transition = sessions.transition_from_history(playback, &app.config.engine_policy());
    Ok(HistoryPlay {
        at: playback.at,
        user: playback.user.to_string(),
        item: playback.item.to_string(),
        known: !transition.plays.is_empty() && transition.plays.iter().all(|play| known.contains(&play.id)),
        left_out: transition.plays.is_empty().then(|| transition.verdict.code.to_string()),
    })
}

fn failed(error: CatchUpError) -> OperationError {
    match error {
        CatchUpError::Store(error) => error.into(),
        error => OperationError::Upstream(error.to_string()),
    }
}
