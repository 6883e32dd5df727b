//! Routes: whom they name, what they leave out, what they send, and what a person's decision about a user changes.

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::event::Action;
use playrelay_engine::model::{
    Content, Episode, Item, ItemKind, Movie, Playback, Rated, Report, Server, Show, User,
};
use playrelay_engine::outbox::DeliveryState;
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::Routing;
use playrelay_engine::routing::filter::{Filters, Kind, NameFilter, PathRule};
use playrelay_engine::routing::route::{Route, UserRule, WatchlistRemoval};
use playrelay_engine::routing::users::{KnownUser, UserAssignments, UserDecision};
use playrelay_engine::state::SessionState;
use playrelay_engine::timeline::Outcome;

use crate::story::*;

fn now() -> Timestamp {
    "2026-11-21T20:00:00Z".parse().unwrap()
}

fn user(name: Option<&str>, id: Option<&str>, uuid: Option<&str>) -> User {
    let text = |text: Option<&str>| text.map(str::to_owned);
    User { name: text(name), id: text(id), uuid: text(uuid), ..User::default() }
}

#[test]
fn rules_for_users_name_those_that_are_meant() {
    let mia = user(Some("M\u{ed}a"), Some("7"), Some("ABCD-ef01"));
    let sean = user(Some("sean"), Some("abcdEF01"), None);
    let nobody = user(None, None, None);
    let cases = [
        ("*", [true, true, true]),
        (" * ", [true, true, true]),
        ("id:7", [true, false, false]),
        ("id: 7 ", [true, false, false]),
        ("id:8", [false, false, false]),
        ("uuid:abcdef01", [true, true, false]),
        ("uuid: AB-CD-EF-01", [true, true, false]),
        ("uuid:abcdef02", [false, false, false]),
        ("m\u{ed}A", [true, false, false]),
        ("SEAN", [false, true, false]),
        ("7", [false, false, false]),
    ];
    for (rule, named) in cases {
        let route = Route { users: vec![UserRule::parse(rule)], ..route() };
        assert_eq!([&mia, &sean, &nobody].map(|user| route.names(user)), named, "{rule}");
    }
    assert!(!Route { users: vec![], ..route() }.names(&mia), "nobody is named without a rule");
    let both = ["id:9", "sean"].map(UserRule::parse).into();
    assert!(Route { users: both, ..route() }.names(&sean));
    assert_eq!(UserRule::parse("uuid:AB-cd"), UserRule::Uuid("abcd".to_owned()));
}

#[test]
fn only_a_watch_takes_something_off_a_watchlist() {
    let accounts = vec!["bob".to_owned(), "list".to_owned()];
    let film = Item::of(ItemKind::Movie(Movie::default()));
    let episode = |season| Item::of(ItemKind::Episode(Episode { season, ..Episode::default() }));
    let all = WatchlistRemoval { movies: true, shows: true, accounts: accounts.clone() };
    let movies = WatchlistRemoval { shows: false, ..all.clone() };
    let shows = WatchlistRemoval { movies: false, ..all.clone() };
    let watched = Action::Watched(90.0);
    let cases = [
        (&all, watched, film.clone(), true),
        (&movies, watched, film.clone(), true),
        (&shows, watched, film.clone(), false),
        (&all, watched, episode(Some(1)), true),
        (&shows, watched, episode(Some(2)), true),
        (&movies, watched, episode(Some(1)), false),
        (&all, watched, episode(Some(0)), false),
        (&all, watched, episode(None), false),
        (&all, Action::Stopped(90.0), film, false),
        (&all, Action::Unwatched, episode(Some(1)), false),
        (&all, watched, Item::of(ItemKind::Show(Show::default())), false),
    ];
    for (removal, action, item, removes) in cases {
        let expected = if removes { accounts.clone() } else { Vec::new() };
        assert_eq!(removal.of(action, &item), expected, "{removal:?} {action:?} {item:?}");
    }
}

