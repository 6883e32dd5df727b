//! A whole evening on three servers, heard by watchers, told by webhooks, and both: each play counts once, and none that was none.

use playrelay_tests::simulation::{Evening, Manner, Mishap, Mode, PEOPLE};

async fn evening(mode: Mode) {
    let (home, mut evening) = Evening::new(mode).await;
    let mut daemon = home.start();
    evening.all_connected(&daemon).await;
    let all = Manner::ALL;
    // Everybody in every manner, on every server, over the rounds.
    for round in 0..8_usize {
        let manners = std::array::from_fn(|person| all[(person + round * 2) % all.len()]);
        let mishaps: &[(u32, Mishap)] = match round {
            1 => &[(20, Mishap::Cut(2)), (45, Mishap::Cut(1))],
            2 => &[(33, Mishap::Restart(0))],
            3 => &[(25, Mishap::Killed)],
            4 => &[(50, Mishap::Restart(1)), (60, Mishap::Cut(0))],
            5 => &[(61, Mishap::Restart(2)), (70, Mishap::Killed)],
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
