//! `/sync/*` and `/users/*`

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Entry, Play, Shared, World, catalogue, ids};

pub(super) async fn settings() -> Response {
    Json(json!({ "user": { "username": "sean", "vip": true, "ids": { "slug": "sean" } } })).into_response()
}

pub(super) async fn watching(State(shared): State<Shared>) -> Response {
    match &shared.world().watching {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(watching) => {
            let mut answer = ids(&watching.entry);
            answer["started_at"] = json!(watching.since.to_string());
            answer["action"] = json!("scrobble");
            Json(answer).into_response()
        }
    }
}

pub(super) async fn history(
    State(shared): State<Shared>,
    Path(kind): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let time = |key: &str| query.get(key).and_then(|text| text.parse::<Timestamp>().ok());
    let (start, end) = (time("start_at").unwrap_or(Timestamp::MIN), time("end_at").unwrap_or(Timestamp::MAX));
    let wanted = |play: &&Play| {
        let is_movie = matches!(play.entry, Entry::Movie { .. });
        is_movie == (kind == "movies") && (start..=end).contains(&play.watched_at)
    };
    let entry = |play: &Play| {
        let mut entry = ids(&play.entry);
        (entry["id"], entry["action"]) = (json!(play.id), json!(play.action));
        entry["watched_at"] = json!(play.watched_at.to_string());
        entry
    };
    let world = shared.world();
    let found: Vec<_> = world.history.iter().rev().filter(wanted).map(entry).collect();
    Json(found).into_response()
}