#[test]
fn kinds_and_places_of_filters() {
    for (text, kind) in [
        ("movie", Some(Kind::Movie)),
        ("Movies", Some(Kind::Movie)),
        ("episode", Some(Kind::Show)),
        ("episodes", Some(Kind::Show)),
        ("show", Some(Kind::Show)),
        ("SHOWS", Some(Kind::Show)),
        ("season", None),
        ("", None),
    ] {
        assert_eq!(Kind::parse(text), kind, "{text}");
    }
    let named = |only: &[&str], except: &[&str]| NameFilter {
        only: only.iter().map(|it| (*it).to_owned()).collect(),
        except: except.iter().map(|it| (*it).to_owned()).collect(),
    };
    let path = || vec![PathRule::parse("/films").unwrap()];
    let cases = [
        (Filters::default(), false),
        (Filters { servers: named(&["a"], &["b"]), kinds: vec![Kind::Movie], ..Filters::default() }, false),
        (Filters { libraries: named(&["a"], &[]), ..Filters::default() }, true),
        (Filters { libraries: named(&[], &["a"]), ..Filters::default() }, true),
        (Filters { paths: path(), ..Filters::default() }, true),
        (Filters { except_paths: path(), ..Filters::default() }, true),
    ];
    for (filters, needs) in cases {
        assert_eq!(filters.needs_location(), needs, "{filters:?}");
    }
    assert_eq!(PathRule::parse("/films").unwrap(), PathRule::parse("/films").unwrap());
    assert_ne!(PathRule::parse("/films").unwrap(), PathRule::parse("/series").unwrap());
}

fn playback(content: Content) -> Playback {
    let Report::Playback(playback) = report(&told(0, "A", What::Play, Some(1)), now()) else { panic!() };
    Playback { content, ..playback }
}

/// The play that a report begins.
fn begun(playback: Playback, policy: &Policy) -> Play {
    let mut transition = SessionState::default().transition(&Report::Playback(playback), policy);
    transition.plays.pop().expect("it begins a play")
}

#[test]
fn content_is_sent_where_a_policy_asks_for_it() {
    let on = Policy { live_tv: true, recordings: true, extras: true, ..Policy::default() };
    let only = [
        (Content::LiveTv, "live-tv", Policy { live_tv: true, ..Policy::default() }),
        (Content::Recording, "recording", Policy { recordings: true, ..Policy::default() }),
        (Content::Extra, "extra", Policy { extras: true, ..Policy::default() }),
    ];
    for (content, code, alone) in &only {
        let off =
            SessionState::default().transition(&Report::Playback(playback(*content)), &Policy::default());
        assert_eq!((off.verdict.outcome, off.verdict.code.as_str()), (Outcome::Ignored, *code));
        assert!(off.verdict.detail.contains("is off"), "{}", off.verdict.detail);
        let play = begun(playback(*content), alone);
        let accepts =
            |policy: &Policy| routing(vec![Route { policy: policy.clone(), ..route() }]).accepts(&play);
        assert_eq!((accepts(&on), accepts(alone), accepts(&Policy::default())), (true, true, false));
        for (other, ..) in only.iter().filter(|(other, ..)| other != content) {
            let refused = SessionState::default().transition(&Report::Playback(playback(*other)), alone);
            assert_eq!(refused.verdict.outcome, Outcome::Ignored, "{other:?} with {content:?} on");
        }
    }
}

