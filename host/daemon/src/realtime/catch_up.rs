//! Reads the server's own history for the time without a connection, and passes it to the engine.
//!
//! It is known until when a source was heard. After a gap its history since then becomes inputs like any other, and the engine merges
//! what is known already. What happened before the very first start is nobody's to enter unasked: `playrelay catch-up` shows it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::{Playback, Report};
use playrelay_engine::play::Play;
use playrelay_plugin_host::capabilities::{HistoryPage, ServerHistory, SinceInput};
use playrelay_plugin_host::fault::Fault;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::watermarks::Watermark;
use playrelay_store::{SharedStore, StoreError, watermarks};
use playrelay_util::clock;
use tokio::sync::watch;

use crate::inbox::input;
use crate::inbox::input::InputOrigin;
use crate::live::{Change, LiveBus};
use crate::realtime::status::ConnectionStatus;

/// Between two notes of the time until which a source was heard.
const WATERMARK_INTERVAL: Duration = Duration::from_secs(60);
/// So much before the gap is read as well: a play may have been counted when it began, or late.
const LOOKBACK: SignedDuration = SignedDuration::from_hours(4);
/// A gap shorter than this is none: what a connection misses in it shows in the sessions.
const MIN_GAP: SignedDuration = SignedDuration::from_secs(90);
/// A source that only sends webhooks says nothing of those that were lost on the way: its history is read this often.
const HISTORY_POLL_INTERVAL: SignedDuration = SignedDuration::from_hours(1);
/// Pages of a history that are read at most.
const MAX_PAGES: usize = 2_000;
/// A play may have begun so much before it was heard of.
const START_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// Keeps one source caught up.
pub struct CatchUp {
    /// Reads the history.
    pub history: HistoryReader,
    /// Where it is noted until when the source was heard.
    pub store: SharedStore,
    /// How far back it is read at most; nothing is read where that is switched off.
    pub limit: Option<Duration>,
    /// How the connection stands; absent where the source only sends webhooks.
    pub status: Option<ConnectionStatus>,
    /// Whether anything is taken from the source. What happens while it is switched off is no gap.
    pub enabled: bool,
    /// Receives each gap that was filled, or could not be.
    pub live: LiveBus,
}

/// Why a server's history cannot be read or entered. What was entered stays.
#[derive(Debug, thiserror::Error)]
pub enum CatchUpError {
    /// The server, or its plugin, does not give it.
    #[error("{0}")]
    History(String),
    /// The plugin's call failed.
    #[error(transparent)]
    Plugin(#[from] Fault),
    /// It does not end.
    #[error("the server's history has more than {MAX_PAGES} pages; read fewer days at once")]
    TooLong,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Reads a server's history.
#[derive(Clone)]
pub struct HistoryReader {
    /// The source's plugin.
    pub plugin: Arc<Plugin>,
    /// The account of the plugin.
    pub target: CallTarget,
}

impl HistoryReader {
    /// Everything that was played since a time, the oldest first.
    ///
    /// # Errors
    ///
    /// Fails where the server or the plugin gives no history, or it has too many pages. Nothing was entered.
    pub async fn since(&self, since: Timestamp) -> Result<Vec<Playback>, CatchUpError> {
        let mut found: Vec<Playback> = Vec::new();
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let now = clock::monotonic_now();
            let source = self.target.account.name.clone();
            let input = SinceInput { cursor, since, now, source };
            let HistoryPage { reports, next } =
                match self.plugin.call::<ServerHistory>(&self.target, input).await.0 {
                    Ok(Ok(page)) => page,
                    Ok(Err(failure)) => return Err(CatchUpError::History(failure.reason().to_owned())),
                    Err(fault) => return Err(CatchUpError::Plugin(fault)),
                };
            found.extend(reports.into_iter().filter_map(|report| match report {
                Report::Playback(playback) => Some(playback).filter(|playback| playback.at >= since),
                _ => None,
            }));
            cursor = next;
            if cursor.is_none() {
                found.sort_by_key(|playback| playback.at);
                return Ok(found);
            }
        }
        Err(CatchUpError::TooLong)
    }
}

impl CatchUp {
    fn source(&self) -> &str {
        &self.history.target.account.name
    }

    fn publish(&self, state: &'static str, detail: String) {
        let about = self.source().to_owned();
        self.live.publish(Change::Job { job: "catch-up", about, state, detail: Some(detail) });
    }

