//! The plays of one viewer, found by what a report says.
//!
//! A report is held against few of them: those of its item, those that play in its session, and those that should have ended. So its cost does
//! not grow with what else its viewer has watched.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::model::Playback;
use crate::play::{Play, PlayId};
use crate::policy::Policy;

/// The engine keeps this many ended plays of a viewer, whatever their age: by them it tells a repeated finish from a new play.
pub(crate) const MIN_ENDED_PLAYS: usize = 32;
/// It keeps more of them for this long: a person may mark a whole series as watched.
const ENDED_PLAY_RETENTION: SignedDuration = SignedDuration::from_hours(6);
/// It never keeps more ended plays of a viewer than this.
const MAX_ENDED_PLAYS: usize = 400;

/// The plays of one viewer that still matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct ViewerPlays {
    open: BTreeSet<Seen>,
    ended: BTreeSet<Seen>,
    by_id: HashMap<PlayId, Seen>,
    /// By the server's key of the item, those that have one.
    by_item: HashMap<String, BTreeSet<Seen>>,
    without_item_key: BTreeSet<Seen>,
    open_by_session: HashMap<SessionKey, BTreeSet<Seen>>,
}

/// A play, in the order in which plays were last seen.
#[derive(Clone, Debug)]
struct Seen(Arc<Play>);

/// What open plays are found by where another item begins in their session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum SessionKey {
    Player(String),
    Session(String),
    Nameless,
}

impl SessionKey {
    /// The keys of a player and a session. Where [`Play::surely_shares_session`] holds, one key is the same.
    fn of(player: Option<&String>, session: Option<&String>) -> Vec<Self> {
        let named = player.cloned().map(Self::Player).into_iter().chain(session.cloned().map(Self::Session));
        let keys: Vec<Self> = named.collect();
        if keys.is_empty() { vec![Self::Nameless] } else { keys }
    }
}

impl Seen {
    fn key(&self) -> (Timestamp, &PlayId) {
        (self.0.last_seen_at, &self.0.id)
    }
}

impl PartialEq for Seen {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Seen {}

impl PartialOrd for Seen {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Seen {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialEq for ViewerPlays {
    fn eq(&self, other: &Self) -> bool {
        self.all() == other.all()
    }
}

impl ViewerPlays {
    /// The plays that are going on, the last seen last.
    pub fn open(&self) -> impl Iterator<Item = &Play> {
        self.open.iter().map(|seen| &*seen.0)
    }

    /// All plays, the last seen last. Always in this order, so that a restored state decides as the one before did.
    pub fn all(&self) -> Vec<&Play> {
        let mut all: Vec<&Seen> = self.open.iter().chain(&self.ended).collect();
        all.sort_unstable();
        all.into_iter().map(|seen| &*seen.0).collect()
    }

    /// The play that was last seen.
    pub fn last(&self) -> Option<&Play> {
        self.open.last().max(self.ended.last()).map(|seen| &*seen.0)
    }

    /// Whether there is a play with an id.
    pub fn contains(&self, id: &PlayId) -> bool {
        self.by_id.contains_key(id)
    }

    /// Takes a play over, in place of what was known of it. The oldest of those that ended are left out, as long as there are too many.
    pub fn put(&mut self, play: Play) {
        self.put_all([play]);
        while self.ended.len() > MIN_ENDED_PLAYS {
            let (Some(oldest), Some(newest)) = (self.ended.first().cloned(), self.last()) else { return };
            let age = newest.last_seen_at.duration_since(oldest.0.last_seen_at);
            if age < ENDED_PLAY_RETENTION && self.ended.len() <= MAX_ENDED_PLAYS {
                return;
            }
            self.remove(&oldest.0.id);
        }
    }

    /// Takes plays over, however many there are then.
    pub fn put_all(&mut self, plays: impl IntoIterator<Item = Play>) {
        for play in plays {
            self.remove(&play.id);
            let seen = Seen(Arc::new(play));
            self.by_id.insert(seen.0.id.clone(), seen.clone());
            match &seen.0.item.server_ref {
                Some(item) => self.by_item.entry(item.clone()).or_default().insert(seen.clone()),
                None => self.without_item_key.insert(seen.clone()),
            };
            if !seen.0.is_open() {
                self.ended.insert(seen);
                continue;
            }
            for key in SessionKey::of(seen.0.player.id.as_ref(), seen.0.session.as_ref()) {
                self.open_by_session.entry(key).or_default().insert(seen.clone());
            }
            self.open.insert(seen);
        }
    }

    fn remove(&mut self, id: &PlayId) {
        let Some(seen) = self.by_id.remove(id) else { return };
        self.open.remove(&seen);
        self.ended.remove(&seen);
        self.without_item_key.remove(&seen);
        if let Some(item) = &seen.0.item.server_ref
            && let Some(of_item) = self.by_item.get_mut(item)
        {
            of_item.remove(&seen);
            if of_item.is_empty() {
                self.by_item.remove(item);
            }
        }
        if !seen.0.is_open() {
            return;
        }
        for key in SessionKey::of(seen.0.player.id.as_ref(), seen.0.session.as_ref()) {
            if let Some(of_session) = self.open_by_session.get_mut(&key) {
                of_session.remove(&seen);
                if of_session.is_empty() {
                    self.open_by_session.remove(&key);
                }
            }
        }
    }

