//! The session engine: tables of stories, and properties over generated sequences of reports.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use playrelay::dispatch::filter::Filters;
use playrelay::dispatch::model::{
    Completion, Content, Episode, Ids, Item, ItemKind, Marked, Movie, Playback, PlaybackState, Player, Rated,
    Report, Server, Show, User,
};
use playrelay::dispatch::people::People;
use playrelay::dispatch::policy::Policy;
use playrelay::dispatch::route::{Action, Removal, Route, TrackerEvent, UserRule};
use playrelay::dispatch::routing::Routing;
use playrelay::dispatch::session::{Advance, Sessions};
use playrelay::dispatch::verdict::Outcome;
use proptest::prelude::*;

const RUNTIME: u32 = 7_200_000;

/// One report of a story: when, by whom, of what, on what, and what.
#[derive(Clone, Debug)]
struct Told {
    /// Seconds since the one before.
    after: i64,
    server: &'static str,
    user: &'static str,
    item: &'static str,
    player: &'static str,
    what: What,
    /// Percent.
    position: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Play,
    Pause,
    Stop,
    Counted,
    /// A stop that the server calls complete.
    Claimed,
    Mark,
    Unmark,
}

fn report(told: &Told, at: Timestamp) -> Report {
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
        is_listed: false,
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: vec![],
        at,
    })
}

fn route() -> Route {
    Route {
        source: "source".to_owned(),
        tracker: "tracker".to_owned(),
        users: vec![UserRule::Everybody],
        filters: Filters::default(),
        ratings: false,
        marks: true,
        unwatched: true,
        removal: Removal::default(),
        policy: Policy::default(),
    }
}

fn routing(routes: Vec<Route>) -> Routing {
    Routing { routes, people: People::default() }
}

/// The engine with one route, and everything that it told.
#[derive(Clone, Default)]
struct Run {
    sessions: Sessions,
    events: Vec<TrackerEvent>,
    outcomes: Vec<Outcome>,
}

impl Run {
    fn tell(&mut self, told: &Told, at: Timestamp) {
        self.hear(&report(told, at));
    }

    fn hear(&mut self, report: &Report) {
        let advance = self.sessions.advance(report, &Policy::default());
        self.outcomes.push(advance.verdict.outcome);
        self.take(advance);
    }

    fn take(&mut self, mut advance: Advance) {
        self.events.extend(routing(vec![route()]).plan(&mut advance).events);
        self.sessions.absorb(advance.plays);
        self.sessions.absorb_ratings(advance.rating);
    }

    /// Looks at the clock, without a report.
    fn look(&mut self, now: Timestamp) {
        for advance in self.sessions.overdue(&|_| now, &Policy::default()) {
            self.take(advance);
        }
    }

    /// Stops, and starts from what was stored.
    fn restart(&mut self) {
        let plays = self.sessions.all().map(|play| serde_json::to_string(play).unwrap());
        let plays: Vec<_> = plays.map(|text| serde_json::from_str(&text).unwrap()).collect();
        self.sessions = Sessions::restore(plays, []);
    }

    fn watches(&self) -> Vec<(&str, Timestamp)> {
        let watched = self.events.iter().filter(|event| matches!(event.action, Action::Watched(_)));
        watched.map(|event| (event.item.server_ref.as_deref().unwrap(), event.at)).collect()
    }
}

fn times(story: &[Told]) -> Vec<Timestamp> {
    let mut now: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
    let advance = |told: &Told| {
        now += SignedDuration::from_secs(told.after);
        now
    };
    story.iter().map(advance).collect()
}

fn run(story: &[Told]) -> Run {
    let mut run = Run::default();
    for (told, at) in story.iter().zip(times(story)) {
        run.tell(told, at);
    }
    run
}

fn told(after: i64, item: &'static str, what: What, position: Option<u32>) -> Told {
    Told { after, server: "server", user: "sean", item, player: "tv", what, position }
}

