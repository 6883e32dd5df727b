//! Requests of the plugins that no ordinary evening leads to.

use playrelay_engine::event::{Action, ReceiptOutcome};
use playrelay_engine::model::{Item, ItemKind};
use playrelay_plugin_host::capabilities::{Check, Find, LastAired};
use playrelay_tests::fake_plex_tv::FakePlexTv;
use playrelay_tests::fake_simkl::{CLIENT_ID, FakeSimkl};
use playrelay_tests::fake_tmdb::FakeTmdb;
use playrelay_tests::fake_trakt::FakeTrakt;
use playrelay_tests::harness::{simkl_account, tmdb_account, trakt_account};
use playrelay_tests::{catalogue, fake_plex_tv};
use serde_json::json;

use crate::tracker_kinds::{Told, film, show};

#[tokio::test(flavor = "multi_thread")]
async fn trakt_knows_what_has_aired_last() {
    let trakt = FakeTrakt::start().await;
    let told = Told::new(&trakt_account("bob", &trakt), true).await;
    let (plugin, caller) = told.app.plugin("bob").unwrap();
    let last = plugin.call::<LastAired>(&caller, show()).await.0.unwrap().unwrap().expect("one has aired");
    let ItemKind::Episode(episode) = &last.kind else { panic!("{last:?}") };
    assert_eq!((episode.season, episode.numbers.as_slice()), (Some(1), &[3][..]));
}

/// What SIMKL took for something else is taken back, by the id that it gave.
#[tokio::test(flavor = "multi_thread")]
async fn a_resume_point_of_something_else_is_removed_at_simkl() {
    let simkl = FakeSimkl::start().await;
    let told = Told::new(&simkl_account("bob", &simkl, CLIENT_ID), true).await;
    simkl.add(catalogue::movie("Another Film", 1999, json!({ "imdb": "tt9999999", "simkl": 99 })));
    let mut wrong = film();
    if let ItemKind::Movie(movie) = &mut wrong.kind {
        movie.ids = [("imdb", "tt9999999")].into_iter().collect();
    }
    let receipt = told.of(Action::Paused(30.0), &wrong, false).await;
    let note = receipt.note.unwrap_or_default();
    assert_eq!(receipt.outcome, ReceiptOutcome::Unmatched, "{note}");
    assert!(note.contains("took it for Another Film (1999)") && note.contains("taken back"), "{note}");
    assert!(simkl.library().resume.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_show_without_ids_is_found_at_tmdb_by_its_title_and_year() {
    let tmdb = FakeTmdb::start().await;
    let told = Told::new(&tmdb_account(&tmdb), false).await;
    let (plugin, caller) = told.app.plugin("films").unwrap();
    plugin.call::<Check>(&caller, ()).await.0.unwrap().unwrap();
    let mut bare: Item = show();
    if let ItemKind::Show(show) = &mut bare.kind {
        show.ids = Default::default();
    }
    let found = plugin.call::<Find>(&caller, bare).await.0.unwrap().unwrap();
    let ItemKind::Show(show) = &found[0].0.kind else { panic!("{found:?}") };
    assert_eq!(show.ids.get("tmdb"), Some("1396"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchlist_of_plex_is_read_in_pages() {
    let plex = FakePlexTv::start(&[]).await;
    let (url, token) = (plex.server.url(), fake_plex_tv::TOKEN);
    let account = format!(
        "[trackers.bob]\nplugin = \"plex\"\ntoken = {token:?}\ndiscover_url = {url:?}\nmetadata_url = {url:?}\n"
    );
    let told = Told::new(&account, false).await;
    assert!(told.watchlist().await.is_empty());
    let many = vec!["Inception"; 120];
    plex.add_to_watchlist(&many);
    assert_eq!(told.watchlist().await.len(), 120, "more than a page");
}
