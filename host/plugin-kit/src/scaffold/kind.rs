//! What a plugin is.

use std::fmt;

/// What a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads the webhooks of a media server.
    Source,
    /// It tells a tracker.
    Sink,
    /// It shows notifications to people.
    Notify,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Source, Self::Sink, Self::Notify];

    /// The interface that it exports.
    pub(super) fn interface(self) -> &'static str {
        match self {
            Self::Source => "webhook",
            Self::Sink => "sink",
            Self::Notify => "notify",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Notify => "notify",
        })
    }
}