/// What a tracker is told, as `action@percent item`.
fn words(run: &Run) -> Vec<String> {
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

#[test]
fn stories() {
    use What::{Claimed, Counted, Mark, Pause, Play, Stop, Unmark};
    let cases: [(&str, Vec<Told>, &[&str]); 40] = [
        (
            "watched to the end",
            vec![told(0, "A", Play, Some(0)), told(7_000, "A", Stop, Some(97))],
            &["playing@0 A", "watched@97 A"],
        ),
        (
            "counted, then stopped: one",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_500, "A", Counted, None),
                told(600, "A", Stop, Some(99)),
            ],
            &["playing@0 A", "watched@0 A"],
        ),
        (
            "stopped, then counted: one",
            vec![told(0, "A", Play, Some(0)), told(6_500, "A", Stop, Some(99)), told(1, "A", Counted, None)],
            &["playing@0 A", "watched@99 A"],
        ),
        (
            "a stop at zero keeps the last position",
            vec![told(0, "A", Play, Some(0)), told(6_900, "A", Pause, Some(96)), told(5, "A", Stop, Some(0))],
            &["playing@0 A", "paused@96 A", "watched@96 A"],
        ),
        (
            "a stop without a position too",
            vec![told(0, "A", Play, Some(30)), told(60, "A", Stop, None)],
            &["playing@30 A", "stopped@30 A"],
        ),
        (
            "the next item ends the one before",
            vec![told(0, "A", Play, Some(97)), told(60, "B", Play, Some(0))],
            &["playing@97 A", "watched@97 A", "playing@0 B"],
        ),
        (
            "an early item change is no watch",
            vec![told(0, "A", Play, Some(10)), told(60, "B", Play, Some(0))],
            &["playing@10 A", "stopped@10 A", "playing@0 B"],
        ),
        (
            "paused and resumed",
            vec![told(0, "A", Play, Some(0)), told(60, "A", Pause, Some(1)), told(60, "A", Play, Some(1))],
            &["playing@0 A", "paused@1 A", "playing@1 A"],
        ),
        (
            "repeats change nothing",
            vec![
                told(0, "A", Play, Some(0)),
                told(0, "A", Play, Some(0)),
                told(60, "A", Pause, Some(1)),
                told(0, "A", Pause, Some(1)),
            ],
            &["playing@0 A", "paused@1 A"],
        ),
        (
            "a seek is told",
            vec![told(0, "A", Play, Some(0)), told(10, "A", Play, Some(60))],
            &["playing@0 A", "playing@60 A"],
        ),
        (
            "a stop twice is one",
            vec![told(0, "A", Play, Some(0)), told(6_900, "A", Stop, Some(95)), told(2, "A", Stop, Some(95))],
            &["playing@0 A", "watched@95 A"],
        ),
        (
            "92 % paused, stopped at 20 %: not watched",
            vec![told(0, "A", Play, Some(90)), told(60, "A", Pause, Some(92)), told(60, "A", Stop, Some(20))],
            &["playing@90 A", "paused@92 A", "stopped@20 A"],
        ),
        (
            "a rewatch the next day counts",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_900, "A", Stop, Some(97)),
                told(80_000, "A", Play, Some(0)),
                told(6_900, "A", Stop, Some(97)),
            ],
            &["playing@0 A", "watched@97 A", "playing@0 A", "watched@97 A"],
        ),
        (
            "finished the next day: still one",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_100, "A", Stop, Some(85)),
                told(80_000, "A", Play, Some(85)),
                told(600, "A", Counted, None),
                told(300, "A", Stop, Some(99)),
            ],
            &["playing@0 A", "watched@85 A"],
        ),
        (
            "paused in the credits overnight: still one",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_500, "A", Counted, None),
                told(300, "A", Pause, Some(95)),
                told(36_000, "A", Play, Some(95)),
                told(300, "A", Stop, Some(99)),
            ],
            &["playing@0 A", "watched@0 A"],
        ),
        (
            "repeat mode: counted twice, hours apart",
            vec![
                told(0, "A", Play, None),
                told(6_500, "A", Counted, None),
                told(700, "A", Play, None),
                told(6_500, "A", Counted, None),
            ],
            &["playing@0 A", "watched@100 A", "watched@100 A"],
        ),
        (
            "the clock is set back",
            vec![told(0, "A", Play, Some(0)), told(-3_000, "A", Stop, Some(97))],
            &["playing@0 A", "watched@97 A"],
        ),
        (
            "a pause that comes after its stop",
            vec![told(0, "A", Play, Some(0)), told(60, "A", Stop, Some(20)), told(-1, "A", Pause, Some(20))],
            &["playing@0 A", "stopped@20 A"],
        ),
        (
            "a late word of the last episode does not end the next",
            vec![told(0, "A", Play, Some(0)), told(6_900, "B", Play, Some(0)), told(-1, "A", Counted, None)],
            &["playing@0 A", "stopped@0 A", "playing@0 B", "watched@100 A"],
        ),
        ("only the end was seen", vec![told(0, "A", Stop, Some(97))], &["watched@97 A"]),
        ("a mark is a watch", vec![told(0, "A", Mark, None)], &["watched@100 A"]),
        (
            "stopped and marked: one",
            vec![told(0, "A", Play, Some(0)), told(6_900, "A", Stop, Some(97)), told(1, "A", Mark, None)],
            &["playing@0 A", "watched@97 A"],
        ),
        (
            "marked and stopped: one",
            vec![told(0, "A", Play, Some(0)), told(6_900, "A", Mark, None), told(1, "A", Stop, Some(97))],
            &["playing@0 A", "watched@0 A"],
        ),
        (
            "left before the end, and marked",
            vec![told(0, "A", Play, Some(0)), told(4_000, "A", Stop, Some(55)), told(60, "A", Mark, None)],
            &["playing@0 A", "stopped@55 A", "watched@55 A"],
        ),
        ("marked twice: one", vec![told(0, "A", Mark, None), told(5, "A", Mark, None)], &["watched@100 A"]),
        (
            "marked again next year",
            vec![told(0, "A", Mark, None), told(86_400, "A", Mark, None)],
            &["watched@100 A", "watched@100 A"],
        ),
        (
            "marked, taken back, marked again",
            vec![told(0, "A", Mark, None), told(5, "A", Unmark, None), told(5, "A", Mark, None)],
            &["watched@100 A", "unwatched A", "watched@100 A"],
        ),
        (
            "taken back twice",
            vec![told(0, "A", Mark, None), told(5, "A", Unmark, None), told(5, "A", Unmark, None)],
            &["watched@100 A", "unwatched A"],
        ),
        ("taken back what nobody saw", vec![told(0, "A", Unmark, None)], &["unwatched A"]),
        (
            "watched after it was taken back",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_900, "A", Stop, Some(97)),
                told(60, "A", Unmark, None),
                told(60, "A", Play, Some(0)),
                told(6_900, "A", Stop, Some(97)),
            ],
            &["playing@0 A", "watched@97 A", "unwatched A", "playing@0 A", "watched@97 A"],
        ),
        (
            "complete at 7 %: not believed",
            vec![told(0, "A", Play, Some(0)), told(480, "A", Claimed, Some(7))],
            &["playing@0 A", "stopped@7 A"],
        ),
        (
            "complete without a position, after its length",
            vec![told(0, "A", Play, Some(0)), told(7_000, "A", Claimed, Some(0))],
            &["playing@0 A", "watched@0 A"],
        ),
        ("only its complete end was seen", vec![told(0, "A", Claimed, None)], &["watched@100 A"]),
        (
            "finished in the second half: what it can have reached is believed",
            vec![told(0, "A", Play, Some(60)), told(2_700, "A", Claimed, None)],
            &["playing@60 A", "watched@60 A"],
        ),
        (
            "a pause at zero is no way back",
            vec![told(0, "A", Play, Some(90)), told(432, "A", Pause, Some(0)), told(5, "A", Stop, Some(0))],
            &["playing@90 A", "paused@90 A", "watched@90 A"],
        ),
        (
            "complete at once: not believed",
            vec![told(0, "A", Play, None), told(1, "A", Claimed, Some(0))],
            &["playing@0 A", "stopped@0 A"],
        ),
        (
            "nothing more is heard of it",
            vec![told(0, "A", Play, Some(0)), told(20_000, "B", Play, Some(0))],
            &["playing@0 A", "stopped@0 A", "playing@0 B"],
        ),
        (
            "a source that told of progress falls silent",
            vec![
                told(0, "A", Play, Some(90)),
                told(72, "A", Play, Some(91)),
                told(72, "A", Play, Some(92)),
                told(72, "A", Play, Some(93)),
                told(3_000, "B", Play, Some(0)),
            ],
            &["playing@90 A", "watched@93 A", "playing@0 B"],
        ),
        (
            "the missing stop comes after all",
            vec![
                told(0, "A", Play, Some(0)),
                told(12_000, "A", Stop, Some(97)),
                told(0, "A", Stop, Some(97)),
            ],
            &["playing@0 A", "stopped@0 A", "watched@97 A"],
        ),
        (
            "the session goes on after it was given up",
            vec![
                told(0, "A", Play, Some(10)),
                told(72, "A", Play, Some(11)),
                told(72, "A", Play, Some(12)),
                told(72, "A", Play, Some(13)),
                told(720, "A", Play, Some(14)),
                told(6_000, "A", Stop, Some(97)),
            ],
            &["playing@10 A", "stopped@13 A", "playing@14 A", "stopped@14 A", "watched@97 A"],
        ),
    ];
    for (name, story, expected) in cases {
        assert_eq!(words(&run(&story)), expected, "{name}");
    }
}

