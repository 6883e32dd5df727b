//! The rules for a server's own history, whose rows come some time after a play.

use jiff::SignedDuration;

use crate::code::Code;
use crate::model::{Completion, Playback};
use crate::play::Play;
use crate::timeline::Outcome;
use crate::transition::Transition;

/// A row of history this near to a mark, or to a reported end, is the same event.
const MARK_TOLERANCE: SignedDuration = SignedDuration::from_mins(1);
/// How long before its first report a play of unknown length may have begun.
const DEFAULT_LEAD: SignedDuration = SignedDuration::from_mins(10);

/// Places a report of a server's own history among the plays of its viewer. It is of the play in whose time it falls, wherever in it:
/// some servers note the beginning, some the end. Of what goes on it says that it counts, not that it has ended. Where it falls
/// in none, it is a play of its own, whatever came after it.
///
/// Gives the report as of the time of that play, and the plays that it may speak of; or what it means where it is known already.
pub fn placed(playback: &Playback, known: &[&Play]) -> Result<(Playback, Vec<Play>), Box<Transition>> {
    let at = playback.at;
    let is_tick = |play: &&Play| {
        let ticked =
            play.evidence.marked_at.is_some_and(|ticked| ticked.duration_since(at).abs() <= MARK_TOLERANCE);
        ticked && play.item.is_same(&playback.item)
    };
    if let Some(play) = known.iter().copied().find(is_tick) {
        let text = format!("{} was ticked by hand then, and that was told", play.item);
        return Err(Box::new(Transition::without_plays(Outcome::Merged, Code::MarkRepeated, text)));
    }
    let lead = |play: &Play| {
        let runtime = play.item.runtime_ms.map(|ms| SignedDuration::from_millis(ms.into()));
        runtime.unwrap_or(DEFAULT_LEAD)
    };
    let holds = |play: &&Play| {
        let trail = if play.is_open() { lead(play) } else { play.merge_window() };
        play.item.is_same(&playback.item)
            && play.started_at.duration_since(at) <= lead(play)
            && at.duration_since(play.last_seen_at) <= trail
    };
    let distance = |play: &&Play| {
        let (before, after) = (play.started_at.duration_since(at), at.duration_since(play.last_seen_at));
        before.max(after).max(SignedDuration::ZERO)
    };
    let own = known.iter().copied().filter(holds).min_by_key(distance);
    let mut told = playback.clone();
    if let Some(own) = own {
        told.at = at.max(own.started_at).min(own.last_seen_at.max(own.started_at));
        if own.is_open() {
            told.state = own.state;
        }
        // Servers have thresholds of their own, and count what they guess.
        if own.evidence.is_end_known
            && own.ended_at.is_some_and(|ended| at.duration_since(ended) <= MARK_TOLERANCE)
        {
            told.completion = Completion::None;
        }
    }
    // What began later is of no concern, and neither is what goes on, unless it is the one. Where a viewing was split, as between two
    // devices, the row may be of the other part.
    let is_seen = |play: &&Play| {
        own.is_some_and(|own| own.id == play.id)
            || (!play.is_open() && (play.started_at <= told.at || holds(play)))
    };
    let seen: Vec<Play> = known.iter().copied().filter(is_seen).cloned().collect();
    Ok((told, seen))
}
