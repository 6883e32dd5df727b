//! Who is told of what happened.

pub mod filter;
pub mod route;
pub mod users;

use std::borrow::Cow;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::event::{Action, TrackerEvent};
use crate::model::{Content, PlaybackState, Rated, User};
use crate::play::{Play, PlayId, Viewer};
use crate::routing::filter::Seen;
use crate::routing::route::Route;
use crate::routing::users::{Decision, People};
use crate::rules::watched::judge;
use crate::timeline::{Outcome, Rejection, Stage, Step, Verdict};
use crate::transition::{Advance, Change, Rating, Signal};

/// All routes, and what a person has said of users that none of them names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routing {
    /// In the order of the configuration.
    pub routes: Vec<Route>,
    /// Of users whom no route names.
    pub people: People,
}

/// What the routes make of an advance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// For the outbox.
    pub events: Vec<TrackerEvent>,
    /// A user whom no route names, to be held in the list: of which source, and with what.
    pub held: Option<Held>,
}

/// Somebody whom no route names.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The source that told of them.
    pub source: String,
    /// Who.
    pub viewer: Viewer,
    /// With the name.
    pub user: User,
    /// What they watched, in words.
    pub item: String,
}

/// Whether a route takes something.
enum Passage {
    /// It does.
    Carried,
    /// It does not know the user.
    Stranger,
    /// A person has said that nothing is sent for the user.
    Ignored,
    /// A filter leaves it out.
    Refused(Rejection),
}

impl Routing {
    /// Whether some route carries a play: its user is known, and no filter leaves it out.
    pub fn carries(&self, play: &Play) -> bool {
        self.carrying(play).next().is_some()
    }

    /// The routes that do.
    pub fn carrying<'a>(&'a self, play: &'a Play) -> impl Iterator<Item = &'a Route> {
        let routes = self.routes.iter().filter(|route| play.sources.contains(&route.source));
        routes.filter(|route| {
            matches!(self.passage(route, &play.user, &play.viewer, &seen(play)), Passage::Carried)
        })
    }

    /// Those of these routes that lead a play to trackers to which others did not.
    pub fn among_new(&self, others: &Self, play: &Play) -> Self {
        let known: Vec<&str> = others.carrying(play).map(|route| route.tracker.as_str()).collect();
        let new = self.carrying(play).filter(|route| !known.contains(&route.tracker.as_str()));
        Self { routes: new.cloned().collect(), people: self.people.clone() }
    }

    /// An advance that tells of a play that goes on, where these routes lead it to trackers to which others did not.
    pub fn welcome(&self, others: &Self, play: &Play) -> Option<Advance> {
        let new = self.among_new(others, play);
        let trackers: Vec<&str> = new.routes.iter().map(|route| route.tracker.as_str()).collect();
        if trackers.is_empty() {
            return None;
        }
        let text = format!("a route leads to {} now", trackers.join(", "));
        Some(Advance {
            plays: vec![play.clone()],
            signals: vec![Signal {
                change: Change::Joined,
                play: play.clone(),
                at: play.last_seen_at,
                source: None,
            }],
            steps: vec![Step::new(Stage::Route, "route-added", text)],
            verdict: Verdict::new(Outcome::Recorded, "route-added", "a route was added"),
            rating: None,
        })
    }

    fn passage(&self, route: &Route, user: &User, viewer: &Viewer, seen: &Seen<'_>) -> Passage {
        let decision = self.people.decision(&route.source, viewer);
        if decision == Some(&Decision::Ignored) {
            return Passage::Ignored;
        }
        let assigned = matches!(decision, Some(Decision::Assigned { trackers, .. }) if trackers.contains(&route.tracker));
        if !assigned && !route.names(user) {
            return Passage::Stranger;
        }
        match route.filters.refuse(seen, &route.policy) {
            Some(refusal) => Passage::Refused(refusal),
            None => Passage::Carried,
        }
    }