#[test]
fn routes_with_thresholds_of_their_own_are_told_once_each() {
    use What::{Counted, Play, Stop};
    let stories = [
        vec![
            told(0, "A", Play, Some(0)),
            told(5_400, "A", Stop, Some(75)),
            told(80_000, "A", Play, Some(75)),
            told(1_500, "A", Counted, None),
            told(60, "A", Stop, Some(99)),
        ],
        vec![
            told(0, "A", Play, Some(0)),
            told(6_100, "A", Stop, Some(85)),
            told(300, "A", Play, Some(85)),
            told(600, "A", Counted, None),
            told(60, "A", Stop, Some(99)),
        ],
        vec![
            told(0, "A", Play, Some(0)),
            told(6_100, "A", Stop, Some(85)),
            told(80_000, "A", Play, Some(85)),
            told(600, "A", Stop, Some(99)),
        ],
        vec![told(0, "A", Play, Some(0)), told(6_100, "A", Stop, Some(85)), told(1, "A", Counted, None)],
    ];
    let routes = [70.0, 80.0, 95.0].map(|watched_at| Route {
        tracker: format!("from {watched_at} %"),
        policy: Policy { watched_at, credits: false, ..Policy::default() },
        ..route()
    });
    for story in stories {
        let (mut sessions, mut watched) = (Sessions::default(), BTreeMap::new());
        for (told, at) in story.iter().zip(times(&story)) {
            let mut advance = sessions.advance(&report(told, at), &Policy::default());
            for event in routing(routes.to_vec()).plan(&mut advance).events {
                if matches!(event.action, Action::Watched(_)) {
                    *watched.entry(event.tracker).or_insert(0) += 1;
                }
            }
            sessions.absorb(advance.plays);
        }
        let expected = routes.iter().map(|route| (route.tracker.clone(), 1)).collect();
        assert_eq!(watched, expected, "{story:?}");
    }
}

