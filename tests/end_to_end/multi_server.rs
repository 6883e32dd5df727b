//! A whole evening on three servers, heard by watchers, told by webhooks, and both: each play counts once, and none that was none.

use playrelay_tests::simulation::{Disruption, Mode, PEOPLE, Simulation, ViewingPattern};

async fn evening(mode: Mode) {
    let (home, mut evening) = Simulation::new(mode).await;
    let mut daemon = home.start();
    evening.all_connected(&daemon).await;
    let all = ViewingPattern::ALL;
    // Everybody in every manner, on every server, over the rounds.
    for round in 0..8_usize {
        let manners = std::array::from_fn(|person| all[(person + round * 2) % all.len()]);
        let mishaps: &[(u32, Disruption)] = match round {
            1 => &[(20, Disruption::Cut(2)), (45, Disruption::Cut(1))],
            2 => &[(33, Disruption::Restart(0))],
            3 => &[(25, Disruption::Killed)],
            4 => &[(50, Disruption::Restart(1)), (60, Disruption::Cut(0))],
            5 => &[(61, Disruption::Restart(2)), (70, Disruption::Killed)],
            _ => &[],
        };
        evening.round(&mut daemon, manners, round, mishaps).await;
    }
    evening.settle(&home).await;
    // A server that was away was asked for its history, in which all of it stands once more. So is one that only sends webhooks,
    // where Playrelay was away for long enough.
    assert!(mode == Mode::Webhook || home.log().contains("read the server's history"));
    assert!(evening.plays() >= 40, "{} plays", evening.plays());
    for (person, who) in PEOPLE.iter().enumerate() {
        assert_eq!(evening.watched(person), evening.expected(person), "{mode:?}: {}", who.name);
        assert_eq!(evening.trakts[person].too_fast(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heard_by_watchers() {
    evening(Mode::Watch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn told_by_webhooks() {
    evening(Mode::Webhook).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heard_and_told() {
    evening(Mode::Both).await;
}
