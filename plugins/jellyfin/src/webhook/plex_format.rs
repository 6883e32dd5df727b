//! The same plugin in its Plex format: an imitation of a Plex webhook, with traps of its own. It has no item key and no
//! numbers but those in the guid, and its duration is ten times what it says.

use playrelay_mediabrowser::values::{guid, text as words};
use playrelay_sdk::host::reports::{
    Completion, Content, Playback, PlaybackState, Player, Rated, Report, Server, User,
};
use playrelay_sdk::host::types::{Episode, ExternalId, Item, ItemKind, Movie, Show};
use playrelay_sdk::ids::external;
use playrelay_sdk::json::{number, text, whole};
use playrelay_sdk::server::{ignored_report, without_year};
use serde_json::Value;

/// The format divides ticks by 1,000 where milliseconds need 10,000.
const TENTHS: u32 = 10;

/// Turns a message into its report.
pub fn report(message: &Value) -> Report {
    let event = message["event"].as_str().unwrap_or_default();
    let state = match event {
        "media.play" | "media.resume" | "media.scrobble" => Some(PlaybackState::Playing),
        "media.pause" => Some(PlaybackState::Paused),
        "media.stop" => Some(PlaybackState::Stopped),
        "media.rate" => None,
        _ => return ignored_report("event", event),
    };
    let metadata = &message["Metadata"];
    let kind = metadata["type"].as_str().unwrap_or("none");
    let Some(item) = item(metadata) else { return ignored_report("media-type", kind) };
    let server = Server { id: guid(&message["Server"]["uuid"]), name: words(&message["Server"]["title"]) };
    let user = User { id: guid(&message["Account"]["id"]), name: words(&message["Account"]["title"]) };
    let Some(state) = state else {
        return match number(&message["rating"]) {
            Some(rating) => Report::Rated(Rated {
                server,
                user,
                item,
                rating: Some(rating).filter(|rating| *rating > 0.0),
                library: None,
                at: None,
            }),
            None => ignored_report("favorite", "a like or a favourite is not a score"),
        };
    };
    Report::Playback(Playback {
        server,
        user,
        player: Player { id: None, name: text(&message["Player"]["title"]), product: None },
        session: guid(&message["Player"]["uuid"]),
        item,
        state,
        position_ms: whole::<u32>(&metadata["viewOffset"]).map(|offset| offset / TENTHS),
        completion: if event == "media.scrobble" { Completion::Counted } else { Completion::None },
        credits_start_ms: None,
        content: Content::OnDemand,
        library: None,
        paths: Vec::new(),
        at: None,
        ext: Vec::new(),
    })
}

fn item(metadata: &Value) -> Option<Item> {
    let title = words(&metadata["title"]);
    let (id, season, episode) = agent(metadata["guid"].as_str().unwrap_or_default());
    let kind = match metadata["type"].as_str()? {
        "movie" => ItemKind::Movie(Movie {
            title: title.unwrap_or_default(),
            original_title: None,
            year: whole(&metadata["year"]),
            ids: id.into_iter().collect(),
        }),
        "episode" => {
            let (show, year) = without_year(&words(&metadata["grandparentTitle"]).unwrap_or_default());
            ItemKind::Episode(Episode {
                show: Show { title: show, original_title: None, year, ids: id.into_iter().collect() },
                season: whole(&metadata["parentIndex"]).or(season),
                numbers: whole(&metadata["index"]).or(episode).into_iter().collect(),
                absolute_number: None,
                title,
                year: whole(&metadata["year"]),
                ids: Vec::new(),
            })
        }
        _ => return None,
    };
    Some(Item {
        kind,
        server_ref: None,
        server_show_ref: None,
        runtime_ms: whole::<u32>(&metadata["duration"])
            .map(|duration| duration / TENTHS)
            .filter(|ms| *ms > 0),
        ext: Vec::new(),
    })
}

/// `com.plexapp.agents.thetvdb://73244/5/14?lang=en`: the show's id and the episode's numbers, or a movie's id.
fn agent(guid: &str) -> (Option<ExternalId>, Option<u32>, Option<u32>) {
    let Some((agent, rest)) = guid.split_once("://") else { return (None, None, None) };
    let mut parts = rest.split('?').next().unwrap_or_default().split('/');
    let first = parts.next().unwrap_or_default();
    let id = match agent.rsplit('.').next() {
        Some("imdb") => external("imdb", first),
        Some("themoviedb") => external("tmdb", first),
        Some("thetvdb") => external("tvdb", first),
        _ => None,
    };
    let mut number = || parts.next().and_then(|part| part.parse().ok());
    (id, number(), number())
}
