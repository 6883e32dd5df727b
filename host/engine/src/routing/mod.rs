//! Routes: which events are sent to which tracker.

pub mod filter;
pub mod route;
pub mod users;

use std::borrow::Cow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::code::Code;
use crate::event::{Action, TrackerEvent};
use crate::model::{Content, PlaybackState, Rated, User};
use crate::play::{Play, PlayId, Viewer};
use crate::routing::filter::FilterSubject;
use crate::routing::route::Route;
use crate::routing::users::{UserAssignments, UserDecision};
use crate::rules::watched::evaluate;
use crate::timeline::{Outcome, Rejection, Stage, Step, Verdict};
use crate::transition::{PlayEvent, PlayEventKind, Rating, Transition};

/// All routes, and what a person has said of users that none of them names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routing {
    /// In the order of the configuration.
    pub routes: Vec<Route>,
    /// Decisions about users without a route.
    pub people: UserAssignments,
}

/// The events that the routes make of a transition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// For the outbox.
    pub events: Vec<TrackerEvent>,
    /// A user whom no route names, to be held in the list: of which source, and with what.
    pub held: Option<UnroutedUser>,
}

/// Somebody whom no route names.
#[derive(Clone, Debug, PartialEq)]
pub struct UnroutedUser {
    /// The source that told of them.
    pub source: String,
    /// Who.
    pub viewer: Viewer,
    /// With the name.
    pub user: User,
    /// The title that they watched.
    pub item: String,
}

/// Whether a route takes something.
enum RouteMatch {
    /// It does.
    Accepted,
    /// It does not know the user.
    UnknownUser,
    /// A person has said that nothing is sent for the user.
    Ignored,
    /// A filter leaves it out.
    Filtered(Rejection),
}

impl Routing {
    /// Whether some route carries a play: its user is known, and no filter leaves it out.
    pub fn accepts(&self, play: &Play) -> bool {
        self.accepting(play).next().is_some()
    }

    /// The routes that do.
    pub fn accepting<'a>(&'a self, play: &'a Play) -> impl Iterator<Item = &'a Route> {
        let routes = self.routes.iter().filter(|route| play.origin.sources.contains(&route.source));
        routes.filter(|route| {
            matches!(self.match_route(route, &play.user, &play.viewer, &seen(play)), RouteMatch::Accepted)
        })
    }

    /// Those of these routes that lead a play to trackers to which others did not.
    pub fn only_new(&self, others: &Self, play: &Play) -> Self {
        let known: Vec<&str> = others.accepting(play).map(|route| route.tracker.as_str()).collect();
        let new = self.accepting(play).filter(|route| !known.contains(&route.tracker.as_str()));
        Self { routes: new.cloned().collect(), people: self.people.clone() }
    }

    /// An advance that tells of a play that goes on, where these routes lead it to trackers to which others did not.
    pub fn announce_to_new_routes(&self, others: &Self, play: &Play) -> Option<Transition> {
        let new = self.only_new(others, play);
        let trackers: Vec<&str> = new.routes.iter().map(|route| route.tracker.as_str()).collect();
        if trackers.is_empty() {
            return None;
        }
        let text = format!("a route leads to {} now", trackers.join(", "));
        Some(Transition {
            plays: vec![play.clone()],
            events: vec![PlayEvent {
                kind: PlayEventKind::Joined,
                play: play.clone(),
                at: play.last_seen_at,
                source: None,
            }],
            steps: vec![Step::new(Stage::Route, Code::RouteAdded, text)],
            verdict: Verdict::new(Outcome::Recorded, Code::RouteAdded, "a route was added"),
            rating: None,
        })
    }

    fn match_route(
        &self,
        route: &Route,
        user: &User,
        viewer: &Viewer,
        seen: &FilterSubject<'_>,
    ) -> RouteMatch {
        let decision = self.people.decision(&route.source, viewer);
        if decision == Some(&UserDecision::Ignored) {
            return RouteMatch::Ignored;
        }
        let assigned = matches!(decision, Some(UserDecision::Assigned { trackers, .. }) if trackers.contains(&route.tracker));
        if !assigned && !route.names(user) {
            return RouteMatch::UnknownUser;
        }
        match route.filters.refuse(seen, &route.policy) {
            Some(refusal) => RouteMatch::Filtered(refusal),
            None => RouteMatch::Accepted,
        }
    }