    /// Asks the routes what an advance of the engine means to them: completes its steps and its verdict, notes in the
    /// plays which trackers have been told of a watch, and returns what is to be told.
    pub fn plan(&self, advance: &mut Advance) -> Plan {
        if let Some(rating) = advance.rating.clone() {
            return self.plan_rating(rating, advance);
        }
        let mut asked = Asked::default();
        let mut events = Vec::new();
        let signals = std::mem::take(&mut advance.signals);
        for signal in &signals {
            let play = &signal.play;
            for route in self.routes.iter().filter(|route| concerns(route, signal, &self.routes)) {
                match self.passage(route, &play.user, &play.viewer, &seen(play)) {
                    Passage::Carried => asked.carried = true,
                    passage => {
                        asked.refused(route, passage, &mut advance.steps);
                        continue;
                    }
                }
                let told = told_of_watch(&advance.plays, &play.id, &route.tracker);
                let (event, step) = tell(signal, route, told);
                advance.steps.push(step);
                let Some(event) = event else { continue };
                if matches!(event.action, Action::Watched(_)) {
                    let same =
                        |other: &&mut Play| other.id == play.id || other.continues.as_ref() == Some(&play.id);
                    for play in advance.plays.iter_mut().filter(same) {
                        play.told.insert(route.tracker.clone());
                    }
                }
                events.push(event);
            }
        }
        let who = signals.last().map(|signal| {
            let play = &signal.play;
            (play.viewer.clone(), play.user.clone(), play.item.to_string())
        });
        advance.signals = signals;
        self.conclude(advance, asked, who, events)
    }

    fn plan_rating(&self, Rating { viewer, rated, .. }: Rating, advance: &mut Advance) -> Plan {
        let mut asked = Asked::default();
        let mut events = Vec::new();
        for route in self.routes.iter().filter(|route| route.source == rated.server.source && route.ratings) {
            match self.passage(route, &rated.user, &viewer, &seen_rated(&rated)) {
                Passage::Carried => asked.carried = true,
                passage => {
                    asked.refused(route, passage, &mut advance.steps);
                    continue;
                }
            }
            let action = rated.rating.map_or(Action::Unrated, Action::Rated);
            let text = format!("\u{201c}{}\u{201d} is queued for {}", action.name(), route.tracker);
            advance.steps.push(Step::new(Stage::Route, action.name(), text));
            events.push(TrackerEvent {
                tracker: route.tracker.clone(),
                action,
                item: rated.item.clone(),
                subject: format!("rating:{}:{}:{}", viewer.server, viewer.user, rated.item.key()),
                at: rated.at,
                started_at: None,
                not_before: later(rated.at, route.policy.pause_debounce),
                unlist_from: Vec::new(),
            });
        }
        let who = (viewer, rated.user.clone(), rated.item.to_string());
        self.conclude(advance, asked, Some(who), events)
    }

    /// The verdict, once all routes have been asked. What nobody could be told of, because no route knows its user, is noted as
    /// held in the plays and the rating themselves.
    fn conclude(
        &self,
        advance: &mut Advance,
        asked: Asked,
        who: Option<(Viewer, User, String)>,
        events: Vec<TrackerEvent>,
    ) -> Plan {
        let mut held = None;
        if asked.carried {
            for play in &mut advance.plays {
                play.held = false;
            }
        }
        if !events.is_empty() {
            let what: Vec<_> =
                events.iter().map(|event| format!("{} for {}", event.action.name(), event.tracker)).collect();
            advance.verdict = Verdict::new(Outcome::Queued, advance.verdict.code.clone(), what.join(", "));
        } else if asked.carried {
            if advance.verdict.outcome == Outcome::Recorded {
                "recorded; the routes had nothing to tell".clone_into(&mut advance.verdict.detail);
            }
        } else if let Some(refusal) = asked.refusal {
            advance.verdict = Verdict::new(Outcome::Filtered, refusal.code, refusal.text);
        } else if let (Some(source), Some((viewer, user, item))) = (asked.stranger_of, who) {
            let text = format!(
                "no route names {user}; `playrelay users assign` says where their plays go, or `users` of a route does"
            );
            advance.steps.push(Step::new(Stage::Route, "unknown-user", text.clone()));
            advance.verdict = Verdict::new(Outcome::Held, "unknown-user", text);
            for play in &mut advance.plays {
                play.held = true;
            }
            if let Some(rating) = &mut advance.rating {
                rating.held = true;
            }
            held = Some(Held { source, viewer, user, item });
        }
        Plan { events, held }
    }

