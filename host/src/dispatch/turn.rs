//! One report about one session, held against the plays of its viewer: the rules of the session engine.

use jiff::{SignedDuration, Timestamp};

use super::completion::{Judgement, TOO_SOON, judge};
use super::model::{Completion, Playback, PlaybackState};
use super::play::{Play, PlayId, Viewer, percent};
use super::policy::Policy;
use super::session::{Advance, Change, Signal};
use super::verdict::{self, Outcome, Stage, Verdict};

/// An open play without news for this long, or for twice its runtime, is not continued by a start.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(4);
/// A start before this point of a play that is already a watch begins a new play. Percent.
const RESTART_BEFORE: f64 = 50.0;

/// One report's turn at the plays of its viewer.
pub(super) struct Turn<'a> {
    viewer: Viewer,
    known: &'a [Play],
    playback: &'a Playback,
    policy: &'a Policy,
    plays: Vec<Play>,
    signals: Vec<Signal>,
    steps: Vec<verdict::Step>,
}

impl<'a> Turn<'a> {
    /// A turn that nothing has come of yet.
    pub(super) fn new(viewer: Viewer, known: &'a [Play], playback: &'a Playback, policy: &'a Policy) -> Self {
        Self { viewer, known, playback, policy, plays: Vec::new(), signals: Vec::new(), steps: Vec::new() }
    }

    /// Decides what the report means.
    pub(super) fn take(mut self) -> Advance {
        let item = self.playback.item.key();
        let open = self
            .known
            .iter()
            .rev()
            .find(|play| play.is_open() && play.item.key() == item && play.shares_session(self.playback));
        let verdict = match open {
            Some(play) if self.is_new_beginning(play) => {
                let play = play.clone();
                self.end_unheard(play, "restarted", "the same item was started again");
                self.begin()
            }
            Some(play) => self.carry_on(play.clone()),
            None => self.without_open_play(&item),
        };
        Advance { plays: self.plays, signals: self.signals, steps: self.steps, verdict }
    }

    /// An item change inside a session ends the old item where it was last seen.
    fn end_displaced(&mut self) {
        if self.playback.state == PlaybackState::Stopped {
            return;
        }
        let item = self.playback.item.key();
        let displaced: Vec<_> = self
            .known
            .iter()
            .filter(|play| play.is_open() && play.last_seen_at <= self.playback.at)
            .filter(|play| play.item.key() != item && play.surely_shares_session(self.playback))
            .cloned()
            .collect();
        for play in displaced {
            self.end_unheard(play, "item-changed", "another item plays in the same session");
        }
    }

    /// Ends a play of whose end nobody told.
    fn end_unheard(&mut self, mut play: Play, code: &str, why: &str) {
        play.state = PlaybackState::Stopped;
        play.ended_at = Some(play.last_seen_at);
        let position = match play.progress() {
            Some(progress) => format!("at {progress:.1} %, where it was last seen"),
            None => "at an unknown position".to_owned(),
        };
        self.step(code, format!("{} ends {position}: {why}", play.item));
        let at = play.last_seen_at;
        self.signal(Change::Ended, play, at);
    }

    /// Whether a report that would continue `play` begins a new one instead.
    fn is_new_beginning(&self, play: &Play) -> bool {
        let playback = self.playback;
        if playback.state == PlaybackState::Stopped {
            return false;
        }
        if playback.completion == Completion::Counted {
            // Counted for a second time, so late that it must have been played again.
            let again = |watched: Timestamp| {
                playback.at.duration_since(watched.max(play.started_at)) >= play.merge_window()
            };
            return play.watched_at.is_some_and(again);
        }
        let silence = playback.at.duration_since(play.last_seen_at);
        let runtime = play.item.runtime_ms.map(|runtime| SignedDuration::from_millis(i64::from(runtime)));
        if silence > runtime.map_or(FORGOTTEN_AFTER, |runtime| (runtime * 2).max(FORGOTTEN_AFTER)) {
            return true;
        }
        let progress = playback.position_ms.zip(play.item.runtime_ms).and_then(|(at, of)| percent(at, of));
        play.watched_at.is_some() && progress.is_some_and(|progress| progress < RESTART_BEFORE)
    }

