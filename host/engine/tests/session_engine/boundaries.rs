//! Where a rule begins and ends: the last value that it takes, and the first that it does not.

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::code::Code;
use playrelay_engine::model::{
    Completion, Episode, Item, ItemKind, Playback, PlaybackState, Player, Report, Show, User,
};
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::route::{Route, UserRule};
use playrelay_engine::state::SessionState;
use playrelay_engine::transition::{PlayEventKind, Transition};

use crate::story::*;

/// Seconds from the beginning, what, and the position in percent.
type Line = (i64, What, Option<u32>);

fn after(seconds: i64) -> Timestamp {
    "2026-11-21T20:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn film((seconds, what, position): Line) -> Report {
    report(&told(0, "A", what, position), after(seconds))
}

fn playback(line: Line) -> Playback {
    let Report::Playback(playback) = film(line) else { unreachable!() };
    playback
}

fn hear_with(sessions: &mut SessionState, report: &Report, policy: &Policy) -> Transition {
    let transition = sessions.transition(report, policy);
    sessions.apply(transition.plays.clone());
    transition
}

/// The codes of a story's verdicts, and the engine after it.
fn codes(story: &[Line]) -> (Vec<String>, SessionState) {
    let mut sessions = SessionState::default();
    let codes = story
        .iter()
        .map(|line| hear_with(&mut sessions, &film(*line), &Policy::default()).verdict.code.to_string())
        .collect();
    (codes, sessions)
}

fn plays(story: &[Line]) -> usize {
    codes(story).1.all().count()
}

fn watches(story: &[Line]) -> usize {
    let mut run = Run::default();
    story.iter().for_each(|line| run.hear(&film(*line)));
    run.watches().len()
}

use What::{Claimed, Counted, Mark, Pause, Play, Stop, Unmark};

#[test]
fn what_is_counted_once_more_is_another_play_after_a_silence_and_from_the_first_half_only() {
    let counted_again = |silence: i64, position| {
        plays(&[
            (0, Play, Some(0)),
            (3_600, Counted, Some(position)),
            (3_600 + silence, Counted, Some(position)),
        ])
    };
    assert_eq!(counted_again(3_600, 10), 2);
    assert_eq!(counted_again(3_599, 10), 1);
    assert_eq!(counted_again(3_600, 50), 1);
}

#[test]
fn a_play_is_forgotten_after_four_hours_or_twice_its_runtime() {
    let silent_for = |seconds, runtime| {
        let mut sessions = SessionState::default();
        for (at, position) in [(0, 1_000_000), (seconds, 1_000_000)] {
            let mut heard = playback((at, Play, None));
            heard.position_ms = Some(position);
            heard.item.runtime_ms = Some(runtime);
            hear_with(&mut sessions, &Report::Playback(heard), &Policy::default());
        }
        sessions.all().count()
    };
    let hour = 3_600;
    assert_eq!(silent_for(4 * hour, RUNTIME), 1);
    assert_eq!(silent_for(4 * hour + 1, RUNTIME), 2);
    assert_eq!(silent_for(5 * hour, RUNTIME / 2 * 3), 1);
    assert_eq!(silent_for(6 * hour + 1, RUNTIME / 2 * 3), 2);
}

#[test]
fn what_was_watched_begins_anew_in_its_first_half_only() {
    let then_at =
        |position| plays(&[(0, Play, Some(0)), (6_500, Counted, Some(90)), (6_560, Play, Some(position))]);
    assert_eq!((then_at(49), then_at(50), then_at(51)), (2, 1, 1));
}

#[test]
fn an_end_at_zero_is_no_known_end() {
    let is_known = |position| {
        let (_, sessions) = codes(&[(0, Play, Some(30)), (60, Stop, position)]);
        sessions.all().next().unwrap().evidence.is_end_known
    };
    assert_eq!((is_known(Some(0)), is_known(None), is_known(Some(31))), (false, false, true));
}

#[test]
fn a_second_end_amends_the_first_for_half_the_runtime() {
    let again = |seconds| codes(&[(0, Stop, Some(40)), (seconds, Stop, Some(40))]).0;
    assert_eq!(again(60), ["ended-unseen", "finish-repeated"]);
    assert_eq!(again(3_599), ["ended-unseen", "finish-repeated"]);
    assert_eq!(again(3_600), ["ended-unseen", "ended-unseen"]);
}

