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
