//! Items, users, and who has played what.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::fake_mediabrowser::family::Family;
use crate::fake_mediabrowser::world::Shared;
use crate::fake_playback::Person;

pub(super) async fn items(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    if query.contains_key("UserId") {
        let user = query.get("UserId").cloned().unwrap_or_default();
        return played(&shared, &user, &query);
    }
    let ids = query.get("Ids").cloned().unwrap_or_default();
    let known = shared.items.lock().expect("no test panics here");
    let found = ids.split(',').filter_map(|id| known.get(id).cloned());
    let found: Vec<Value> = found.map(|dto| only(shared.family, dto, &query)).collect();
    list(shared.family, found.len(), 0, found)
}

pub(super) async fn users_items(
    State(shared): State<Shared>,
    Path(user): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    played(&shared, &user, &query)
}

/// What a user has played, the last first.
fn played(shared: &Shared, user: &str, query: &HashMap<String, String>) -> Response {
    // Who is no administrator reads nobody's plays but their own.
    if shared.limited_to().is_some_and(|own| own.guid != user) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let number = |name: &str, default: usize| {
        query.get(name).and_then(|value| value.parse::<usize>().ok()).unwrap_or(default)
    };
    let mut rows = shared.played.lock().expect("no test panics here").clone();
    rows.retain(|played| played.user.guid == user);
    rows.sort_by_key(|played| std::cmp::Reverse(played.at));
    let total = rows.len();
    let rows: Vec<Value> = rows
        .into_iter()
        .skip(number("StartIndex", 0))
        .take(number("Limit", 100))
        .map(|played| {
            let mut dto = played.dto;
            dto["UserData"] = json!({
                "Played": true, "PlayCount": 1, "PlaybackPositionTicks": 0, "LastPlayedDate": played.at.to_string(),
            });
            only(shared.family, dto, query)
        })
        .collect();
    list(shared.family, total, number("StartIndex", 0), rows)
}

/// A list of items: only one of the two says where it begins.
fn list(family: Family, total: usize, start: usize, rows: Vec<Value>) -> Response {
    let mut answer = json!({ "TotalRecordCount": total, "Items": rows });
    if family == Family::Jellyfin {
        answer["StartIndex"] = json!(start);
    }
    Json(answer).into_response()
}

/// A DTO of a list: what was not asked for by name is not in it.
fn only(family: Family, mut dto: Value, query: &HashMap<String, String>) -> Value {
    let asked = |name: &str| query.get("Fields").is_some_and(|fields| fields.split(',').any(|it| it == name));
    let mut named = vec!["ProviderIds", "Path", "OriginalTitle", "Chapters"];
    if family == Family::Emby {
        named.extend(["ProductionYear", "PremiereDate"]);
        if !asked("UserDataLastPlayedDate")
            && let Some(data) = dto["UserData"].as_object_mut()
        {
            data.remove("LastPlayedDate");
        }
    }
    if family == Family::Jellyfin && dto["UserData"].is_object() {
        (dto["UserData"]["Key"], dto["UserData"]["ItemId"]) = (dto["Id"].clone(), dto["Id"].clone());
        for (name, value) in [
            ("PlayCount", json!(0)),
            ("Played", json!(false)),
            ("IsFavorite", json!(false)),
            ("PlaybackPositionTicks", json!(0)),
        ] {
            if dto["UserData"][name].is_null() {
                dto["UserData"][name] = value;
            }
        }
    }
    let fields = dto.as_object_mut().expect("an object");
    // What a test says of the library is for the ancestors.
    fields.retain(|name, value| name != "_library" && !(name == "UserData" && value.is_null()));
    fields.retain(|name, _| !named.contains(&name.as_str()) || asked(name));
    dto
}

pub(super) fn person(family: Family, person: &Person, is_administrator: bool) -> Value {
    let mut policy = json!({ "IsAdministrator": is_administrator, "AuthenticationProviderId": "Default" });
    if family == Family::Jellyfin {
        policy["PasswordResetProviderId"] = json!("Default");
    }
    json!({ "Id": person.guid, "Name": person.name, "Policy": policy })
}

/// The same in pages, as Emby documents it.
pub(super) async fn users_query(State(shared): State<Shared>) -> Response {
    if shared.family != Family::Emby {
        return StatusCode::NOT_FOUND.into_response();
    }
    let rows = everybody(&shared);
    Json(json!({ "TotalRecordCount": rows.len(), "Items": rows })).into_response()
}

/// Where the closing credits of an item begin, as far as Jellyfin knows.
pub(super) async fn segments(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    if shared.family != Family::Jellyfin {
        return StatusCode::NOT_FOUND.into_response();
    }
    let segments = shared.segments.lock().expect("no test panics here");
    let rows: Vec<Value> = segments
        .get(&id)
        .map(|(start, end)| {
            json!({ "Id": "5e9f0000000000000000000000000001", "ItemId": id, "Type": "Outro", "StartTicks": start * 10_000,
                "EndTicks": end * 10_000 })
        })
        .into_iter()
        .collect();
    Json(json!({ "TotalRecordCount": rows.len(), "StartIndex": 0, "Items": rows })).into_response()
}

/// Everybody, whoever asks.
pub(super) async fn users(State(shared): State<Shared>) -> Response {
    Json(everybody(&shared)).into_response()
}

fn everybody(shared: &Shared) -> Vec<Value> {
    let administrator = Person { number: 1, guid: "ad000000000000000000000000000000", name: "admin" };
    let mut rows: Vec<Value> = vec![person(shared.family, &administrator, true)];
    for played in shared.played.lock().expect("no test panics here").iter() {
        let row = person(shared.family, &played.user, false);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

/// A key has no user: nobody is `Me`, which only one of the servers knows.
pub(super) async fn user(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let asker = shared.asker.lock().expect("no test panics here").clone();
    match (id.as_str(), shared.family, asker) {
        ("Me", Family::Jellyfin, Some((me, is_administrator))) => {
            return Json(person(shared.family, &me, is_administrator)).into_response();
        }
        ("Me", Family::Jellyfin, None) => return StatusCode::BAD_REQUEST.into_response(),
        _ => {}
    }
    let played = shared.played.lock().expect("no test panics here");
    match played.iter().find(|played| played.user.guid == id) {
        Some(played) => Json(person(shared.family, &played.user, false)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(super) async fn ancestors(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let known = shared.items.lock().expect("no test panics here");
    let library = known.get(&id).map(|dto| dto["_library"].clone()).filter(|it| it.is_string());
    let mut rows = vec![json!({ "Type": "Folder", "Name": "somewhere" })];
    rows.extend(library.map(|name| json!({ "Type": "CollectionFolder", "Name": name })));
    rows.push(json!({ "Type": "UserRootFolder", "Name": "Media Folders" }));
    Json(rows).into_response()
}