#[test]
fn only_the_rest_of_what_was_watched_trails_its_end() {
    let then = |first, second| codes(&[(0, Stop, Some(first)), (60, Play, Some(second))]).0[1].clone();
    assert_eq!(then(95, 96), "after-the-end");
    assert_eq!(then(95, 10), "started");
    assert_ne!(then(50, 85), "after-the-end");
    // What was taken back may be watched again, wherever it goes on.
    let taken_back = codes(&[(0, Stop, Some(95)), (30, Unmark, None), (60, Play, Some(96))]).0;
    assert_ne!(taken_back[2], "after-the-end");
}

#[test]
fn a_repeated_end_is_told_again_only_where_it_says_more() {
    let told_again = |first, second| {
        let mut sessions = SessionState::default();
        hear_with(&mut sessions, &film((0, Stop, Some(first))), &Policy::default());
        hear_with(&mut sessions, &film((60, Stop, Some(second))), &Policy::default()).events.len()
    };
    assert_eq!((told_again(40, 60), told_again(40, 40), told_again(60, 40)), (1, 0, 0));
}

#[test]
fn what_comes_late_and_counts_has_ended_where_a_later_play_is_known() {
    let (codes, _) = codes(&[
        (0, Play, Some(0)),
        (60, Stop, Some(1)),
        (20_000, Play, Some(0)),
        (10_000, Counted, Some(95)),
    ]);
    assert_eq!(codes[3], "ended-unseen");
}

#[test]
fn a_late_report_of_an_open_play_changes_nothing() {
    let (codes, sessions) = codes(&[(0, Play, Some(0)), (720, Play, Some(10)), (360, Pause, Some(5))]);
    assert_eq!(codes[2], "out-of-order");
    assert_eq!(sessions.open().next().unwrap().state, PlaybackState::Playing);
}

#[test]
fn a_player_may_say_within_two_minutes_that_it_goes_on_where_it_was_left() {
    let leaps = |seconds: i64| {
        watches(&[
            (0, Play, Some(0)),
            (6_100, Stop, Some(85)),
            (90_000, Play, Some(0)),
            (90_000 + seconds, Play, Some(85)),
            (91_000, Stop, Some(99)),
        ])
    };
    assert_eq!((leaps(119), leaps(120)), (1, 2));
    // From the second half it does not go on from elsewhere: it began there.
    let from_half = [
        (0, Play, Some(0)),
        (6_100, Stop, Some(85)),
        (90_000, Play, Some(49)),
        (90_072, Play, Some(50)),
        (90_100, Play, Some(85)),
        (91_000, Stop, Some(99)),
    ];
    assert_eq!(watches(&from_half), 2);
}

#[test]
fn a_jump_is_more_than_the_tolerance() {
    let moved = |percent| codes(&[(0, Play, Some(0)), (0, Play, Some(percent))]).0[1].clone();
    assert_eq!((moved(5), moved(6)), ("no-change".to_owned(), "sought".to_owned()));
}

#[test]
fn a_runtime_of_zero_is_none() {
    let without_length = |line| {
        let mut heard = playback(line);
        heard.item.runtime_ms = Some(0);
        heard.position_ms = line.2.map(|seconds| seconds * 1_000);
        heard
    };
    let mut sessions = SessionState::default();
    let policy = Policy { min_duration: std::time::Duration::ZERO, ..Policy::default() };
    let mut hear = |heard| hear_with(&mut sessions, &Report::Playback(heard), &policy);
    hear(without_length((0, Play, Some(0))));
    assert_eq!(hear(without_length((10, Play, Some(60)))).verdict.code, "no-change");
    // A claim of the end needs a length to be held against.
    let mut sessions = SessionState::default();
    let claim = Playback { completion: Completion::Claimed, ..without_length((0, Claimed, None)) };
    hear_with(&mut sessions, &Report::Playback(claim), &policy);
    assert_eq!(sessions.all().next().unwrap().watched_at, None);
}

#[test]
fn the_grace_before_the_credits_needs_most_of_the_film_and_the_switch() {
    let grace = |credits, seconds| Policy {
        watched_threshold: 97.0,
        credits,
        credits_grace: std::time::Duration::from_secs(seconds),
        ..Policy::default()
    };
    let is_watched = |policy: &Policy, percent| {
        let mut sessions = SessionState::default();
        hear_with(&mut sessions, &film((0, Play, Some(0))), policy);
        hear_with(&mut sessions, &film((6_000, Stop, Some(percent))), policy);
        sessions.all().next().unwrap().watched_at.is_some()
    };
    // 92 % of two hours: 576 s are left.
    assert!(is_watched(&grace(true, 576), 92));
    assert!(!is_watched(&grace(true, 575), 92));
    assert!(!is_watched(&grace(false, 576), 92));
    // Nearly all would be left, and a fifth is the most.
    assert!(is_watched(&grace(true, 3_600), 80));
    assert!(!is_watched(&grace(true, 3_600), 79));
}