#[test]
fn a_completion_that_was_claimed_of_a_file_without_a_length_stays_doubtful() {
    // The look-up at the server has found the length only after that.
    let at = "2026-11-21T20:00:00Z".parse().unwrap();
    let Report::Playback(mut playback) = report(&told(0, "A", What::Claimed, None), at) else {
        unreachable!()
    };
    playback.is_unmeasured = true;
    let mut run = Run::default();
    run.hear(&Report::Playback(playback));
    assert_eq!(words(&run), ["stopped@0 A"]);
}

#[test]
fn opening_titles_called_credits_are_no_end() {
    let at = "2026-11-21T20:00:00Z".parse().unwrap();
    for (credits_start, watched) in [(130_000, false), (RUNTIME / 100 * 95, true)] {
        let Report::Playback(mut playback) = report(&told(0, "A", What::Stop, Some(96)), at) else {
            unreachable!()
        };
        playback.position_ms = Some(credits_start + 1_000);
        playback.credits_start_ms = Some(credits_start);
        let mut run = Run::default();
        run.hear(&Report::Playback(playback));
        assert_eq!(run.watches().len(), usize::from(watched), "{credits_start}");
    }
}

#[test]
fn a_series_that_is_ticked_twice_is_watched_once() {
    let mut run = Run::default();
    let mark = |number: i64, after: i64| {
        let at = "2026-11-21T20:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(after);
        let Report::Marked(mut marked) = report(&told(0, "A", What::Mark, None), at) else { unreachable!() };
        marked.item.server_ref = Some(number.to_string());
        Report::Marked(marked)
    };
    for round in [0, 60] {
        for number in 0..200 {
            run.hear(&mark(number, round + number / 10));
        }
    }
    assert_eq!(run.watches().len(), 200);
}

