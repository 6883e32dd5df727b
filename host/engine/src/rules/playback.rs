//! One report about one session, held against the plays of its viewer: the rules of the session engine.

use jiff::{SignedDuration, Timestamp};

use crate::code::Code;
use crate::model::{Completion, Playback, PlaybackState};
use crate::play::{Play, PlayId, Viewer, percent};
use crate::policy::Policy;
use crate::rules::builder::{TransitionBuilder, position, recorded};
use crate::timeline::Verdict;
use crate::transition::{PlayEvent, PlayEventKind, Transition};

/// An open play without news for this long, or for twice its runtime, is not continued by a start.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(4);
/// A player that resumes may tell of the beginning first, and is where it resumes within this time.
const RESUMES_WITHIN: SignedDuration = SignedDuration::from_mins(2);
/// A start before this point of a play that is already a watch begins a new play. Percent.
const RESTART_BEFORE: f64 = 50.0;

/// One report's turn at the plays of its viewer.
pub(crate) struct PlaybackRules<'a> {
    viewer: Viewer,
    /// The report.
    pub(crate) playback: &'a Playback,
    /// The transition so far.
    pub(crate) builder: TransitionBuilder<'a>,
    /// Whether a play that the report fits had begun by then.
    had_begun: bool,
}

impl<'a> PlaybackRules<'a> {
    /// A turn of which nothing has come yet.
    pub(crate) fn new(
        viewer: Viewer,
        known: Vec<&'a Play>,
        playback: &'a Playback,
        policy: &'a Policy,
    ) -> Self {
        let mut turn =
            Self { viewer, playback, builder: TransitionBuilder::new(known, policy), had_begun: false };
        turn.had_begun =
            turn.builder.known().any(|play| play.started_at <= playback.at && turn.matches_session(play));
        turn
    }

    /// Decides what the report means.
    pub(crate) fn apply(mut self) -> Transition {
        self.builder.close_overdue(self.playback.at);
        let verdict = self.decide();
        self.finish(verdict)
    }

    fn decide(&mut self) -> Verdict {
        if !self.ends()
            && self
                .builder
                .known()
                .any(|play| self.matches_session(play) && play.started_at > self.playback.at)
        {
            let text = "a later play of this item was already told of".to_owned();
            return self.builder.merged(Code::OutOfOrder, text);
        }
        let continued = self.continued().cloned();
        match continued {
            Some(play) if self.playback.at < play.last_seen_at && !self.ends() => self
                .builder
                .merged(Code::OutOfOrder, "a later report of this play was already taken".to_owned()),
            Some(play) if self.starts_new_play(&play) => {
                if play.is_open() {
                    self.builder.end_silent(play, Code::Restarted, "the same item was started again");
                }
                self.begin()
            }
            Some(play) => self.continue_play(play),
            None => self.start_or_amend(),
        }
    }

    /// The play that the report goes on with: the open one, else the last, where it was ended because its source fell silent.
    fn continued(&self) -> Option<&Play> {
        let mut of_session = self.builder.known().rev().filter(|play| self.matches_play(play));
        let open = of_session.clone().find(|play| play.is_open());
        open.or_else(|| of_session.next().filter(|play| play.expired))
    }

    /// Whether the report tells of an end, or of as good as one.
    fn ends(&self) -> bool {
        self.playback.state == PlaybackState::Stopped || self.playback.completion == Completion::Counted
    }

    /// Decides what it means that the report's item was ticked by hand, as watched or as not watched.
    pub(crate) fn mark(mut self, watched: bool) -> Transition {
        self.builder.close_overdue(self.playback.at);
        let verdict = if watched { self.mark_watched() } else { self.mark_unwatched() };
        self.finish(verdict)
    }

    fn finish(mut self, verdict: Verdict) -> Transition {
        self.join_source_routes();
        self.builder.finish(verdict)
    }

    /// Whether the report can speak of a play: of its item, in its session, and of no earlier time, if there was one before.
    pub(crate) fn matches_play(&self, play: &Play) -> bool {
        (play.started_at <= self.playback.at || !self.had_begun) && self.matches_session(play)
    }

    fn matches_session(&self, play: &Play) -> bool {
        self.is_of_item(play) && play.shares_session(self.playback)
    }