    /// Asks the routes what an advance of the engine means to them: completes its steps and its verdict, notes in the
    /// plays which trackers have been told of a watch, and returns what is to be told.
    pub fn plan(&self, transition: &mut Transition) -> Plan {
        if let Some(rating) = transition.rating.clone() {
            return self.plan_rating(rating, transition);
        }
        let mut asked = RoutingSummary::default();
        let mut events = Vec::new();
        let signals = std::mem::take(&mut transition.events);
        for signal in &signals {
            let play = &signal.play;
            for route in self.routes.iter().filter(|route| applies_to(route, signal, &self.routes)) {
                match self.match_route(route, &play.user, &play.viewer, &seen(play)) {
                    RouteMatch::Accepted => asked.carried = true,
                    matched => {
                        asked.refused(route, matched, &mut transition.steps);
                        continue;
                    }
                }
                let told = watch_already_sent(&transition.plays, &play.id, &route.tracker);
                let (event, step) = build_event(signal, route, told);
                transition.steps.push(step);
                let Some(event) = event else { continue };
                if matches!(event.action, Action::Watched(_)) {
                    let same = |other: &&mut Play| {
                        other.id == play.id || other.earlier.continues.as_ref() == Some(&play.id)
                    };
                    for play in transition.plays.iter_mut().filter(same) {
                        play.routing.sent_to.insert(route.tracker.clone());
                    }
                }
                events.push(event);
            }
        }
        let who = signals.last().map(|signal| {
            let play = &signal.play;
            (play.viewer.clone(), play.user.clone(), play.item.to_string())
        });
        transition.events = signals;
        self.finish(transition, asked, who, events)
    }

    fn plan_rating(&self, rating: Rating, transition: &mut Transition) -> Plan {
        let subject = rating.subject();
        let Rating { viewer, rated, .. } = rating;
        let mut asked = RoutingSummary::default();
        let mut events = Vec::new();
        for route in self.routes.iter().filter(|route| route.source == rated.server.source && route.ratings) {
            match self.match_route(route, &rated.user, &viewer, &seen_rated(&rated)) {
                RouteMatch::Accepted => asked.carried = true,
                matched => {
                    asked.refused(route, matched, &mut transition.steps);
                    continue;
                }
            }
            let action = rated.rating.map_or(Action::Unrated, Action::Rated);
            let text = format!("\u{201c}{}\u{201d} is queued for {}", action.name(), route.tracker);
            transition.steps.push(Step::new(Stage::Route, action.code(), text));
            events.push(TrackerEvent {
                tracker: route.tracker.clone(),
                action,
                item: rated.item.clone(),
                subject: subject.clone(),
                at: rated.at,
                started_at: None,
                not_before: later(rated.at, route.policy.pause_debounce),
                remove_from: Vec::new(),
                remote_id: None,
            });
        }
        let who = (viewer, rated.user.clone(), rated.item.to_string());
        self.finish(transition, asked, Some(who), events)
    }

    /// The verdict, once all routes have been asked. What nobody could be told of, because no route knows its user, is noted as
    /// held in the plays and the rating themselves.
    fn finish(
        &self,
        transition: &mut Transition,
        asked: RoutingSummary,
        who: Option<(Viewer, User, String)>,
        events: Vec<TrackerEvent>,
    ) -> Plan {
        let mut held = None;
        if asked.carried {
            for play in &mut transition.plays {
                play.routing.awaiting_route = false;
            }
        }
        if !events.is_empty() {
            let what: Vec<_> =
                events.iter().map(|event| format!("{} for {}", event.action.name(), event.tracker)).collect();
            transition.verdict =
                Verdict::new(Outcome::Queued, transition.verdict.code.clone(), what.join(", "));
        } else if asked.carried {
            if transition.verdict.outcome == Outcome::Recorded {
                "recorded; the routes had nothing to tell".clone_into(&mut transition.verdict.detail);
            }
        } else if let Some(refusal) = asked.refusal {
            transition.verdict = Verdict::new(Outcome::Filtered, refusal.code, refusal.text);
        } else if let (Some(source), Some((viewer, user, item))) = (asked.stranger_of, who) {
            let text = format!(
                "no route names {user}; `playrelay users assign` says where their plays go, or `users` of a route does"
            );
            transition.steps.push(Step::new(Stage::Route, Code::UnknownUser, text.clone()));
            transition.verdict = Verdict::new(Outcome::Held, Code::UnknownUser, text);
            for play in &mut transition.plays {
                play.routing.awaiting_route = true;
            }
            if let Some(rating) = &mut transition.rating {
                rating.held = true;
            }
            held = Some(UnroutedUser { source, viewer, user, item });
        }
        Plan { events, held }
    }

