//! Stories, and what is told of them.

use crate::story::{Told, What, on, run, told, words};

/// A story, and what a tracker is told.
pub type Case = (&'static str, Vec<Told>, &'static [&'static str]);

pub fn cases() -> Vec<Case> {
    use What::{Claimed, Counted, Mark, Pause, Play, Stop, Unmark};
    vec![
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
            "finished the next day by a player that tells of the beginning first: still one",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_100, "A", Stop, Some(85)),
                told(80_000, "A", Play, Some(0)),
                told(10, "A", Play, Some(85)),
                told(900, "A", Stop, Some(99)),
            ],
            &["playing@0 A", "watched@85 A", "playing@0 A"],
        ),
        (
            "the same without a position",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_100, "A", Stop, Some(85)),
                told(80_000, "A", Play, None),
                told(10, "A", Play, Some(85)),
                told(900, "A", Stop, Some(99)),
            ],
            &["playing@0 A", "watched@85 A", "playing@0 A"],
        ),
        (
            "left paused near the end on one device, finished on another: one",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_100, "A", Pause, Some(85)),
                on("phone", told(60, "A", Play, Some(85))),
                on("phone", told(900, "A", Stop, Some(99))),
                told(7_200, "A", Pause, Some(85)),
                told(600, "A", Stop, Some(85)),
            ],
            &["playing@0 A", "paused@85 A", "playing@85 A", "watched@99 A", "stopped@85 A"],
        ),
        (
            "a jump past the credits and back: one",
            vec![
                told(0, "D", Play, Some(0)),
                told(30, "D", Play, Some(97)),
                told(5, "D", Play, Some(1)),
                told(7_000, "D", Stop, Some(99)),
            ],
            &["playing@0 D", "playing@97 D", "playing@1 D", "watched@99 D"],
        ),
        (
            "a jump past the credits, and on from there",
            vec![told(0, "D", Play, Some(0)), told(30, "D", Play, Some(97)), told(72, "D", Play, Some(98))],
            &["playing@0 D", "playing@97 D", "watched@98 D"],
        ),
        (
            "the same from a pause: one",
            vec![
                told(0, "D", Play, Some(0)),
                told(5, "D", Pause, Some(0)),
                told(5, "D", Play, Some(97)),
                told(5, "D", Play, Some(1)),
                told(7_000, "D", Stop, Some(99)),
            ],
            &["playing@0 D", "paused@0 D", "playing@97 D", "playing@1 D", "watched@99 D"],
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
            "marked again with the whole season, days later: one",
            vec![
                told(0, "A", Play, Some(0)),
                told(6_900, "A", Stop, Some(97)),
                told(260_000, "A", Mark, None),
                told(86_400, "A", Mark, None),
            ],
            &["playing@0 A", "watched@97 A"],
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
    ]
}

#[test]
fn stories() {
    for (name, story, expected) in cases() {
        assert_eq!(words(&run(&story)), expected, "{name}");
    }
}
