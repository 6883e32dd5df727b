//! What holds of whatever is told.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use playrelay_engine::code::Code;
use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::policy::Policy;
use playrelay_engine::state::SessionState;
use proptest::prelude::*;

use crate::story::*;

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
        let mut sessions = SessionState::default();
        for (told, at) in story.iter().zip(times(&story)) {
            let advance = sessions.transition(&report(told, at), &Policy::default());
            prop_assert!(Code::ALL.iter().any(|(code, _)| *code == advance.verdict.code) && !advance.steps.is_empty());
            sessions.apply(advance.plays);
        }
    }
}
