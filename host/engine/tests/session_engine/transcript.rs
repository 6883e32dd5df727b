//! What the engine and a route say of each story: verdicts, steps and events, and the play that is kept in the end. A change of the
//! snapshot is a change of what people read, or of what trackers are told.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::model::{Content, Playback, Report, Server, User};
use playrelay_engine::play::Play;
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::Routing;
use playrelay_engine::routing::route::{Route, UnsupportedActions};
use playrelay_engine::state::SessionState;
use playrelay_engine::transition::Transition;

use crate::story::*;
use crate::tables::cases;

struct Transcript {
    sessions: SessionState,
    routing: Routing,
    text: String,
}

impl Transcript {
    fn new(title: &str, routes: Vec<Route>) -> Self {
        Self { sessions: SessionState::default(), routing: routing(routes), text: format!("## {title}\n") }
    }

    fn hear(&mut self, report: &Report) {
        for transition in self.sessions.transitions(report, &Policy::default()) {
            self.take(transition);
        }
    }

    fn take(&mut self, mut transition: Transition) {
        let events = self.routing.plan(&mut transition).events;
        let verdict = &transition.verdict;
        writeln!(self.text, "{} ({}): {}", verdict.outcome, verdict.code, verdict.detail).unwrap();
        for step in &transition.steps {
            writeln!(self.text, "    {:<8} {:<18} {}", step.stage.as_str(), step.code, step.text).unwrap();
        }
        for event in events {
            let delay = event.not_before.duration_since(event.at).as_secs();
            let started = event.started_at.map(|at| event.at.duration_since(at).as_secs());
            writeln!(
                self.text,
                "    => {:?} {} +{delay} s, began {started:?} s before",
                event.action, event.tracker
            )
            .unwrap();
        }
        self.sessions.apply(transition.plays);
        self.sessions.apply_ratings(transition.rating);
    }

    fn end(mut self) -> String {
        // Viewers are remembered in no order.
        let mut plays: Vec<&Play> = self.sessions.all().collect();
        plays.sort_by_key(|play| (&play.viewer.user, play.started_at, &play.id));
        for play in plays {
            writeln!(self.text, "  {}", kept(play)).unwrap();
        }
        self.text + "\n"
    }
}

/// What is remembered of a play, without its identity.
fn kept(play: &Play) -> String {
    let Play { position, evidence, origin, earlier, routing, .. } = play;
    let since = |at: Option<Timestamp>| at.map(|at| at.duration_since(play.started_at).as_secs());
    format!(
        "kept: {} {:?} at {:?} ms, moved {:?}, ended {:?}, watched {:?}, cadence {}, {:?}, blind {}, known end {}, marked {}, \
         unwatched {}, by {:?}, listed by {:?}, continues {}, repeats {}, told {:?}, stale {}, lost {}",
        play.item,
        play.state,
        position.ms,
        since(position.moved_at),
        since(play.ended_at),
        since(play.watched_at),
        position.cadence,
        evidence.completion,
        evidence.claimed_without_position,
        evidence.is_end_known,
        evidence.marked,
        evidence.unwatched,
        origin.sources,
        origin.listed_by,
        earlier.continues.is_some(),
        earlier.repeats,
        routing.sent_to,
        play.expired,
        play.disconnected,
    )
}

#[test]
fn stories_are_decided_as_before() {
    let mut text = String::new();
    for (title, story, _) in cases() {
        let mut transcript = Transcript::new(title, vec![route()]);
        for (told, at) in story.iter().zip(times(&story)) {
            transcript.hear(&report(told, at));
        }
        text += &transcript.end();
    }
    insta::assert_snapshot!("stories", text);
}

fn start() -> Timestamp {
    "2026-11-21T20:00:00Z".parse().unwrap()
}

