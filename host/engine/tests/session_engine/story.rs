//! Stories in short, and the engine that they are told to.

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::model::{
    Completion, Content, Item, ItemKind, Marked, Movie, Playback, PlaybackState, Player, Report, Server, User,
};
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::Routing;
use playrelay_engine::routing::filter::Filters;
use playrelay_engine::routing::route::{Route, UnsupportedActions, UserRule, WatchlistRemoval};
use playrelay_engine::routing::users::UserAssignments;
use playrelay_engine::state::SessionState;
use playrelay_engine::timeline::Outcome;
use playrelay_engine::transition::Transition;

/// Two hours. Ms.
pub const RUNTIME: u32 = 7_200_000;

/// One report of a story: when, by whom, of what, on what, and what.
#[derive(Clone, Debug)]
pub struct Told {
    /// Seconds since the one before.
    pub after: i64,
    pub server: &'static str,
    pub user: &'static str,
    pub item: &'static str,
    pub player: &'static str,
    pub what: What,
    /// Percent.
    pub position: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    Play,
    Pause,
    Stop,
    Counted,
    /// A stop that the server calls complete.
    Claimed,
    Mark,
    Unmark,
}

pub fn report(told: &Told, at: Timestamp) -> Report {
    let (state, completion) = match told.what {
        What::Play => (PlaybackState::Playing, Completion::None),
        What::Pause => (PlaybackState::Paused, Completion::None),
        What::Stop | What::Mark | What::Unmark => (PlaybackState::Stopped, Completion::None),
        What::Counted => (PlaybackState::Playing, Completion::Counted),
        What::Claimed => (PlaybackState::Stopped, Completion::Claimed),
    };
    let kind = ItemKind::Movie(Movie { title: told.item.to_owned(), ..Movie::default() });
    let server = Server { id: told.server.to_owned(), name: None, source: "source".to_owned() };
    let user = User { name: Some(told.user.to_owned()), ..User::default() };
    let item = Item {
        kind,
        server_ref: Some(told.item.to_owned()),
        server_show_ref: None,
        runtime_ms: Some(RUNTIME),
        ext: vec![],
    };
    if matches!(told.what, What::Mark | What::Unmark) {
        let watched = told.what == What::Mark;
        return Report::Marked(Marked { server, user, item, watched, library: None, paths: vec![], at });
    }
    Report::Playback(Playback {
        server,
        user,
        player: Player { id: Some(told.player.to_owned()), ..Player::default() },
        session: None,
        item,
        state,
        position_ms: told.position.map(|percent| RUNTIME / 100 * percent),
        completion,
        is_unmeasured: false,
        from_session_list: false,
        // One item has a marker.
        credits_start_ms: (told.item == "D").then_some(RUNTIME / 100 * 95),
        content: Content::OnDemand,
        library: None,
        paths: vec![],
        at,
    })
}

pub fn route() -> Route {
    Route {
        source: "source".to_owned(),
        tracker: "tracker".to_owned(),
        users: vec![UserRule::Everybody],
        filters: Filters::default(),
        ratings: false,
        marks: true,
        unwatched: true,
        removal: WatchlistRemoval::default(),
        policy: Policy::default(),
        untaken: UnsupportedActions::default(),
    }
}

pub fn routing(routes: Vec<Route>) -> Routing {
    Routing { routes, people: UserAssignments::default() }
}

/// The engine with one route, and everything that it told.
#[derive(Clone, Default)]
pub struct Run {
    pub sessions: SessionState,
    pub events: Vec<TrackerEvent>,
    pub outcomes: Vec<Outcome>,
}

impl Run {
    pub fn tell(&mut self, told: &Told, at: Timestamp) {
        self.hear(&report(told, at));
    }

    pub fn hear(&mut self, report: &Report) {
        let advance = self.sessions.transition(report, &Policy::default());
        self.outcomes.push(advance.verdict.outcome);
        self.take(advance);
    }

    pub fn take(&mut self, mut advance: Transition) {
        self.events.extend(routing(vec![route()]).plan(&mut advance).events);
        self.sessions.apply(advance.plays);
        self.sessions.apply_ratings(advance.rating);
    }

    /// Looks at the clock, without a report.
    pub fn look(&mut self, now: Timestamp) {
        for advance in self.sessions.close_expired(&|_| now, &Policy::default()) {
            self.take(advance);
        }
    }

    /// Stops, and starts from what was stored.
    pub fn restart(&mut self) {
        let plays = self.sessions.all().map(|play| serde_json::to_string(play).unwrap());
        let plays: Vec<_> = plays.map(|text| serde_json::from_str(&text).unwrap()).collect();
        self.sessions = SessionState::restore(plays, []);
    }

    pub fn watches(&self) -> Vec<(&str, Timestamp)> {
        let watched = self.events.iter().filter(|event| matches!(event.action, Action::Watched(_)));
        watched.map(|event| (event.item.server_ref.as_deref().unwrap(), event.at)).collect()
    }
}

pub fn times(story: &[Told]) -> Vec<Timestamp> {
    let mut now: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
    let advance = |told: &Told| {
        now += SignedDuration::from_secs(told.after);
        now
    };
    story.iter().map(advance).collect()
}

pub fn run(story: &[Told]) -> Run {
    let mut run = Run::default();
    for (told, at) in story.iter().zip(times(story)) {
        run.tell(told, at);
    }
    run
}

pub fn told(after: i64, item: &'static str, what: What, position: Option<u32>) -> Told {
    Told { after, server: "server", user: "sean", item, player: "tv", what, position }
}

/// The same on another player.
pub fn on(player: &'static str, told: Told) -> Told {
    Told { player, ..told }
}

/// What a tracker is told, as `action@percent item`.
pub fn words(run: &Run) -> Vec<String> {
    let word = |event: &TrackerEvent| match event.action {
        Action::Playing(at) => format!("playing@{at:.0} {}", event.item),
        Action::Paused(at) => format!("paused@{at:.0} {}", event.item),
        Action::Stopped(at) => format!("stopped@{at:.0} {}", event.item),
        Action::Watched(at) => format!("watched@{at:.0} {}", event.item),
        Action::Unwatched => format!("unwatched {}", event.item),
        other => format!("{other:?} {}", event.item),
    };
    run.events.iter().map(word).collect()
}