#[test]
fn a_tick_convinces_a_route_with_a_threshold_of_its_own() {
    let strict =
        Route { policy: Policy { watched_at: 90.0, credits: false, ..Policy::default() }, ..route() };
    let routing = routing(vec![strict]);
    let mut sessions = Sessions::default();
    let story = [
        told(0, "A", What::Play, Some(0)),
        told(6_200, "A", What::Stop, Some(86)),
        told(60, "A", What::Mark, None),
    ];
    let mut actions = Vec::new();
    for (told, at) in story.iter().zip(times(&story)) {
        let mut advance = sessions.advance(&report(told, at), &Policy::default());
        actions.extend(routing.plan(&mut advance).events.iter().map(|event| event.action.name()));
        sessions.absorb(advance.plays);
    }
    assert_eq!(actions, ["playing", "stopped", "watched"]);
}

/// A report of an episode as one form of a webhook tells it: with or without the server's id of the item, the user's id, and
/// the device.
fn of_form(official: bool, state: PlaybackState, completion: Completion, at: &str) -> Report {
    let item = Item {
        kind: ItemKind::Episode(Episode {
            show: Show {
                title: if official { "Krimi" } else { "KRIMI" }.to_owned(),
                year: official.then_some(1981),
                ids: if official { Ids::default() } else { [("tvdb", "81189")].into_iter().collect() },
                original_title: None,
            },
            season: Some(1),
            numbers: vec![3],
            title: official.then(|| "Der Fall".to_owned()),
            ..Episode::default()
        }),
        server_ref: official.then(|| "1f".to_owned()),
        server_show_ref: None,
        runtime_ms: official.then_some(RUNTIME),
        ext: vec![],
    };
    Report::Playback(Playback {
        server: Server { id: "server".to_owned(), name: None, source: "source".to_owned() },
        user: User {
            id: official.then(|| "50e1".to_owned()),
            name: Some(if official { "mia" } else { "Mia" }.to_owned()),
            ..User::default()
        },
        player: Player { id: official.then(|| "tv".to_owned()), ..Player::default() },
        session: official.then(|| "a8".to_owned()),
        item,
        state,
        position_ms: official.then_some(RUNTIME / 100 * 97),
        completion,
        is_unmeasured: false,
        is_listed: false,
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: vec![],
        at: at.parse().unwrap(),
    })
}

