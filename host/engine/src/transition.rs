//! The change that one report makes, as data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::model::Rated;
use crate::play::{Play, Viewer};
use crate::timeline::{Outcome, Stage, Step, Verdict};

/// An event of a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlayEventKind {
    /// It began.
    Started,
    /// It goes on after a pause.
    Resumed,
    /// It jumped.
    Sought,
    /// It was paused.
    Paused,
    /// It ended.
    Ended,
    /// The server counted it, or it reached the credits, while it goes on.
    Completed,
    /// It had ended; a further report brought new evidence.
    Amended,
    /// Another source reports the play too.
    Joined,
    /// That it was watched was taken back by hand.
    Unmarked,
}

/// A change of a play, with the play as it stands after it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayEvent {
    /// The kind of event.
    pub kind: PlayEventKind,
    /// To what.
    pub play: Play,
    /// When it happened, UTC.
    pub at: Timestamp,
    /// The source whose routes get the event; absent for the routes of every source that reported the play.
    pub source: Option<String>,
}

/// A rating, and whose it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rating {
    /// Whose.
    pub viewer: Viewer,
    /// Of what, from 0 to 10, and when.
    #[serde(flatten)]
    pub rated: Rated,
    /// The input that reported it, by its id in the inbox.
    #[serde(default)]
    pub reported_by: i64,
    /// Whether it waits for its user to be assigned to a tracker.
    #[serde(default)]
    pub held: bool,
}

impl Rating {
    /// The rated item as the subject of events: a newer rating supersedes an older one that waits.
    pub fn subject(&self) -> String {
        format!("rating:{}:{}:{}", self.viewer.server, self.viewer.user, self.rated.item.key())
    }
}

/// The change that one report makes.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// Plays that are new or different, in the order of their changes.
    pub plays: Vec<Play>,
    /// The events of plays.
    pub events: Vec<PlayEvent>,
    /// The steps of the decision.
    pub steps: Vec<Step>,
    /// How the report ends, before routes are asked.
    pub verdict: Verdict,
    /// A rating that is news.
    pub rating: Option<Rating>,
}

impl Transition {
    /// A report that changes no play.
    pub fn without_plays(outcome: Outcome, code: Code, detail: String) -> Self {
        Self {
            plays: Vec::new(),
            events: Vec::new(),
            steps: vec![Step::new(Stage::Engine, code.clone(), detail.clone())],
            verdict: Verdict::new(outcome, code, detail),
            rating: None,
        }
    }
}
