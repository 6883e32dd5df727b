//! Who is told of what happened: routes, their filters, and the events that they put into the outbox.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::completion::judge;
use super::model::{Item, Rated, User};
use super::play::{Play, PlayId};
use super::policy::Policy;
use super::session::{Advance, Change, Signal};
use super::verdict::{Outcome, Stage, Step, Verdict};

/// From a source to a tracker, for some users.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The source's name in the configuration.
    pub source: String,
    /// The tracker account's name in the configuration.
    pub tracker: String,
    /// Whose plays it carries.
    pub users: Vec<UserRule>,
    /// Whether it carries ratings too.
    pub ratings: bool,
    /// `[scrobble]`, with what the route sets for itself.
    pub policy: Policy,
}

/// Whom a route carries. Nobody is carried whom no rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRule {
    /// `*`: everybody on the server.
    Everybody,
    /// `id:…`: the user with this id.
    Id(String),
    /// The user with this name, whatever the case of its letters.
    Name(String),
}

impl UserRule {
    /// Reads a rule as it stands in the configuration.
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "*" => Self::Everybody,
            text => match text.strip_prefix("id:") {
                Some(id) => Self::Id(id.trim().to_owned()),
                None => Self::Name(text.to_lowercase()),
            },
        }
    }

    fn names(&self, user: &User) -> bool {
        match self {
            Self::Everybody => true,
            Self::Id(id) => user.id.as_ref() == Some(id),
            Self::Name(name) => user.name.as_ref().is_some_and(|theirs| theirs.to_lowercase() == *name),
        }
    }
}

/// What a tracker is told. Percent from 0 to 100, ratings from 0 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", content = "value", rename_all = "lowercase")]
pub enum Action {
    /// It plays.
    Playing(f64),
    /// It is paused.
    Paused(f64),
    /// It ended without being watched.
    Stopped(f64),
    /// It was watched.
    Watched(f64),
    /// It was rated.
    Rated(f64),
    /// Its rating was cleared.
    Unrated,
    /// It was marked as not watched.
    Unwatched,
}

/// How an event is treated while it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Latest wins; one that is no longer true is not sent.
    Presence,
    /// Never superseded, never dropped.
    Watch,
    /// Never dropped; a newer one of the same item supersedes it.
    Rating,
}

impl Weight {
    /// The name, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Watch => "watch",
            Self::Rating => "rating",
        }
    }
}

impl Action {
    /// The name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Playing(_) => "playing",
            Self::Paused(_) => "paused",
            Self::Stopped(_) => "stopped",
            Self::Watched(_) => "watched",
            Self::Rated(_) => "rated",
            Self::Unrated => "unrated",
            Self::Unwatched => "unwatched",
        }
    }

    /// How it is treated while it waits.
    pub fn weight(self) -> Weight {
        match self {
            Self::Playing(_) | Self::Paused(_) | Self::Stopped(_) => Weight::Presence,
            Self::Watched(_) | Self::Unwatched => Weight::Watch,
            Self::Rated(_) | Self::Unrated => Weight::Rating,
        }
    }
}

/// An event for one tracker account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrackerEvent {
    /// The account's name in the configuration.
    pub tracker: String,
    /// What it is told.
    #[serde(flatten)]
    pub action: Action,
    /// Of what.
    pub item: Item,
    /// What the event belongs to: a play, or the item that was rated. Order is kept, and presence superseded, within it.
    pub subject: String,
    /// When it happened.
    pub at: Timestamp,
    /// When the play began.
    pub started_at: Option<Timestamp>,
    /// Not to be told before.
    pub not_before: Timestamp,
}