#[test]
fn a_mark_settles_what_ended_less_than_half_a_runtime_ago() {
    let marked = |seconds| plays(&[(0, Play, Some(0)), (600, Stop, Some(50)), (seconds, Mark, None)]);
    assert_eq!((marked(600 + 3_599), marked(600 + 3_600)), (1, 2));
    // It comes late, from the middle of a long play.
    assert_eq!(plays(&[(0, Play, Some(0)), (7_000, Stop, Some(50)), (100, Mark, None)]), 1);
    // It comes late, from before the play.
    let before = |seconds| plays(&[(10_000, Play, Some(0)), (10_600, Stop, Some(50)), (seconds, Mark, None)]);
    assert_eq!((before(7_000), before(7_001), before(9_000)), (2, 1, 1));
}

#[test]
fn a_mark_speaks_of_the_watch_before_all_else() {
    let mut sessions = SessionState::default();
    let mut hear = |report: &Report| hear_with(&mut sessions, report, &Policy::default()).verdict.code;
    hear(&film((0, Play, Some(0))));
    hear(&film((600, Stop, Some(95))));
    let phone = Player { id: Some("phone".to_owned()), ..Player::default() };
    hear(&Report::Playback(Playback { player: phone, ..playback((700, Play, Some(0))) }));
    assert_eq!(hear(&film((800, Mark, None))), "finish-repeated");
}

#[test]
fn taking_a_mark_back_leaves_alone_what_plays_and_is_no_watch() {
    let revoked = |story: &[Line]| {
        let (_, sessions) = codes(story);
        sessions.all().map(|play| play.evidence.unwatched).collect::<Vec<_>>()
    };
    assert_eq!(revoked(&[(0, Play, Some(0)), (60, Unmark, None)]), [false, true]);
    assert_eq!(revoked(&[(0, Play, Some(0)), (6_500, Counted, Some(95)), (6_560, Unmark, None)]), [true]);
    assert_eq!(revoked(&[(0, Play, Some(0)), (60, Stop, Some(1)), (120, Unmark, None)]), [true]);
}

#[test]
fn a_route_without_marks_is_not_told_that_a_marked_title_has_stopped() {
    let routing = routing(vec![Route { marks: false, ..route() }]);
    let mut sessions = SessionState::default();
    let mut transition = sessions.transition(&film((0, Mark, None)), &Policy::default());
    let plan = routing.plan(&mut transition);
    assert!(plan.events.is_empty(), "{:?}", plan.events);
    assert!(transition.steps.iter().any(|step| step.code == Code::MarksOff), "{:?}", transition.steps);
    sessions.apply(transition.plays);
}

#[test]
fn a_source_joins_the_play_that_it_tells_of() {
    let from = |source: &str, item: &'static str, line: Line| {
        let mut told = told(0, item, line.1, line.2);
        told.player = if item == "A" { "tv" } else { "phone" };
        let Report::Playback(mut playback) = report(&told, after(line.0)) else { unreachable!() };
        source.clone_into(&mut playback.server.source);
        Report::Playback(playback)
    };
    let mut sessions = SessionState::default();
    let mut hear = |report: Report| hear_with(&mut sessions, &report, &Policy::default());
    hear(from("source", "B", (0, Play, Some(0))));
    hear(from("other", "B", (1, Play, Some(0))));
    hear(from("source", "A", (2, Play, Some(0))));
    let joined = hear(from("other", "A", (3, Play, Some(0))));
    let kinds: Vec<_> = joined.events.iter().map(|event| (event.kind, event.play.item.to_string())).collect();
    assert_eq!(kinds, [(PlayEventKind::Joined, "A".to_owned())]);
    // The pause itself tells the trackers of the other source.
    hear(from("source", "C", (10, Play, Some(0))));
    let paused = hear(from("other", "C", (11, Pause, Some(0))));
    let kinds: Vec<_> = paused.events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [PlayEventKind::Paused]);
}

