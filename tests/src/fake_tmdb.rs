//! A TMDb that behaves as its documentation says (developer.themoviedb.org): finds by the ids of others, searches by titles, knows
//! external ids, pictures and what has aired.
//!
//! Known lies:
//! - a search finds exact titles only;
//! - nothing is in another language, and requests have no limit.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::catalogue::Entry;
use crate::server::Server;
use crate::service::{RequestCheck, Service, header, parameter, service_of};
use crate::{catalogue, service};

/// The short key.
pub const API_KEY: &str = "tmdb-key-0123456789abcdef";
/// The long one.
pub const READ_TOKEN: &str = "tmdb-read-token-0123456789";

struct World {
    catalogue: Vec<Entry>,
    groups: Vec<EpisodeGroup>,
    /// When episodes were first shown, by show, season and number.
    air_dates: Vec<((String, u32, u32), String)>,
}

/// An order of a show's episodes that editors have made.
struct EpisodeGroup {
    id: String,
    show: String,
    kind: u64,
    parts: Vec<(u32, Vec<(u32, u32)>)>,
}

/// A running TMDb.
pub struct FakeTmdb {
    shared: Service<World>,
    /// The HTTP server.
    pub server: Server,
}

service_of!(FakeTmdb);

impl FakeTmdb {
    /// Starts one that knows the titles of the catalogue.
    pub async fn start() -> Self {
        let shared = Service::new(World {
            catalogue: catalogue::sample_titles(),
            groups: Vec::new(),
            air_dates: Vec::new(),
        });
        let router = Router::new()
            .route("/3/configuration", get(|| async { Json(json!({})) }))
            .route("/3/find/{id}", get(find))
            .route("/3/search/{kind}", get(search))
            .route("/3/{kind}/{id}", get(title))
            .route("/3/{kind}/{id}/external_ids", get(external))
            .route("/3/tv/{id}/season/{season}/episode/{number}/external_ids", get(episode))
            .route("/3/tv/{id}/episode_groups", get(episode_groups))
            .route("/3/tv/episode_group/{id}", get(episode_group))
            .route("/3/tv/{id}/season/{season}", get(season))
            .route("/t/p/{size}/{file}", get(|| async { ([("content-type", "image/jpeg")], "a picture") }))
            .layer(axum::middleware::from_fn_with_state(shared.clone(), service::middleware::<World>))
            .with_state(shared.clone());
        let server = Server::of("tmdb", router).await;
        Self { shared, server }
    }

    /// Adds an order of a show's episodes: its kind as TMDb counts kinds (2: absolute, 3: DVD), and its parts, each with its order and the
    /// season and number of each of its episodes.
    pub fn add_episode_group(&self, show: &str, kind: u64, parts: &[(u32, &[(u32, u32)])]) {
        let parts = parts.iter().map(|(order, episodes)| (*order, episodes.to_vec())).collect();
        let mut world = self.shared.world();
        let id = format!("group{}", world.groups.len());
        world.groups.push(EpisodeGroup { id, show: show.to_owned(), kind, parts });
    }

    /// Says when an episode was first shown.
    pub fn set_air_date(&self, show: &str, season: u32, number: u32, day: &str) {
        self.shared.world().air_dates.push(((show.to_owned(), season, number), day.to_owned()));
    }

    /// Adds a title to the catalogue.
    pub fn add(&self, entry: Entry) {
        self.shared.world().catalogue.push(entry);
    }
}

impl RequestCheck for World {
    fn check(&mut self, request: &Parts, _now: Timestamp) -> Option<Response> {
        if request.uri.path().starts_with("/t/p/") {
            return None;
        }
        let bearer = header(request, "authorization") == format!("Bearer {READ_TOKEN}");
        if bearer || parameter(request, "api_key") == API_KEY {
            return None;
        }
        let body = json!({ "status_code": 7, "status_message": "Invalid API key", "success": false });
        Some((StatusCode::UNAUTHORIZED, Json(body)).into_response())
    }
}

impl World {
    fn titles(&self, movies: bool) -> impl Iterator<Item = &Entry> {
        let mut seen = Vec::new();
        self.catalogue.iter().filter(move |entry| {
            let id = entry.title_ids().get("tmdb").cloned();
            let is_new = !seen.contains(&id);
            let fits = entry.is_movie() == movies && id.is_some() && is_new;
            if fits {
                seen.push(id);
            }
            fits
        })
    }

    fn by_id(&self, kind: &str, id: &str) -> Option<&Entry> {
        self.titles(kind == "movie").find(|entry| catalogue::is_id(&entry.title_ids()["tmdb"], id))
    }
}

fn row(entry: &Entry) -> Value {
    let (name, date) = if entry.is_movie() { ("title", "release_date") } else { ("name", "first_air_date") };
    json!({ "id": entry.title_ids()["tmdb"], name: entry.title(), date: format!("{}-05-01", entry.title_year()),
        "poster_path": "/poster.jpg", "backdrop_path": "/backdrop.jpg" })
}

async fn find(
    State(shared): State<Service<World>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = shared.world();
    let namespace =
        query.get("external_source").map(|it| it.trim_end_matches("_id").to_owned()).unwrap_or_default();
    let is = |ids: &serde_json::Map<String, Value>| {
        ids.get(&namespace).is_some_and(|known| catalogue::is_id(known, &id))
    };
    let titles = |movies: bool| -> Vec<Value> {
        world.titles(movies).filter(|entry| is(entry.title_ids())).map(row).collect()
    };
    let episodes: Vec<Value> = world
        .catalogue
        .iter()
        .filter_map(|entry| match entry {
            Entry::Episode { show_ids, season, number, ids, .. } if is(ids) => Some(json!({
                "id": ids.get("tmdb"), "show_id": show_ids.get("tmdb"), "season_number": season, "episode_number": number,
            })),
            _ => None,
        })
        .collect();
    Json(
        json!({ "movie_results": titles(true), "tv_results": titles(false), "tv_episode_results": episodes }),
    )
    .into_response()
}

