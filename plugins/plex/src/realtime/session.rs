//! A session as it is remembered.

use playrelay_sdk::host::reports::{Completion, Playback, PlaybackState, Player, Server, User};
use playrelay_sdk::json::text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{api, metadata};

/// The metadata of an item that a session remembers.
const FIELDS: [&str; 26] = [
    "type",
    "title",
    "originalTitle",
    "year",
    "guid",
    "Guid",
    "ratingKey",
    "key",
    "duration",
    "index",
    "absoluteIndex",
    "editionTitle",
    "parentTitle",
    "parentGuid",
    "parentIndex",
    "parentRatingKey",
    "grandparentTitle",
    "grandparentGuid",
    "grandparentRatingKey",
    "librarySectionTitle",
    "librarySectionID",
    "live",
    "extraType",
    "subtype",
    "Marker",
    "Media",
];

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Session {
    pub(super) key: String,
    pub(super) item_key: Option<String>,
    pub(super) player_id: Option<String>,
    player_name: Option<String>,
    product: Option<String>,
    user_id: Option<String>,
    user_name: Option<String>,
    #[serde(with = "State")]
    pub(super) state: PlaybackState,
    pub(super) position_ms: Option<u32>,
    /// Whether its end was told.
    pub(super) has_ended: bool,
    /// Whether it was asked where its credits are.
    has_markers: bool,
    metadata: Value,
}

/// The same cases, in a form that can be written down.
#[derive(Serialize, Deserialize)]
#[serde(remote = "PlaybackState")]
enum State {
    Playing,
    Paused,
    Stopped,
}

impl Session {
    /// Reads an entry of `/status/sessions`. One without a user is nobody's.
    pub(super) fn listed(entry: &Value) -> Option<Self> {
        let player = &entry["Player"];
        Some(Self {
            key: text(&entry["sessionKey"])?,
            item_key: text(&entry["ratingKey"]),
            player_id: text(&player["machineIdentifier"]),
            player_name: text(&player["title"]),
            product: text(&player["product"]),
            user_id: Some(text(&entry["User"]["id"])?),
            user_name: text(&entry["User"]["title"]),
            state: if player["state"] == "paused" { PlaybackState::Paused } else { PlaybackState::Playing },
            position_ms: playrelay_sdk::json::whole(&entry["viewOffset"]),
            has_ended: false,
            has_markers: entry["Marker"].is_array(),
            metadata: kept(entry),
        })
    }

    pub(super) fn is_of_item(&self, other: &Self) -> bool {
        self.item_key.is_some() && self.item_key == other.item_key
    }

    /// The same session with another item.
    pub(super) fn with_item(self, item: Value) -> Option<Self> {
        Some(Self {
            item_key: Some(text(&item["ratingKey"])?),
            has_ended: false,
            has_markers: true,
            metadata: kept(&item),
            ..self
        })
    }

    /// The list does not say where the credits are: that is known from before, or asked once.
    pub(super) fn remember_credits(&mut self, before: Option<&Self>) {
        if self.has_markers {
            return;
        }
        let known =
            before.filter(|before| before.has_markers).map(|before| before.metadata["Marker"].clone());
        let markers = known.or_else(|| Some(item(self.item_key.as_deref()?)?["Marker"].take()));
        self.has_markers = markers.is_some();
        if let Some(Value::Array(mut markers)) = markers {
            markers.retain(|marker| marker["type"] == "credits");
            self.metadata["Marker"] = Value::from(markers);
        }
    }

    /// The session as it stands, where its item is one that can be watched.
    pub(super) fn playback(&self, server: &Server) -> Option<Playback> {
        if !matches!(self.metadata["type"].as_str(), Some("movie" | "episode")) {
            return None;
        }
        Some(Playback {
            server: server.clone(),
            user: User { id: self.user_id.clone(), name: self.user_name.clone() },
            player: Player {
                id: self.player_id.clone(),
                name: self.player_name.clone(),
                product: self.product.clone(),
            },
            session: Some(self.key.clone()),
            item: metadata::item(&self.metadata)?,
            state: self.state,
            position_ms: self.position_ms,
            completion: Completion::None,
            credits_start_ms: metadata::credits(&self.metadata),
            content: metadata::content(&self.metadata),
            library: text(&self.metadata["librarySectionTitle"]),
            paths: metadata::paths(&self.metadata),
            at: None,
            ext: self.user_id.iter().filter_map(|id| metadata::local_id(&Value::from(id.as_str()))).collect(),
        })
    }
}

/// The fields that are needed, and of its files the names.
fn kept(entry: &Value) -> Value {
    let mut kept = Map::new();
    for field in FIELDS {
        match &entry[field] {
            Value::Null => {}
            Value::Array(media) if field == "Media" => {
                let media: Vec<Value> = media.iter().map(media_of).collect();
                kept.insert(field.to_owned(), Value::from(media));
            }
            value => {
                kept.insert(field.to_owned(), value.clone());
            }
        }
    }
    Value::Object(kept)
}

fn media_of(media: &Value) -> Value {
    let parts = media["Part"].as_array().into_iter().flatten();
    let parts: Vec<Value> = parts.take(2).map(|part| serde_json::json!({ "file": part["file"] })).collect();
    serde_json::json!({ "origin": media["origin"], "Part": parts })
}

/// An item with its markers, where the server gives it.
pub(super) fn item(key: &str) -> Option<Value> {
    api::item(key).ok().filter(Value::is_object)
}
