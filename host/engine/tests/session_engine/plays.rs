//! One play: whose reports it takes, when it is over, how it moves; and what is remembered of all plays of a viewer.

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::{
    Completion, Item, ItemKind, Movie, Playback, PlaybackState, Player, Rated, Report, Server, User,
};
use playrelay_engine::play::{Play, Viewer, percent};
use playrelay_engine::policy::Policy;
use playrelay_engine::state::SessionState;

use crate::story::*;

fn start() -> Timestamp {
    "2026-11-21T20:00:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

fn playback(seconds: i64, what: What, position: Option<u32>) -> Playback {
    match report(&told(0, "A", what, position), after(seconds)) {
        Report::Playback(playback) => playback,
        other => panic!("{other:?}"),
    }
}

fn viewer() -> Viewer {
    Viewer { server: "server".to_owned(), user: "sean".to_owned() }
}

fn play(seconds: i64, what: What, position: Option<u32>) -> Play {
    Play::begin(viewer(), &playback(seconds, what, position), |_| false)
}

#[test]
fn a_play_takes_the_reports_of_its_session() {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    // Player and session of the play, those of the report, whether they may be the same, whether they surely are.
    let cases = [
        ("tv", "", "tv", "", true, true),
        ("tv", "1", "tv", "2", true, true),
        ("tv", "1", "phone", "1", false, false),
        ("tv", "1", "", "1", true, true),
        ("", "1", "tv", "1", true, true),
        ("", "1", "tv", "2", false, false),
        ("tv", "", "", "", true, false),
        ("", "", "tv", "", true, false),
        ("", "1", "", "2", false, false),
        ("", "1", "", "", true, false),
        ("", "", "", "1", true, false),
        ("", "", "", "", true, true),
    ];
    for (player, session, their_player, their_session, may, surely) in cases {
        let mut begun = play(0, What::Play, Some(0));
        (begun.player.id, begun.session) = (text(player), text(session));
        let mut heard = playback(60, What::Play, Some(1));
        (heard.player.id, heard.session) = (text(their_player), text(their_session));
        let case = (player, session, their_player, their_session);
        assert_eq!(begun.shares_session(&heard), may, "{case:?}");
        assert_eq!(begun.surely_shares_session(&heard), surely, "{case:?}");
    }
}

#[test]
fn silence_ends_a_play_when_its_source_would_have_spoken() {
    let policy = Policy::default();
    let stale = SignedDuration::try_from(policy.stale_after).unwrap();
    let seconds = |play: &Play| play.expires_at(&policy).map(|at| at.duration_since(play.last_seen_at));
    let playing = play(0, What::Play, Some(50));
    // The rest of its runtime, and half of the runtime for what is not seen.
    let film = SignedDuration::from_millis(i64::from(RUNTIME));
    assert_eq!(seconds(&playing), Some(stale + film));
    let steady = {
        let mut it = playing.clone();
        it.position.cadence = 3;
        it
    };
    assert_eq!(seconds(&steady), Some(stale), "its source tells of progress");
    assert_eq!(seconds(&Play { disconnected: true, ..steady }), Some(stale + film), "but is not heard");
    for runtime in [None, Some(0)] {
        let unknown = Play { item: Item { runtime_ms: runtime, ..playing.item.clone() }, ..playing.clone() };
        assert_eq!(seconds(&unknown), Some(SignedDuration::from_hours(4)), "{runtime:?}");
    }
    let paused = Play { state: PlaybackState::Paused, ..playing.clone() };
    assert_eq!(seconds(&paused), Some(SignedDuration::from_hours(24)));
    assert_eq!(seconds(&Play { ended_at: Some(after(0)), ..playing.clone() }), None);
    assert_eq!(seconds(&Play { state: PlaybackState::Stopped, ..playing }), None);
}

#[test]
fn steps_in_time_with_the_clock_make_a_source_steady() {
    // Seconds that passed, seconds that the position moved, whether that is in step.
    let cases = [
        (60, 60, true),
        (60, 74, true),
        (60, 75, false),
        (60, 46, true),
        (60, 45, false),
        (1, 3, true),
        (60, 0, false),
        (1, 0, false),
        (60, -60, false),
        (0, 1, false),
    ];
    for (passed, moved, in_step) in cases {
        let mut begun = play(0, What::Play, Some(50));
        let mut heard = playback(passed, What::Play, None);
        heard.position_ms = begun.position.ms.map(|at| u32::try_from(i64::from(at) + moved * 1000).unwrap());
        begun.absorb(&heard);
        assert_eq!(begun.position.cadence, u8::from(in_step), "{passed} s, {moved} s");
    }
    // Only while it plays, before and after; and no more than is needed.
    for (before, now) in [(What::Pause, What::Play), (What::Play, What::Pause)] {
        let mut begun = play(0, before, Some(0));
        begun.absorb(&playback(72, now, Some(1)));
        assert_eq!(begun.position.cadence, 0);
    }
    let mut steady = play(0, What::Play, Some(0));
    for step in 1..8 {
        assert_eq!(steady.is_steady(), step > 3, "before step {step}");
        steady.absorb(&playback(72 * i64::from(step), What::Play, Some(step)));
    }
    assert_eq!(steady.position.cadence, 3);
}

#[test]
fn a_pause_that_is_repeated_is_no_movement() {
    let moved = |first: What, then: What, from: Option<u32>, to: Option<u32>| {
        let mut begun = play(0, first, Some(10));
        begun.position.ms = from;
        let mut heard = playback(60, then, None);
        heard.position_ms = to;
        begun.absorb(&heard);
        begun.position.moved_at == Some(after(60))
    };
    use What::{Pause, Play as Plays, Stop};
    let at = Some(100_000);
    let cases = [
        (Pause, Pause, at, at, false),
        (Pause, Stop, at, at, false),
        (Pause, Pause, at, Some(102_000), false),
        (Pause, Pause, at, Some(102_001), true),
        (Pause, Pause, at, Some(97_999), true),
        (Pause, Stop, at, Some(0), false),
        (Pause, Stop, at, Some(1), true),
        (Pause, Stop, at, None, false),
        (Pause, Stop, None, at, false),
        (Plays, Pause, at, at, true),
        (Pause, Plays, at, at, true),
    ];
    for (first, then, from, to, expected) in cases {
        assert_eq!(moved(first, then, from, to), expected, "{first:?} {then:?} {from:?} {to:?}");
    }
}

#[test]
fn reports_add_what_a_play_lacks() {
    let mut known = play(0, What::Play, Some(10));
    let mut more = playback(60, What::Play, None);
    more.server.source = "other".to_owned();
    more.server.name = Some("Attic".to_owned());
    more.player =
        Player { id: Some("other".to_owned()), name: Some("TV".to_owned()), product: Some("App".to_owned()) };
    more.user = User {
        id: Some("7".to_owned()),
        uuid: Some("u".to_owned()),
        name: Some("Sean".to_owned()),
        has_local_id: true,
    };
    (more.library, more.paths) = (Some("Films".to_owned()), vec!["/a".to_owned()]);
    (more.is_unmeasured, more.completion) = (true, Completion::Claimed);
    known.absorb(&more);
    assert_eq!(known.player.id.as_deref(), Some("tv"), "it was known");
    assert_eq!((known.player.name.as_deref(), known.player.product.as_deref()), (Some("TV"), Some("App")));
    assert_eq!(
        (known.origin.server_name.as_deref(), known.origin.library.as_deref()),
        (Some("Attic"), Some("Films"))
    );
    assert_eq!((known.user.id.as_deref(), known.user.has_local_id), (Some("7"), true));
    assert!(known.evidence.claimed_without_position, "played to the end, nobody knows where");
    assert!(!known.evidence.duration_unknown, "an earlier report could measure it");
    // The id that only this server has gives way to the real one, and does not come back.
    let with_id = |id: &str, has_local_id| Playback {
        user: User { id: Some(id.to_owned()), has_local_id, ..User::default() },
        ..playback(120, What::Play, Some(11))
    };
    known.absorb(&with_id("real", false));
    known.absorb(&with_id("7", true));
    assert_eq!((known.user.id.as_deref(), known.user.has_local_id), (Some("real"), false));
    assert_eq!((known.user.name.as_deref(), known.user.uuid.as_deref()), (Some("Sean"), Some("u")));
    let mut unmeasured = play(0, What::Stop, None);
    unmeasured.evidence.duration_unknown = true;
    unmeasured.absorb(&Playback { is_unmeasured: true, ..playback(1, What::Stop, None) });
    assert!(unmeasured.evidence.duration_unknown);
    // Zero is where players stand that have forgotten where they were, unless they play.
    for (what, position) in [(What::Stop, 10), (What::Pause, 10), (What::Play, 0)] {
        let mut it = play(0, What::Play, Some(10));
        it.absorb(&playback(60, what, Some(0)));
        assert_eq!(it.position.ms, Some(RUNTIME / 100 * position), "{what:?}");
    }
}

#[test]
fn how_long_and_how_far() {
    assert_eq!((percent(1, 0), percent(50, 200), percent(3, 2)), (None, Some(25.0), Some(100.0)));
    let mut begun = play(0, What::Play, Some(0));
    assert!(!begun.has_only_end_report());
    begun.ended_at = Some(after(0));
    assert!(begun.has_only_end_report());
    begun.last_seen_at = after(60);
    assert!(!begun.has_only_end_report() && begun.elapsed().is_zero(), "it ended at once");
    begun.ended_at = Some(after(100));
    assert_eq!((begun.has_only_end_report(), begun.elapsed().as_secs()), (false, 60));
    begun.ended_at = None;
    assert_eq!(begun.elapsed().as_secs(), 60);
}

fn state(plays: impl IntoIterator<Item = Play>) -> SessionState {
    let mut state = SessionState::default();
    state.apply(plays);
    state
}

/// A play of an item of its own that ended.
fn ended(number: i64, seconds: i64) -> Play {
    let mut it = play(seconds, What::Stop, Some(90));
    it.id.0 = format!("{number:06}");
    it.ended_at = Some(after(seconds));
    it
}

#[test]
fn old_plays_are_forgotten_and_open_ones_never() {
    // All within a moment: only the greatest number limits them.
    let many = state((0..5_000).map(|number| ended(number, number)));
    let most = many.all().count();
    assert!((100..5_000).contains(&most), "{most}");
    let oldest = |state: &SessionState| state.all().map(|play| play.id.0.clone()).min().unwrap();
    assert_eq!(oldest(&many), format!("{:06}", 5_000 - most));
    // Days apart: the least number stays, and those that are young.
    let day = 24 * 60 * 60;
    let spread = state((0..500).map(|number| ended(number, number * day)));
    let least = spread.all().count();
    assert!((1..most).contains(&least), "{least}");
    let open = Play { id: playrelay_engine::play::PlayId("open".to_owned()), ..play(0, What::Play, Some(1)) };
    let kept = state(std::iter::once(open).chain((0..500).map(|number| ended(number, number * day))));
    assert_eq!((kept.open().count(), kept.all().count()), (1, least + 1));
    // Six hours are the limit for one more than the least.
    for (hours_apart, kept) in [(6 * 60 * 60, least), (6 * 60 * 60 - 1, least + 1)] {
        let first = std::iter::once(ended(0, 0));
        let others = (1..=i64::try_from(least).unwrap()).map(|number| ended(number, hours_apart));
        assert_eq!(state(first.chain(others)).all().count(), kept, "{hours_apart} s");
    }
    // One more than the least, as young as can be: it stays.
    let young = state((0..i64::try_from(least).unwrap() + 1).map(|number| ended(number, number)));
    assert_eq!(young.all().count(), least + 1);
}

#[test]
fn the_past_of_a_viewer_is_found_by_id_or_name() {
    let of = |user: &str, name: &str, id: Option<&str>, server: &str| {
        let mut it = ended(0, 0);
        it.id.0 = format!("{user} at {server}");
        it.viewer = Viewer { server: server.to_owned(), user: user.to_owned() };
        it.user = User { name: Some(name.to_owned()), id: id.map(str::to_owned), ..User::default() };
        it
    };
    let here = state([
        of("sean", "sean", None, "server"),
        of("mia", "mia", None, "server"),
        of("sean", "sean", None, "far"),
    ]);
    let server = Server { id: "server".to_owned(), name: None, source: "source".to_owned() };
    let past = |user: User, more: Vec<Play>| {
        let mut ids: Vec<String> =
            here.with_past_plays(&server, &user, more).all().map(|it| it.id.0.clone()).collect();
        ids.sort();
        ids.join(", ")
    };
    let named = |name: &str, id: Option<&str>| User {
        name: (!name.is_empty()).then(|| name.to_owned()),
        id: id.map(str::to_owned),
        ..User::default()
    };
    assert_eq!(past(named("sean", None), vec![]), "sean at server");
    assert_eq!(past(named("SEAN", Some("7")), vec![]), "sean at server", "by the name");
    assert_eq!(past(named("", None), vec![]), "mia at server, sean at server", "nobody is everybody");
    assert_eq!(past(named("", Some("9")), vec![]), "");
    let seven = of("7", "somebody", Some("7"), "server");
    assert_eq!(past(named("", Some("7")), vec![seven.clone()]), "7 at server");
    assert_eq!(past(named("other", Some("7")), vec![seven.clone()]), "7 at server", "by the id");
    assert_eq!(past(named("mia", None), vec![seven]), "mia at server");
    // What is known already is not taken twice, and all is in the order of time.
    let again = of("sean", "sean", None, "server");
    let mut older = of("sean", "sean", None, "server");
    (older.id.0, older.last_seen_at) = ("older".to_owned(), after(-60));
    let wide = here.with_past_plays(&server, &named("sean", None), vec![again, older]);
    assert_eq!(wide.all().map(|it| it.id.0.as_str()).collect::<Vec<_>>(), ["older", "sean at server"]);
}

#[test]
fn a_list_tells_of_each_session_and_ends_what_is_missing() {
    let server = Server { id: "server".to_owned(), name: None, source: "source".to_owned() };
    let list = |sessions: Vec<Playback>, seconds| Report::Snapshot {
        server: server.clone(),
        sessions: sessions.into_iter().map(|it| Playback { from_session_list: true, ..it }).collect(),
        at: after(seconds),
    };
    let policy = Policy::default();
    let mut sessions = SessionState::default();
    let hear = |sessions: &mut SessionState, report: &Report| {
        let transitions = sessions.transitions(report, &policy);
        let codes: Vec<String> = transitions.iter().map(|it| it.verdict.code.to_string()).collect();
        sessions.apply(transitions.into_iter().flat_map(|it| it.plays));
        codes.join(" ")
    };
    let listed = Playback { from_session_list: true, ..playback(0, What::Play, Some(0)) };
    assert_eq!(hear(&mut sessions, &Report::Playback(listed.clone())), "started");
    // The same item of another user, or on another player, is another session.
    let others = [
        Playback { user: User { name: Some("mia".to_owned()), ..User::default() }, ..listed.clone() },
        Playback { player: Player { id: Some("phone".to_owned()), ..Player::default() }, ..listed.clone() },
        Playback {
            item: Item::of(ItemKind::Movie(Movie { title: "B".to_owned(), ..Movie::default() })),
            ..listed.clone()
        },
    ];
    for other in others {
        let codes = hear(&mut sessions.clone(), &list(vec![other.clone()], 60));
        assert!(codes.contains("vanished"), "{codes}: {other:?}");
    }
    assert_eq!(hear(&mut sessions, &list(vec![listed], 60)), "no-change");
    assert_eq!(hear(&mut sessions, &list(vec![], -60)), "no-change", "an older list says nothing");
    let elsewhere = Server { id: "far".to_owned(), ..server.clone() };
    let far = Report::Snapshot { server: elsewhere, sessions: vec![], at: after(60) };
    assert_eq!(hear(&mut sessions, &far), "no-change");
    // After a while in which nobody listened it may have gone on unseen.
    let mut unseen = sessions.clone();
    unseen.mark_all_disconnected();
    assert!(unseen.open().all(|play| play.disconnected));
    let mut by_webhook = SessionState::default();
    hear(&mut by_webhook, &Report::Playback(playback(0, What::Play, Some(0))));
    by_webhook.mark_all_disconnected();
    assert!(by_webhook.open().all(|play| !play.disconnected), "no list ever had it");
    assert_eq!(hear(&mut sessions, &list(vec![], 120)), "vanished no-change");
    assert_eq!(sessions.open().count(), 0);
}

#[test]
fn ratings_replace_each_other_and_the_oldest_go() {
    let mut sessions = SessionState::default();
    let mut rate = |number: usize, rating: f64, seconds: i64| {
        let Report::Playback(it) = report(&told(0, "A", What::Play, None), after(seconds)) else { panic!() };
        let item = Item { server_ref: Some(number.to_string()), ..it.item };
        let (library, paths) = (None, vec![]);
        let rated =
            Rated { server: it.server, user: it.user, item, rating: Some(rating), library, paths, at: it.at };
        let transition = sessions.transition(&Report::Rated(rated), &Policy::default());
        let code = transition.verdict.code.to_string();
        sessions.apply_ratings(transition.rating);
        code
    };
    assert_eq!(rate(0, 7.0, 0), "rating");
    assert_eq!(rate(0, 7.0, 1), "rating-repeated");
    assert_eq!(rate(0, 8.0, 2), "rating");
    assert_eq!(rate(0, 7.0, 3), "rating", "the one before is 8");
    assert_eq!(rate(0, 7.0, 2), "out-of-order");
    // The last 32 items are remembered, whatever comes in between.
    for number in 1..32 {
        assert_eq!(rate(number, 7.0, 4), "rating");
    }
    assert_eq!(
        (rate(1, 7.0, 5), rate(0, 7.0, 5)),
        ("rating-repeated".to_owned(), "rating-repeated".to_owned())
    );
    // The same after ten minutes is a rating again.
    assert_eq!(rate(1, 7.0, 4 + 599), "rating-repeated");
    assert_eq!(rate(1, 7.0, 4 + 600), "rating");
    // So many others that the first is forgotten: then it is new again.
    for number in 100..131 {
        assert_eq!(rate(number, 7.0, 4), "rating");
    }
    assert_eq!(rate(1, 7.0, 4 + 601), "rating-repeated", "it was rated last of the others");
    assert_eq!(rate(131, 7.0, 4), "rating");
    assert_eq!(rate(100, 7.0, 4), "rating-repeated");
    assert_eq!(rate(0, 7.0, 5), "rating");
}