#[test]
fn a_report_of_nobody_speaks_of_the_same_title_on_the_same_server() {
    let mut sessions = SessionState::default();
    let mut hear = |report: &Report| hear_with(&mut sessions, report, &Policy::default()).verdict.code;
    hear(&film((0, Play, Some(0))));
    let mut other = playback((10, Play, Some(0)));
    other.user.name = Some("mia".to_owned());
    other.item.server_ref = Some("B".to_owned());
    hear(&Report::Playback(other));
    let nobody = Playback {
        user: User::default(),
        player: Player::default(),
        session: None,
        ..playback((60, Pause, Some(1)))
    };
    assert_eq!(hear(&Report::Playback(nobody.clone())), "paused");
    let mut elsewhere = nobody;
    "elsewhere".clone_into(&mut elsewhere.server.id);
    assert_eq!(hear(&Report::Playback(elsewhere)), "no-user");
}

#[test]
fn thirty_two_old_plays_of_a_viewer_are_remembered() {
    let remembered = |count: i64| {
        let story: Vec<Line> = (0..count).map(|day| (day * 86_400, Stop, Some(95))).collect();
        plays(&story)
    };
    assert_eq!((remembered(32), remembered(33), remembered(40)), (32, 32, 32));
}

#[test]
fn a_row_of_history_sees_what_ended_before_and_nothing_that_goes_on_elsewhere() {
    let policy = Policy::default();
    let row = |seconds| Playback { completion: Completion::Counted, ..playback((seconds, Stop, None)) };
    // Watched on the day before: the row is of another play, which knows of that one.
    let (_, sessions) = codes(&[(0, Play, Some(0)), (7_000, Stop, Some(97))]);
    let transition = sessions.transition_from_history(&row(90_000), &policy);
    assert_eq!(transition.plays.len(), 1);
    assert!(transition.plays[0].earlier.previous_watch_at.is_some());
    // Watched on one player while it goes on unwatched on another.
    let mut sessions = SessionState::default();
    let phone = Player { id: Some("phone".to_owned()), ..Player::default() };
    let on_phone = Playback { player: phone, ..playback((0, Play, Some(0))) };
    hear_with(&mut sessions, &Report::Playback(on_phone), &policy);
    hear_with(&mut sessions, &film((100, Play, Some(0))), &policy);
    hear_with(&mut sessions, &film((7_000, Stop, Some(97))), &policy);
    let of_nowhere = Playback { player: Player::default(), ..row(7_000) };
    let transition = sessions.transition_from_history(&of_nowhere, &policy);
    assert!(transition.plays.iter().all(|play| !play.is_open()), "{:#?}", transition.plays);
}

#[test]
fn episodes_are_the_same_by_title_and_year_of_their_show() {
    // Titles of the episode that differ keep the whole key from deciding.
    let episode = |show: &str, year, title: &str| {
        let show = Show { title: show.to_owned(), year, ..Show::default() };
        let title = Some(title.to_owned());
        let episode = Episode { show, season: Some(1), numbers: vec![2], title, ..Episode::default() };
        Item::of(ItemKind::Episode(episode))
    };
    let krimi = episode("Krimi", Some(1981), "Der Fall");
    assert!(krimi.is_same(&episode("KRIMI", None, "The Case")));
    assert!(!krimi.is_same(&episode("Krimi", Some(2015), "The Case")));
    assert!(!krimi.is_same(&episode("Kino", Some(1981), "The Case")));
    // Where one has no number, the titles decide.
    let without_number = |title: &str| {
        let mut item = episode("Krimi", Some(1981), title);
        if let ItemKind::Episode(episode) = &mut item.kind {
            episode.numbers.clear();
        }
        item
    };
    assert!(krimi.is_same(&without_number("Der Fall")));
    assert!(!krimi.is_same(&without_number("The Case")));
}

#[test]
fn an_episode_is_named_by_what_is_known_of_it() {
    let named = |season, numbers: &[u32]| {
        let show = Show { title: "Krimi".to_owned(), ..Show::default() };
        let episode = Episode { show, season, numbers: numbers.to_vec(), ..Episode::default() };
        Item::of(ItemKind::Episode(episode)).to_string()
    };
    assert_eq!(named(None, &[]), "Krimi");
    assert_eq!(named(None, &[5]), "Krimi E05");
    assert_eq!(named(Some(1), &[5, 6]), "Krimi S01E05E06");
}

#[test]
fn a_rule_for_users_is_written_as_it_is_read() {
    for text in ["*", "id:7", "uuid:ab12", "mia"] {
        assert_eq!(UserRule::parse(text).to_string(), text);
    }
}