/// Adds whatever it is told: no de-duplication.
pub(super) async fn add(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let (mut added, mut missing) = ([0, 0], [Vec::new(), Vec::new()]);
    for (named, original) in named(&body) {
        let index = usize::from(!named["movie"].is_object());
        let Some(entry) = catalogue::find(&world.catalogue, &named).cloned() else {
            missing[index].push(original);
            continue;
        };
        let watched_at = named["watched_at"].as_str().and_then(|text| text.parse().ok()).unwrap_or(now);
        let id = world.new_id();
        world.history.push(Play { id, watched_at, action: "watch", entry });
        added[index] += 1;
    }
    let answer = json!({
        "added": { "movies": added[0], "episodes": added[1] },
        "updated": { "movies": 0, "episodes": 0 },
        "not_found": { "movies": missing[0], "shows": [], "seasons": [], "episodes": missing[1] },
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}

/// The titles that a body of `/sync` names, each as a scrobble would name it, with its `watched_at` or `rating`.
fn named(body: &Value) -> Vec<(Value, Value)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let facts = |from: &Value| json!({ "watched_at": from["watched_at"], "rating": from["rating"] });
    let with = |mut named: Value, key: &str, value: &Value| {
        named[key] = value.clone();
        named
    };
    let mut all = Vec::new();
    for movie in list(&body["movies"]) {
        all.push((with(facts(&movie), "movie", &movie), movie));
    }
    for episode in list(&body["episodes"]) {
        all.push((with(facts(&episode), "episode", &episode), episode));
    }
    for show in list(&body["shows"]) {
        assert!(show["seasons"].is_array(), "a show without seasons marks all of it: {body}");
        for season in list(&show["seasons"]) {
            for episode in list(&season["episodes"]) {
                let numbers = json!({ "season": season["number"], "number": episode["number"] });
                all.push((with(with(facts(&episode), "show", &show), "episode", &numbers), show.clone()));
            }
        }
    }
    all
}

pub(super) async fn rate(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    change_ratings(&mut shared.world(), &body, "added", StatusCode::CREATED)
}

pub(super) async fn unrate(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    change_ratings(&mut shared.world(), &body, "deleted", StatusCode::OK)
}

fn change_ratings(world: &mut World, body: &Value, done: &str, status: StatusCode) -> Response {
    let (mut changed, mut missing) = ([0, 0], Vec::new());
    for (named, original) in named(body) {
        let Some(entry) = catalogue::find(&world.catalogue, &named).cloned() else {
            missing.push(original);
            continue;
        };
        world.ratings.retain(|(other, _)| *other != entry);
        changed[usize::from(!matches!(entry, Entry::Movie { .. }))] += 1;
        if let Some(rating) = named["rating"].as_u64() {
            world.ratings.push((entry, rating));
        }
    }
    let mut answer =
        json!({ "not_found": { "movies": missing, "shows": [], "seasons": [], "episodes": [] } });
    answer[done] = json!({ "movies": changed[0], "shows": 0, "seasons": 0, "episodes": changed[1] });
    (status, Json(answer)).into_response()
}

/// Takes plays out of the history: those of the ids, and all of each title that is named.
pub(super) async fn forget(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let (mut deleted, mut missing, mut missing_ids) = ([0, 0], Vec::new(), Vec::new());
    for id in body["ids"].as_array().into_iter().flatten() {
        match world.history.iter().position(|play| Some(play.id) == id.as_u64()) {
            Some(place) => {
                let play = world.history.remove(place);
                deleted[usize::from(!play.entry.is_movie())] += 1;
            }
            None => missing_ids.push(id.clone()),
        }
    }
    for (named, original) in named(&body) {
        let Some(entry) = catalogue::find(&world.catalogue, &named).cloned() else {
            missing.push(original);
            continue;
        };
        let before = world.history.len();
        world.history.retain(|play| play.entry != entry);
        deleted[usize::from(!entry.is_movie())] += before - world.history.len();
    }
    Json(json!({
        "deleted": { "movies": deleted[0], "episodes": deleted[1] },
        "not_found": { "movies": missing, "shows": [], "seasons": [], "episodes": [], "ids": missing_ids },
    }))
    .into_response()
}

/// Titles that a body of the watchlist names, with those that nobody knows.
fn titles(world: &World, body: &Value) -> (Vec<(bool, String)>, Vec<Value>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (list, is_movie) in [("movies", true), ("shows", false)] {
        for named in body[list].as_array().into_iter().flatten() {
            let is_it = |entry: &&Entry| {
                entry.is_movie() == is_movie && catalogue::shares_id(&named["ids"], entry.title_ids())
            };
            match world.catalogue.iter().find(is_it) {
                Some(entry) => found.push((is_movie, entry.title().to_owned())),
                None => missing.push(named.clone()),
            }
        }
    }
    (found, missing)
}

pub(super) async fn list(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let (found, missing) = titles(&world, &body);
    let mut added = [0, 0];
    for (is_movie, title) in found {
        if !world.watchlist.contains(&title) {
            world.watchlist.push(title);
            added[usize::from(!is_movie)] += 1;
        }
    }
    let answer = json!({
        "added": { "movies": added[0], "shows": added[1] }, "not_found": { "movies": missing, "shows": [] },
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}

pub(super) async fn unlist(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let (found, missing) = titles(&world, &body);
    let mut deleted = [0, 0];
    for (is_movie, title) in found {
        let before = world.watchlist.len();
        world.watchlist.retain(|listed| *listed != title);
        deleted[usize::from(!is_movie)] += before - world.watchlist.len();
    }
    Json(json!({
        "deleted": { "movies": deleted[0], "shows": deleted[1] }, "not_found": { "movies": missing, "shows": [] },
    }))
    .into_response()
}

/// The last regular episode that the catalogue has.
pub(super) async fn last_episode(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let world = shared.world();
    let of_show = world.catalogue.iter().filter_map(|entry| match entry {
        Entry::Episode { show_ids, season, number, ids, .. }
            if *season > 0
                && ["trakt", "slug", "imdb"]
                    .iter()
                    .any(|name| show_ids.get(*name).is_some_and(|known| catalogue::is_id(known, &id))) =>
        {
            Some((*season, *number, ids.clone()))
        }
        _ => None,
    });
    match of_show.max_by_key(|(season, number, _)| (*season, *number)) {
        Some((season, number, ids)) => Json(json!({
            "season": season, "number": number, "title": format!("Episode {number}"), "ids": ids,
        }))
        .into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Takes a resume point away.
pub(super) async fn forget_pause(State(shared): State<Shared>, Path(id): Path<u64>) -> Response {
    let mut world = shared.world();
    let Some(place) = world.resume_ids.iter().position(|(known, _)| *known == id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (_, entry) = world.resume_ids.remove(place);
    world.resume.retain(|(other, _)| *other != entry);
    StatusCode::NO_CONTENT.into_response()
}

/// What an id of TMDb is of: `?type=episode`. Movies and episodes have numbers of their own there.
pub(super) async fn search(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = shared.world();
    let wanted = query.get("type").map_or("movie,episode", String::as_str);
    let is_it = |entry: &&Entry| {
        let (kind, own) = match entry {
            Entry::Movie { ids, .. } => ("movie", ids),
            Entry::Episode { ids, .. } => ("episode", ids),
        };
        wanted.split(',').any(|it| it == kind)
            && own.get("tmdb").is_some_and(|known| catalogue::is_id(known, &id))
    };
    let found: Vec<Value> = world
        .catalogue
        .iter()
        .filter(is_it)
        .map(|entry| {
            let mut found = ids(entry);
            found["score"] = json!(1000);
            found
        })
        .collect();
    Json(found).into_response()
}
