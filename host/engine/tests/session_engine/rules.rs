//! Rules that need more than a story.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::event::Action;
use playrelay_engine::model::{
    Completion, Content, Episode, Ids, Item, ItemKind, Playback, PlaybackState, Player, Rated, Report,
    Server, Show, User,
};
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::route::{Route, UnsupportedActions};
use playrelay_engine::state::SessionState;
use playrelay_engine::timeline::Outcome;

use crate::story::*;

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
        policy: Policy { watched_threshold: watched_at, credits: false, ..Policy::default() },
        ..route()
    });
    for story in stories {
        let (mut sessions, mut watched) = (SessionState::default(), BTreeMap::new());
        for (told, at) in story.iter().zip(times(&story)) {
            let mut advance = sessions.transition(&report(told, at), &Policy::default());
            for event in routing(routes.to_vec()).plan(&mut advance).events {
                if matches!(event.action, Action::Watched(_)) {
                    *watched.entry(event.tracker).or_insert(0) += 1;
                }
            }
            sessions.apply(advance.plays);
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
        Route { policy: Policy { watched_threshold: 90.0, credits: false, ..Policy::default() }, ..route() };
    let routing = routing(vec![strict]);
    let mut sessions = SessionState::default();
    let story = [
        told(0, "A", What::Play, Some(0)),
        told(6_200, "A", What::Stop, Some(86)),
        told(60, "A", What::Mark, None),
    ];
    let mut actions = Vec::new();
    for (told, at) in story.iter().zip(times(&story)) {
        let mut advance = sessions.transition(&report(told, at), &Policy::default());
        actions.extend(routing.plan(&mut advance).events.iter().map(|event| event.action.name()));
        sessions.apply(advance.plays);
    }
    assert_eq!(actions, ["playing", "stopped", "watched"]);
}

/// Newcomer 59: what a sink does not take leaves no rows, and a word on the timeline.
#[test]
fn presence_that_a_tracker_does_not_take_is_not_queued() {
    let diary = Route { untaken: UnsupportedActions(vec!["playing", "paused", "stopped"]), ..route() };
    let routing = routing(vec![diary]);
    let mut sessions = SessionState::default();
    let story = [
        told(0, "A", What::Play, Some(0)),
        told(60, "A", What::Pause, Some(1)),
        told(6_200, "A", What::Stop, Some(95)),
    ];
    let (mut actions, mut codes) = (Vec::new(), Vec::new());
    for (told, at) in story.iter().zip(times(&story)) {
        let mut advance = sessions.transition(&report(told, at), &Policy::default());
        actions.extend(routing.plan(&mut advance).events.iter().map(|event| event.action.name()));
        codes.extend(advance.steps.iter().map(|step| step.code.clone()));
        sessions.apply(advance.plays);
    }
    assert_eq!(actions, ["watched"]);
    assert_eq!(codes.iter().filter(|code| *code == "not-taken").count(), 2, "{codes:?}");
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
        from_session_list: false,
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
    let (mut sessions, mut told_of) = (SessionState::default(), Vec::new());
    for (source, what, at) in [
        ("one", What::Play, 0),
        ("two", What::Play, 1),
        ("one", What::Counted, 6_500),
        ("two", What::Counted, 6_501),
        ("two", What::Stop, 7_000),
        ("one", What::Stop, 7_001),
    ] {
        let mut advance = sessions.transition(&from(source, what, at), &Policy::default());
        let events = routing.plan(&mut advance).events;
        told_of.extend(events.iter().map(|event| format!("{} {}", event.action.name(), event.tracker)));
        sessions.apply(advance.plays);
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
    let mut sessions = SessionState::default();
    let mut hear = |report: Report| {
        let mut advance = sessions.transition(&report, &Policy::default());
        let events = routing.plan(&mut advance).events;
        sessions.apply_ratings(advance.rating);
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
    let advance = run.sessions.transition(&Report::Playback(playback.clone()), &Policy::default());
    assert_eq!((advance.verdict.outcome, advance.verdict.code.as_str()), (Outcome::Filtered, "too-short"));
    playback.item.runtime_ms = Some(RUNTIME);
    playback.content = Content::LiveTv;
    let advance = run.sessions.transition(&Report::Playback(playback.clone()), &Policy::default());
    assert_eq!((advance.verdict.outcome, advance.verdict.code.as_str()), (Outcome::Ignored, "live-tv"));
    playback.content = Content::OnDemand;
    playback.user = User::default();
    let advance = run.sessions.transition(&Report::Playback(playback), &Policy::default());
    assert_eq!((advance.verdict.outcome, advance.verdict.code.as_str()), (Outcome::Held, "no-user"));
    run.sessions.apply(advance.plays);
    assert_eq!(run.sessions.open().count(), 0);
}
