//! The plays that are known, and what a report changes of them.
//!
//! [`SessionState::transition`] is a function of what is known, one report and the policy. It changes nothing; the change
//! comes back as a [`Transition`], whose plays [`SessionState::apply`] takes over once they have been stored.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::code::Code;
use crate::model::{
    Completion, Content, Item, ItemKind, Marked, Playback, PlaybackState, Player, Rated, Report, Server,
    User, folds_to, normalize,
};
use crate::play::{Play, Viewer};
use crate::policy::Policy;
use crate::rules::builder::{TransitionBuilder, first_overdue, recorded};
use crate::rules::content::{position_of_something_else, reject_content};
use crate::rules::history;
use crate::rules::playback::PlaybackRules;
use crate::server_plays::ServerPlays;
use crate::timeline;
use crate::timeline::{Outcome, Stage};
use crate::transition::{Rating, Transition};
use crate::viewer_plays::{MIN_ENDED_PLAYS, ViewerPlays};

/// The same rating of the same item is told again after this only.
pub const RATING_REPEAT_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// All plays that still matter: the open ones, and those that ended recently; and recent ratings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionState {
    servers: HashMap<String, ServerPlays>,
    ratings: HashMap<Viewer, Vec<Rated>>,
}

impl SessionState {
    /// Restores what is known from what was stored, in any order.
    pub fn restore(plays: impl IntoIterator<Item = Play>, ratings: impl IntoIterator<Item = Rating>) -> Self {
        let mut sessions = Self::default();
        sessions.apply(plays);
        let mut ratings: Vec<Rating> = ratings.into_iter().collect();
        ratings.sort_by_key(|rating| rating.rated.at);
        sessions.apply_ratings(ratings);
        sessions
    }

    /// The transition of a row of a server's own history.
    pub fn transition_from_history(&self, playback: &Playback, policy: &Policy) -> Transition {
        let Some(viewer) = self.resolve_viewer(&playback.server, &playback.user) else {
            return self.playback(playback, policy);
        };
        match history::placed(playback, &self.concerned_by(&viewer, playback, policy)) {
            Err(transition) => *transition,
            Ok((playback, plays)) => Self::of(plays).playback(&playback, policy),
        }
    }

    /// Nothing but some plays, however many there are.
    pub(crate) fn of(plays: Vec<Play>) -> Self {
        let mut state = Self::default();
        for play in plays {
            state.server(&play.viewer.server.clone()).put_without_limit(play);
        }
        state
    }

    fn server(&mut self, id: &str) -> &mut ServerPlays {
        if !self.servers.contains_key(id) {
            self.servers.insert(id.to_owned(), ServerPlays::default());
        }
        self.servers.get_mut(id).expect("the server was put in where there was none")
    }

    /// The plays that are going on.
    pub fn open(&self) -> impl Iterator<Item = &Play> {
        self.servers.values().flat_map(ServerPlays::open)
    }

    /// All plays that are remembered.
    pub fn all(&self) -> impl Iterator<Item = &Play> {
        self.servers.values().flat_map(|server| server.viewers().flat_map(ViewerPlays::all))
    }

    /// Takes over plays that [`transition`](Self::transition) returned.
    pub fn apply(&mut self, plays: impl IntoIterator<Item = Play>) {
        for play in plays {
            self.server(&play.viewer.server.clone()).put(play);
        }
    }

    /// Takes over ratings that [`transition`](Self::transition) returned.
    pub fn apply_ratings(&mut self, ratings: impl IntoIterator<Item = Rating>) {
        for Rating { viewer, rated, .. } in ratings {
            let known = self.ratings.entry(viewer).or_default();
            known.retain(|other| !other.item.is_same(&rated.item));
            known.push(rated);
            if known.len() > MIN_ENDED_PLAYS {
                known.remove(0);
            }
        }
    }

