//! Word, again and again, that something still plays: for trackers that want it, at most as often as they allow.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::event::{Action, TrackerEvent};
use crate::model::PlaybackState;
use crate::play::{Play, PlayId, percent};
use crate::routing::Routing;

/// When each tracker was last told of each play that goes on.
#[derive(Debug, Default)]
pub struct Heartbeats {
    told: HashMap<(PlayId, String), Timestamp>,
}

impl Heartbeats {
    /// The events to send now about plays that go on. `intervals` has the trackers that want it. A play that is seen for the first
    /// time has just been told of, or was before a restart: its first beat comes an interval later.
    pub fn due<'a>(
        &mut self,
        open: impl Iterator<Item = &'a Play>,
        routing: &Routing,
        intervals: &BTreeMap<String, Duration>,
        now: Timestamp,
    ) -> Vec<(&'a Play, TrackerEvent)> {
        let mut events = Vec::new();
        let mut told = HashMap::new();
        for play in open.filter(|play| play.state == PlaybackState::Playing) {
            for route in routing.accepting(play) {
                let wanted = intervals.get(&route.tracker);
                let Some(interval) = wanted.and_then(|it| route.policy.heartbeat.interval(*it)) else {
                    continue;
                };
                if play.routing.sent_to.contains(&route.tracker) {
                    continue;
                }
                let key = (play.id.clone(), route.tracker.clone());
                let last = self.told.get(&key).copied().unwrap_or(now);
                let since = now.duration_since(last);
                let is_due = since.is_positive() && since.unsigned_abs() >= interval;
                told.insert(key, if is_due { now } else { last });
                if is_due {
                    events.push((play, event(play, &route.tracker, now)));
                }
            }
        }
        self.told = told;
        events
    }
}

fn event(play: &Play, tracker: &str, now: Timestamp) -> TrackerEvent {
    TrackerEvent {
        tracker: tracker.to_owned(),
        action: Action::Playing(progress(play, now)),
        item: play.item.clone(),
        subject: play.id.0.clone(),
        at: now,
        started_at: Some(play.started_at),
        not_before: now,
        remove_from: Vec::new(),
        remote_id: None,
    }
}

/// Where it should be by now, had it played on since it was last heard of.
fn progress(play: &Play, now: Timestamp) -> f64 {
    let told_at = play.position.reported_at.unwrap_or(play.last_seen_at);
    let played = now.duration_since(told_at).max(SignedDuration::ZERO).as_millis();
    let position = i128::from(play.position.ms.unwrap_or(0)) + played;
    let runtime = play.item.runtime_ms.unwrap_or(0);
    let position = u32::try_from(position).unwrap_or(u32::MAX).min(runtime);
    percent(position, runtime).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Completion, Content, Item, ItemKind, Movie, Playback, Player, Server, User};
    use crate::play::Viewer;
    use crate::policy::{Heartbeat, Policy};
    use crate::routing::filter::Filters;
    use crate::routing::route::{Route, UnsupportedActions, UserRule, WatchlistRemoval};

    fn route(tracker: &str) -> Route {
        Route {
            source: "home".to_owned(),
            tracker: tracker.to_owned(),
            users: vec![UserRule::Everybody],
            filters: Filters::default(),
            ratings: false,
            marks: true,
            unwatched: false,
            removal: WatchlistRemoval::default(),
            policy: Policy::default(),
            untaken: UnsupportedActions::default(),
        }
    }

    fn play(now: Timestamp) -> Play {
        let kind = ItemKind::Movie(Movie { title: "Mirror".to_owned(), ..Movie::default() });
        let playback = Playback {
            server: Server { id: "attic".to_owned(), name: None, source: "home".to_owned() },
            user: User { id: Some("1".to_owned()), name: Some("sean".to_owned()), ..User::default() },
            player: Player { id: None, name: None, product: None },
            session: None,
            item: Item { runtime_ms: Some(6_000_000), ..Item::of(kind) },
            state: PlaybackState::Playing,
            position_ms: Some(600_000),
            completion: Completion::None,
            is_unmeasured: false,
            from_session_list: false,
            credits_start_ms: None,
            content: Content::OnDemand,
            library: None,
            paths: Vec::new(),
            at: now,
        };
        let viewer = Viewer { server: "attic".to_owned(), user: "1".to_owned() };
        Play::begin(viewer, &playback, |_| false)
    }

    #[test]
    fn a_beat_comes_as_often_as_a_tracker_wants() {
        let start: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        let routing = Routing { routes: vec![route("keen"), route("calm")], ..Routing::default() };
        let intervals = BTreeMap::from([("keen".to_owned(), Duration::from_secs(60))]);
        let plays = [play(start)];
        let mut heart = Heartbeats::default();
        let mut beats = Vec::new();
        for second in 0..=150 {
            let now = start + SignedDuration::from_secs(second);
            for (_, event) in heart.due(plays.iter(), &routing, &intervals, now) {
                beats.push((second, event.tracker, event.action));
            }
        }
        let keen = || "keen".to_owned();
        assert_eq!(beats, [(60, keen(), Action::Playing(11.0)), (120, keen(), Action::Playing(12.0))]);
        for (heartbeat, expected) in [
            (Heartbeat::Off, vec![]),
            (Heartbeat::Every(Duration::from_secs(100)), vec![100]),
            // Never more often than the tracker wants.
            (Heartbeat::Every(Duration::from_secs(10)), vec![60, 120]),
        ] {
            let policy = Policy { heartbeat, ..Policy::default() };
            let routes = vec![Route { policy, ..route("keen") }];
            let routing = Routing { routes, ..Routing::default() };
            let (mut heart, mut beats) = (Heartbeats::default(), Vec::new());
            for second in 0..=150 {
                let now = start + SignedDuration::from_secs(second);
                beats.extend(heart.due(plays.iter(), &routing, &intervals, now).iter().map(|_| second));
            }
            assert_eq!(beats, expected, "{heartbeat:?}");
        }
        let paused = [Play { state: PlaybackState::Paused, ..play(start) }];
        let later = start + SignedDuration::from_secs(600);
        assert!(heart.due(paused.iter(), &routing, &intervals, later).is_empty());
    }
}
