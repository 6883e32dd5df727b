//! `/sync/*` and `/users/*`

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalogue::{self, Entry};
use crate::fake_trakt::world::{Play, Shared, World, ids};

pub(super) async fn settings(State(shared): State<Shared>) -> Response {
    let watchlist = shared.world().watchlist_limit;
    Json(json!({
        "user": {
            "username": "sean", "private": false, "name": "Sean", "vip": true, "vip_ep": false, "director": false,
            "ids": { "slug": "sean", "uuid": "b6589fc6ab0dc82cf12099d1c2d40ab994e8410c" }, "joined_at": "2010-09-25T17:49:25.000Z",
            "location": null, "about": null, "gender": null, "age": null, "vip_og": false, "vip_years": 1,
            "images": { "avatar": { "full": "https://walter.example/avatar.jpg" } },
        },
        "account": { "timezone": "Europe/Berlin", "date_format": "dmy", "time_24hr": true, "cover_image": null },
        "permissions": { "commenting": true, "liking": true, "following": true },
        "limits": {
            "list": { "count": 100, "item_count": 5_000 }, "watchlist": { "item_count": watchlist },
            "favorites": { "item_count": 100 },
        },
    }))
    .into_response()
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
    page(world.history.iter().rev().filter(wanted).map(entry).collect(), &query)
}

