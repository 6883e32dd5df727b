//! A transition that is being built: the plays that changed, the events, and the steps of the decision.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::code::Code;
use crate::model::PlaybackState;
use crate::play::Play;
use crate::policy::Policy;
use crate::rules::watched::{REPEATED_WATCH, WatchedEvaluation, evaluate};
use crate::timeline;
use crate::timeline::{Outcome, Stage, Verdict};
use crate::transition::{PlayEvent, PlayEventKind, Transition};

/// The plays of one viewer, and what becomes of them.
pub(crate) struct TransitionBuilder<'a> {
    /// As they were, but for those that were overdue.
    known: Vec<Cow<'a, Play>>,
    /// The numbers that decide.
    pub policy: &'a Policy,
    /// New or different, in the order of their changes.
    pub plays: Vec<Play>,
    /// The events.
    pub events: Vec<PlayEvent>,
    steps: Vec<timeline::Step>,
}

impl<'a> TransitionBuilder<'a> {
    /// Nothing has changed yet.
    pub fn new(known: Vec<&'a Play>, policy: &'a Policy) -> Self {
        Self::of(known.into_iter().map(Cow::Borrowed).collect(), policy)
    }

    /// A builder for these plays. An owned one holds changes that are not stored yet.
    pub fn of(known: Vec<Cow<'a, Play>>, policy: &'a Policy) -> Self {
        Self { known, policy, plays: Vec::new(), events: Vec::new(), steps: Vec::new() }
    }

    /// The plays that are known, the last seen last.
    pub fn known(&self) -> impl DoubleEndedIterator<Item = &Play> + Clone {
        self.known.iter().map(|play| &**play)
    }

    /// Ends it with a verdict.
    pub fn finish(self, verdict: Verdict) -> Transition {
        Transition { plays: self.plays, events: self.events, steps: self.steps, verdict, rating: None }
    }

    /// Ends what has been silent for too long, as it would have ended had somebody looked at the clock in time.
    pub fn close_overdue(&mut self, now: Timestamp) {
        while let Some(place) = first_overdue(&self.known, &|_| now, self.policy) {
            let play = self.known[place].clone().into_owned();
            self.known[place] = Cow::Owned(self.close_expired_play(play));
        }
    }

    /// Ends a play that has been silent for too long.
    pub fn close_expired_play(&mut self, mut play: Play) -> Play {
        play.expired = true;
        self.end_silent(play, Code::Stale, "nothing more was heard of it");
        self.plays.last().cloned().expect("ending a play has just pushed it")
    }

    /// Ends a play of whose end nobody told.
    pub fn end_silent(&mut self, mut play: Play, code: Code, why: &str) {
        play.state = PlaybackState::Stopped;
        play.ended_at = Some(play.last_seen_at);
        let position = match play.progress() {
            Some(progress) => format!("at {progress:.1} %, where it was last seen"),
            None => "at an unknown position".to_owned(),
        };
        self.push_step(code, format!("{} ends {position}: {why}", play.item));
        let at = play.last_seen_at;
        self.push_event(PlayEventKind::Ended, play, at);
    }

    /// Judges a play against all others of its item, and remembers when it was found to repeat one of them.
    pub fn judge(&self, play: &mut Play) -> WatchedEvaluation {
        play.earlier.previous_watch_at = self.last_watch(play).max(play.earlier.previous_watch_at);
        let judgement = evaluate(play, self.policy);
        play.earlier.repeats |= judgement.code == REPEATED_WATCH;
        judgement
    }

    /// When the viewer last watched the item in another play.
    pub fn last_watch(&self, play: &Play) -> Option<Timestamp> {
        let others = self.known().filter(|other| {
            let is_other = other.id != play.id && Some(&other.id) != play.earlier.continues.as_ref();
            is_other && !other.evidence.unwatched && other.item.is_same(&play.item)
        });
        // What a route with a lower threshold was told as watched counts too.
        let told = |other: &Play| (!other.routing.sent_to.is_empty()).then_some(other.last_seen_at);
        others.filter_map(|other| other.watched_at.or_else(|| told(other))).max()
    }

    /// Nothing to tell, but the position moves on.
    pub fn unchanged(&mut self, play: Play, what: &str) -> Verdict {
        let text = format!("{}: {what}, {}", play.item, position(&play));
        self.plays.push(play);
        self.merged(Code::NoChange, text)
    }

    pub fn merged(&mut self, code: Code, detail: String) -> Verdict {
        self.push_step(code.clone(), detail.clone());
        Verdict::new(Outcome::Merged, code, detail)
    }

    pub fn push_step(&mut self, code: Code, text: String) {
        self.steps.push(timeline::Step::new(Stage::Engine, code, text));
    }

    pub fn push_event(&mut self, change: PlayEventKind, mut play: Play, at: Timestamp) {
        if play.watched_at.is_none() {
            let judgement = self.judge(&mut play);
            if judgement.watched {
                play.watched_at = Some(at);
            }
            if judgement.watched || change == PlayEventKind::Ended {
                self.push_step(judgement.code, judgement.text);
            }
        }
        self.emit(change, play, at);
    }

    /// The same, without a judgement where it is not settled where it stays.
    pub fn emit_unjudged(&mut self, change: PlayEventKind, play: Play, at: Timestamp, is_unsettled: bool) {
        match is_unsettled {
            true => self.emit(change, play, at),
            false => self.push_event(change, play, at),
        }
    }

    fn emit(&mut self, change: PlayEventKind, play: Play, at: Timestamp) {
        self.plays.push(play.clone());
        self.events.push(PlayEvent { kind: change, play, at, source: None });
    }
}

/// The place of the play whose deadline passed first, where one has.
pub(crate) fn first_overdue(
    known: &[Cow<'_, Play>],
    as_of: &dyn Fn(&Play) -> Timestamp,
    policy: &Policy,
) -> Option<usize> {
    let overdue = known.iter().enumerate().filter_map(|(place, play)| {
        let deadline = play.expires_at(policy)?;
        (deadline < as_of(play)).then_some((deadline, &play.id, place))
    });
    overdue.min().map(|(_, _, place)| place)
}

/// Something changed, and whom it concerns is for the routes to say.
pub(crate) fn recorded(code: Code) -> Verdict {
    Verdict::new(Outcome::Recorded, code, "recorded; no route asked to be told")
}

/// The position of a play, in words.
pub(crate) fn position(play: &Play) -> String {
    match (play.progress(), play.position.ms) {
        (Some(progress), _) => format!("at {progress:.1} %"),
        (None, Some(position)) => format!("at {} s of an unknown runtime", position / 1000),
        (None, None) => "at an unknown position".to_owned(),
    }
}
