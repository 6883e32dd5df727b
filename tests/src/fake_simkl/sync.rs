//! `/sync/*`

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::catalogue::Entry;
use crate::fake_simkl::matching;
use crate::fake_simkl::matching::Named;
use crate::fake_simkl::scrobble::PAUSE_ID;
use crate::fake_simkl::world::{Shared, World, failure};

fn answered(answer: Value) -> Response {
    Json(answer).into_response()
}

fn kind(entry: &Entry) -> &'static str {
    if entry.is_movie() { "movies" } else { "episodes" }
}

/// Between a watch and one that counts as a rewatch.
const REWATCH_GAP: SignedDuration = SignedDuration::from_hours(48);

/// Adds what is not there; what is there is nothing new, unless it is asked for as a rewatch.
pub(super) async fn add(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
    Json(body): Json<Value>,
) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let mut answer = json!({ "added": { "movies": 0, "shows": 0, "episodes": 0 },
        "not_found": { "movies": [], "shows": [], "episodes": [] } });
    for named in matching::all(&world.catalogue, &body) {
        match named {
            Named::Thing(entry, at) => {
                let at: Timestamp = at.and_then(|at| at.parse().ok()).unwrap_or(now);
                let is_rewatch = |last: Timestamp| at.duration_since(last).abs() >= REWATCH_GAP;
                let counts =
                    query.get("allow_rewatch").is_some_and(|it| it == "yes") && world.counts_rewatches;
                if world.library.last_watch(&entry).is_none_or(|last| counts && is_rewatch(last)) {
                    let count = &mut answer["added"][kind(&entry)];
                    *count = json!(count.as_u64().unwrap_or(0) + 1);
                    world.library.remove_from_watchlist(entry.title());
                    world.library.add_play(entry, at, false);
                }
            }
            // Without seasons all of the show is watched.
            Named::Whole(title) => {
                let all: Vec<_> =
                    world.catalogue.iter().filter(|entry| entry.title() == title).cloned().collect();
                for entry in all {
                    world.library.add_play(entry, now, false);
                }
            }
            Named::Unknown(list, named) => {
                answer["not_found"][list].as_array_mut().expect("a list").push(named);
            }
        }
    }
    answered(answer)
}

/// Removes episodes; and a title that is named without any, with all that is kept of it.
pub(super) async fn remove(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let mut deleted = json!({ "movies": 0, "shows": 0, "episodes": 0 });
    let mut count = |kind: &str| deleted[kind] = json!(deleted[kind].as_u64().unwrap_or(0) + 1);
    for named in matching::all(&world.catalogue, &body) {
        let library = &mut world.library;
        match named {
            Named::Thing(entry, _) => {
                let had = library.last_watch(&entry).is_some();
                library.history.retain(|play| play.entry != entry);
                let mut had_more = false;
                if entry.is_movie() {
                    had_more =
                        library.remove_from_watchlist(entry.title()) | library.rate(entry.title(), None);
                }
                if had || had_more {
                    count(kind(&entry));
                }
            }
            Named::Whole(title) => {
                library.history.retain(|play| play.entry.title() != title);
                library.rate(&title, None);
                library.remove_from_watchlist(&title);
                count("shows");
            }
            Named::Unknown(..) => {}
        }
    }
    answered(json!({ "deleted": deleted, "not_found": { "movies": [], "shows": [] } }))
}

pub(super) async fn rate(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    change_ratings(&mut shared.world(), &body, "added")
}

pub(super) async fn unrate(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    change_ratings(&mut shared.world(), &body, "deleted")
}

fn change_ratings(world: &mut World, body: &Value, done: &str) -> Response {
    let mut answer = json!({ done: { "movies": 0, "shows": 0 }, "not_found": { "movies": [], "shows": [] } });
    for (list, is_movie) in [("movies", true), ("shows", false)] {
        for named in body[list].as_array().into_iter().flatten() {
            let rating = named["rating"].as_u64();
            let in_range = done == "deleted" || rating.is_some_and(|rating| (1..=10).contains(&rating));
            match matching::title(&world.catalogue, named, is_movie).filter(|_| in_range) {
                Some(title) => {
                    // A rating of a film that is out files it as completed.
                    if is_movie && rating.is_some() {
                        world.library.remove_from_watchlist(&title);
                        world.library.completed.push(title.clone());
                    }
                    if world.library.rate(&title, rating) {
                        answer[done][list] = json!(answer[done][list].as_u64().unwrap_or(0) + 1);
                    }
                }
                None => answer["not_found"][list].as_array_mut().expect("a list").push(named.clone()),
            }
        }
    }
    answered(answer)
}

/// Without a segment of ratings: also what has none.
pub(super) async fn all_ratings(State(shared): State<Shared>, Path(kind): Path<String>) -> Response {
    rows_of_ratings(&shared.world(), &kind, |_| true)
}

