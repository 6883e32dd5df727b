//! `/sync/*`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::names::{self, Named};
use super::{Shared, World};
use crate::catalogue::Entry;

fn created(answer: Value) -> Response {
    (StatusCode::CREATED, Json(answer)).into_response()
}

fn kind(entry: &Entry) -> &'static str {
    if entry.is_movie() { "movies" } else { "episodes" }
}

/// Adds what is not there; what is there is nothing new.
pub(super) async fn add(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let mut answer = json!({ "added": { "movies": 0, "shows": 0, "episodes": 0 },
        "not_found": { "movies": [], "shows": [], "episodes": [] } });
    for named in names::all(&world.catalogue, &body) {
        match named {
            Named::Thing(entry, at) => {
                if world.library.last_watch(&entry).is_none() {
                    let count = &mut answer["added"][kind(&entry)];
                    *count = json!(count.as_u64().unwrap_or(0) + 1);
                    let at = at.and_then(|at| at.parse().ok()).unwrap_or(now);
                    world.library.unlist(entry.title());
                    world.library.watch(entry, at, false);
                }
            }
            // Without seasons all of the show is watched.
            Named::Whole(title) => {
                let all: Vec<_> =
                    world.catalogue.iter().filter(|entry| entry.title() == title).cloned().collect();
                for entry in all {
                    world.library.watch(entry, now, false);
                }
            }
            Named::Unknown(list, named) => {
                answer["not_found"][list].as_array_mut().expect("a list").push(named);
            }
        }
    }
    created(answer)
}

/// Removes episodes; and a title that is named without any, with all that is kept of it.
pub(super) async fn remove(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let mut deleted = json!({ "movies": 0, "shows": 0, "episodes": 0 });
    let mut count = |kind: &str| deleted[kind] = json!(deleted[kind].as_u64().unwrap_or(0) + 1);
    for named in names::all(&world.catalogue, &body) {
        let library = &mut world.library;
        match named {
            Named::Thing(entry, _) => {
                let had = library.last_watch(&entry).is_some();
                library.history.retain(|play| play.entry != entry);
                let mut had_more = false;
                if entry.is_movie() {
                    had_more = library.unlist(entry.title()) | library.rate(entry.title(), None);
                }
                if had || had_more {
                    count(kind(&entry));
                }
            }
            Named::Whole(title) => {
                library.history.retain(|play| play.entry.title() != title);
                library.rate(&title, None);
                library.unlist(&title);
                count("shows");
            }
            Named::Unknown(..) => {}
        }
    }
    created(json!({ "deleted": deleted, "not_found": { "movies": [], "shows": [] } }))
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
            match names::title(&world.catalogue, named, is_movie).filter(|_| in_range) {
                Some(title) => {
                    if world.library.rate(&title, rating) {
                        answer[done][list] = json!(answer[done][list].as_u64().unwrap_or(0) + 1);
                    }
                }
                None => answer["not_found"][list].as_array_mut().expect("a list").push(named.clone()),
            }
        }
    }
    created(answer)
}

pub(super) async fn ratings(State(shared): State<Shared>, Path(kind): Path<String>) -> Response {
    let world = shared.world();
    let key = if kind == "movies" { "movie" } else { "show" };
    let row = |(title, rating): &(String, u64)| {
        let entry = world.catalogue.iter().find(|entry| entry.title() == title)?;
        let is_anime = entry.title_ids().contains_key("mal");
        (entry.is_movie() == (kind == "movies") && is_anime == (kind == "anime"))
            .then(|| json!({ "user_rating": rating, key: { "title": title, "ids": entry.title_ids() } }))
    };
    let rows: Vec<_> = world.library.ratings.iter().filter_map(row).collect();
    Json(json!({ kind.clone(): rows })).into_response()
}

pub(super) async fn plan(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let mut answer =
        json!({ "added": { "movies": [], "shows": [] }, "not_found": { "movies": [], "shows": [] } });
    for (list, is_movie) in [("movies", true), ("shows", false)] {
        for named in body[list].as_array().into_iter().flatten() {
            let title = names::title(&world.catalogue, named, is_movie);
            let place = if title.is_some() { "added" } else { "not_found" };
            answer[place][list].as_array_mut().expect("a list").push(named.clone());
            world.library.watchlist.extend(title);
        }
    }
    created(answer)
}

/// On which list titles stand.
pub(super) async fn watched(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let world = shared.world();
    let status = |named: &Value| {
        let Some(title) = names::title(&world.catalogue, named, named["type"] == "movie") else {
            return json!({ "result": "not_found" });
        };
        let mut watches = world.library.history.iter().filter(|play| play.entry.title() == title);
        match watches.next_back() {
            Some(play) => {
                json!({ "result": true, "list": "completed", "last_watched_at": play.watched_at.to_string() })
            }
            None if world.library.watchlist.contains(&title) => {
                json!({ "result": false, "list": "plantowatch" })
            }
            None => json!({ "result": false }),
        }
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
            key: { "title": title, "year": entry.title_year(), "ids": entry.title_ids() } })
        })
    };
    let rows: Vec<_> = world.library.watchlist.iter().filter_map(row).collect();
    if rows.is_empty() {
        Json(Value::Null).into_response()
    } else {
        Json(json!({ kind.clone(): rows })).into_response()
    }
}
