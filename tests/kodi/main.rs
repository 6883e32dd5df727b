//! The plugin of `plugins/examples/kodi` beside Debian's Kodi: a film is played, wound on and stopped, and is a play.
//!
//! It takes `apt-get install kodi-bin kodi-data xvfb ffmpeg`.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod kodi;

use kodi::Kodi;
use playrelay_tests::daemon::has_delivered;
use playrelay_tests::example_plugin;
use playrelay_tests::fake_mdblist::FakeMdbList;
use playrelay_tests::harness::{TestContext, mdblist_account};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_film_of_its_library_is_watched() {
    let (kodi, mdblist) = (Kodi::start().await, FakeMdbList::start().await);
    let home = TestContext::new(&format!(
        "[sources.livingroom]\nplugin = \"kodi\"\nurl = {:?}\n\n{}\n[[routes]]\nsource = \"livingroom\"\ntracker = \"mia\"\n\
         users = [\"Master user\"]\n",
        kodi.url(),
        mdblist_account("mia", &mdblist, true)
    ));
    example_plugin::install("kodi", &home);
    let daemon = home.start();
    daemon.connected("livingroom").await;
    kodi.play_film().await;
    let list =
        daemon.get_until("/api/v1/outbox", "that it plays", |list| has_delivered(list, "playing")).await;
    assert!(list.to_string().contains("Mirror"), "{list:#}");
    kodi.wind_to(95).await;
    let is_late = |now: &Value| {
        let mut streams = now["streams"].as_array().into_iter().flatten();
        streams.any(|stream| stream["progress"].as_u64().is_some_and(|percent| percent >= 90))
    };
    daemon.get_until("/api/v1/currently-watching", "where it is", is_late).await;
    kodi.stop().await;
    let list = daemon.get_until("/api/v1/outbox", "the film", |list| has_delivered(list, "watched")).await;
    assert!(list.to_string().contains("tt0072443"), "{list:#}");
}
