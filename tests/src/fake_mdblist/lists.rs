//! Ratings and the watchlist.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::catalogue::{Entry, shares_id};
use crate::fake_mdblist::world::{Shared, World};

pub(super) async fn rate(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    change_ratings(&mut shared.world(), &body, "updated")
}

pub(super) async fn unrate(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    change_ratings(&mut shared.world(), &body, "removed")
}

fn change_ratings(world: &mut World, body: &Value, done: &str) -> Response {
    let mut answer = json!({ done: { "movies": 0, "shows": 0, "seasons": 0, "episodes": 0 },
        "not_found": { "movies": [], "shows": [], "seasons": [], "episodes": [] } });
    for (list, name, _, fields) in world.named(body) {
        match name {
            Some(name) => {
                if world.library.rate(&name, fields["rating"].as_u64()) {
                    answer[done][list] = json!(answer[done][list].as_u64().unwrap_or(0) + 1);
                }
            }
            None => answer["not_found"][list].as_array_mut().expect("a list").push(fields),
        }
    }
    Json(answer).into_response()
}

pub(super) async fn listed(State(shared): State<Shared>) -> Response {
    let world = shared.world();
    let rows = |movies: bool| -> Vec<Value> {
        let entries = world.library.watchlist.iter().filter_map(|title| {
            world.catalogue.iter().find(|entry| entry.title() == title && entry.is_movie() == movies)
        });
        entries
            .map(|entry| {
                let ids = entry.title_ids();
                json!({ "id": ids.get("tmdb"), "title": entry.title(), "imdb_id": ids.get("imdb"),
                    "tvdb_id": ids.get("tvdb"), "release_year": entry.title_year() })
            })
            .collect()
    };
    Json(json!({ "movies": rows(true), "shows": rows(false), "pagination": { "has_more": false } }))
        .into_response()
}

/// Bodies with ids that have no object around them.
pub(super) async fn list(
    State(shared): State<Shared>,
    Path(verb): Path<String>,
    Json(body): Json<Value>,
) -> Response {
    let mut world = shared.world();
    let (mut done, mut missing) = (json!({ "movies": 0, "shows": 0 }), json!({ "movies": 0, "shows": 0 }));
    for (list, is_movie) in [("movies", true), ("shows", false)] {
        for named in body[list].as_array().into_iter().flatten() {
            let is_it = |entry: &&Entry| entry.is_movie() == is_movie && shares_id(named, entry.title_ids());
            let title = world.catalogue.iter().find(is_it).map(|entry| entry.title().to_owned());
            let count = match title {
                None => &mut missing[list],
                Some(title) if verb == "remove" => {
                    if world.library.remove_from_watchlist(&title) {
                        &mut done[list]
                    } else {
                        &mut missing[list]
                    }
                }
                Some(title) => {
                    world.library.watchlist.push(title);
                    &mut done[list]
                }
            };
            *count = json!(count.as_u64().unwrap_or(0) + 1);
        }
    }
    let name = if verb == "remove" { "removed" } else { "added" };
    Json(json!({ name: done, "not_found": missing })).into_response()
}