    /// Works until `stop` says so, or its sender is gone.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let next_connect = || async {
            match &self.status {
                Some(status) => status.next_connect().await,
                None => std::future::pending().await,
            }
        };
        let work = async {
            let mut round = CatchUpProgress { is_first: true, entered: BTreeSet::new() };
            loop {
                if let Err(error) = self.run_once(&mut round).await {
                    self.publish("failed", error.to_string());
                    tracing::warn!(
                        source = self.source(),
                        "the server's history cannot be read yet: {error}"
                    );
                }
                tokio::select! {
                    () = next_connect() => {}
                    () = clock::sleep(WATERMARK_INTERVAL) => {}
                }
            }
        };
        tokio::select! {
            () = work => {}
            // Gone or set: it is to stop.
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Fills the gap, where there is one, and notes until when the source was heard.
    async fn run_once(&self, round: &mut CatchUpProgress) -> Result<(), CatchUpError> {
        let is_lost = self.status.as_ref().is_some_and(|status| !status.report().connected);
        if is_lost && self.enabled {
            return Ok(());
        }
        let now = clock::monotonic_now();
        let before = watermarks::read(&self.store, self.source(), Watermark::SeenUntil).await?;
        if let (Some(before), Some(limit)) = (before, self.limit.filter(|_| self.enabled)) {
            let gap = now.duration_since(before);
            let shortest = match (&self.status, round.is_first) {
                (Some(_), _) => MIN_GAP,
                (None, true) => SignedDuration::ZERO,
                (None, false) => HISTORY_POLL_INTERVAL,
            };
            if gap > shortest {
                let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
                let oldest = now.saturating_sub(limit).unwrap_or(Timestamp::MIN);
                self.fill_gap(before, oldest, round).await?;
            } else if self.status.is_none() {
                // Only what is listened to has been heard since.
                return Ok(());
            }
        }
        round.is_first = false;
        if before.is_none() {
            watermarks::write(&self.store, self.source(), Watermark::FirstSeen, now).await?;
        }
        watermarks::write(&self.store, self.source(), Watermark::SeenUntil, now).await?;
        Ok(())
    }

    /// Reads the history of a gap that began at `before`, and nothing that is older than `oldest`.
    async fn fill_gap(
        &self,
        before: Timestamp,
        oldest: Timestamp,
        round: &mut CatchUpProgress,
    ) -> Result<(), CatchUpError> {
        let since = before.saturating_sub(LOOKBACK).unwrap_or(Timestamp::MIN);
        let since = since.min(self.oldest_open_play(before).await?.unwrap_or(since));
        // What was before the very first start is not entered unasked.
        let first =
            watermarks::read(&self.store, self.source(), Watermark::FirstSeen).await?.unwrap_or(before);
        let since = since.max(oldest).max(first);
        let count = self.enqueue_history(since, round).await?;
        tracing::info!(source = self.source(), %since, plays = count, "read the server's history");
        self.publish("done", format!("{count} plays since {since}"));
        Ok(())
    }

    /// When the oldest play began that went on when the gap began, and has not been found to be watched: its server may have noted when
    /// it began, and it may have been closed meanwhile for want of news.
    async fn oldest_open_play(&self, before: Timestamp) -> Result<Option<Timestamp>, CatchUpError> {
        let since = before.saturating_sub(START_TOLERANCE).unwrap_or(Timestamp::MIN);
        let plays = self.store.plays_since(since).await?;
        let unfinished = |play: &&Play| play.watched_at.is_none() || play.is_open();
        let mine = plays.iter().filter(|play| play.origin.sources.contains(self.source())).filter(unfinished);
        Ok(mine.map(|play| play.started_at.saturating_sub(START_TOLERANCE).unwrap_or(play.started_at)).min())
    }

    async fn enqueue_history(
        &self,
        since: Timestamp,
        round: &mut CatchUpProgress,
    ) -> Result<usize, CatchUpError> {
        let mut found = self.history.since(since).await?;
        let key = |playback: &Playback| {
            let user = playback.user.key().unwrap_or_default();
            format!("{} {} {user}", playback.at, playback.item.key())
        };
        let all: BTreeSet<String> = found.iter().map(key).collect();
        found.retain(|playback| !round.entered.contains(&key(playback)));
        let count = enter(&self.store, self.source(), found).await?;
        round.entered = all;
        Ok(count)
    }
}

/// The progress of this run.
struct CatchUpProgress {
    is_first: bool,
    /// The plays that the last reading entered. They are read once more, and not entered again.
    entered: BTreeSet<String>,
}

/// Enters plays of a history into the inbox. Durable when it returns.
///
/// # Errors
///
/// Fails where the database cannot be written to. The plays before are entered; to enter them again does no harm.
pub async fn enter(store: &SharedStore, source: &str, found: Vec<Playback>) -> Result<usize, CatchUpError> {
    let count = found.len();
    for playback in found {
        let reports = vec![Report::Playback(playback)];
        store
            .receive(input::observed(source, InputOrigin::History, reports, clock::monotonic_now())?)
            .await?;
    }
    Ok(count)
}
