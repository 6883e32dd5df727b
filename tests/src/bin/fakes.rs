//! `cargo xtask fakes`: a fake Jellyfin and fake trackers, for a first set-up without an account anywhere.

#![forbid(unsafe_code)]

use std::time::Duration;

use playrelay_tests::catalogue::{self, Entry};
use playrelay_tests::fake_mdblist::{self, FakeMdbList};
use playrelay_tests::fake_mediabrowser::{self, FakeMediaBrowser, Family};
use playrelay_tests::fake_playback::{FakePlayback, Person, Title};
use playrelay_tests::fake_simkl::{self, FakeSimkl};
use playrelay_tests::fake_trakt::{self, FakeTrakt};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};

const MIA: Person = Person { number: 1, guid: "f2e1d0c9b8a7f6e5d4c3b2a190817263", name: "mia" };
/// How long each title is. Ms.
const RUNTIME_MS: u32 = 2 * 60 * 60 * 1000;
/// Between two steps where nobody presses Enter.
const STEP: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() {
    let jellyfin = FakeMediaBrowser::start(Family::Jellyfin).await;
    let (trakt, simkl, mdblist) =
        (FakeTrakt::start().await, FakeSimkl::start().await, FakeMdbList::start().await);
    println!(
        "A fake Jellyfin at {}, and fake trackers. For a first set-up, in an empty folder:\n",
        jellyfin.server.url()
    );
    let source = format!(
        "playrelay init --source jellyfin --set url={} --set token={} --user mia",
        jellyfin.server.url(),
        fake_mediabrowser::TOKEN
    );
    println!(
        "  {source} \\\n      --tracker trakt --set client_id={} --set client_secret={} --set api_url={2} --set auth_url={2} --no-questions",
        fake_trakt::CLIENT_ID,
        fake_trakt::CLIENT_SECRET,
        trakt.server.url()
    );
    println!("  playrelay check\n  playrelay connect me\n  playrelay serve\n");
    println!("In place of the line with trakt, for another tracker:");
    println!(
        "      --tracker simkl --set client_id={} --set api_url={} --no-questions",
        fake_simkl::CLIENT_ID,
        simkl.server.url()
    );
    println!(
        "      --tracker mdblist --set api_key={} --set api_url={} --no-questions\n",
        fake_mdblist::API_KEY,
        mdblist.server.url()
    );
    println!(
        "Then press Enter to let mia watch something, and Ctrl-C to end (or wait: something happens every 10 s)."
    );
    tokio::select! {
        () = play(&jellyfin) => {}
        () = report(&trakt, &simkl, &mdblist) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// What mia watches, one thing after the other.
async fn play(jellyfin: &FakeMediaBrowser) {
    let mut lines = BufReader::new(stdin()).lines();
    let mut is_typed = true;
    for (number, entry) in catalogue::sample_titles().into_iter().cycle().enumerate() {
        let name = entry.name();
        let mut screening = screening(number, entry);
        step(&mut lines, &mut is_typed).await;
        jellyfin.show(std::slice::from_ref(&screening));
        println!("mia starts {name} at the fake Jellyfin");
        step(&mut lines, &mut is_typed).await;
        screening.position_ms = RUNTIME_MS / 100 * 95;
        jellyfin.show(std::slice::from_ref(&screening));
        jellyfin.show(&[]);
        println!("mia has watched {name} to 95 %");
    }
}

/// Waits for Enter; where nobody can press it, for a while.
async fn step(lines: &mut Lines<BufReader<Stdin>>, is_typed: &mut bool) {
    if *is_typed {
        match tokio::time::timeout(STEP, lines.next_line()).await {
            Ok(Ok(Some(_))) | Err(_) => return,
            Ok(Ok(None) | Err(_)) => *is_typed = false,
        }
    }
    tokio::time::sleep(STEP).await;
}

fn screening(number: usize, entry: Entry) -> FakePlayback {
    FakePlayback {
        session: format!("{number:032x}"),
        person: MIA,
        device: "TV".to_owned(),
        title: Title { key: (1_000 + number).to_string(), entry, runtime_ms: RUNTIME_MS, credits_ms: None },
        position_ms: 0,
        paused: false,
    }
}

/// Says what arrives at the trackers.
async fn report(trakt: &FakeTrakt, simkl: &FakeSimkl, mdblist: &FakeMdbList) {
    let mut said = [0; 3];
    loop {
        let names = [
            ("Trakt", trakt.history().iter().map(|play| play.entry.name()).collect::<Vec<_>>()),
            ("SIMKL", simkl.library().history.iter().map(|play| play.entry.name()).collect()),
            ("MDBList", mdblist.library().history.iter().map(|play| play.entry.name()).collect()),
        ];
        for ((tracker, watched), said) in names.iter().zip(&mut said) {
            for name in watched.iter().skip(*said) {
                println!("  -> arrived at the fake {tracker}: watched {name}");
            }
            *said = watched.len();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