    fn carry_on(&mut self, before: Play) -> Verdict {
        let playback = self.playback;
        let ends = playback.state == PlaybackState::Stopped || playback.completion == Completion::Counted;
        if playback.at < before.last_seen_at && !ends {
            return self.merged("out-of-order", "a later report of this play was already taken".to_owned());
        }
        self.end_displaced();
        let mut play = before.clone();
        play.absorb(playback);
        // A clock that was set back does not make an end precede its beginning.
        let at = play.last_seen_at;
        match playback.state {
            PlaybackState::Stopped => {
                play.state = PlaybackState::Stopped;
                play.ended_at = Some(at);
                self.step("ended", format!("{} ended {}", play.item, position(&play)));
                self.signal(Change::Ended, play, at);
                recorded("ended")
            }
            PlaybackState::Paused if before.state == PlaybackState::Paused => {
                self.unchanged(play, "still paused")
            }
            PlaybackState::Paused => {
                play.state = PlaybackState::Paused;
                self.step("paused", format!("{} paused {}", play.item, position(&play)));
                self.signal(Change::Paused, play, playback.at);
                recorded("paused")
            }
            PlaybackState::Playing => self.play_on(&before, play),
        }
    }

    fn play_on(&mut self, before: &Play, mut play: Play) -> Verdict {
        let at = play.last_seen_at;
        play.state = PlaybackState::Playing;
        let newly_complete = before.watched_at.is_none() && self.judge(&mut play).watched;
        if newly_complete {
            self.step(
                "completed",
                format!("{} reached what counts as watched {}", play.item, position(&play)),
            );
            self.signal(Change::Completed, play, at);
            return recorded("completed");
        }
        if self.playback.completion == Completion::Counted {
            return self.unchanged(play, "the server had counted this play before");
        }
        if before.state == PlaybackState::Paused {
            self.step("resumed", format!("{} resumed {}", play.item, position(&play)));
            self.signal(Change::Resumed, play, at);
            return recorded("resumed");
        }
        if let Some(jump) = jump(before, &play, self.policy) {
            self.step("sought", format!("{} jumped by {jump:+.1} % {}", play.item, position(&play)));
            self.signal(Change::Sought, play, at);
            return recorded("sought");
        }
        self.unchanged(play, "still playing")
    }

    fn without_open_play(&mut self, item: &str) -> Verdict {
        let playback = self.playback;
        let recent = self
            .known
            .iter()
            .rev()
            .find(|play| !play.is_open() && play.item.key() == item && play.shares_session(playback))
            .cloned();
        if let Some(ended) = recent
            && let Some(since) = ended.ended_at.map(|end| playback.at.duration_since(end))
            && since < ended.merge_window()
        {
            let ends = playback.state == PlaybackState::Stopped || playback.completion == Completion::Counted;
            let progress =
                playback.position_ms.zip(ended.item.runtime_ms).and_then(|(at, of)| percent(at, of));
            let trails =
                ended.watched_at.is_some() && progress.is_some_and(|at| at >= self.policy.watched_at);
            if ends {
                return self.amend(ended);
            }
            if since.is_negative() {
                return self.merged("out-of-order", "this play has ended by a later report".to_owned());
            }
            if trails {
                return self.merged("after-the-end", format!("{} has been watched to its end", ended.item));
            }
        }
        self.begin()
    }

    /// A further report of an end: the play stays ended, but the report may be better evidence than the first.
    fn amend(&mut self, ended: Play) -> Verdict {
        let mut play = ended.clone();
        play.absorb(self.playback);
        play.position_ms = play.position_ms.max(ended.position_ms);
        if play.watched_at.is_none() && self.judge(&mut play).watched {
            self.step(
                "amended",
                format!("{} had ended {}; this report proves it watched", play.item, position(&ended)),
            );
            let at = play.last_seen_at;
            self.signal(Change::Amended, play, at);
            return recorded("amended");
        }
        if play.completion > ended.completion || play.position_ms > ended.position_ms {
            // A route with a threshold of its own may be convinced only now.
            let at = play.last_seen_at;
            self.signal(Change::Amended, play, at);
        } else {
            self.plays.push(play);
        }
        self.merged("finish-repeated", format!("the end of {} was reported before", ended.item))
    }

