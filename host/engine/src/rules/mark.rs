//! The rules for marks by hand: as watched, and as not watched.

use crate::code::Code;
use crate::play::Play;
use crate::rules::builder::{position, recorded};
use crate::rules::playback::PlaybackRules;
use crate::timeline::Verdict;
use crate::transition::{PlayEvent, PlayEventKind};

impl PlaybackRules<'_> {
    /// The item was ticked as watched. That settles a play that is open or has just ended, else it is a watch of its own.
    pub(crate) fn mark_watched(&mut self) -> Verdict {
        let at = self.playback.at;
        let is_repeated = |play: &&Play| {
            self.is_of_item(play) && !play.evidence.unwatched && play.evidence.marked_at >= Some(at)
        };
        let repeated = self.builder.known().find(is_repeated).cloned();
        if let Some(play) = repeated {
            let text = format!("{} was marked as watched before", play.item);
            return self.builder.merged(Code::MarkRepeated, text);
        }
        let Some(before) = self.play_settled_by_mark().cloned() else {
            // What is ticked already can only be ticked again with the whole season, or after it was taken back.
            let last =
                self.last_play_of_item().filter(|last| last.watched_at.is_some() && !last.evidence.unwatched);
            if let Some(last) = last.cloned() {
                let text = format!("{} has been watched, and the mark says the same", last.item);
                self.builder.push_event(PlayEventKind::Amended, last.marked(at), at);
                return self.builder.merged(Code::FinishRepeated, text);
            }
            let mut play = self.new_play().marked(at);
            play.ended_at = Some(at);
            self.builder.push_step(Code::Marked, format!("{} was marked as watched", play.item));
            self.builder.push_event(PlayEventKind::Ended, play, at);
            return recorded(Code::Marked);
        };
        let mut play = before.clone();
        play.item.fill_from(&self.playback.item);
        play.last_seen_at = play.last_seen_at.max(at);
        play.evidence.marked_at = Some(at);
        play.origin.sources.insert(self.playback.server.source.clone());
        if before.watched_at.is_some() || before.earlier.repeats {
            let text = format!("{} has been watched, and the mark says the same", play.item);
            if before.evidence.marked || before.earlier.repeats {
                self.builder.plays.push(play);
            } else {
                // A route with a threshold of its own may be convinced only now.
                play.evidence.marked = true;
                self.builder.push_event(PlayEventKind::Amended, play, at);
            }
            return self.builder.merged(Code::FinishRepeated, text);
        }
        (play.evidence.marked, play.expired) = (true, false);
        self.builder
            .push_step(Code::Marked, format!("{} was marked as watched {}", play.item, position(&play)));
        let change = if play.is_open() { PlayEventKind::Completed } else { PlayEventKind::Amended };
        self.builder.push_event(change, play, at);
        recorded(Code::Marked)
    }

    /// The item was ticked as not watched: what was known as watched no longer is, and a next time counts anew.
    pub(crate) fn mark_unwatched(&mut self) -> Verdict {
        let at = self.playback.at;
        let known = self.builder.known().filter(|play| self.is_of_item(play));
        let was_revoked = known.clone().any(|play| play.evidence.unwatched);
        // What still plays and is no watch yet may become one.
        let stands =
            |play: &&Play| !play.evidence.unwatched && (!play.is_open() || play.watched_at.is_some());
        let mut of_item: Vec<Play> = known.filter(stands).cloned().collect();
        if of_item.is_empty() {
            if was_revoked {
                return self
                    .builder
                    .merged(Code::MarkRepeated, "it was marked as not watched before".to_owned());
            }
            of_item.push(Play { ended_at: Some(at), ..self.new_play() });
        }
        for play in &mut of_item {
            play.evidence.unwatched = true;
        }
        let play = of_item.iter().max_by_key(|play| (play.last_seen_at, &play.id)).cloned();
        let play = play.expect("a play was put in where there was none");
        self.builder.plays.append(&mut of_item);
        self.builder.push_step(Code::Unmarked, format!("{} was marked as not watched", play.item));
        self.builder.events.push(PlayEvent { kind: PlayEventKind::Unmarked, play, at, source: None });
        recorded(Code::Unmarked)
    }

    /// The last play of the item before the tick, however long ago that was.
    fn last_play_of_item(&self) -> Option<&Play> {
        let of_item = self.builder.known().filter(|play| self.matches_play(play));
        of_item.max_by_key(|play| (play.last_seen_at, &play.id))
    }

    /// The play of the item that a tick speaks of: open, or just ended. One that is a watch already needs no other.
    fn play_settled_by_mark(&self) -> Option<&Play> {
        let at = self.playback.at;
        let is_near = |play: &&Play| {
            play.ended_at.is_none_or(|end| {
                let since = at.duration_since(end);
                since < play.merge_window() && (play.started_at <= at || since.abs() < play.merge_window())
            })
        };
        let of_item = self.builder.known().filter(|play| self.matches_play(play) && !play.evidence.unwatched);
        of_item.filter(is_near).max_by_key(|play| {
            let is_watch = play.watched_at.is_some() || play.earlier.repeats;
            (is_watch, play.is_open(), play.last_seen_at, &play.id)
        })
    }
}