    /// An advance that tells once more of a play that was held, now that its user is known. `others` are the viewer's other
    /// plays: those that finish this one are one watch with it.
    pub fn release(&self, play: &Play, others: &[Play]) -> Transition {
        let mut play = play.clone();
        play.routing.awaiting_route = false;
        let at = play.watched_at.or(play.ended_at).unwrap_or(play.last_seen_at);
        let mut transition = Transition {
            plays: vec![play.clone()],
            events: Vec::new(),
            steps: Vec::new(),
            verdict: Verdict::new(Outcome::Recorded, Code::Assigned, "its user is known now"),
            rating: None,
        };
        transition.plays.extend(
            others.iter().filter(|other| other.earlier.continues.as_ref() == Some(&play.id)).cloned(),
        );
        if !play.evidence.unwatched {
            let text = format!("it is known now where {} belongs", play.user);
            transition.steps.push(Step::new(Stage::Route, Code::Assigned, text));
            transition.events.push(PlayEvent { kind: PlayEventKind::Amended, play, at, source: None });
        }
        transition
    }

    /// The transition that sends a held rating, now that its user is known.
    pub fn release_rating(&self, rating: &Rating) -> Transition {
        let text = format!("it is known now where {} belongs", rating.rated.user);
        Transition {
            plays: Vec::new(),
            events: Vec::new(),
            steps: vec![Step::new(Stage::Route, Code::Assigned, text)],
            verdict: Verdict::new(Outcome::Recorded, Code::Assigned, "its user is known now"),
            rating: Some(Rating { held: false, ..rating.clone() }),
        }
    }
}

/// The answers of the routes so far.
#[derive(Default)]
struct RoutingSummary {
    carried: bool,
    /// The source of a route that does not know the user.
    stranger_of: Option<String>,
    refusal: Option<Rejection>,
}

impl RoutingSummary {
    fn refused(&mut self, route: &Route, matched: RouteMatch, steps: &mut Vec<Step>) {
        let refusal = match matched {
            RouteMatch::Accepted => return,
            RouteMatch::UnknownUser => {
                self.stranger_of.get_or_insert_with(|| route.source.clone());
                return;
            }
            RouteMatch::Ignored => Rejection {
                code: Code::UserIgnored,
                text: "somebody has said that nothing is sent for this user".to_owned(),
            },
            RouteMatch::Filtered(refusal) => refusal,
        };
        let text = format!("the route to {} leaves it out: {}", route.tracker, refusal.text);
        steps.push(Step::new(Stage::Route, refusal.code.clone(), text));
        self.refusal = Some(refusal);
    }
}

/// Whether a signal is for a route: for one of a source that has joined others only where none of theirs leads there.
fn applies_to(route: &Route, signal: &PlayEvent, routes: &[Route]) -> bool {
    match &signal.source {
        None => signal.play.origin.sources.contains(&route.source),
        Some(source) => {
            let others = routes.iter().filter(|other| {
                other.source != *source && signal.play.origin.sources.contains(&other.source)
            });
            route.source == *source && !others.into_iter().any(|other| other.tracker == route.tracker)
        }
    }
}

fn seen(play: &Play) -> FilterSubject<'_> {
    FilterSubject {
        server: &play.viewer.server,
        server_name: play.origin.server_name.as_deref(),
        // What was marked by hand alone was played on nothing.
        player: Some(&play.player)
            .filter(|player| !play.evidence.marked || player.id.is_some() || player.name.is_some()),
        library: play.origin.library.as_deref(),
        paths: &play.origin.paths,
        item: &play.item,
        content: play.origin.content,
    }
}

fn seen_rated(rated: &Rated) -> FilterSubject<'_> {
    FilterSubject {
        server: &rated.server.id,
        server_name: rated.server.name.as_deref(),
        player: None,
        library: rated.library.as_deref(),
        paths: &rated.paths,
        item: &rated.item,
        content: Content::OnDemand,
    }
}

fn later(at: Timestamp, delay: Duration) -> Timestamp {
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    at.saturating_add(delay).unwrap_or(at)
}

