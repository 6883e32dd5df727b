//! What is heard of a server: lists of sessions that lose one, histories that tell of the past, routes that are added meanwhile.

use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::event::Action;
use playrelay_engine::model::{
    Completion, Content, Item, ItemKind, Marked, Movie, Playback, PlaybackState, Player, Report, Server, User,
};
use playrelay_engine::play::Play;
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::route::Route;
use playrelay_engine::state::SessionState;
use playrelay_engine::transition::Transition;

use crate::story::{self, RUNTIME};

const HOUR: i64 = 3_600;

fn server(source: &str) -> Server {
    Server { id: "server".to_owned(), name: None, source: source.to_owned() }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

/// Mia on her TV, at so many percent.
fn playing(seconds: i64, percent: u32) -> Playback {
    Playback {
        server: server("home"),
        user: User { id: Some("7".to_owned()), name: Some("mia".to_owned()), ..User::default() },
        player: Player { id: Some("tv".to_owned()), ..Player::default() },
        session: Some("1".to_owned()),
        item: Item {
            kind: ItemKind::Movie(Movie { title: "Mirror".to_owned(), ..Movie::default() }),
            server_ref: Some("9".to_owned()),
            server_show_ref: None,
            runtime_ms: Some(RUNTIME),
            ext: Vec::new(),
        },
        state: PlaybackState::Playing,
        position_ms: Some(RUNTIME / 100 * percent),
        completion: Completion::None,
        is_unmeasured: false,
        from_session_list: true,
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: Vec::new(),
        at: at(seconds),
    }
}

/// A row of the server's history.
fn counted(seconds: i64) -> Playback {
    Playback {
        player: Player::default(),
        session: None,
        state: PlaybackState::Stopped,
        position_ms: None,
        completion: Completion::Counted,
        from_session_list: false,
        ..playing(seconds, 0)
    }
}

#[derive(Default)]
struct Engine(SessionState);

impl Engine {
    fn absorb(&mut self, advance: Transition) -> Code {
        self.0.apply(advance.plays);
        advance.verdict.code
    }

    fn hear(&mut self, playback: Playback) -> Code {
        let advance = self.0.transition(&Report::Playback(playback), &Policy::default());
        self.absorb(advance)
    }

    fn read(&mut self, row: Playback) -> Code {
        let advance = self.0.transition_from_history(&row, &Policy::default());
        self.absorb(advance)
    }

    fn list(&mut self, source: &str, sessions: &[Playback], seconds: i64) -> Vec<Code> {
        let gone = self.0.end_unlisted(&server(source), sessions, at(seconds), &Policy::default());
        gone.into_iter().map(|advance| self.absorb(advance)).collect()
    }

    fn unheard(&mut self, source: &str, seconds: i64) -> Code {
        let lost = Report::ConnectionLost { source: source.to_owned(), at: at(seconds) };
        let advance = self.0.transition(&lost, &Policy::default());
        self.absorb(advance)
    }

    /// Looks at the clock.
    fn look(&mut self, seconds: i64) {
        for advance in self.0.close_expired(&|_| at(seconds), &Policy::default()) {
            self.absorb(advance);
        }
    }

    fn watches(&self) -> Vec<i64> {
        let mut times: Vec<i64> = self
            .0
            .all()
            .filter_map(|play| play.watched_at)
            .map(|at| at.as_second() - 1_790_000_000)
            .collect();
        times.sort_unstable();
        times
    }

    fn open(&self) -> usize {
        self.0.open().count()
    }
}

#[test]
fn what_a_list_no_longer_has_ended_where_it_was_last_seen() {
    let mut engine = Engine::default();
    engine.hear(playing(0, 0));
    engine.hear(playing(6_800, 95));
    assert_eq!(engine.list("home", &[playing(6_805, 95)], 6_805), Vec::<Code>::new(), "it is there");
    assert_eq!(engine.list("home", &[], 7_000), ["vanished"]);
    assert_eq!((engine.open(), engine.watches()), (0, vec![6_800]));
    assert_eq!(engine.list("home", &[], 7_010), Vec::<Code>::new(), "once");
}

/// Minutes of progress in step, then a connection that is lost, and what is open of it after so many seconds of silence.
fn lost(engine: &mut Engine, silence: i64) -> usize {
    for minute in 0..5 {
        let position_ms = u32::try_from(minute * 60_000).ok();
        engine.hear(Playback { position_ms, ..playing(minute * 60, 0) });
    }
    assert_eq!(engine.unheard("home", 245), "unheard");
    engine.look(240 + silence);
    engine.open()
}

#[test]
fn what_cannot_be_heard_may_go_on_and_does_so_as_one_play() {
    let mut engine = Engine::default();
    assert_eq!(lost(&mut engine, HOUR), 1);
    let mut later = playing(240 + HOUR, 0);
    later.position_ms = Some(240_000 + 3_600_000);
    engine.hear(later);
    assert_eq!((engine.0.all().count(), engine.open()), (1, 1));
    // It is heard again: from here on it is missed as before.
    engine.look(240 + HOUR + 301);
    assert_eq!(engine.open(), 0);
}

#[test]
fn what_cannot_be_heard_does_not_go_on_for_ever() {
    // What is left of it, half of its length, and the time for which silence is forgiven.
    let longest = 7_200 - 240 + 3_600 + 300;
    assert_eq!(lost(&mut Engine::default(), longest), 1);
    assert_eq!(lost(&mut Engine::default(), longest + 1), 0);
}

#[test]
fn a_connection_that_is_lost_changes_nothing_of_what_it_never_listed() {
    let mut engine = Engine::default();
    engine.hear(Playback { from_session_list: false, ..playing(0, 0) });
    assert_eq!(engine.unheard("home", 10), "no-change");
    engine.hear(playing(20, 0));
    assert_eq!(engine.unheard("other", 30), "no-change");
    // What had been silent for too long by then has ended, whenever somebody looks.
    for minute in 1..6 {
        let position_ms = u32::try_from(minute * 60_000).ok();
        engine.hear(Playback { position_ms, ..playing(20 + minute * 60, 0) });
    }
    assert_eq!(engine.unheard("home", 20 + 300 + 301), "no-change");
    engine.look(20 + 300 + 302);
    assert_eq!(engine.open(), 0);
}

#[test]
fn nobody_is_missed_on_a_list_that_never_had_them() {
    let mut engine = Engine::default();
    // A webhook told of it a moment ago; the list was made before.
    engine.hear(Playback { from_session_list: false, ..playing(0, 0) });
    assert_eq!(engine.list("home", &[], 1), Vec::<Code>::new());
    // One source sees all sessions, another one its own: each misses what it had.
    engine.hear(playing(10, 1));
    assert_eq!(engine.list("other", &[], 11), Vec::<Code>::new());
    assert_eq!(engine.list("home", &[], 5), Vec::<Code>::new(), "an older list says nothing");
    assert_eq!(engine.list("home", &[], 12), ["vanished"]);
}

#[test]
fn a_row_of_a_history_is_of_the_play_in_whose_time_it_falls() {
    for row in [0, 1, 3_000, 6_900, 7_200, 10_000] {
        let mut engine = Engine::default();
        engine.hear(playing(1, 0));
        engine.hear(playing(6_900, 96));
        engine.hear(Playback { state: PlaybackState::Stopped, ..playing(7_000, 97) });
        assert_eq!(engine.read(counted(row)), "finish-repeated", "{row}");
        assert_eq!(engine.watches(), [7_000]);
    }
}

/// A server has a threshold of its own, and counts what it guesses: where its end was told, that counts.
#[test]
fn a_row_does_not_overrule_an_end_that_was_told() {
    let mut engine = Engine::default();
    engine.hear(playing(0, 0));
    engine.hear(Playback { state: PlaybackState::Stopped, ..playing(4_000, 55) });
    assert_eq!(engine.read(counted(0)), "finish-repeated");
    assert_eq!(engine.watches(), Vec::<i64>::new());
    // What was played from there on while nobody listened is another matter.
    engine.read(counted(6_000));
    assert_eq!(engine.watches().len(), 1);
    // An end of which only the fact was told leaves room for better knowledge.
    let mut engine = Engine::default();
    engine.hear(playing(0, 0));
    engine.hear(Playback { state: PlaybackState::Stopped, position_ms: None, ..playing(7_000, 0) });
    engine.read(counted(6_500));
    assert_eq!(engine.watches().len(), 1);
}

#[test]
fn a_tick_that_was_told_is_no_row_of_a_history() {
    let mut engine = Engine::default();
    engine.hear(playing(0, 0));
    engine.hear(Playback { state: PlaybackState::Stopped, ..playing(7_000, 97) });
    let Playback { server, user, item, .. } = playing(0, 0);
    let far = 30 * 24 * HOUR;
    let tick = Marked { server, user, item, watched: true, library: None, paths: Vec::new(), at: at(far) };
    let advance = engine.0.transition(&Report::Marked(tick), &Policy::default());
    assert_eq!(engine.absorb(advance), "finish-repeated");
    assert_eq!(engine.read(counted(far + 2)), "mark-repeated");
    assert_eq!(engine.watches(), [7_000]);
}

/// A rewatch of what is short is past its half before two minutes are over.
#[test]
fn a_rewatch_of_something_short_counts() {
    let short = |seconds: i64, position: u32, state| {
        let mut playback = playing(seconds, 0);
        playback.item.runtime_ms = Some(180_000);
        Playback { position_ms: Some(position), state, ..playback }
    };
    let mut engine = Engine::default();
    for begin in [0, 24 * HOUR] {
        for step in 0..17 {
            let position = u32::try_from(step * 10_000).unwrap();
            engine.hear(short(begin + step * 10, position, PlaybackState::Playing));
        }
        engine.hear(short(begin + 175, 175_000, PlaybackState::Stopped));
    }
    assert_eq!(engine.watches(), [175, 24 * HOUR + 175]);
}

/// Some note when a play began: it falls into the part before as well.
#[test]
fn a_row_of_the_second_part_of_a_viewing_does_not_count_the_first() {
    for is_open in [false, true] {
        let mut engine = Engine::default();
        engine.hear(playing(0, 0));
        engine.hear(Playback { state: PlaybackState::Paused, ..playing(1_200, 40) });
        let phone = |playback| Playback {
            player: Player { id: Some("phone".to_owned()), ..Player::default() },
            session: Some("2".to_owned()),
            ..playback
        };
        engine.hear(phone(playing(1_260, 40)));
        engine.hear(phone(Playback { state: PlaybackState::Stopped, ..playing(5_000, 99) }));
        if !is_open {
            engine.hear(Playback { state: PlaybackState::Stopped, ..playing(5_400, 40) });
        }
        assert_eq!(engine.watches(), [5_000]);
        engine.read(counted(1_259));
        assert_eq!(engine.watches(), [5_000], "{is_open}");
    }
}

#[test]
fn a_row_of_the_past_is_a_watch_of_its_own_whatever_came_after_it() {
    let mut engine = Engine::default();
    // It was watched on Wednesday, and goes on once more on Thursday.
    engine.hear(playing(48 * HOUR, 0));
    engine.hear(Playback { state: PlaybackState::Stopped, ..playing(50 * HOUR, 97) });
    engine.hear(playing(72 * HOUR, 5));
    // Monday's row comes now.
    assert_eq!(engine.read(counted(2 * HOUR)), "ended-unseen");
    assert_eq!(engine.watches(), [2 * HOUR, 50 * HOUR]);
    assert_eq!(engine.open(), 1, "what plays on Thursday goes on, and is no watch yet");
    assert_eq!(engine.read(counted(2 * HOUR)), "finish-repeated", "once");
    assert_eq!(engine.watches().len(), 2);
}

#[test]
fn what_goes_on_is_counted_and_does_not_end() {
    let mut engine = Engine::default();
    engine.hear(playing(0, 0));
    engine.hear(Playback { state: PlaybackState::Paused, ..playing(6_600, 92) });
    engine.read(counted(6_500));
    assert_eq!(engine.watches(), [6_600]);
    let play: Vec<&Play> = engine.0.open().collect();
    assert_eq!((play.len(), play[0].state), (1, PlaybackState::Paused));
}

#[test]
fn what_was_forgotten_is_recalled_for_one_decision() {
    let mut engine = Engine::default();
    engine.hear(playing(0, 0));
    engine.hear(Playback { state: PlaybackState::Stopped, ..playing(7_000, 97) });
    let stored: Vec<Play> = engine.0.all().cloned().collect();
    let nothing = SessionState::default();
    let policy = Policy::default();
    let blind = nothing.transition_from_history(&counted(6_500), &policy);
    assert_eq!(blind.verdict.code, "ended-unseen", "without its past it would count again");
    let recalled = nothing.with_past_plays(&counted(0).server, &counted(0).user, stored.clone());
    let recalled = recalled.transition_from_history(&counted(6_500), &policy);
    assert_eq!(recalled.verdict.code, "finish-repeated");
    // Of others nothing is recalled.
    let other = User { id: Some("77".to_owned()), name: Some("sean".to_owned()), ..User::default() };
    let recalled = nothing.with_past_plays(&counted(0).server, &other, stored);
    assert_eq!(recalled.all().count(), 0);
}

#[test]
fn one_person_with_two_ids_is_one_by_name_where_the_server_says_so() {
    let local = |id: &str| User {
        id: Some(id.to_owned()),
        name: Some("Mia".to_owned()),
        has_local_id: true,
        ..User::default()
    };
    let mut engine = Engine::default();
    engine.hear(playing(0, 0));
    engine.hear(Playback { user: local("1"), ..playing(10, 1) });
    assert_eq!(engine.open(), 1, "one play");
    // Without that word, two ids are two people.
    engine.hear(Playback { user: User { has_local_id: false, ..local("8") }, ..playing(20, 2) });
    assert_eq!(engine.open(), 2);
}

fn route(tracker: &str) -> Route {
    Route { source: "home".to_owned(), tracker: tracker.to_owned(), ..story::route() }
}

#[test]
fn a_route_that_is_added_hears_of_what_plays_and_the_others_hear_nothing() {
    let routing = |trackers: &[&str]| story::routing(trackers.iter().map(|tracker| route(tracker)).collect());
    let mut engine = Engine::default();
    engine.hear(playing(0, 20));
    let play = engine.0.open().next().cloned().unwrap();
    let (before, after) = (routing(&["bob"]), routing(&["bob", "eve"]));
    assert!(before.announce_to_new_routes(&before, &play).is_none());
    let mut advance = after.announce_to_new_routes(&before, &play).unwrap();
    let plan = after.only_new(&before, &play).plan(&mut advance);
    let told: Vec<_> = plan.events.iter().map(|event| (event.tracker.as_str(), event.action)).collect();
    assert_eq!(told, [("eve", Action::Playing(20.0))]);
}
