//! The session engine: reports in, plays out.
//!
//! [`Sessions::advance`] is a function of what is known, one report and the policy. It changes nothing; what should
//! change comes back in an [`Advance`], whose plays [`Sessions::absorb`] takes over once they have been stored.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Content, ItemKind, Playback, Report};
use super::play::{Play, Viewer};
use super::policy::Policy;
use super::turn::Turn;
use super::verdict::{self, Outcome, Stage, Verdict};

/// Ended plays that are remembered per viewer, to tell a repeated finish from a new play.
const REMEMBERED: usize = 32;

/// What happened to a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
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
}

/// A change of a play, with the play as it stands after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// What happened.
    pub change: Change,
    /// To what.
    pub play: Play,
    /// When.
    pub at: Timestamp,
}

/// What one report does.
#[derive(Clone, Debug, PartialEq)]
pub struct Advance {
    /// Plays that are new or different, in the order of their changes.
    pub plays: Vec<Play>,
    /// What to tell.
    pub signals: Vec<Signal>,
    /// How it was decided.
    pub steps: Vec<verdict::Step>,
    /// How the report ends, before routes are asked.
    pub verdict: Verdict,
}

/// All plays that still matter: the open ones, and those that ended recently.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sessions {
    viewers: HashMap<Viewer, Vec<Play>>,
}

impl Sessions {
    /// Restores what is known from stored plays, in any order.
    pub fn restore(plays: impl IntoIterator<Item = Play>) -> Self {
        let mut sessions = Self::default();
        sessions.absorb(plays);
        sessions
    }

    /// The plays that are going on.
    pub fn open(&self) -> impl Iterator<Item = &Play> {
        self.all().filter(|play| play.is_open())
    }

    /// All plays that are remembered.
    pub fn all(&self) -> impl Iterator<Item = &Play> {
        self.viewers.values().flatten()
    }

    /// Takes over plays that [`advance`](Self::advance) returned.
    pub fn absorb(&mut self, plays: impl IntoIterator<Item = Play>) {
        for play in plays {
            let known = self.viewers.entry(play.viewer.clone()).or_default();
            known.retain(|other| other.id != play.id);
            // Always in this order, so that a restored state decides as the one before did.
            let place = known
                .partition_point(|other| (other.last_seen_at, &other.id) <= (play.last_seen_at, &play.id));
            known.insert(place, play);
            let ended = known.iter().filter(|play| !play.is_open()).count();
            if ended > REMEMBERED
                && let Some(oldest) = known.iter().position(|play| !play.is_open())
            {
                known.remove(oldest);
            }
        }
    }

    /// What a report means, given what is known.
    pub fn advance(&self, report: &Report, policy: &Policy) -> Advance {
        match report {
            Report::Playback(playback) => self.playback(playback, policy),
            Report::Ignored { code, detail } => ignored(Outcome::Ignored, code, detail.clone()),
            Report::Snapshot { .. } => {
                ignored(Outcome::Ignored, "snapshot", "snapshots are taken from watchers only".to_owned())
            }
            Report::Rated(rated) => ignored(
                Outcome::Recorded,
                "rating",
                match rated.rating {
                    Some(rating) => format!("{} rated {} with {rating}", rated.user, rated.item),
                    None => format!("{} took the rating of {} back", rated.user, rated.item),
                },
            ),
            Report::Marked(marked) => ignored(
                Outcome::Recorded,
                "mark",
                format!(
                    "{} marked {} as {}watched",
                    marked.user,
                    marked.item,
                    if marked.watched { "" } else { "un" }
                ),
            ),
        }
    }

    fn playback(&self, playback: &Playback, policy: &Policy) -> Advance {
        if let Some(refusal) = refuse(playback, policy) {
            return ignored(refusal.outcome, &refusal.code, refusal.detail);
        }
        let Some(user) = playback.user.key() else {
            return ignored(
                Outcome::Held,
                "no-user",
                format!("the server named no user for {}", playback.item),
            );
        };
        let viewer = Viewer { server: playback.server.clone(), user: user.to_owned() };
        let known = self.viewers.get(&viewer).map(Vec::as_slice).unwrap_or_default();
        Turn::new(viewer, known, playback, policy).take()
    }
}

/// Content that the policy leaves out, whoever watches it.
fn refuse(playback: &Playback, policy: &Policy) -> Option<Verdict> {
    let item = &playback.item;
    let content = match playback.content {
        Content::LiveTv if !policy.live_tv => Some("live-tv"),
        Content::Recording if !policy.recordings => Some("recording"),
        Content::Extra if !policy.extras => Some("extra"),
        _ => None,
    };
    if let Some(code) = content {
        return Some(Verdict::new(Outcome::Filtered, code, format!("{item} is {code}, which is off")));
    }
    if !matches!(item.kind, ItemKind::Movie(_) | ItemKind::Episode(_)) {
        return Some(Verdict::new(Outcome::Ignored, "media-kind", format!("{item} is no movie or episode")));
    }
    let runtime = item.runtime_ms.filter(|runtime| *runtime > 0)?;
    (u128::from(runtime) < policy.min_duration.as_millis()).then(|| {
        Verdict::new(
            Outcome::Filtered,
            "too-short",
            format!(
                "{item} is {} s long; min_duration is {} s",
                runtime / 1000,
                policy.min_duration.as_secs()
            ),
        )
    })
}

fn ignored(outcome: Outcome, code: &str, detail: String) -> Advance {
    Advance {
        plays: Vec::new(),
        signals: Vec::new(),
        steps: vec![verdict::Step::new(Stage::Engine, code, detail.clone())],
        verdict: Verdict::new(outcome, code, detail),
    }
}