fn watch_already_sent(plays: &[Play], id: &PlayId, tracker: &str) -> bool {
    plays.iter().any(|play| play.id == *id && play.routing.sent_to.contains(tracker))
}

fn build_event(signal: &PlayEvent, route: &Route, told_of_watch: bool) -> (Option<TrackerEvent>, Step) {
    let tracker = &route.tracker;
    let silent = |code: Code, text: String| (None, Step::new(Stage::Route, code, text));
    let marks_count = route.marks || !signal.play.evidence.marked;
    let play = match marks_count {
        true => Cow::Borrowed(&signal.play),
        false => {
            let mut unmarked = signal.play.clone();
            unmarked.evidence.marked = false;
            Cow::Owned(unmarked)
        }
    };
    if signal.kind == PlayEventKind::Unmarked {
        if !route.unwatched {
            let text = format!("{tracker} keeps what it has: the route has no `unwatched = true`");
            return silent(Code::UnwatchedOff, text);
        }
        let step = Step::new(
            Stage::Route,
            Code::Unwatched,
            format!("\u{201c}unwatched\u{201d} is queued for {tracker}"),
        );
        return (Some(event(signal, route, Action::Unwatched, Duration::ZERO)), step);
    }
    if told_of_watch {
        return silent(Code::ToldBefore, format!("{tracker} has been told that this play was watched"));
    }
    let judgement = evaluate(&play, &route.policy);
    let progress = play.progress();
    let settles = route.policy.pause_debounce;
    let presence = match signal.kind {
        PlayEventKind::Joined if !play.is_open() => None,
        PlayEventKind::Joined if play.state == PlaybackState::Paused => {
            Some((Action::Paused(progress.unwrap_or(0.0)), settles))
        }
        PlayEventKind::Started
        | PlayEventKind::Resumed
        | PlayEventKind::Joined
        | PlayEventKind::Completed => Some((Action::Playing(progress.unwrap_or(0.0)), Duration::ZERO)),
        // Whoever looks for a scene jumps more than once.
        PlayEventKind::Sought => Some((Action::Playing(progress.unwrap_or(0.0)), settles)),
        PlayEventKind::Paused => Some((Action::Paused(progress.unwrap_or(0.0)), settles)),
        PlayEventKind::Ended => Some((Action::Stopped(progress.unwrap_or(0.0)), Duration::ZERO)),
        PlayEventKind::Amended | PlayEventKind::Unmarked => None,
    };
    let may_complete = matches!(
        signal.kind,
        PlayEventKind::Ended | PlayEventKind::Completed | PlayEventKind::Amended | PlayEventKind::Joined
    );
    let (action, delay) = match presence {
        _ if may_complete && judgement.watched => {
            (Action::Watched(progress.unwrap_or(100.0)), Duration::ZERO)
        }
        None => return silent(Code::NotWatched, format!("not a watch for {tracker}: {}", judgement.text)),
        Some((Action::Stopped(_), _)) if !marks_count => {
            return silent(
                Code::MarksOff,
                format!("{tracker} is not told of marks: the route has `marks = false`"),
            );
        }
        Some((action, _)) if route.untaken.has(action) => {
            return silent(Code::NotTaken, format!("{tracker} takes no \u{201c}{}\u{201d}", action.name()));
        }
        Some((Action::Playing(at), _)) if at >= route.policy.suppress_start_at => {
            return silent(Code::NearTheEnd, format!("{tracker} is not told of a start at {at:.1} %"));
        }
        Some(presence) => presence,
    };
    let why = match action {
        Action::Watched(_) | Action::Stopped(_) => format!(": {}", judgement.text),
        _ if !delay.is_zero() => format!(", if it still holds in {} s", delay.as_secs_f64()),
        _ => String::new(),
    };
    let text = format!("\u{201c}{}\u{201d} is queued for {tracker}{why}", action.name());
    (Some(event(signal, route, action, delay)), Step::new(Stage::Route, action.code(), text))
}

fn event(signal: &PlayEvent, route: &Route, action: Action, delay: Duration) -> TrackerEvent {
    TrackerEvent {
        tracker: route.tracker.clone(),
        action,
        item: signal.play.item.clone(),
        subject: signal.play.id.0.clone(),
        at: signal.at,
        started_at: Some(signal.play.started_at),
        not_before: later(signal.at, delay),
        remove_from: route.removal.of(action, &signal.play.item),
        remote_id: None,
    }
}