#[test]
fn two_forms_of_one_play_are_one() {
    use PlaybackState::{Playing, Stopped};
    for first in [true, false] {
        let mut run = Run::default();
        run.hear(&of_form(first, Playing, Completion::None, "2026-11-21T20:00:00Z"));
        run.hear(&of_form(!first, Playing, Completion::None, "2026-11-21T20:00:01Z"));
        run.hear(&of_form(!first, Playing, Completion::Counted, "2026-11-21T21:50:00Z"));
        run.hear(&of_form(first, Stopped, Completion::None, "2026-11-21T21:58:00Z"));
        run.hear(&of_form(!first, Stopped, Completion::None, "2026-11-21T21:58:01Z"));
        assert_eq!(run.sessions.all().count(), 1, "first official: {first}: {:#?}", words(&run));
        let watched = run.events.iter().filter(|event| matches!(event.action, Action::Watched(_))).count();
        assert_eq!(watched, 1, "first official: {first}");
    }
}

#[test]
fn two_sources_of_one_server_tell_of_one_play_and_each_is_heard() {
    let from = |source: &str, what: What, at: i64| {
        let at = "2026-11-21T20:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(at);
        let Report::Playback(mut playback) = report(&told(0, "A", what, None), at) else { unreachable!() };
        source.clone_into(&mut playback.server.source);
        Report::Playback(playback)
    };
    let lead = |source: &str, tracker: &str| Route {
        source: source.to_owned(),
        tracker: tracker.to_owned(),
        ..route()
    };
    let routing = routing(vec![lead("one", "bob"), lead("two", "bob"), lead("two", "amy")]);
    let (mut sessions, mut told_of) = (Sessions::default(), Vec::new());
    for (source, what, at) in [
        ("one", What::Play, 0),
        ("two", What::Play, 1),
        ("one", What::Counted, 6_500),
        ("two", What::Counted, 6_501),
        ("two", What::Stop, 7_000),
        ("one", What::Stop, 7_001),
    ] {
        let mut advance = sessions.advance(&from(source, what, at), &Policy::default());
        let events = routing.plan(&mut advance).events;
        told_of.extend(events.iter().map(|event| format!("{} {}", event.action.name(), event.tracker)));
        sessions.absorb(advance.plays);
    }
    assert_eq!(told_of, ["playing bob", "playing amy", "watched bob", "watched amy"]);
    assert_eq!(sessions.all().count(), 1);
}

#[test]
fn a_storm_of_ratings_is_told_once_it_has_settled() {
    let rate = |user: &str, rating: Option<f64>, at: i64| {
        let at = "2026-11-21T20:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(at);
        let Report::Playback(playback) = report(&told(0, "A", What::Play, None), at) else { unreachable!() };
        let user = User { name: Some(user.to_owned()), ..User::default() };
        let Playback { server, item, .. } = playback;
        Report::Rated(Rated { server, user, item, rating, library: None, paths: vec![], at })
    };
    let rating_route = Route { ratings: true, ..route() };
    let routing = routing(vec![rating_route]);
    let mut sessions = Sessions::default();
    let mut hear = |report: Report| {
        let mut advance = sessions.advance(&report, &Policy::default());
        let events = routing.plan(&mut advance).events;
        sessions.absorb_ratings(advance.rating);
        (advance.verdict.code, events)
    };
    let (code, events) = hear(rate("sean", Some(8.0), 0));
    assert_eq!(code, "rating");
    let (subject, at) = (events[0].subject.clone(), events[0].at);
    assert_eq!(
        events[0].not_before.duration_since(at),
        SignedDuration::from_secs(5),
        "it may still be moved"
    );
    assert_eq!(hear(rate("sean", Some(8.0), 1)).0, "rating-repeated");
    assert_eq!(
        hear(rate("sean", Some(9.0), 2)).1[0].subject,
        subject,
        "the newer one takes the older one's place"
    );
    assert_eq!(hear(rate("sean", Some(8.0), 1)).0, "out-of-order");
    assert_eq!(hear(rate("sean", None, 3)).1[0].action, Action::Unrated);
    assert_ne!(hear(rate("kid", Some(3.0), 3)).1[0].subject, subject, "two people are two ratings");
}

