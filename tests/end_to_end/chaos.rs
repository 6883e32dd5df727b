//! A simulated day: hundreds of plays, three trackers that fail at random, and a daemon that is killed again and again. In the end
//! every watch is at every tracker exactly once, with its own time, and no tracker was ever asked faster or more often than it allows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_tests::dice::Dice;
use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::fake_simkl::FakeSimkl;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::faults::{Fault, Faults};
use playrelay_tests::harness::{Daemon, TestContext, mdblist_account, plex_to, simkl_account, trakt_account};
use playrelay_tests::plex_webhook::{event, movie};
use playrelay_tests::{catalogue, fake_simkl};
use serde_json::json;

const SEAN: (u32, &str) = (31_646_104, "sean");
const PLAYS: usize = 500;
const KILLS: usize = 20;
/// Of a film. Ms.
const RUNTIME: u32 = 7_200_000;
/// Requests that a tracker allows a day: enough for everything, not for a storm of repetitions.
const A_DAY: u32 = 2_000;
/// Between two plays, so that they fill a day. Seconds.
const APART: i64 = 24 * 60 * 60 / PLAYS as i64;
/// How much the clock moves on with each tick. Seconds. What a call may take at most, half a minute, must not pass within a moment in
/// which a busy machine does something else: a watch would be at the tracker so late that it is taken for another one.
const TICK: i64 = 2;
/// What is told live has the time at which it arrived. A request that takes a tenth of a second here takes minutes of that day. Seconds.
const NEAR: i64 = 900;