    /// Whether a play is of the report's item.
    pub(crate) fn is_of_item(&self, play: &Play) -> bool {
        play.item.is_same(&self.playback.item)
    }

    /// A source that tells of a play of which only others told so far has routes of its own, which have heard nothing.
    fn join_source_routes(&mut self) {
        let source = &self.playback.server.source;
        let has_joined = |play: &&Play| {
            let before = self.builder.known().find(|known| known.id == play.id);
            before.is_some_and(|before| !before.origin.sources.contains(source))
                && play.origin.sources.contains(source)
        };
        let Some(play) = self.builder.plays.iter().rev().find(has_joined).cloned() else { return };
        if self.builder.events.iter().any(|signal| signal.play.id == play.id) {
            return;
        }
        let text = format!("{source} tells of it too");
        self.builder.push_step(Code::Joined, text);
        let (at, joined) = (self.playback.at, Some(source.clone()));
        self.builder.events.push(PlayEvent { kind: PlayEventKind::Joined, play, at, source: joined });
    }

    /// An item change inside a session ends the old item where it was last seen.
    fn end_replaced(&mut self) {
        if self.playback.state == PlaybackState::Stopped {
            return;
        }
        let displaced: Vec<_> = self
            .builder
            .known()
            .filter(|play| play.is_open() && play.last_seen_at <= self.playback.at)
            .filter(|play| !self.is_of_item(play) && play.surely_shares_session(self.playback))
            .cloned()
            .collect();
        for play in displaced {
            self.builder.end_silent(play, Code::ItemChanged, "another item plays in the same session");
        }
    }