/// A report some seconds after eight.
fn at(seconds: i64, what: What, position: Option<u32>) -> Playback {
    let story = told(0, "A", what, position);
    match report(&story, start() + SignedDuration::from_secs(seconds)) {
        Report::Playback(playback) => playback,
        other => panic!("{other:?}"),
    }
}

fn list(source: &str, sessions: Vec<Playback>, seconds: i64) -> Report {
    let server =
        Server { id: "server".to_owned(), name: Some("Attic".to_owned()), source: source.to_owned() };
    let sessions = sessions.into_iter().map(|it| Playback { from_session_list: true, ..it }).collect();
    Report::Snapshot { server, sessions, at: start() + SignedDuration::from_secs(seconds) }
}

/// Everything that a table of stories cannot say.
#[test]
fn odd_reports_are_decided_as_before() {
    use What::{Claimed, Counted, Pause, Play, Stop};
    let other_source = |mut playback: Playback| {
        playback.server.source = "other".to_owned();
        Report::Playback(playback)
    };
    let nobody = |playback: Playback| Report::Playback(Playback { user: User::default(), ..playback });
    let strict = Route {
        tracker: "strict".to_owned(),
        marks: false,
        unwatched: false,
        policy: Policy {
            watched_threshold: 97.0,
            credits: false,
            suppress_start_at: 50.0,
            ..Policy::default()
        },
        untaken: UnsupportedActions(vec!["paused"]),
        ..route()
    };
    let of_other = Route { source: "other".to_owned(), tracker: "elsewhere".to_owned(), ..route() };
    let routes = vec![route(), strict, of_other];
    let film = |seconds, what, position| Report::Playback(at(seconds, what, position));
    let stories: Vec<(&str, Vec<Report>)> = vec![
        (
            "a second source joins, and tells of the end",
            vec![
                film(0, Play, Some(0)),
                other_source(at(60, Play, Some(1))),
                other_source(at(6_900, Stop, Some(96))),
            ],
        ),
        (
            "a second source joins while it is paused",
            vec![film(0, Play, Some(10)), film(60, Pause, Some(11)), other_source(at(120, Pause, Some(11)))],
        ),
        (
            "a second source joins after the end",
            vec![film(0, Play, Some(10)), film(60, Stop, Some(97)), other_source(at(120, Stop, Some(97)))],
        ),
        (
            "a second source joins after an end that is no watch",
            vec![film(0, Play, Some(10)), film(60, Stop, Some(50)), other_source(at(120, Stop, Some(50)))],
        ),
        (
            "a report without a user while others play something else",
            vec![
                film(0, Play, Some(0)),
                {
                    let mut other = at(30, Play, Some(0));
                    other.user.name = Some("mia".to_owned());
                    other.item.server_ref = Some("B".to_owned());
                    other.player.id = Some("phone".to_owned());
                    Report::Playback(other)
                },
                nobody(at(60, Pause, Some(1))),
            ],
        ),
        (
            "steady progress, then silence",
            (0..5).map(|step| film(step * 60, Play, Some(u32::try_from(step).unwrap()))).collect(),
        ),
        (
            "progress that is not in step with the clock",
            vec![
                film(0, Play, Some(0)),
                film(100, Play, Some(1)),
                film(200, Play, Some(5)),
                film(300, Play, Some(4)),
                film(400, Play, None),
                film(400, Play, Some(5)),
            ],
        ),
        (
            "the start in the second half",
            vec![
                film(0, Play, Some(40)),
                film(60, Stop, Some(60)),
                film(90_000, Play, Some(60)),
                film(93_000, Stop, Some(99)),
            ],
        ),
        (
            "a list, an empty list, and a later one",
            vec![
                list("source", vec![at(0, Play, Some(0))], 0),
                list("source", vec![at(60, Play, Some(1))], 60),
                list("other", vec![], 70),
                list("source", vec![], 120),
                list("source", vec![at(130, Play, Some(2))], 130),
            ],
        ),
        (
            "the connection is lost, and comes back",
            vec![
                list("source", vec![at(0, Play, Some(0))], 0),
                Report::ConnectionLost {
                    source: "source".to_owned(),
                    at: start() + SignedDuration::from_secs(60),
                },
                Report::ConnectionLost {
                    source: "other".to_owned(),
                    at: start() + SignedDuration::from_secs(61),
                },
                list("source", vec![at(120, Play, Some(2))], 120),
            ],
        ),
        (
            "a report without a user while one plays it",
            vec![film(0, Play, Some(0)), nobody(at(60, Pause, Some(1)))],
        ),
        ("a report without a user while nobody plays it", vec![nobody(at(60, Pause, Some(1)))]),
        (
            "a report without a user on another player",
            vec![
                film(0, Play, Some(0)),
                nobody(Playback {
                    player: playrelay_engine::model::Player {
                        id: Some("phone".to_owned()),
                        ..Default::default()
                    },
                    ..at(60, Pause, Some(1))
                }),
            ],
        ),
        (
            "a position far beyond the end",
            vec![
                film(0, Play, Some(0)),
                Report::Playback(Playback { position_ms: Some(RUNTIME * 3), ..at(60, Stop, None) }),
            ],
        ),
        (
            "a position a little beyond the end",
            vec![
                film(0, Play, Some(0)),
                Report::Playback(Playback { position_ms: Some(RUNTIME + 1), ..at(7_300, Stop, None) }),
            ],
        ),
        (
            "content that is left out",
            [Content::LiveTv, Content::Recording, Content::Extra]
                .map(|content| Report::Playback(Playback { content, ..at(0, Play, Some(0)) }))
                .into(),
        ),
        (
            "claims that are believed, and one that is not",
            vec![
                film(0, Play, Some(0)),
                film(4_000, Claimed, None),
                film(90_000, Play, None),
                film(90_060, Claimed, Some(0)),
            ],
        ),
        (
            "late reports",
            vec![
                film(600, Play, Some(10)),
                film(0, Play, Some(0)),
                film(7_000, Stop, Some(98)),
                film(6_000, Pause, Some(80)),
                film(7_000, Counted, None),
                film(7_060, Play, Some(98)),
            ],
        ),
        (
            "first reports of other states",
            vec![film(0, Pause, Some(30)), film(90_000, Counted, Some(95)), film(200_000, Stop, Some(96))],
        ),
        (
            "a stop at zero first, and a short item",
            vec![
                film(0, Stop, Some(0)),
                Report::Playback(Playback {
                    item: playrelay_engine::model::Item {
                        runtime_ms: Some(20_000),
                        ..at(0, Play, None).item
                    },
                    ..at(10, Play, None)
                }),
            ],
        ),
        ("a session with a key and no player", {
            let keyed = |seconds, what, position, key: &str| {
                Report::Playback(Playback {
                    session: Some(key.to_owned()),
                    player: playrelay_engine::model::Player::default(),
                    ..at(seconds, what, position)
                })
            };
            vec![
                keyed(0, Play, Some(0), "1"),
                keyed(60, Play, Some(1), "1"),
                keyed(120, Play, Some(0), "2"),
                keyed(180, Stop, Some(1), "2"),
                keyed(240, Stop, Some(3), "1"),
            ]
        }),
    ];
    let mut text = String::new();
    for (title, reports) in stories {
        let mut transcript = Transcript::new(title, routes.clone());
        for report in &reports {
            transcript.hear(report);
        }
        // And what silence makes of it.
        for hours in [1, 5, 25, 49] {
            let now = start() + SignedDuration::from_hours(hours);
            for transition in transcript.sessions.close_expired(&|_| now, &Policy::default()) {
                writeln!(transcript.text, "after {hours} h:").unwrap();
                transcript.take(transition);
            }
        }
        text += &transcript.end();
    }
    insta::assert_snapshot!("odd reports", text);
}