    /// The state of one user of a server with older plays from the store, for reports about a past that is forgotten here. A user with
    /// the same name counts as the same user.
    pub fn with_past_plays(&self, server: &Server, user: &User, more: Vec<Play>) -> Self {
        let name = user.name.as_deref().map(normalize).filter(|name| !name.is_empty());
        let is_meant = |viewer: &str, last: &User| {
            let same_name = || {
                let last = last.name.as_deref();
                name.as_deref().zip(last).is_some_and(|(name, last)| folds_to(last, name))
            };
            let same_id = || user.id.is_some() && last.id == user.id;
            // Whose it is that names nobody is asked of everybody.
            user.key().is_none_or(|key| viewer == key) || same_id() || same_name()
        };
        let mut wide = Self::default();
        if let Some(known) = self.servers.get(&server.id) {
            let named = user.key().map(|key| known.named(key, user.id.as_deref(), name.as_deref()));
            wide.servers.insert(server.id.clone(), known.only(named.as_ref()));
        }
        for play in more.into_iter().filter(|play| is_meant(&play.viewer.user, &play.user)) {
            let server = wide.server(&play.viewer.server.clone());
            if server.viewer(&play.viewer.user).is_none_or(|known| !known.contains(&play.id)) {
                server.put_without_limit(play);
            }
        }
        wide
    }

    /// The transitions of a part of a report: one for each play that is no longer listed, and one for the part.
    pub fn transitions(&self, part: &Report, policy: &Policy) -> Vec<Transition> {
        let mut transitions = match part {
            Report::Snapshot { server, sessions, at } => self.end_unlisted(server, sessions, *at, policy),
            _ => Vec::new(),
        };
        transitions.push(self.transition(part, policy));
        transitions
    }

    /// The transition of a report.
    pub fn transition(&self, report: &Report, policy: &Policy) -> Transition {
        match report {
            Report::Playback(playback) => self.playback(playback, policy),
            Report::Marked(marked) => self.on_marked(marked, policy),
            Report::Rated(rated) => self.on_rated(rated),
            Report::ConnectionLost { source, at } => self.mark_disconnected(source, *at, policy),
            Report::Ignored { code, detail } => {
                Transition::without_plays(Outcome::Ignored, Code::parse(code), detail.clone())
            }
            // What is on it is told of one by one, and what is not by `vanished`.
            Report::Snapshot { sessions, .. } => Transition::without_plays(
                Outcome::Merged,
                Code::NoChange,
                match sessions.len() {
                    0 => "nothing is playing".to_owned(),
                    1 => "1 session, as it was".to_owned(),
                    several => format!("{several} sessions, as they were"),
                },
            ),
        }
    }