    /// The plays that the rules may ask of for a report, the last seen last: those of its item, those that are open in its session or should have
    /// ended by then, and those of the items of these.
    pub fn concerned_by(&self, playback: &Playback, policy: &Policy) -> Vec<&Play> {
        let mut ending: BTreeSet<&Seen> = BTreeSet::new();
        for key in SessionKey::of(playback.player.id.as_ref(), playback.session.as_ref()) {
            ending.extend(self.open_by_session.get(&key).into_iter().flatten());
        }
        let may_be_overdue = |seen: &&Seen| {
            seen.0.last_seen_at.checked_add(Play::shortest_silence(policy)).is_ok_and(|end| end < playback.at)
        };
        ending.extend(self.open.iter().take_while(may_be_overdue));
        let items = ending.iter().map(|seen| seen.0.item.server_ref.as_ref());
        let of_items = self.of_items(items.chain([playback.item.server_ref.as_ref()]));
        match of_items {
            Some(of_items) => ending.union(&of_items).map(|seen| &*seen.0).collect(),
            None => self.all(),
        }
    }

    /// The plays that may be of the item of one of them, the last seen last.
    pub fn of_same_item(&self, play: &Play) -> Vec<&Play> {
        match self.of_items([play.item.server_ref.as_ref()]) {
            Some(of_item) => of_item.into_iter().map(|seen| &*seen.0).collect(),
            None => self.all(),
        }
    }

    /// The plays that may be of some items, by the server's keys of these. Absent where an item has no key: it may be that of any play.
    fn of_items<'a>(&self, keys: impl IntoIterator<Item = Option<&'a String>>) -> Option<BTreeSet<&Seen>> {
        let mut found: BTreeSet<&Seen> = self.without_item_key.iter().collect();
        for key in keys {
            found.extend(self.by_item.get(key?).into_iter().flatten());
        }
        Some(found)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Completion, Content, Item, ItemKind, Movie, PlaybackState, Player, Server, User};
    use crate::play::Viewer;
    use crate::rules::playback::PlaybackRules;

    /// A report: which film and whether it has the server's key, on which player and in which session, how it stands, where, how long after the last.
    type Line = (u8, bool, Option<u8>, Option<u8>, u8, u32, i64);

    fn lines() -> impl Strategy<Value = Vec<Line>> {
        let name = || proptest::option::of(0..3_u8);
        let later = prop_oneof![4 => 0..120_i64, 2 => 120..4_000_i64, 1 => 4_000..200_000_i64];
        let line = (0..4_u8, any::<bool>(), name(), name(), 0..4_u8, 0..120_u32, later);
        proptest::collection::vec(line, 1..60)
    }

    fn report((film, has_key, player, session, state, minute, _): &Line, at: Timestamp) -> Playback {
        let movie = Movie { title: format!("Film {film}"), ..Movie::default() };
        let (state, completion) = match state {
            0 => (PlaybackState::Playing, Completion::None),
            1 => (PlaybackState::Paused, Completion::None),
            2 => (PlaybackState::Stopped, Completion::None),
            _ => (PlaybackState::Playing, Completion::Counted),
        };
        Playback {
            server: Server { id: "attic".to_owned(), name: None, source: "home".to_owned() },
            user: User { id: Some("1".to_owned()), ..User::default() },
            player: Player { id: player.map(|player| player.to_string()), name: None, product: None },
            session: session.map(|session| session.to_string()),
            item: Item {
                server_ref: has_key.then(|| film.to_string()),
                runtime_ms: Some(7_200_000),
                ..Item::of(ItemKind::Movie(movie))
            },
            state,
            position_ms: Some(minute * 60_000),
            completion,
            is_unmeasured: false,
            from_session_list: false,
            credits_start_ms: None,
            content: Content::OnDemand,
            library: None,
            paths: Vec::new(),
            at,
        }
    }

    proptest! {
        /// The rules decide by the plays that a report concerns as they do by all of the viewer's.
        #[test]
        fn the_other_plays_decide_nothing(lines in lines()) {
            let viewer = Viewer { server: "attic".to_owned(), user: "1".to_owned() };
            let policy = Policy::default();
            let mut plays = ViewerPlays::default();
            let mut at = Timestamp::UNIX_EPOCH;
            for line in &lines {
                at += SignedDuration::from_secs(line.6);
                let playback = report(line, at);
                let by = |known| PlaybackRules::new(viewer.clone(), known, &playback, &policy).apply();
                let transition = by(plays.concerned_by(&playback, &policy));
                prop_assert_eq!(&transition, &by(plays.all()));
                for watched in [true, false] {
                    let by = |known| PlaybackRules::new(viewer.clone(), known, &playback, &policy).mark(watched);
                    prop_assert_eq!(by(plays.concerned_by(&playback, &policy)), by(plays.all()));
                }
                transition.plays.into_iter().for_each(|play| plays.put(play));
            }
        }

        /// Each play is found in all the ways in which it can be, and in no other.
        #[test]
        fn what_is_listed_is_what_is_known(lines in lines()) {
            let viewer = Viewer { server: "attic".to_owned(), user: "1".to_owned() };
            let mut plays = ViewerPlays::default();
            let mut at = Timestamp::UNIX_EPOCH;
            for line in &lines {
                at += SignedDuration::from_secs(line.6);
                let playback = report(line, at);
                let known = plays.concerned_by(&playback, &Policy::default());
                let transition = PlaybackRules::new(viewer.clone(), known, &playback, &Policy::default()).apply();
                transition.plays.into_iter().for_each(|play| plays.put(play));
                let all: Vec<Play> = plays.all().into_iter().cloned().collect();
                let mut anew = ViewerPlays::default();
                anew.put_all(all.clone());
                prop_assert_eq!(anew.by_item, plays.by_item.clone());
                prop_assert_eq!(anew.without_item_key, plays.without_item_key.clone());
                prop_assert_eq!(anew.open_by_session, plays.open_by_session.clone());
                prop_assert_eq!(plays.open().count(), all.iter().filter(|play| play.is_open()).count());
                prop_assert_eq!(plays.last(), all.last());
            }
        }
    }
}