#[test]
fn short_items_and_nobodys_are_left_out_with_a_reason() {
    let mut run = Run::default();
    let at = "2026-11-21T20:00:00Z".parse().unwrap();
    let Report::Playback(mut playback) = report(&told(0, "A", What::Stop, Some(97)), at) else {
        unreachable!()
    };
    playback.item.runtime_ms = Some(60_000);
    let advance = run.sessions.advance(&Report::Playback(playback.clone()), &Policy::default());
    assert_eq!((advance.verdict.outcome, advance.verdict.code.as_str()), (Outcome::Filtered, "too-short"));
    playback.item.runtime_ms = Some(RUNTIME);
    playback.content = Content::LiveTv;
    let advance = run.sessions.advance(&Report::Playback(playback.clone()), &Policy::default());
    assert_eq!((advance.verdict.outcome, advance.verdict.code.as_str()), (Outcome::Ignored, "live-tv"));
    playback.content = Content::OnDemand;
    playback.user = User::default();
    let advance = run.sessions.advance(&Report::Playback(playback), &Policy::default());
    assert_eq!((advance.verdict.outcome, advance.verdict.code.as_str()), (Outcome::Held, "no-user"));
    run.sessions.absorb(advance.plays);
    assert_eq!(run.sessions.open().count(), 0);
}

fn any_told() -> impl Strategy<Value = Told> {
    let after = prop_oneof![Just(0_i64), -5..0_i64, 1..10_i64, 60..4_000_i64, 4_000..90_000_i64];
    let what = prop_oneof![
        4 => Just(What::Play),
        2 => Just(What::Pause),
        3 => Just(What::Stop),
        2 => Just(What::Counted),
        1 => Just(What::Claimed),
        1 => Just(What::Mark),
        1 => Just(What::Unmark),
    ];
    let server = prop_oneof![5 => Just("server"), 1 => Just("other")];
    let position = prop_oneof![Just(None), Just(Some(0)), (0..=100_u32).prop_map(Some)];
    let user = prop_oneof![Just("sean"), Just("kid")];
    let item = prop_oneof![Just("A"), Just("B"), Just("C")];
    let player = prop_oneof![Just("tv"), Just("phone")];
    (after, server, user, item, player, what, position).prop_map(
        |(after, server, user, item, player, what, position)| Told {
            after,
            server,
            user,
            item,
            player,
            what,
            position,
        },
    )
}