/// Asks the routes what an advance of the engine means to them: completes its steps and its verdict, notes in the
/// plays which trackers have been told of a watch, and returns the events.
pub fn plan<'a>(advance: &mut Advance, routes: impl Iterator<Item = &'a Route> + Clone) -> Vec<TrackerEvent> {
    let mut events = Vec::new();
    let mut carried = false;
    let mut refused = None;
    for signal in &advance.signals {
        for route in routes.clone() {
            if !route.users.iter().any(|rule| rule.names(&signal.play.user)) {
                refused = Some(&signal.play.user);
                continue;
            }
            carried = true;
            let told = told_of_watch(&advance.plays, &signal.play.id, &route.tracker);
            let (event, step) = tell(signal, route, told);
            advance.steps.push(step);
            if let Some(event) = event {
                if event.action.weight() == Weight::Watch {
                    let id = &signal.play.id;
                    let same = |play: &&mut Play| play.id == *id || play.continues.as_ref() == Some(id);
                    for play in advance.plays.iter_mut().filter(same) {
                        play.told.insert(route.tracker.clone());
                    }
                }
                events.push(event);
            }
        }
    }
    if !events.is_empty() {
        let what: Vec<_> =
            events.iter().map(|event| format!("{} for {}", event.action.name(), event.tracker)).collect();
        advance.verdict = Verdict::new(Outcome::Queued, advance.verdict.code.clone(), what.join(", "));
    } else if let (false, Some(user)) = (carried, refused) {
        let text = format!("no route names {user}; add the name or id to `users` of a route");
        advance.steps.push(Step::new(Stage::Route, "unknown-user", text.clone()));
        advance.verdict = Verdict::new(Outcome::Held, "unknown-user", text);
    } else if carried && advance.verdict.outcome == Outcome::Recorded {
        advance.verdict.detail = "recorded; the routes had nothing to tell".to_owned();
    }
    events
}

/// The events for a rating, one for each route that carries ratings of this user.
pub fn plan_rating<'a>(rated: &Rated, routes: impl Iterator<Item = &'a Route>) -> Vec<TrackerEvent> {
    let action = rated.rating.map_or(Action::Unrated, Action::Rated);
    routes
        .filter(|route| route.ratings && route.users.iter().any(|rule| rule.names(&rated.user)))
        .map(|route| TrackerEvent {
            tracker: route.tracker.clone(),
            action,
            item: rated.item.clone(),
            subject: format!("rating:{}:{}", rated.server, rated.item.key()),
            at: rated.at,
            started_at: None,
            not_before: rated.at,
        })
        .collect()
}

fn told_of_watch(plays: &[Play], id: &PlayId, tracker: &str) -> bool {
    plays.iter().any(|play| play.id == *id && play.told.contains(tracker))
}

fn tell(signal: &Signal, route: &Route, told_of_watch: bool) -> (Option<TrackerEvent>, Step) {
    let play = &signal.play;
    let tracker = &route.tracker;
    let silent = |code: &str, text: String| (None, Step::new(Stage::Route, code, text));
    if told_of_watch {
        return silent("told-before", format!("{tracker} has been told that this play was watched"));
    }
    let judgement = judge(play, &route.policy);
    let action = match signal.change {
        Change::Ended | Change::Completed | Change::Amended if judgement.watched => {
            Action::Watched(play.progress().unwrap_or(100.0))
        }
        Change::Completed => Action::Playing(play.progress().unwrap_or(0.0)),
        Change::Amended => {
            return silent("not-watched", format!("not a watch for {tracker}: {}", judgement.text));
        }
        Change::Started | Change::Resumed | Change::Sought => {
            let progress = play.progress().unwrap_or(0.0);
            if progress >= route.policy.suppress_start_at {
                return silent(
                    "near-the-end",
                    format!("{tracker} is not told of a start at {progress:.1} %"),
                );
            }
            Action::Playing(progress)
        }
        Change::Paused => Action::Paused(play.progress().unwrap_or(0.0)),
        Change::Ended => Action::Stopped(play.progress().unwrap_or(0.0)),
    };
    let delay = match action {
        Action::Paused(_) => {
            SignedDuration::try_from(route.policy.pause_debounce).unwrap_or(SignedDuration::MAX)
        }
        _ => SignedDuration::ZERO,
    };
    let event = TrackerEvent {
        tracker: tracker.clone(),
        action,
        item: play.item.clone(),
        subject: play.id.0.clone(),
        at: signal.at,
        started_at: Some(play.started_at),
        not_before: signal.at.saturating_add(delay).unwrap_or(signal.at),
    };
    let why = if matches!(action, Action::Watched(_) | Action::Stopped(_)) {
        format!(": {}", judgement.text)
    } else {
        String::new()
    };
    let text = format!("{tracker} is told \u{201c}{}\u{201d}{why}", action.name());
    (Some(event), Step::new(Stage::Route, action.name(), text))
}