#[test]
fn short_items_and_odd_positions_have_their_limits() {
    let policy = Policy { min_duration: std::time::Duration::from_secs(60), ..Policy::default() };
    for (runtime, outcome) in
        [(0, Outcome::Recorded), (59_999, Outcome::Filtered), (60_000, Outcome::Recorded)]
    {
        let mut short = playback(Content::OnDemand);
        (short.item.runtime_ms, short.position_ms) = (Some(runtime), Some(0));
        let transition = SessionState::default().transition(&Report::Playback(short), &policy);
        assert_eq!(transition.verdict.outcome, outcome, "{runtime} ms");
    }
    // A quarter of the runtime beyond the end may be a wrong runtime; more is of something else.
    let beyond = |runtime: u32, position: u32| {
        let mut odd = playback(Content::OnDemand);
        (odd.item.runtime_ms, odd.position_ms) = (Some(runtime), Some(position));
        let transition = SessionState::default().transition(&Report::Playback(odd), &Policy::default());
        transition.steps.iter().any(|step| step.code == "position-beyond-end")
    };
    assert!(!beyond(1_000_000, 1_250_000) && beyond(1_000_000, 1_250_001));
    assert!(!beyond(0, 4_000_000), "a runtime of 0 says nothing");
}

fn known(source: &str, viewer: &Viewer, decision: UserDecision) -> KnownUser {
    KnownUser {
        source: source.to_owned(),
        viewer: viewer.clone(),
        user: user(Some("sean"), None, None),
        first_seen: now(),
        last_seen: now(),
        last_item: "A".to_owned(),
        decision,
    }
}

fn assigned(trackers: &[&str]) -> UserDecision {
    UserDecision::Assigned { trackers: trackers.iter().map(|it| (*it).to_owned()).collect(), since: None }
}

#[test]
fn decisions_about_users_are_found_and_compared() {
    let [sean, mia] =
        ["sean", "mia"].map(|user| Viewer { server: "server".to_owned(), user: user.to_owned() });
    let before =
        UserAssignments::new(vec![known("a", &sean, UserDecision::Held), known("a", &mia, assigned(&["t"]))]);
    let after = UserAssignments::new(vec![
        known("a", &sean, UserDecision::Ignored),
        known("a", &mia, assigned(&["t"])),
        known("b", &sean, UserDecision::Held),
        known("b", &mia, assigned(&["t"])),
    ]);
    assert_eq!(before.decision("a", &sean), Some(&UserDecision::Held));
    assert_eq!(before.decision("a", &mia), Some(&assigned(&["t"])));
    assert_eq!(before.decision("b", &sean), None);
    let changed: Vec<(&str, &str)> = after
        .decided_since(&before)
        .map(|person| (person.source.as_str(), person.viewer.user.as_str()))
        .collect();
    assert_eq!(changed, [("a", "sean"), ("b", "mia")]);
    assert_eq!((after.decided_since(&after).count(), after.iter().count()), (0, 4));
}

#[test]
fn a_decision_stands_in_for_a_route_that_names_the_user() {
    let play = begun(playback(Content::OnDemand), &Policy::default());
    let strangers = Route { users: vec![UserRule::parse("mia")], ..route() };
    let with = |decision: Option<UserDecision>, route: &Route| Routing {
        routes: vec![route.clone()],
        people: UserAssignments::new(
            decision.map(|decision| known("source", &play.viewer, decision)).into_iter().collect(),
        ),
    };
    let cases = [
        (None, &strangers, false),
        (Some(UserDecision::Held), &strangers, false),
        (Some(assigned(&["tracker"])), &strangers, true),
        (Some(assigned(&["another"])), &strangers, false),
        (Some(UserDecision::Ignored), &strangers, false),
    ];
    for (decision, route, accepts) in cases {
        assert_eq!(with(decision.clone(), route).accepts(&play), accepts, "{decision:?}");
    }
    let everybody = route();
    assert!(with(None, &everybody).accepts(&play));
    assert!(!with(Some(UserDecision::Ignored), &everybody).accepts(&play), "a person has said so");
    let elsewhere = Route { source: "other".to_owned(), ..route() };
    assert!(!with(None, &elsewhere).accepts(&play), "no source of that route reports it");
    // What was refused, and why, is told.
    let plan = |routing: &Routing| {
        let report = Report::Playback(playback(Content::OnDemand));
        let mut transition = SessionState::default().transition(&report, &Policy::default());
        let plan = routing.plan(&mut transition);
        let codes: Vec<String> = transition.steps.iter().map(|step| step.code.to_string()).collect();
        (plan.events.len(), usize::from(plan.held.is_some()), transition.verdict.outcome, codes.join(" "))
    };
    assert_eq!(plan(&with(None, &everybody)), (1, 0, Outcome::Queued, "started playing".to_owned()));
    assert_eq!(plan(&with(None, &strangers)), (0, 1, Outcome::Held, "started unknown-user".to_owned()));
    let ignored = plan(&with(Some(UserDecision::Ignored), &strangers));
    assert_eq!(ignored, (0, 0, Outcome::Filtered, "started user-ignored".to_owned()));
    let kinds = Route { filters: Filters { kinds: vec![Kind::Show], ..Filters::default() }, ..route() };
    assert_eq!(plan(&with(None, &kinds)), (0, 0, Outcome::Filtered, "started kind".to_owned()));
    let nothing = Routing { routes: vec![], people: UserAssignments::default() };
    assert_eq!(plan(&nothing), (0, 0, Outcome::Recorded, "started".to_owned()));
}