/// What goes wrong next at one of the trackers, on average at every seventh request.
fn go_wrong(dice: &mut Dice, all: &[&Faults]) {
    let faults = all[dice.throw(all.len() as u64) as usize];
    let fault = match dice.throw(8) {
        0 => Fault::CutAfter,
        1 => Fault::CutBefore,
        2 => Fault::status(500),
        3 => Fault::status(502),
        4 => Fault::status(520),
        5 => Fault::retry_after(429, 30),
        6 => Fault::retry_after(503, 120),
        _ => Fault::status(401),
    };
    // Not where logins are refreshed: the answer to that must not get lost where each token serves once.
    let path = if dice.throw(2) == 0 { "/scrobble" } else { "/sync" };
    faults.next(path, 1 + dice.throw(3) as u32, fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_failures_and_kills_loses_and_doubles_nothing() {
    let (trakt, simkl, mdblist) =
        (FakeTrakt::start().await, FakeSimkl::start().await, FakeMdbList::start().await);
    simkl.allow(A_DAY);
    mdblist.allow(A_DAY);
    let accounts = [
        trakt_account("trakt", &trakt),
        simkl_account("simkl", &simkl, fake_simkl::CLIENT_ID),
        mdblist_account("mdblist", &mdblist, true),
    ];
    let quick = "[delivery]\nretry_first = \"2s\"\nretry_longest = \"5m\"\nlate_after = \"20s\"\n";
    let mut home =
        TestContext::new(&(quick.to_owned() + &plex_to(&accounts, &["trakt", "simkl", "mdblist"], "")));
    home.connect_account("trakt").await;
    home.connect_account("simkl").await;
    home.set("PLAYRELAY_LOG", "warn,playrelay=info");
    let clock = Arc::new(home.set_clock(&[trakt.clock(), simkl.clock(), mdblist.clock()]));
    // A day passes within a minute or so.
    let over = Arc::new(AtomicBool::new(false));
    let ticking = {
        let (clock, over) = (Arc::clone(&clock), Arc::clone(&over));
        std::thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                clock.pass(TICK);
                std::thread::sleep(Duration::from_millis(1));
            }
        })
    };
    let mut dice = Dice::new(0x5eed);
    let all = [trakt.faults(), simkl.faults(), mdblist.faults()];
    let mut daemon = Some(home.start());
    let mut watched: BTreeMap<String, Timestamp> = BTreeMap::new();
    for number in 0..PLAYS {
        if number % (PLAYS / KILLS) == PLAYS / KILLS - 1 {
            daemon.take().expect("it runs").kill();
            daemon = Some(home.start());
        }
        go_wrong(&mut dice, &all);
        let (title, imdb) = (format!("Film {number}"), format!("tt7{number:06}"));
        let entry = catalogue::movie(&title, 2020, json!({ "imdb": imdb }));
        trakt.add(entry.clone());
        simkl.add(entry.clone());
        mdblist.add(entry);
        let film = movie(&format!("{number}"), &title, 2020, RUNTIME, &[&format!("imdb://{imdb}")]);
        let running = daemon.as_ref().expect("it runs");
        if dice.throw(3) == 0 {
            running.plex(&event("media.play", &film, Some(0), SEAN, &format!("TV {}", number % 6))).await;
        }
        running.plex(&event("media.scrobble", &film, None, SEAN, &format!("TV {}", number % 6))).await;
        watched.insert(title, Timestamp::MIN);
        while clock.passed() < APART * (number as i64 + 1) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    for faults in all {
        faults.clear();
    }
    settle(&home, daemon.as_ref().expect("it runs")).await;
    over.store(true, Ordering::SeqCst);
    ticking.join().expect("the clock's thread does not panic");

    let rows = home.json(&["outbox", "list", "--limit", "10000"]);
    for row in rows.as_array().expect("a list").iter().filter(|row| row["action"] == "watched") {
        let at = row["at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
        watched.insert(row["item"]["title"].as_str().expect("a title").to_owned(), at);
    }
    let of = |library: playrelay_tests::user_library::Library| -> Vec<(String, Timestamp, bool)> {
        library.history.iter().map(|play| (play.entry.name(), play.watched_at, play.live)).collect()
    };
    let plays = trakt.history();
    let at_trakt =
        plays.iter().map(|play| (play.entry.name(), play.watched_at, play.action == "scrobble")).collect();
    for (who, history) in
        [("trakt", at_trakt), ("simkl", of(simkl.library())), ("mdblist", of(mdblist.library()))]
    {
        let mut found: BTreeMap<&String, Vec<(Timestamp, bool)>> = BTreeMap::new();
        for (name, at, live) in &history {
            found.entry(name).or_default().push((*at, *live));
        }
        assert_eq!((found.len(), watched.len()), (PLAYS, PLAYS), "{who}");
        for (title, at) in &watched {
            let [(entered, live)] = found[title].as_slice() else {
                panic!("{who}: {title}, watched at {at}, is there {:?}", found[title]);
            };
            let apart = entered.duration_since(*at).abs();
            let allowed = SignedDuration::from_secs(if *live { NEAR } else { 0 });
            assert!(apart <= allowed, "{who}: {title} at {at}, entered as {entered}, live: {live}");
        }
        let late = history.iter().filter(|(_, _, live)| !live).count();
        assert!(late > PLAYS / 50, "{who}: the day was too quiet, {late} late watches");
    }
    let (most, too_fast) = simkl.load();
    assert!(most <= A_DAY && too_fast == 0, "simkl: {most} requests in a day, {too_fast} too fast");
    assert!(mdblist.most_in_a_day() <= A_DAY);
    assert_eq!(trakt.too_fast(), 0);
}

/// Until nothing waits for anybody.
async fn settle(home: &TestContext, daemon: &Daemon<'_>) {
    let end = std::time::Instant::now() + Duration::from_secs(240);
    loop {
        let waiting = home.json(&["outbox", "list", "--state", "waiting", "--limit", "2000"]);
        let left = waiting.as_array().expect("a list").len();
        if left == 0 {
            return;
        }
        if std::time::Instant::now() >= end {
            let (_, why) = home.run_with_fakes(&["outbox", "list", "--state", "waiting"]).await;
            panic!("{left} events still wait for process {}: {why}", daemon.pid());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