    /// Whether a report that would continue `play` begins a new one instead.
    fn starts_new_play(&self, play: &Play) -> bool {
        let playback = self.playback;
        if playback.state == PlaybackState::Stopped {
            return false;
        }
        if playback.completion == Completion::Counted {
            // Counted for a second time, so late that it must have been played again.
            // Some servers repeat it all through the credits: then there is neither a silence nor a way back.
            let again = |watched: Timestamp| {
                let last = watched.max(play.started_at).max(play.last_seen_at);
                playback.at.duration_since(last) >= play.merge_window()
                    && play.progress().is_none_or(|progress| progress < RESTART_BEFORE)
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

    fn continue_play(&mut self, mut before: Play) -> Verdict {
        let playback = self.playback;
        if before.expired && playback.state == PlaybackState::Stopped {
            return self.amend_ended(before);
        }
        self.end_replaced();
        let mut play = before.clone();
        play.absorb(playback);
        (play.expired, play.ended_at) = (false, None);
        let jump = position_jump(&before, &play, self.builder.policy);
        if self.is_delayed_resume(&before, jump) && self.resume(&mut play) {
            before.watched_at = play.watched_at;
        }
        // Whoever jumps past the credits may look for something, and jump back.
        let is_looking =
            jump.is_some_and(|jump| jump > 0.0) && self.playback.completion != Completion::Counted;
        // A clock that was set back does not make an end precede its beginning.
        let at = play.last_seen_at;
        match playback.state {
            PlaybackState::Stopped => {
                play.state = PlaybackState::Stopped;
                play.ended_at = Some(at);
                play.evidence.is_end_known =
                    play.is_steady() || playback.position_ms.is_some_and(|ms| ms > 0);
                self.builder.push_step(Code::Ended, format!("{} ended {}", play.item, position(&play)));
                self.builder.push_event(PlayEventKind::Ended, play, at);
                recorded(Code::Ended)
            }
            PlaybackState::Paused if before.state == PlaybackState::Paused => {
                if before.watched_at.is_none() && !is_looking && self.builder.judge(&mut play).watched {
                    return self.complete(play, at);
                }
                self.builder.unchanged(play, "still paused")
            }
            PlaybackState::Paused => {
                play.state = PlaybackState::Paused;
                self.builder.push_step(Code::Paused, format!("{} paused {}", play.item, position(&play)));
                self.builder.emit_unjudged(PlayEventKind::Paused, play, playback.at, is_looking);
                recorded(Code::Paused)
            }
            PlaybackState::Playing => self.update_playing(&before, play, jump, is_looking),
        }
    }

    /// It counts, and goes on.
    fn complete(&mut self, play: Play, at: Timestamp) -> Verdict {
        let text = format!("{} reached what counts as watched {}", play.item, position(&play));
        self.builder.push_step(Code::Completed, text);
        self.builder.push_event(PlayEventKind::Completed, play, at);
        recorded(Code::Completed)
    }

    /// It plays, and may have jumped. Percent.
    fn update_playing(
        &mut self,
        before: &Play,
        mut play: Play,
        jump: Option<f64>,
        is_looking: bool,
    ) -> Verdict {
        let at = play.last_seen_at;
        play.state = PlaybackState::Playing;
        let newly_complete =
            before.watched_at.is_none() && !is_looking && self.builder.judge(&mut play).watched;
        if newly_complete {
            return self.complete(play, at);
        }
        if self.playback.completion == Completion::Counted {
            return self.builder.unchanged(play, "the server had counted this play before");
        }
        if before.state != PlaybackState::Playing {
            self.builder.push_step(Code::Resumed, format!("{} resumed {}", play.item, position(&play)));
            self.builder.emit_unjudged(PlayEventKind::Resumed, play, at, is_looking);
            return recorded(Code::Resumed);
        }
        if let Some(jump) = jump {
            self.builder
                .push_step(Code::Sought, format!("{} jumped by {jump:+.1} % {}", play.item, position(&play)));
            self.builder.emit_unjudged(PlayEventKind::Sought, play, at, is_looking);
            return recorded(Code::Sought);
        }
        self.builder.unchanged(play, "still playing")
    }

    fn start_or_amend(&mut self) -> Verdict {
        let playback = self.playback;
        // Where nothing but a tick that was taken back is known, there is no end to repeat.
        let is_an_end = |play: &Play| {
            play.watched_at.is_some() || !(play.evidence.unwatched && play.has_only_end_report())
        };
        let is_recent = |play: &&Play| !play.is_open() && is_an_end(play) && self.matches_play(play);
        let recent = self.builder.known().rev().find(is_recent).cloned();
        if let Some(ended) = recent
            && let Some(since) = ended.ended_at.map(|end| playback.at.duration_since(end))
            && since < ended.merge_window()
        {
            let progress =
                playback.position_ms.zip(ended.item.runtime_ms).and_then(|(at, of)| percent(at, of));
            let trails = ended.watched_at.is_some()
                && !ended.evidence.unwatched
                && progress.is_some_and(|at| at >= self.builder.policy.watched_threshold);
            if self.ends() {
                return self.amend_ended(ended);
            }
            if !since.is_positive() {
                return self
                    .builder
                    .merged(Code::OutOfOrder, "this play has ended by a later report".to_owned());
            }
            if trails {
                return self
                    .builder
                    .merged(Code::AfterTheEnd, format!("{} has been watched to its end", ended.item));
            }
        }
        self.begin()
    }

    /// A further report of an end: the play stays ended, but the report may be better evidence than the first.
    fn amend_ended(&mut self, ended: Play) -> Verdict {
        let mut play = ended.clone();
        play.absorb(self.playback);
        let at = play.last_seen_at;
        if ended.expired {
            // It was closed for want of news; this is the first word about its end.
            (play.expired, play.ended_at) = (false, Some(at));
            self.builder.push_step(Code::Ended, format!("{} ended {}", play.item, position(&play)));
            self.builder.push_event(PlayEventKind::Ended, play, at);
            return recorded(Code::Ended);
        }
        play.position.ms = play.position.ms.max(ended.position.ms);
        if play.watched_at.is_none() && self.builder.judge(&mut play).watched {
            self.builder.push_step(
                Code::Amended,
                format!("{} had ended {}; this report proves it watched", play.item, position(&ended)),
            );
            self.builder.push_event(PlayEventKind::Amended, play, at);
            return recorded(Code::Amended);
        }
        if play.evidence.completion > ended.evidence.completion || play.position.ms > ended.position.ms {
            // A route with a threshold of its own may be convinced only now.
            self.builder.push_event(PlayEventKind::Amended, play, at);
        } else {
            self.builder.plays.push(play);
        }
        self.builder.merged(Code::FinishRepeated, format!("the end of {} was reported before", ended.item))
    }

    fn begin(&mut self) -> Verdict {
        self.end_replaced();
        let playback = self.playback;
        let mut play = self.new_play();
        self.resume(&mut play);
        play.earlier.previous_watch_at = self.builder.last_watch(&play);
        let is_over =
            self.builder.known().any(|later| self.matches_session(later) && later.started_at > playback.at);
        let (change, code) = match playback.state {
            // It comes late: another play of the item is known that began after it.
            PlaybackState::Playing | PlaybackState::Paused if is_over => {
                (play.state, play.ended_at) = (PlaybackState::Stopped, Some(playback.at));
                (PlayEventKind::Ended, Code::EndedUnseen)
            }
            PlaybackState::Stopped => {
                play.ended_at = Some(playback.at);
                if playback.position_ms == Some(0) {
                    play.position.ms = None;
                }
                (PlayEventKind::Ended, Code::EndedUnseen)
            }
            PlaybackState::Paused => (PlayEventKind::Paused, Code::PausedUnseen),
            PlaybackState::Playing if self.builder.judge(&mut play).watched => {
                (PlayEventKind::Completed, Code::CompletedUnseen)
            }
            PlaybackState::Playing => (PlayEventKind::Started, Code::Started),
        };
        let text = match change {
            PlayEventKind::Started => format!("{} started {}", play.item, position(&play)),
            _ => format!("{} {}; its start was not seen", play.item, position(&play)),
        };
        self.builder.push_step(code.clone(), text);
        self.builder.push_event(change, play, playback.at);
        recorded(code)
    }

    /// A play that begins with this report.
    pub(crate) fn new_play(&self) -> Play {
        let taken = |id: &PlayId| self.builder.known().chain(&self.builder.plays).any(|play| play.id == *id);
        Play::begin(self.viewer.clone(), self.playback, taken)
    }

    /// Whether a play has begun just now and in its first half, for all that was known of it, and has leapt from there.
    fn is_delayed_resume(&self, play: &Play, jump: Option<f64>) -> bool {
        let has_leapt = play.position.ms.is_none() || jump.is_some_and(|jump| jump > 0.0);
        has_leapt
            && play.watched_at.is_none()
            && play.routing.sent_to.is_empty()
            && play.earlier.continues.is_none()
            && self.playback.at.duration_since(play.started_at) < RESUMES_WITHIN
            && play.progress().is_none_or(|progress| progress < RESTART_BEFORE)
    }

    /// Makes a play the rest of the one that it finishes. Whether there is one.
    fn resume(&mut self, play: &mut Play) -> bool {
        let Some(last) = self.continued_play(play).cloned() else { return false };
        self.builder.push_step(
            Code::Continues,
            format!("{} goes on where it was left {}", play.item, position(&last)),
        );
        play.continue_from(&last);
        play.earlier.previous_watch_at = self.builder.last_watch(play);
        true
    }

    /// The last play of the item, where a play that begins in the second half only finishes it and somebody has been told
    /// of it as watched.
    fn continued_play(&self, play: &Play) -> Option<&Play> {
        let others = self.builder.known().chain(&self.builder.plays);
        let others = others.filter(|other| {
            other.id != play.id && !other.evidence.unwatched && other.item.is_same(&play.item)
        });
        let finishes = self.playback.state != PlaybackState::Stopped
            && play.progress().is_some_and(|progress| progress >= RESTART_BEFORE);
        others
            .max_by_key(|other| (other.last_seen_at, &other.id))
            .filter(|last| finishes && (last.watched_at.is_some() || !last.routing.sent_to.is_empty()))
    }
}

/// How far, in percent, a playing item moved beyond what the time that passed explains; absent for jitter.
fn position_jump(before: &Play, after: &Play, policy: &Policy) -> Option<f64> {
    let moved = f64::from(after.position.ms?) - f64::from(before.position.ms?);
    let passed = after.last_seen_at.duration_since(before.last_seen_at).as_secs_f64() * 1000.0;
    let jump = (moved - passed) * 100.0 / f64::from(after.item.runtime_ms.filter(|runtime| *runtime > 0)?);
    (jump.abs() > policy.regress_tolerance).then_some(jump)
}