/// A mark by hand is made on no device, unless the play that it is of had one.
#[test]
fn filters_by_device_leave_marks_alone() {
    let except = NameFilter { only: Vec::new(), except: vec!["tv".to_owned()] };
    let filters = Filters { devices: except, ..Filters::default() };
    let routing = routing(vec![Route { filters, ..route() }]);
    let play = |marked: bool, id: Option<&str>, name: Option<&str>| {
        let mut play = begun(playback(Content::OnDemand), &Policy::default());
        play.evidence.marked = marked;
        (play.player.id, play.player.name) = (id.map(str::to_owned), name.map(str::to_owned));
        play
    };
    let cases = [
        (true, None, None, true),
        (true, Some("tv"), Some("tv"), false),
        (true, Some("tv"), None, false),
        (true, None, Some("tv"), false),
        (true, None, Some("phone"), true),
        (false, None, None, false),
        (false, None, Some("phone"), true),
    ];
    for (marked, id, name, accepts) in cases {
        assert_eq!(routing.accepts(&play(marked, id, name)), accepts, "{marked} {id:?} {name:?}");
    }
}

#[test]
fn a_route_that_is_added_tells_of_what_plays() {
    let play = begun(playback(Content::OnDemand), &Policy::default());
    let old = routing(vec![route()]);
    let new = routing(vec![route(), Route { tracker: "second".to_owned(), ..route() }]);
    assert!(old.announce_to_new_routes(&old, &play).is_none());
    let added = new.only_new(&old, &play);
    assert_eq!(added.routes.iter().map(|route| route.tracker.as_str()).collect::<Vec<_>>(), ["second"]);
    let mut transition = new.announce_to_new_routes(&old, &play).expect("there is a new one");
    assert_eq!(transition.verdict.code, "route-added");
    let events = added.plan(&mut transition).events;
    assert_eq!(events.iter().map(|event| event.action.name()).collect::<Vec<_>>(), ["playing"]);
}