    /// An advance that tells once more of a play that was held, now that its user is known. `others` are the viewer's other
    /// plays: those that finish this one are one watch with it.
    pub fn release(&self, play: &Play, others: &[Play]) -> Advance {
        let play = Play { held: false, ..play.clone() };
        let at = play.watched_at.or(play.ended_at).unwrap_or(play.last_seen_at);
        let mut advance = Advance {
            plays: vec![play.clone()],
            signals: Vec::new(),
            steps: Vec::new(),
            verdict: Verdict::new(Outcome::Recorded, "assigned", "its user is known now"),
            rating: None,
        };
        advance
            .plays
            .extend(others.iter().filter(|other| other.continues.as_ref() == Some(&play.id)).cloned());
        if !play.revoked {
            let text = format!("it is known now where {} belongs", play.user);
            advance.steps.push(Step::new(Stage::Route, "assigned", text));
            advance.signals.push(Signal { change: Change::Amended, play, at, source: None });
        }
        advance
    }

    /// The same for a rating.
    pub fn release_rating(&self, rating: &Rating) -> Advance {
        let text = format!("it is known now where {} belongs", rating.rated.user);
        Advance {
            plays: Vec::new(),
            signals: Vec::new(),
            steps: vec![Step::new(Stage::Route, "assigned", text)],
            verdict: Verdict::new(Outcome::Recorded, "assigned", "its user is known now"),
            rating: Some(Rating { held: false, ..rating.clone() }),
        }
    }
}

/// What the routes have said so far.
#[derive(Default)]
struct Asked {
    carried: bool,
    /// The source of a route that does not know the user.
    stranger_of: Option<String>,
    refusal: Option<Rejection>,
}

impl Asked {
    fn refused(&mut self, route: &Route, passage: Passage, steps: &mut Vec<Step>) {
        let refusal = match passage {
            Passage::Carried => return,
            Passage::Stranger => {
                self.stranger_of.get_or_insert_with(|| route.source.clone());
                return;
            }
            Passage::Ignored => Rejection {
                code: "user-ignored".to_owned(),
                text: "somebody has said that nothing is sent for this user".to_owned(),
            },
            Passage::Refused(refusal) => refusal,
        };
        let text = format!("the route to {} leaves it out: {}", route.tracker, refusal.text);
        steps.push(Step::new(Stage::Route, refusal.code.clone(), text));
        self.refusal = Some(refusal);
    }
}

/// Whether a signal is for a route: for one of a source that has joined others only where none of theirs leads there.
fn concerns(route: &Route, signal: &Signal, routes: &[Route]) -> bool {
    match &signal.source {
        None => signal.play.sources.contains(&route.source),
        Some(source) => {
            let others = routes
                .iter()
                .filter(|other| other.source != *source && signal.play.sources.contains(&other.source));
            route.source == *source && !others.into_iter().any(|other| other.tracker == route.tracker)
        }
    }
}

fn seen(play: &Play) -> Seen<'_> {
    Seen {
        server: &play.viewer.server,
        server_name: play.server_name.as_deref(),
        // What was marked by hand alone was played on nothing.
        player: Some(&play.player)
            .filter(|player| !play.marked || player.id.is_some() || player.name.is_some()),
        library: play.library.as_deref(),
        paths: &play.paths,
        item: &play.item,
        content: play.content,
    }
}

