//! How every input ends, and the steps that led there.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::code::Code;

/// The end of an input. Ordered by weight: an input with several reports takes the heaviest of their verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Well understood, of no interest.
    Ignored,
    /// Says what is known already.
    Merged,
    /// Kept out by a rule of the user's.
    Filtered,
    /// Waits for a person: nobody knows to whom it belongs.
    Held,
    /// Changed what we know; there was nobody to tell.
    Recorded,
    /// Put into the outbox.
    Queued,
    /// Could not be read. Kept for a replay.
    Malformed,
    /// Its plugin failed. Kept for a replay.
    Failed,
}

impl Outcome {
    /// The name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Merged => "merged",
            Self::Filtered => "filtered",
            Self::Held => "held",
            Self::Recorded => "recorded",
            Self::Queued => "queued",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How one input ended, by which rule, and what decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The end.
    pub outcome: Outcome,
    /// The rule.
    pub code: Code,
    /// The value that decided, in words.
    pub detail: String,
}

impl Verdict {
    /// A verdict.
    pub fn new(outcome: Outcome, code: Code, detail: impl Into<String>) -> Self {
        Self { outcome, code, detail: detail.into() }
    }
}

/// The ends of the parts of an input, each with its viewer, where it has one.
#[derive(Clone, Debug, Default)]
pub struct Verdicts(Vec<(Option<String>, Verdict)>);

/// Letters of a verdict's detail that names several viewers.
const LONGEST_DETAIL: usize = 1_000;

impl Verdicts {
    /// Adds the end of a part.
    pub fn add(&mut self, part: (Option<String>, Verdict)) {
        self.0.push(part);
    }

    /// The heaviest of them, the first of several. Where it is that of several viewers, its detail names each of them.
    pub fn heaviest(self) -> Option<Verdict> {
        let heaviest = self.0.iter().map(|(_, verdict)| verdict.outcome).max()?;
        let mut alike = self.0.into_iter().filter(|(_, verdict)| verdict.outcome == heaviest).peekable();
        let (viewer, mut first) = alike.next()?;
        // What says nothing new is not worth a list.
        let others: Vec<(String, String)> =
            alike.filter_map(|(other, verdict)| Some((other?, verdict.detail))).collect();
        let is_of_several = others.iter().any(|(other, _)| Some(other) != viewer.as_ref());
        let Some(viewer) = viewer.filter(|_| is_of_several && heaviest > Outcome::Merged) else {
            return Some(first);
        };
        first.detail = format!("{viewer}: {}", first.detail);
        for (other, detail) in others {
            if first.detail.len() + detail.len() > LONGEST_DETAIL {
                first.detail.push_str("; \u{2026}");
                break;
            }
            first.detail.push_str(&format!("; {other}: {detail}"));
        }
        Some(first)
    }
}

/// The part of the program in which a step was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Received and stored.
    Received,
    /// Read by the source plugin.
    Parsed,
    /// Looked up at the server.
    Enriched,
    /// Decided by the session engine.
    Engine,
    /// Decided by a route.
    Route,
    /// Told to a tracker.
    Delivery,
}

impl Stage {
    /// The name, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Parsed => "parsed",
            Self::Enriched => "enriched",
            Self::Engine => "engine",
            Self::Route => "route",
            Self::Delivery => "delivery",
        }
    }
}

/// One step in the processing of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The stage in which it was taken.
    pub stage: Stage,
    /// The code.
    pub code: Code,
    /// What, in words, with the numbers that decided.
    pub text: String,
}

impl Step {
    /// A step.
    pub fn new(stage: Stage, code: Code, text: impl Into<String>) -> Self {
        Self { stage, code, text: text.into() }
    }
}

/// The rule that leaves something out, and the value that it met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The rule.
    pub code: Code,
    /// The reason, one sentence for people.
    pub text: String,
}