#[test]
fn held_plays_and_ratings_are_sent_when_their_user_is_known() {
    let mut play = begun(playback(Content::OnDemand), &Policy::default());
    play.routing.awaiting_route = true;
    let rest = Play {
        id: playrelay_engine::play::PlayId("rest".to_owned()),
        earlier: playrelay_engine::play::EarlierPlays {
            continues: Some(play.id.clone()),
            ..Default::default()
        },
        ..play.clone()
    };
    let unrelated = Play { id: playrelay_engine::play::PlayId("other".to_owned()), ..play.clone() };
    let routing = routing(vec![Route { ratings: true, ..route() }]);
    let released = routing.release(&play, &[rest, unrelated]);
    let ids: Vec<&str> = released.plays.iter().map(|play| play.id.0.as_str()).collect();
    assert_eq!(ids, [play.id.0.as_str(), "rest"], "the play, and the one that continues it");
    assert!(!released.plays[0].routing.awaiting_route && released.events.len() == 1);
    let mut taken_back = play.clone();
    taken_back.evidence.unwatched = true;
    assert!(routing.release(&taken_back, &[]).events.is_empty(), "what was taken back is not told");

    let rated = Report::Rated(Rated {
        server: Server { id: "server".to_owned(), name: None, source: "source".to_owned() },
        user: user(Some("sean"), None, None),
        item: play.item,
        rating: Some(7.0),
        library: None,
        paths: vec![],
        at: now(),
    });
    let plan = |route: Route| {
        let mut transition = SessionState::default().transition(&rated, &Policy::default());
        let plan = crate::story::routing(vec![route]).plan(&mut transition);
        (plan.events.len(), usize::from(plan.held.is_some()), transition.rating.map(|rating| rating.held))
    };
    assert_eq!(plan(Route { ratings: true, ..route() }), (1, 0, Some(false)));
    assert_eq!(plan(route()), (0, 0, Some(false)), "the route sends no ratings");
    let strangers = |ratings| Route { users: vec![UserRule::parse("mia")], ratings, ..route() };
    assert_eq!(plan(strangers(true)), (0, 1, Some(true)));
    assert_eq!(plan(strangers(false)), (0, 0, Some(false)));
    let transition = SessionState::default().transition(&rated, &Policy::default());
    let held = playrelay_engine::transition::Rating { held: true, ..transition.rating.unwrap() };
    let released = routing.release_rating(&held);
    assert_eq!(released.rating.map(|rating| rating.held), Some(false));
}

#[test]
fn removals_follow_at_once_and_commands_mind_what_came_later() {
    use playrelay_engine::outbox::{AttemptOutcome, OutboxCommand, OutboxRow};
    use playrelay_engine::outbox_rules::{AttemptEffect, CommandEffect, attempted, command};
    let mut events = {
        let mut transition = SessionState::default()
            .transition(&report(&told(0, "A", What::Stop, Some(95)), now()), &Policy::default());
        let removal = WatchlistRemoval { movies: true, shows: false, accounts: vec!["list".to_owned()] };
        routing(vec![Route { removal, ..route() }]).plan(&mut transition).events
    };
    let event = events.remove(0);
    let row = |id: i64, state| OutboxRow {
        id,
        inbox: 1,
        later: false,
        event: event.clone(),
        state,
        attempts: 0,
        uncertain: false,
        since: now(),
        next_at: now(),
        note: None,
    };
    let later = now() + SignedDuration::from_secs(900);
    let done =
        AttemptOutcome::Settled { state: DeliveryState::Delivered, note: String::new(), receipt: None };
    let watch = row(1, DeliveryState::Waiting);
    let AttemptEffect::Settled { follow_ups, .. } = attempted(&watch, Some(&watch), &done, later) else {
        panic!()
    };
    assert_eq!(
        follow_ups.iter().map(|it| (it.tracker.as_str(), it.not_before)).collect::<Vec<_>>(),
        [("list", later)]
    );
    // A watch that was tried may have arrived.
    for (attempts, looks_first) in [(0, false), (1, true)] {
        let it = OutboxRow { attempts, ..watch.clone() };
        assert_eq!(command(&it, &OutboxCommand::Retry, &[]), CommandEffect::Requeued { looks_first });
    }
    // A rating is overtaken by a later one; the row itself does not count.
    let rated = |id, state| {
        let mut it = row(id, state);
        it.event.action = Action::Rated(7.0);
        it
    };
    let dead = rated(1, DeliveryState::Dead);
    let newer = rated(2, DeliveryState::Delivered);
    assert_eq!(command(&dead, &OutboxCommand::Retry, &[newer]), CommandEffect::Superseded);
    let requeued = command(&dead, &OutboxCommand::Retry, &[]);
    assert_eq!(requeued, CommandEffect::Requeued { looks_first: false });
}
