//! Reads the webhooks of a player that sends JSON.

use serde_json::Value;

wit_bindgen::generate!({ path: "wit", world: "plugin", generate_all });

use exports::playrelay::plugin::webhook::{Guest, Request};
use playrelay::plugin::reports::{
    Completion, Content, Ignored, ParseError, Playback, PlaybackState, Player, Report, Server, User,
};
use playrelay::plugin::types::{ExternalId, Item, ItemKind, Movie};

struct Plugin;

export!(Plugin);

impl Guest for Plugin {
    fn parse(request: Request) -> Result<Vec<Report>, ParseError> {
        let message: Value = serde_json::from_str(&request.body)
            .map_err(|_| ParseError::Malformed("the body is no JSON".to_owned()))?;
        let Some(event) = message["event"].as_str() else {
            return Err(ParseError::Unsupported("the message has no `event`".to_owned()));
        };
        let state = match event {
            "start" | "resume" => PlaybackState::Playing,
            "pause" => PlaybackState::Paused,
            "stop" => PlaybackState::Stopped,
            other => {
                let ignored = Ignored { code: "event".to_owned(), detail: other.to_owned() };
                return Ok(vec![Report::Ignored(ignored)]);
            }
        };
        let Some(item) = movie(&message) else {
            return Err(ParseError::Unsupported("the message has no `movie` with a title".to_owned()));
        };
        Ok(vec![Report::Playback(Playback {
            server: Server { id: None, name: None },
            user: User { id: None, name: text(&message["user"]) },
            player: Player { id: None, name: text(&message["device"]), product: None },
            session: None,
            item,
            state,
            position_ms: milliseconds(&message["position_s"]),
            completion: Completion::None,
            credits_start_ms: None,
            content: Content::OnDemand,
            library: None,
            paths: Vec::new(),
            at: None,
            ext: Vec::new(),
        })])
    }
}

fn movie(message: &Value) -> Option<Item> {
    let movie = &message["movie"];
    let imdb = text(&movie["imdb"]).map(|value| ExternalId { namespace: "imdb".to_owned(), value });
    let movie = Movie {
        title: text(&movie["title"])?,
        original_title: None,
        year: movie["year"].as_u64().and_then(|year| year.try_into().ok()),
        ids: imdb.into_iter().collect(),
    };
    Some(Item {
        kind: ItemKind::Movie(movie),
        server_ref: None,
        server_show_ref: None,
        runtime_ms: milliseconds(&message["length_s"]),
        ext: Vec::new(),
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn milliseconds(seconds: &Value) -> Option<u32> {
    seconds.as_u64()?.checked_mul(1_000)?.try_into().ok()
}