fn any_story() -> impl Strategy<Value = Vec<Told>> {
    prop::collection::vec(any_told(), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_play_is_watched_twice(story in any_story()) {
        let run = run(&story);
        let mut subjects = BTreeMap::new();
        for event in run.events.iter().filter(|event| matches!(event.action, Action::Watched(_))) {
            *subjects.entry(event.subject.clone()).or_insert(0) += 1;
        }
        prop_assert!(subjects.values().all(|count| *count == 1), "{subjects:?}");
    }

    #[test]
    fn two_watches_of_one_item_are_half_a_runtime_apart(story in any_story()) {
        // A watch that was taken back may be marked anew at once.
        let story: Vec<_> = story
            .into_iter()
            .filter(|told| told.what != What::Unmark)
            .map(|told| Told { server: "server", user: "sean", ..told })
            .collect();
        let run = run(&story);
        for item in ["A", "B", "C"] {
            let watches: Vec<_> = run.watches().into_iter().filter(|(name, _)| *name == item).collect();
            for pair in watches.windows(2) {
                let apart = pair[1].1.duration_since(pair[0].1);
                prop_assert!(apart >= SignedDuration::from_millis(i64::from(RUNTIME / 2)), "{item}: {apart:?}");
            }
        }
    }

    #[test]
    fn a_watch_has_evidence_of_its_own_user_and_item(story in any_story()) {
        let run = run(&story);
        for event in run.events.iter().filter(|event| matches!(event.action, Action::Watched(_))) {
            let item = event.item.server_ref.as_deref().unwrap();
            let evidence = story.iter().zip(times(&story)).any(|(told, at)| {
                let enough = matches!(told.what, What::Counted | What::Claimed | What::Mark)
                    || told.position.is_some_and(|position| position >= 80);
                at <= event.at && told.item == item && enough
            });
            prop_assert!(evidence, "{event:?}");
        }
    }

    #[test]
    fn users_do_not_mix(story in any_story()) {
        let alone: Vec<_> = story.iter().zip(times(&story)).filter(|(told, _)| told.user == "sean").collect();
        let mut only_sean = Run::default();
        for (told, at) in alone {
            only_sean.tell(told, at);
        }
        let all = run(&story);
        let seans: Vec<_> = all.sessions.all().filter(|play| play.viewer.user == "sean").map(|play| &play.id).collect();
        let mut expected: Vec<_> = only_sean.sessions.all().map(|play| &play.id).collect();
        let mut seans_sorted = seans;
        seans_sorted.sort();
        expected.sort();
        prop_assert_eq!(seans_sorted, expected);
    }

    #[test]
    fn saying_everything_twice_changes_nothing(story in any_story()) {
        let once = run(&story);
        let mut twice = Run::default();
        for (told, at) in story.iter().zip(times(&story)) {
            twice.tell(told, at);
            twice.tell(told, at);
        }
        prop_assert_eq!(once.watches(), twice.watches());
    }

    #[test]
    fn a_restart_anywhere_changes_nothing(story in any_story(), at in 0..40_usize) {
        let mut restarted = Run::default();
        for (index, (told, when)) in story.iter().zip(times(&story)).enumerate() {
            if index == at {
                restarted.restart();
            }
            restarted.tell(told, when);
        }
        let straight = run(&story);
        prop_assert_eq!(restarted.events, straight.events);
        prop_assert_eq!(restarted.outcomes, straight.outcomes);
    }

    #[test]
    fn a_look_at_the_clock_between_reports_changes_nothing(story in any_story(), looks in prop::collection::vec(any::<bool>(), 40)) {
        // The clock does not go back here: a look would see what a report from the past does not.
        let story: Vec<_> = story.into_iter().map(|told| Told { after: told.after.max(0), ..told }).collect();
        let mut looked = Run::default();
        for ((told, at), look) in story.iter().zip(times(&story)).zip(looks) {
            if look {
                looked.look(at);
            }
            looked.tell(told, at);
        }
        let mut straight = run(&story);
        let end = "2036-01-01T00:00:00Z".parse().unwrap();
        looked.look(end);
        straight.look(end);
        let sorted = |mut events: Vec<TrackerEvent>| {
            events.sort_by_key(|event| (event.subject.clone(), event.at, event.action.name()));
            events
        };
        prop_assert_eq!(sorted(looked.events), sorted(straight.events));
        prop_assert_eq!(looked.sessions.open().count(), 0);
    }

    #[test]
    fn a_prefix_told_again_is_no_watch(story in any_story(), length in 0..40_usize) {
        // As when a proxy sends again what it has sent already, with the times that the server gave: one for each.
        let prefix: Vec<_> = story
            .into_iter()
            .take(length)
            .filter(|told| told.what != What::Unmark)
            .map(|told| Told { after: told.after.max(1), ..told })
            .collect();
        let mut again = run(&prefix);
        let once = again.watches().len();
        for (told, at) in prefix.iter().zip(times(&prefix)) {
            again.tell(told, at);
        }
        prop_assert_eq!(again.watches().len(), once);
    }

    #[test]
    fn every_report_has_a_verdict_and_a_reason(story in any_story()) {
        let mut sessions = Sessions::default();
        for (told, at) in story.iter().zip(times(&story)) {
            let advance = sessions.advance(&report(told, at), &Policy::default());
            prop_assert!(!advance.verdict.code.is_empty() && !advance.steps.is_empty());
            sessions.absorb(advance.plays);
        }
    }
}