/// Adds whatever it is told: no de-duplication.
pub(super) async fn add(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let now = shared.clock.now();
    let mut world = shared.world();
    let (mut added, mut missing) = ([0, 0], [Vec::new(), Vec::new()]);
    for (named, original) in named(&world.catalogue, &body) {
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
    Json(answer).into_response()
}

/// The movies and episodes that a body of `/sync` names, each as a scrobble would name it, with its `watched_at`. A show without
/// seasons, and a season without episodes, is all of it.
fn named(catalogue: &[Entry], body: &Value) -> Vec<(Value, Value)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let facts = |from: &Value| json!({ "watched_at": from["watched_at"] });
    let all_of = |show: &Value, season: Option<&Value>| -> Vec<Value> {
        let numbers = catalogue.iter().filter_map(|entry| match entry {
            Entry::Episode { show: title, show_year, show_ids, season: number_of, number, .. } => {
                let is_in = season.is_none_or(|season| season["number"] == json!(number_of));
                (is_in && catalogue::is_named(show, title, *show_year, show_ids))
                    .then(|| json!({ "season": number_of, "number": number }))
            }
            Entry::Movie { .. } => None,
        });
        numbers.collect()
    };
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
        if !show["seasons"].is_array() {
            let whole = all_of(&show, None).into_iter();
            all.extend(
                whole.map(|numbers| {
                    (with(with(facts(&show), "show", &show), "episode", &numbers), show.clone())
                }),
            );
        }
        for season in list(&show["seasons"]) {
            if !season["episodes"].is_array() {
                let whole = all_of(&show, Some(&season)).into_iter();
                all.extend(whole.map(|numbers| {
                    (with(with(facts(&season), "show", &show), "episode", &numbers), show.clone())
                }));
            }
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

/// Seasons with ids of their own.
const SEASONS: [Season; 1] =
    [Season { show: "Breaking Bad", number: 1, ids: [("trakt", 3_950), ("tvdb", 30_272), ("tmdb", 3_572)] }];

struct Season {
    show: &'static str,
    number: u32,
    ids: [(&'static str, u64); 3],
}

/// What a body of ratings names, by list: `None` where it is not known. A show or a season is named where it has a rating of its own, or
/// nothing below it.
fn rated(world: &World, body: &Value) -> Vec<(&'static str, Option<String>, Value)> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let find = |named: &Value| catalogue::find(&world.catalogue, named).map(Entry::name);
    let mut all = Vec::new();
    for season in list(&body["seasons"]) {
        let known = SEASONS
            .iter()
            .find(|known| known.ids.iter().any(|(name, id)| season["ids"][*name].as_u64() == Some(*id)));
        all.push(("seasons", known.map(|it| format!("{} season {}", it.show, it.number)), season));
    }
    for movie in list(&body["movies"]) {
        all.push(("movies", find(&json!({ "movie": movie })), movie));
    }
    for episode in list(&body["episodes"]) {
        all.push(("episodes", find(&json!({ "episode": episode })), episode));
    }
    for show in list(&body["shows"]) {
        let is_it = |entry: &&Entry| {
            !entry.is_movie()
                && catalogue::is_named(&show, entry.title(), entry.title_year(), entry.title_ids())
        };
        let title = world.catalogue.iter().find(is_it).map(|entry| entry.title().to_owned());
        if show["rating"].is_u64() || !show["seasons"].is_array() {
            all.push(("shows", title.clone(), show.clone()));
        }
        for season in list(&show["seasons"]) {
            let number = &season["number"];
            let is_in =
                |entry: &Entry| matches!(entry, Entry::Episode { season, .. } if json!(season) == *number);
            let known = title
                .as_ref()
                .filter(|title| world.catalogue.iter().any(|entry| entry.title() == **title && is_in(entry)));
            if season["rating"].is_u64() || !season["episodes"].is_array() {
                let name = known.map(|title| format!("{title} season {number}"));
                all.push(("seasons", name, season.clone()));
            }
            for episode in list(&season["episodes"]) {
                let numbers = json!({ "season": number, "number": episode["number"] });
                all.push(("episodes", find(&json!({ "show": show, "episode": numbers })), episode));
            }
        }
    }
    all
}

fn change_ratings(world: &mut World, body: &Value, done: &str, status: StatusCode) -> Response {
    let mut changed = json!({ "movies": 0, "shows": 0, "seasons": 0, "episodes": 0 });
    let mut missing = json!({ "movies": [], "shows": [], "seasons": [], "episodes": [] });
    for (list, name, named) in rated(world, body) {
        let rating = named["rating"].as_u64();
        let is_valid = done == "deleted" || rating.is_some_and(|rating| (1..=10).contains(&rating));
        let Some(name) = name.filter(|_| is_valid) else {
            missing[list].as_array_mut().expect("a list").push(named);
            continue;
        };
        let before = world.ratings.len();
        world.ratings.retain(|(other, _)| *other != name);
        let had = world.ratings.len() < before;
        if let Some(rating) = rating.filter(|_| done == "added") {
            world.ratings.push((name, rating));
        }
        if had || done == "added" {
            changed[list] = json!(changed[list].as_u64().unwrap_or(0) + 1);
        }
    }
    let mut answer = json!({ "not_found": missing });
    answer[done] = changed;
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
    for (named, original) in named(&world.catalogue, &body) {
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

/// Titles that are known, and those that are not; each with whether it is a movie.
type Titles = (Vec<(bool, String)>, Vec<(bool, Value)>);

/// Titles that a body of the watchlist names, with those that nobody knows.
fn titles(world: &World, body: &Value) -> Titles {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (list, is_movie) in [("movies", true), ("shows", false)] {
        for named in body[list].as_array().into_iter().flatten() {
            let is_it = |entry: &&Entry| {
                entry.is_movie() == is_movie && catalogue::shares_id(&named["ids"], entry.title_ids())
            };
            match world.catalogue.iter().find(is_it) {
                Some(entry) => found.push((is_movie, entry.title().to_owned())),
                None => missing.push((is_movie, named.clone())),
            }
        }
    }
    (found, missing)
}

pub(super) async fn list(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let (found, missing) = titles(&world, &body);
    let (mut added, mut existing) = ([0, 0], [0, 0]);
    for (is_movie, title) in found {
        if world.watchlist.contains(&title) {
            existing[usize::from(!is_movie)] += 1;
        } else if world.watchlist.len() >= world.watchlist_limit {
            return StatusCode::from_u16(420).expect("a status").into_response();
        } else {
            world.watchlist.push(title);
            added[usize::from(!is_movie)] += 1;
        }
    }
    let counts = |of: [i32; 2]| json!({ "movies": of[0], "shows": of[1], "seasons": 0, "episodes": 0 });
    let answer = json!({
        "added": counts(added), "existing": counts(existing), "not_found": in_lists(missing), "list": list_facts(&world),
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}

pub(super) async fn remove_from_watchlist(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = shared.world();
    let (found, missing) = titles(&world, &body);
    let mut deleted = [0, 0];
    for (is_movie, title) in found {
        let before = world.watchlist.len();
        world.watchlist.retain(|listed| *listed != title);
        deleted[usize::from(!is_movie)] += before - world.watchlist.len();
    }
    Json(json!({
        "deleted": { "movies": deleted[0], "shows": deleted[1], "seasons": 0, "episodes": 0 },
        "not_found": in_lists(missing), "list": list_facts(&world),
    }))
    .into_response()
}

/// What is not known, in the lists of an answer.
fn in_lists(missing: Vec<(bool, Value)>) -> Value {
    let mut lists = json!({ "movies": [], "shows": [], "seasons": [], "episodes": [] });
    for (is_movie, named) in missing {
        lists[if is_movie { "movies" } else { "shows" }].as_array_mut().expect("a list").push(named);
    }
    lists
}

fn list_facts(world: &World) -> Value {
    json!({ "updated_at": "2026-10-01T00:00:00.000Z", "item_count": world.watchlist.len() })
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

/// A page of a list, with how many there are: `page` is counted from 1, and no page has more than 250 entries.
fn page(mut rows: Vec<Value>, query: &HashMap<String, String>) -> Response {
    let number = |key: &str, default: usize| query.get(key).and_then(|it| it.parse().ok()).unwrap_or(default);
    let (page, limit) = (number("page", 1).max(1), number("limit", 10).clamp(1, 250));
    let count = rows.len();
    let from = ((page - 1) * limit).min(count);
    let rows: Vec<Value> = rows.drain(from..(from + limit).min(count)).collect();
    let headers = [
        ("x-pagination-page", page.to_string()),
        ("x-pagination-limit", limit.to_string()),
        ("x-pagination-page-count", count.div_ceil(limit).to_string()),
        ("x-pagination-item-count", count.to_string()),
    ];
    (headers, Json(rows)).into_response()
}

/// Resume points of movies or episodes.
pub(super) async fn playback(
    State(shared): State<Shared>,
    Path(kind): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if kind != "movies" && kind != "episodes" {
        return StatusCode::NOT_FOUND.into_response();
    }
    let now = shared.clock.now();
    let world = shared.world();
    let row = |(entry, progress): &(Entry, f64)| {
        let (id, _) = world.resume_ids.iter().rfind(|(_, other)| other == entry)?;
        let mut row = ids(entry);
        (row["id"], row["progress"]) = (json!(id), json!(progress));
        row["paused_at"] = json!(now.to_string());
        (entry.is_movie() == (kind == "movies")).then_some(row)
    };
    page(world.resume.iter().filter_map(row).collect(), &query)
}

/// Movies or shows on the watchlist.
pub(super) async fn listed(
    State(shared): State<Shared>,
    Path(kind): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = shared.world();
    let kind = if kind == "movies" { "movie" } else { "show" };
    let row = |(rank, title): (usize, &String)| {
        let entry = world.catalogue.iter().find(|entry| entry.title() == title)?;
        let named = json!({ "title": title, "year": entry.title_year(), "ids": entry.title_ids() });
        (entry.is_movie() == (kind == "movie")).then(|| {
            json!({ "rank": rank + 1, "id": 101 + rank, "listed_at": "2026-10-01T00:00:00.000Z", "notes": null, "type": kind,
                kind: named })
        })
    };
    page(world.watchlist.iter().enumerate().filter_map(row).collect(), &query)
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