pub(super) async fn ratings(
    State(shared): State<Shared>,
    Path((kind, ratings)): Path<(String, String)>,
) -> Response {
    let wanted: Vec<u64> = ratings.split(',').filter_map(|rating| rating.parse().ok()).collect();
    rows_of_ratings(&shared.world(), &kind, |rating| rating.is_some_and(|rating| wanted.contains(&rating)))
}

fn rows_of_ratings(world: &World, kind: &str, is_wanted: impl Fn(Option<u64>) -> bool) -> Response {
    let key = if kind == "movies" { "movie" } else { "show" };
    let mut titles: Vec<&str> = world.library.ratings.iter().map(|(title, _)| title.as_str()).collect();
    titles.extend(world.library.watchlist.iter().map(String::as_str));
    titles.extend(world.library.history.iter().map(|play| play.entry.title()));
    titles.sort_unstable();
    titles.dedup();
    let row = |title: &str| {
        let entry = world.catalogue.iter().find(|entry| entry.title() == title)?;
        let rating =
            world.library.ratings.iter().find(|(rated, _)| rated == title).map(|(_, rating)| *rating);
        let is_anime = entry.title_ids().contains_key("mal");
        (entry.is_movie() == (kind == "movies") && is_anime == (kind == "anime") && is_wanted(rating)).then(|| {
            json!({ "last_watched_at": null, "user_rated_at": null, "user_rating": rating, "status": list_of(world, title),
                key: { "title": title, "year": entry.title_year(), "ids": matching::as_text(entry.title_ids()) } })
        })
    };
    let rows: Vec<_> = titles.into_iter().filter_map(row).collect();
    Json(json!({ kind: rows })).into_response()
}

/// The list on which a title stands; absent where it is on none.
fn list_of(world: &World, title: &str) -> Option<&'static str> {
    let mut watches = world.library.history.iter().filter(|play| play.entry.title() == title);
    match watches.next() {
        Some(play) if play.entry.is_movie() => Some("completed"),
        Some(_) => Some("watching"),
        None if world.library.completed.iter().any(|it| it == title) => Some("completed"),
        None => world.library.watchlist.iter().any(|it| it == title).then_some("plantowatch"),
    }
}

/// Takes a resume point away: the last one, by the id that every pause is answered with.
pub(super) async fn forget_pause(State(shared): State<Shared>, Path(id): Path<u64>) -> Response {
    let known = id == PAUSE_ID && shared.world().library.resume.pop().is_some();
    if known { StatusCode::NO_CONTENT.into_response() } else { failure(404, "url_failed") }
}

pub(super) async fn plan(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let mut answer =
        json!({ "added": { "movies": [], "shows": [] }, "not_found": { "movies": [], "shows": [] } });
    for (list, is_movie) in [("movies", true), ("shows", false)] {
        for named in body[list].as_array().into_iter().flatten() {
            let title = matching::title(&world.catalogue, named, is_movie);
            let place = if title.is_some() { "added" } else { "not_found" };
            answer[place][list].as_array_mut().expect("a list").push(named.clone());
            world.library.watchlist.extend(title);
        }
    }
    answered(answer)
}

/// On which list titles stand. `result` says whether it is any of them.
pub(super) async fn watched(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let world = shared.world();
    let status = |named: &Value| {
        let mut row = named.clone();
        // The ids stand beside the title.
        let with_ids = json!({ "title": named["title"], "year": named["year"], "ids": named });
        let Some(title) = matching::title(&world.catalogue, &with_ids, named["type"] == "movie") else {
            row["result"] = json!("not_found");
            return row;
        };
        let watches = world.library.history.iter().filter(|play| play.entry.title() == title);
        let last = watches.map(|play| play.watched_at).max();
        let list = list_of(&world, &title);
        (row["result"], row["list"]) = (json!(list.is_some()), json!(list));
        row["last_watched_at"] = json!(last.map(|at| at.to_string()));
        row
    };
    let rows: Vec<_> = body.as_array().into_iter().flatten().map(status).collect();
    Json(rows).into_response()
}

pub(super) async fn activities(State(shared): State<Shared>) -> Response {
    let state = format!("{:?}", shared.world().library.watchlist);
    let all = json!({ "all": state });
    Json(json!({ "all": state, "tv_shows": all, "anime": all, "movies": all })).into_response()
}

pub(super) async fn planned(State(shared): State<Shared>, Path(kind): Path<String>) -> Response {
    let world = shared.world();
    let key = if kind == "movies" { "movie" } else { "show" };
    let row = |title: &String| {
        let entry = world.catalogue.iter().find(|entry| entry.title() == title)?;
        let fits = entry.is_movie() == (kind == "movies") && kind != "anime";
        fits.then(|| {
            json!({ "added_to_watchlist_at": "2026-10-01T00:00:00Z", "status": "plantowatch",
            key: { "title": title, "year": entry.title_year(), "ids": matching::as_text(entry.title_ids()) } })
        })
    };
    let rows: Vec<_> = world.library.watchlist.iter().filter_map(row).collect();
    if rows.is_empty() {
        Json(Value::Null).into_response()
    } else {
        Json(json!({ kind.clone(): rows })).into_response()
    }
}