    fn begin(&mut self) -> Verdict {
        self.end_displaced();
        let playback = self.playback;
        let taken = |id: &PlayId| self.known.iter().chain(&self.plays).any(|play| play.id == *id);
        let mut play = Play::begin(self.viewer.clone(), playback, taken);
        if let Some(last) = self.continued(&play).cloned() {
            self.step("continues", format!("{} goes on where it was left {}", play.item, position(&last)));
            play.go_on_from(&last);
        }
        play.previous_watch_at = self.last_watch(&play);
        let (change, code) = match playback.state {
            PlaybackState::Stopped => {
                play.ended_at = Some(playback.at);
                if playback.position_ms == Some(0) {
                    play.position_ms = None;
                }
                (Change::Ended, "ended-unseen")
            }
            PlaybackState::Paused => (Change::Paused, "paused-unseen"),
            PlaybackState::Playing if self.judge(&mut play).watched => {
                (Change::Completed, "completed-unseen")
            }
            PlaybackState::Playing => (Change::Started, "started"),
        };
        let text = match change {
            Change::Started => format!("{} started {}", play.item, position(&play)),
            _ => format!("{} {}; its start was not seen", play.item, position(&play)),
        };
        self.step(code, text);
        self.signal(change, play, playback.at);
        recorded(code)
    }

    /// Judges a play against all others of its item, and remembers when it was found to repeat one of them.
    fn judge(&self, play: &mut Play) -> Judgement {
        play.previous_watch_at = self.last_watch(play).max(play.previous_watch_at);
        let judgement = judge(play, self.policy);
        play.repeats |= judgement.code == TOO_SOON;
        judgement
    }

    /// When the viewer last watched the item in another play.
    fn last_watch(&self, play: &Play) -> Option<Timestamp> {
        let item = play.item.key();
        let others = self.known.iter().filter(|other| {
            other.id != play.id && Some(&other.id) != play.continues.as_ref() && other.item.key() == item
        });
        // What a route with a lower threshold was told as watched counts too.
        let told = |other: &Play| (!other.told.is_empty()).then_some(other.last_seen_at);
        others.filter_map(|other| other.watched_at.or_else(|| told(other))).max()
    }

    /// The last play of the item, where a play that begins in the second half only finishes it and somebody has been told
    /// of it as watched.
    fn continued(&self, play: &Play) -> Option<&Play> {
        let item = play.item.key();
        let others = self.known.iter().chain(&self.plays);
        let others = others.filter(|other| other.id != play.id && other.item.key() == item);
        let finishes = self.playback.state != PlaybackState::Stopped
            && play.progress().is_some_and(|progress| progress >= RESTART_BEFORE);
        others
            .max_by_key(|other| other.last_seen_at)
            .filter(|last| finishes && (last.watched_at.is_some() || !last.told.is_empty()))
    }

    /// Nothing to tell, but the position moves on.
    fn unchanged(&mut self, play: Play, what: &str) -> Verdict {
        let text = format!("{}: {what}, {}", play.item, position(&play));
        self.plays.push(play);
        self.merged("no-change", text)
    }

    fn merged(&mut self, code: &str, detail: String) -> Verdict {
        self.step(code, detail.clone());
        Verdict::new(Outcome::Merged, code, detail)
    }

    fn step(&mut self, code: &str, text: String) {
        self.steps.push(verdict::Step::new(Stage::Engine, code, text));
    }

    fn signal(&mut self, change: Change, mut play: Play, at: Timestamp) {
        if play.watched_at.is_none() {
            let judgement = self.judge(&mut play);
            if judgement.watched {
                play.watched_at = Some(at);
            }
            if judgement.watched || change == Change::Ended {
                self.step(judgement.code, judgement.text);
            }
        }
        self.plays.push(play.clone());
        self.signals.push(Signal { change, play, at });
    }
}

/// How far, in percent, a playing item moved beyond what the time that passed explains; absent for jitter.
fn jump(before: &Play, after: &Play, policy: &Policy) -> Option<f64> {
    let moved = f64::from(after.position_ms?) - f64::from(before.position_ms?);
    let passed = after.last_seen_at.duration_since(before.last_seen_at).as_secs_f64() * 1000.0;
    let jump = (moved - passed) * 100.0 / f64::from(after.item.runtime_ms.filter(|runtime| *runtime > 0)?);
    (jump.abs() > policy.regress_tolerance).then_some(jump)
}

fn recorded(code: &str) -> Verdict {
    Verdict::new(Outcome::Recorded, code, "recorded; no route asked to be told")
}

fn position(play: &Play) -> String {
    match (play.progress(), play.position_ms) {
        (Some(progress), _) => format!("at {progress:.1} %"),
        (None, Some(position)) => format!("at {} s of an unknown runtime", position / 1000),
        (None, None) => "at an unknown position".to_owned(),
    }
}