fn seen_rated(rated: &Rated) -> Seen<'_> {
    Seen {
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

fn told_of_watch(plays: &[Play], id: &PlayId, tracker: &str) -> bool {
    plays.iter().any(|play| play.id == *id && play.told.contains(tracker))
}

fn tell(signal: &Signal, route: &Route, told_of_watch: bool) -> (Option<TrackerEvent>, Step) {
    let tracker = &route.tracker;
    let silent = |code: &str, text: String| (None, Step::new(Stage::Route, code, text));
    let marks_count = route.marks || !signal.play.marked;
    let play = match marks_count {
        true => Cow::Borrowed(&signal.play),
        false => Cow::Owned(Play { marked: false, ..signal.play.clone() }),
    };
    if signal.change == Change::Unmarked {
        if !route.unwatched {
            let text = format!("{tracker} keeps what it has: the route has no `unwatched = true`");
            return silent("unwatched-off", text);
        }
        let step = Step::new(
            Stage::Route,
            "unwatched",
            format!("\u{201c}unwatched\u{201d} is queued for {tracker}"),
        );
        return (Some(event(signal, route, Action::Unwatched, Duration::ZERO)), step);
    }
    if told_of_watch {
        return silent("told-before", format!("{tracker} has been told that this play was watched"));
    }
    let judgement = judge(&play, &route.policy);
    let progress = play.progress();
    let settles = route.policy.pause_debounce;
    let presence = match signal.change {
        Change::Joined if !play.is_open() => None,
        Change::Joined if play.state == PlaybackState::Paused => {
            Some((Action::Paused(progress.unwrap_or(0.0)), settles))
        }
        Change::Started | Change::Resumed | Change::Joined | Change::Completed => {
            Some((Action::Playing(progress.unwrap_or(0.0)), Duration::ZERO))
        }
        // Whoever looks for a scene jumps more than once.
        Change::Sought => Some((Action::Playing(progress.unwrap_or(0.0)), settles)),
        Change::Paused => Some((Action::Paused(progress.unwrap_or(0.0)), settles)),
        Change::Ended => Some((Action::Stopped(progress.unwrap_or(0.0)), Duration::ZERO)),
        Change::Amended | Change::Unmarked => None,
    };
    let may_complete =
        matches!(signal.change, Change::Ended | Change::Completed | Change::Amended | Change::Joined);
    let (action, delay) = match presence {
        _ if may_complete && judgement.watched => {
            (Action::Watched(progress.unwrap_or(100.0)), Duration::ZERO)
        }
        None => return silent("not-watched", format!("not a watch for {tracker}: {}", judgement.text)),
        Some((Action::Stopped(_), _)) if !marks_count => {
            return silent(
                "marks-off",
                format!("{tracker} is not told of marks: the route has `marks = false`"),
            );
        }
        Some((action, _)) if route.untaken.has(action) => {
            return silent("not-taken", format!("{tracker} takes no \u{201c}{}\u{201d}", action.name()));
        }
        Some((Action::Playing(at), _)) if at >= route.policy.suppress_start_at => {
            return silent("near-the-end", format!("{tracker} is not told of a start at {at:.1} %"));
        }
        Some(presence) => presence,
    };
    let why = match action {
        Action::Watched(_) | Action::Stopped(_) => format!(": {}", judgement.text),
        _ if !delay.is_zero() => format!(", if it still holds in {} s", delay.as_secs_f64()),
        _ => String::new(),
    };
    let text = format!("\u{201c}{}\u{201d} is queued for {tracker}{why}", action.name());
    (Some(event(signal, route, action, delay)), Step::new(Stage::Route, action.name(), text))
}

fn event(signal: &Signal, route: &Route, action: Action, delay: Duration) -> TrackerEvent {
    TrackerEvent {
        tracker: route.tracker.clone(),
        action,
        item: signal.play.item.clone(),
        subject: signal.play.id.0.clone(),
        at: signal.at,
        started_at: Some(signal.play.started_at),
        not_before: later(signal.at, delay),
        unlist_from: route.removal.of(action, &signal.play.item),
    }
}
