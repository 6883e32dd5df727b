//! The numbers that decide what counts as what.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::model::Content;
use crate::timeline::Rejection;

/// How often a tracker is told that something still plays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heartbeat {
    /// As often as it wants.
    #[default]
    AsOften,
    /// No heartbeats.
    Off,
    /// So often. Trackers that want no heartbeat get none.
    Every(Duration),
}

impl Heartbeat {
    /// The interval for a tracker that wants one this often; absent where it gets none.
    pub fn interval(self, wanted: Duration) -> Option<Duration> {
        match self {
            Self::AsOften => Some(wanted),
            Self::Off => None,
            Self::Every(interval) => Some(interval.max(wanted)),
        }
    }
}

/// The `[scrobble]` section, and the keys of it that a route sets for itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// A play that ends at or past this is watched. Percent.
    pub watched_threshold: f64,
    /// Whether reaching the credits counts as watched.
    pub credits: bool,
    /// Where the server gives no credits marker: a stop this close to the end counts as reaching them, but never
    /// one before 80 %.
    pub credits_grace: Duration,
    /// Shorter items are ignored.
    pub min_duration: Duration,
    /// How long a play must have lasted before "played to the end" is believed of an item without a runtime.
    pub min_watched_with_unknown_runtime: Duration,
    /// A pause, a jump or a rating is told when it has held for this long.
    pub pause_debounce: Duration,
    /// A start this near the end is not told. Percent.
    pub suppress_start_at: f64,
    /// Smaller jumps back are jitter; larger ones are seeks. Percent.
    pub regress_tolerance: f64,
    /// A play is closed where it was last seen when its source, which told of progress, has been silent for this long.
    pub stale_after: Duration,
    /// Whether live television counts.
    pub live_tv: bool,
    /// Whether recordings count.
    pub recordings: bool,
    /// Whether trailers and other extras count.
    pub extras: bool,
    /// How often trackers are told that something still plays.
    #[serde(default)]
    pub heartbeat: Heartbeat,
    /// How long an undelivered watch is tried before it goes to the dead letters.
    pub offline_keep: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            watched_threshold: 80.0,
            credits: true,
            credits_grace: Duration::from_secs(180),
            min_duration: Duration::from_secs(120),
            min_watched_with_unknown_runtime: Duration::from_secs(300),
            pause_debounce: Duration::from_secs(5),
            suppress_start_at: 99.0,
            regress_tolerance: 5.0,
            stale_after: Duration::from_secs(300),
            live_tv: false,
            recordings: false,
            extras: false,
            heartbeat: Heartbeat::AsOften,
            offline_keep: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// Live television, recordings and extras are left out unless they are switched on.
pub fn content(content: Content, policy: &Policy) -> Option<Rejection> {
    let (code, key) = match content {
        Content::LiveTv if !policy.live_tv => (Code::LiveTv, "live_tv"),
        Content::Recording if !policy.recordings => (Code::Recording, "recordings"),
        Content::Extra if !policy.extras => (Code::Extra, "extras"),
        _ => return None,
    };
    Some(Rejection { text: format!("it is {code}, and `{key}` is off"), code })
}