async fn search(
    State(shared): State<Service<World>>,
    Path(kind): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let world = shared.world();
    let wanted = query.get("query").map(|query| query.to_lowercase()).unwrap_or_default();
    let year = query.get("year").or_else(|| query.get("first_air_date_year"));
    let fits = |entry: &&Entry| {
        entry.title().to_lowercase().contains(&wanted)
            && year.is_none_or(|year| entry.title_year().to_string() == *year)
    };
    let rows: Vec<Value> = world.titles(kind == "movie").filter(fits).map(row).collect();
    Json(json!({ "page": 1, "total_results": rows.len(), "results": rows })).into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "status_code": 34, "success": false }))).into_response()
}

async fn title(State(shared): State<Service<World>>, Path((kind, id)): Path<(String, String)>) -> Response {
    let world = shared.world();
    let Some(entry) = world.by_id(&kind, &id) else { return not_found() };
    let mut answer = row(entry);
    let genres = if entry.is_movie() { ["Drama", "Mystery"] } else { ["Drama", "Crime"] };
    answer["genres"] = genres.map(|name| json!({ "id": 18, "name": name })).into();
    let aired = world.catalogue.iter().filter_map(|other| match other {
        Entry::Episode { show, season, number, .. } if *season > 0 && show == entry.title() => {
            Some((season, number))
        }
        _ => None,
    });
    let mut seasons: Vec<Value> = Vec::new();
    for ((show, season, _), day) in &world.air_dates {
        if *show == id && seasons.iter().all(|known| known["season_number"] != *season) {
            seasons.push(json!({ "season_number": season, "air_date": day }));
        }
    }
    if kind == "tv" {
        answer["seasons"] = json!(seasons);
    }
    if let Some((season, number)) = aired.max() {
        answer["last_episode_to_air"] = json!({ "season_number": season, "episode_number": number });
    }
    Json(answer).into_response()
}

async fn external(
    State(shared): State<Service<World>>,
    Path((kind, id)): Path<(String, String)>,
) -> Response {
    let world = shared.world();
    let Some(entry) = world.by_id(&kind, &id) else { return not_found() };
    let ids = entry.title_ids();
    let mut answer = json!({ "id": ids.get("tmdb"), "imdb_id": ids.get("imdb") });
    if kind == "tv" {
        answer["tvdb_id"] = json!(ids.get("tvdb"));
    }
    Json(answer).into_response()
}

async fn episode(
    State(shared): State<Service<World>>,
    Path((id, wanted_season, wanted)): Path<(String, u32, u32)>,
) -> Response {
    let world = shared.world();
    let found = world.catalogue.iter().find_map(|entry| match entry {
        Entry::Episode { show_ids, season, number, ids, .. }
            if show_ids.get("tmdb").is_some_and(|known| catalogue::is_id(known, &id))
                && (*season, *number) == (wanted_season, wanted) =>
        {
            Some(ids)
        }
        _ => None,
    });
    match found {
        Some(ids) => {
            Json(json!({ "id": ids.get("tmdb"), "imdb_id": ids.get("imdb"), "tvdb_id": ids.get("tvdb") }))
                .into_response()
        }
        None => not_found(),
    }
}

async fn episode_groups(State(shared): State<Service<World>>, Path(id): Path<String>) -> Response {
    let world = shared.world();
    let groups = world.groups.iter().filter(|group| group.show == id);
    let results: Vec<Value> = groups
        .map(|group| {
            let episodes: usize = group.parts.iter().map(|(_, episodes)| episodes.len()).sum();
            json!({ "id": group.id, "name": "An order", "description": "", "type": group.kind, "network": { "id": 213, "logo_path": "/logo.png", "name": "Netflix", "origin_country": "US" },
                "group_count": group.parts.len(), "episode_count": episodes })
        })
        .collect();
    Json(json!({ "id": id.parse::<u64>().unwrap_or_default(), "results": results })).into_response()
}

async fn episode_group(State(shared): State<Service<World>>, Path(id): Path<String>) -> Response {
    let world = shared.world();
    let Some(group) = world.groups.iter().find(|group| group.id == id) else { return not_found() };
    let parts: Vec<Value> = group
        .parts
        .iter()
        .map(|(order, episodes)| {
            let episodes = episodes.iter().enumerate().map(|(place, (season, number))| {
                json!({ "order": place, "season_number": season, "episode_number": number, "name": "An episode" })
            });
            json!({ "id": format!("{id}-{order}"), "name": format!("Part {order}"), "order": order, "locked": true,
                "episodes": episodes.collect::<Vec<_>>() })
        })
        .collect();
    Json(json!({ "id": id, "name": "An order", "description": "", "type": group.kind, "network": { "id": 213, "logo_path": "/logo.png", "name": "Netflix", "origin_country": "US" },
        "group_count": group.parts.len(), "groups": parts }))
    .into_response()
}

async fn season(State(shared): State<Service<World>>, Path((id, wanted)): Path<(String, u32)>) -> Response {
    let world = shared.world();
    let of_season = world.air_dates.iter().filter(|((show, season, _), _)| *show == id && *season == wanted);
    let episodes: Vec<Value> = of_season
        .map(|((_, season, number), day)| {
            json!({ "season_number": season, "episode_number": number, "air_date": day, "name": "An episode" })
        })
        .collect();
    match episodes.is_empty() {
        true => not_found(),
        false => Json(json!({ "season_number": wanted, "episodes": episodes })).into_response(),
    }
}
