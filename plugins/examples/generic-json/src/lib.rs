//! Reads JSON of any form. The settings say where each value stands, as JSON pointers (RFC 6901), and which words mean what.

mod mapping;

use mapping::{Mapping, Unit};
use serde_json::Value;

wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });

use exports::playrelay::plugin::webhook::{Guest, Request};
use playrelay::plugin::reports::{
    Completion, Content, Ignored, ParseError, Playback, PlaybackState, Player, Report, Server, User,
};
use playrelay::plugin::settings;
use playrelay::plugin::types::{Episode, ExternalId, Item, ItemKind, Movie, Show};

struct Plugin;

export!(Plugin);

impl Guest for Plugin {
    fn parse(request: Request) -> Result<Vec<Report>, ParseError> {
        let message: Value = serde_json::from_str(&request.body)
            .map_err(|error| ParseError::Malformed(format!("the body is no JSON: {error}")))?;
        let mapping = Mapping { message: &message, setting: &settings::get };
        let Some(word) = mapping.text("state") else {
            let place = settings::get("state").unwrap_or_default();
            return Err(ParseError::Unsupported(format!("the message has no state at {place}")));
        };
        let Some((state, completion)) = state(&mapping, &word) else {
            return Ok(vec![Report::Ignored(Ignored { code: "event".to_owned(), detail: word })]);
        };
        let Some(kind) = kind(&mapping) else {
            return Err(ParseError::Unsupported("the message has no title where the settings say".to_owned()));
        };
        let unit = match settings::get("unit").as_deref() {
            Some("milliseconds" | "ms") => Unit::Milliseconds,
            _ => Unit::Seconds,
        };
        let item = Item {
            kind,
            server_ref: None,
            server_show_ref: None,
            runtime_ms: mapping.duration("duration", unit),
            ext: Vec::new(),
        };
        Ok(vec![Report::Playback(Playback {
            server: Server { id: None, name: None },
            user: User { id: None, name: mapping.text("user") },
            player: Player { id: None, name: mapping.text("player"), product: None },
            session: mapping.text("session"),
            item,
            state,
            position_ms: mapping.duration("position", unit),
            completion,
            credits_start_ms: None,
            content: Content::OnDemand,
            library: None,
            paths: Vec::new(),
            at: mapping.text("at"),
            ext: Vec::new(),
        })])
    }
}

/// The state that a word stands for; absent if the settings do not name the word.
fn state(mapping: &Mapping<'_>, word: &str) -> Option<(PlaybackState, Completion)> {
    let states = [
        ("playing", PlaybackState::Playing, Completion::None),
        ("paused", PlaybackState::Paused, Completion::None),
        ("stopped", PlaybackState::Stopped, Completion::None),
        ("watched", PlaybackState::Stopped, Completion::Claimed),
    ];
    states
        .into_iter()
        .find(|(words, ..)| mapping.is_one_of(words, word))
        .map(|(_, state, completion)| (state, completion))
}

/// An episode where the message has a show, else a film.
fn kind(mapping: &Mapping<'_>) -> Option<ItemKind> {
    let year = mapping.number("year");
    let ids = ["imdb", "tmdb", "tvdb"].into_iter().filter_map(|namespace| {
        Some(ExternalId { namespace: namespace.to_owned(), value: mapping.text(namespace)? })
    });
    let ids = ids.collect();
    Some(match mapping.text("show") {
        Some(title) => ItemKind::Episode(Episode {
            show: Show { title, original_title: None, year, ids },
            season: mapping.number("season"),
            numbers: mapping.number("episode").into_iter().collect(),
            absolute_number: None,
            title: mapping.text("title"),
            year: None,
            ids: Vec::new(),
        }),
        None => ItemKind::Movie(Movie { title: mapping.text("title")?, original_title: None, year, ids }),
    })
}