    /// Closes what has been silent for too long, as of a time for each play: a transition for each.
    pub fn close_expired(&self, as_of: &dyn Fn(&Play) -> Timestamp, policy: &Policy) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let is_overdue = |play: &Play| play.expires_at(policy).is_some_and(|end| end < as_of(play));
        for viewer in self.servers.values().flat_map(ServerPlays::viewers_with_open) {
            if !viewer.open().any(is_overdue) {
                continue;
            }
            // One after the other: what one is found to be decides what the next repeats.
            let mut known: Vec<Cow<'_, Play>> = viewer.all().into_iter().map(Cow::Borrowed).collect();
            while let Some(place) = first_overdue(&known, as_of, policy) {
                let mut builder = TransitionBuilder::of(known.clone(), policy);
                let closed = builder.close_expired_play(known[place].clone().into_owned());
                transitions.push(builder.finish(recorded(Code::Stale)));
                known[place] = Cow::Owned(closed);
            }
        }
        transitions
    }

    /// Ends what a list of all sessions of a server no longer has, where it was last seen: a transition for each. Only what was
    /// on such a list before can be missed on it.
    pub fn end_unlisted(
        &self,
        server: &Server,
        listed: &[Playback],
        at: Timestamp,
        policy: &Policy,
    ) -> Vec<Transition> {
        let is_listed = |play: &Play| {
            listed.iter().any(|playback| {
                let same_user = match self.resolve_viewer(&playback.server, &playback.user) {
                    Some(theirs) => theirs == play.viewer,
                    None => true,
                };
                same_user && play.item.is_same(&playback.item) && play.shares_session(playback)
            })
        };
        let mut transitions = Vec::new();
        for known in self.servers.get(&server.id).into_iter().flat_map(ServerPlays::viewers_with_open) {
            let missed = known.open().filter(|play| {
                play.origin.listed_by.contains(&server.source) && play.last_seen_at <= at && !is_listed(play)
            });
            for play in missed {
                let mut builder = TransitionBuilder::new(known.of_same_item(play), policy);
                builder.end_silent(play.clone(), Code::Vanished, "the server no longer lists it");
                transitions.push(builder.finish(recorded(Code::Vanished)));
            }
        }
        transitions.sort_by(|one, other| one.plays[0].id.cmp(&other.plays[0].id));
        transitions
    }

    /// Nobody has listened for a while: whatever was on a list may have gone on unseen.
    pub fn mark_all_disconnected(&mut self) {
        let listed = self.open().filter(|play| play.disconnected == play.origin.listed_by.is_empty());
        let changed: Vec<Play> =
            listed.map(|play| Play { disconnected: !play.disconnected, ..play.clone() }).collect();
        self.apply(changed);
    }

    /// A source's list is no longer heard: what was on it, and has not been silent for too long already, may go on unseen.
    fn mark_disconnected(&self, source: &str, at: Timestamp, policy: &Policy) -> Transition {
        let is_lost = |play: &&Play| {
            play.is_open()
                && play.origin.listed_by.contains(source)
                && play.expires_at(policy).is_none_or(|deadline| deadline >= at)
        };
        let lost = self.all().filter(is_lost).map(|play| Play { disconnected: true, ..play.clone() });
        let mut plays: Vec<Play> = lost.collect();
        plays.sort_by(|one, other| one.id.cmp(&other.id));
        let titles: Vec<String> = plays.iter().map(|play| format!("{} ({})", play.item, play.user)).collect();
        let (outcome, code, text) = match titles.is_empty() {
            true => (Outcome::Merged, Code::NoChange, format!("nothing that {source} listed plays")),
            false => (Outcome::Recorded, Code::Unheard, format!("may go on unseen: {}", titles.join(", "))),
        };
        Transition { plays, ..Transition::without_plays(outcome, code, text) }
    }

    pub(crate) fn playback(&self, playback: &Playback, policy: &Policy) -> Transition {
        if let Some(refusal) = reject_content(playback, policy) {
            return Transition::without_plays(refusal.outcome, refusal.code, refusal.detail);
        }
        if let Some(position) = position_of_something_else(playback) {
            let without = Playback { position_ms: None, ..playback.clone() };
            let mut transition = self.playback(&without, policy);
            let text = format!(
                "a position of {} s is far beyond the end of {}, and belongs to something else",
                position / 1000,
                playback.item
            );
            transition.steps.insert(0, timeline::Step::new(Stage::Engine, Code::PositionBeyondEnd, text));
            return transition;
        }
        if let Some(viewer) = self.resolve_viewer(&playback.server, &playback.user) {
            let known = self.concerned_by(&viewer, playback, policy);
            return PlaybackRules::new(viewer, known, playback, policy).apply();
        }
        let Some(viewer) = self.infer_single_viewer(playback) else { return no_user(&playback.item) };
        let known = self.concerned_by(viewer, playback, policy);
        let mut transition = PlaybackRules::new(viewer.clone(), known, playback, policy).apply();
        let text = format!("the server named no user; only {} plays this there", viewer.user);
        transition.steps.insert(0, timeline::Step::new(Stage::Engine, Code::UserInferred, text));
        transition
    }

    fn on_marked(&self, marked: &Marked, policy: &Policy) -> Transition {
        let Marked { server, user, item, watched, library, paths, at } = marked.clone();
        if !matches!(item.kind, ItemKind::Movie(_) | ItemKind::Episode(_)) {
            let text = format!("{item} is not a movie or an episode; its episodes are reported one by one");
            return Transition::without_plays(Outcome::Ignored, Code::MediaKind, text);
        }
        let Some(viewer) = self.resolve_viewer(&server, &user) else { return no_user(&item) };
        let playback = Playback {
            server,
            user,
            player: Player::default(),
            session: None,
            item,
            state: PlaybackState::Stopped,
            position_ms: None,
            completion: Completion::None,
            is_unmeasured: false,
            from_session_list: false,
            credits_start_ms: None,
            content: Content::OnDemand,
            library,
            paths,
            at,
        };
        let known = self.concerned_by(&viewer, &playback, policy);
        PlaybackRules::new(viewer, known, &playback, policy).mark(watched)
    }

    fn on_rated(&self, rated: &Rated) -> Transition {
        let Some(viewer) = self.resolve_viewer(&rated.server, &rated.user) else {
            return no_user(&rated.item);
        };
        let text = match rated.rating {
            Some(rating) => format!("{} rated {} with {rating}", rated.user, rated.item),
            None => format!("{} took the rating of {} back", rated.user, rated.item),
        };
        let known = self.ratings.get(&viewer).into_iter().flatten().rev();
        let before = known.into_iter().find(|known| known.item.is_same(&rated.item));
        if let Some(before) = before {
            let since = rated.at.duration_since(before.at);
            if since.is_negative() {
                return Transition::without_plays(
                    Outcome::Merged,
                    Code::OutOfOrder,
                    format!("{text}; a later rating is known"),
                );
            }
            if since < RATING_REPEAT_INTERVAL && before.rating == rated.rating {
                return Transition::without_plays(
                    Outcome::Merged,
                    Code::RatingRepeated,
                    format!("{text}, as before"),
                );
            }
        }
        let rating = Some(Rating { viewer, rated: rated.clone(), reported_by: 0, held: false });
        Transition { rating, ..Transition::without_plays(Outcome::Recorded, Code::Rating, text) }
    }

    /// The plays of a viewer that the rules may ask of for a report.
    fn concerned_by(&self, viewer: &Viewer, playback: &Playback, policy: &Policy) -> Vec<&Play> {
        let plays = self.servers.get(&viewer.server).and_then(|server| server.viewer(&viewer.user));
        plays.map(|plays| plays.concerned_by(playback, policy)).unwrap_or_default()
    }

    /// The viewer of a report. Some forms of a webhook have the user's id and some only the name: a name without an id is that
    /// of the one user of the server who is known by it.
    pub(crate) fn resolve_viewer(&self, server: &Server, user: &User) -> Option<Viewer> {
        let on_server = |key: &str| Viewer { server: server.id.clone(), user: key.to_owned() };
        let key = user.key()?;
        let viewer = on_server(key);
        let Some(known) = self.servers.get(&server.id) else { return Some(viewer) };
        if known.viewer(key).is_some() {
            return Some(viewer);
        }
        let Some(name) = user.name.as_deref().map(normalize).filter(|name| !name.is_empty()) else {
            return Some(viewer);
        };
        let is_namesake = |last: &User| {
            let same_id = user.id.is_some() && user.id == last.id;
            let one_has_no_id =
                user.id.is_none() || last.id.is_none() || user.has_local_id != last.has_local_id;
            same_id || (one_has_no_id && last.name.as_deref().map(normalize).as_ref() == Some(&name))
        };
        let named = known.named(key, user.id.as_deref(), Some(&name));
        let mut namesakes = named.into_iter().filter(|viewer| {
            known.viewer(viewer).and_then(ViewerPlays::last).is_some_and(|last| is_namesake(&last.user))
        });
        match (namesakes.next(), namesakes.next()) {
            (Some(known), None) => Some(on_server(known)),
            _ => Some(viewer),
        }
    }

    /// The viewer of the one open play on the server that a report without a user can speak of.
    fn infer_single_viewer(&self, playback: &Playback) -> Option<&Viewer> {
        let says_nothing = playback.session.is_none() && playback.player.id.is_none();
        let open = self.servers.get(&playback.server.id).into_iter().flat_map(ServerPlays::open);
        let mut viewers: Vec<&Viewer> = open
            .filter(|play| play.item.is_same(&playback.item))
            .filter(|play| says_nothing || play.surely_shares_session(playback))
            .map(|play| &play.viewer)
            .collect();
        viewers.dedup();
        match viewers.as_slice() {
            [viewer] => Some(viewer),
            _ => None,
        }
    }
}

fn no_user(item: &Item) -> Transition {
    Transition::without_plays(Outcome::Held, Code::NoUser, format!("the server named no user for {item}"))
}
