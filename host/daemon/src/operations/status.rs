//! How all stands: what plays, who is logged in, what waits.

use jiff::Timestamp;
use playrelay_engine::routing::users::UserDecision;
use playrelay_store::AccountPause;
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::exports::now_playing;
use crate::operations::OperationError;

/// How all stands.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// Whether a daemon uses the data folder.
    pub running: bool,
    /// Current playback, as the daemon last wrote it.
    pub playing: Vec<PlayingSummary>,
    /// The sources of the configuration.
    pub sources: Vec<SourceSummary>,
    /// The trackers of the configuration.
    pub trackers: Vec<TrackerSummary>,
    /// Users of whom it is not known where their plays go.
    pub held: Vec<String>,
}

/// Something that plays.
#[derive(Clone, Debug, Serialize)]
pub struct PlayingSummary {
    /// The user's name.
    pub user: String,
    /// The title, with season and episode.
    pub title: String,
    /// `playing` or `paused`.
    pub state: String,
    /// Whole percent.
    pub progress: u64,
}

/// A source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceSummary {
    /// The name in the configuration.
    pub name: String,
    /// When it was heard last, UTC; absent if never.
    pub last_heard: Option<Timestamp>,
    /// Whether it has the login that it needs.
    pub logged_in: bool,
}

/// A tracker.
#[derive(Clone, Debug, Serialize)]
pub struct TrackerSummary {
    /// The name in the configuration.
    pub name: String,
    /// Whether it has the login that it needs.
    pub logged_in: bool,
    /// Deliveries that wait.
    pub waiting: u32,
    /// Deliveries that failed for good.
    pub dead: u32,
    /// The last delivery, in words; absent if there was none.
    pub last_delivered: Option<String>,
    /// Why nothing is sent now; absent where something is.
    pub paused: Option<String>,
}

/// Looks at how all stands.
///
/// # Errors
///
/// Fails where the database or the lock of the data folder cannot be read.
pub async fn report(
    app: &App,
    running: bool,
    when: impl Fn(Timestamp) -> String,
) -> Result<StatusReport, OperationError> {
    let store = &app.store;
    let logged_out: Vec<String> = app.logged_out().await.into_iter().map(|(name, _)| name).collect();
    let mut sources = Vec::new();
    for name in app.config.sources.keys() {
        sources.push(SourceSummary {
            name: name.clone(),
            last_heard: store.last_received(name).await?,
            logged_in: !logged_out.contains(name),
        });
    }
    let mut trackers = Vec::new();
    for name in app.config.trackers.keys() {
        let told = store.outbox_stats(name).await?;
        let paused = store.pause(name).await?.map(|pause| match pause {
            AccountPause::Until { until, reason, .. } | AccountPause::Blocked { until, reason } => {
                format!("until {}: {reason}", when(until))
            }
            AccountPause::Login { reason } => reason,
        });
        trackers.push(TrackerSummary {
            name: name.clone(),
            logged_in: !logged_out.contains(name),
            waiting: told.waiting,
            dead: told.dead,
            last_delivered: told.last_delivered.map(|row| {
                format!("{} of {} at {}", row.event.action.name(), row.event.item, when(row.event.at))
            }),
            paused,
        });
    }
    let users = store.users().await?;
    let held = users.iter().filter(|user| user.decision == UserDecision::Held);
    Ok(StatusReport {
        running,
        playing: if running { playing(app) } else { Vec::new() },
        sources,
        trackers,
        held: held.map(|user| user.user.to_string()).collect(),
    })
}

/// Current playback, as the daemon reports it.
fn playing(app: &App) -> Vec<PlayingSummary> {
    let shown = now_playing::read(&app.config.server.data_dir);
    let streams = shown.as_ref().and_then(|shown| shown["streams"].as_object()).into_iter().flatten();
    let text = |stream: &Value, key: &str| stream[key].as_str().unwrap_or_default().to_owned();
    let row = |(_, stream): (&String, &Value)| {
        let number = match (stream["season"].as_u64(), stream["episode"].as_u64()) {
            (Some(season), Some(episode)) => format!(" {season}x{episode:02}"),
            _ => String::new(),
        };
        PlayingSummary {
            user: text(stream, "account"),
            title: text(stream, "title") + &number,
            state: text(stream, "state"),
            progress: stream["progress"].as_u64().unwrap_or_default(),
        }
    };
    streams.map(row).collect()
}
