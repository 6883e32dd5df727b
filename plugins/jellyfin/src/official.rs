//! The plugin Webhook of the Jellyfin project: one flat dictionary of everything it knows.
//!
//! A template may leave most of it out, and prints booleans as "True", what is missing as "" and GUIDs with dashes.

use playrelay_mediabrowser::item;
use playrelay_mediabrowser::text::{guid, length, ms, text as words};
use playrelay_sdk::host::reports::{
    Completion, Marked, Playback, PlaybackState, Player, Rated, Report, Server, User,
};
use playrelay_sdk::host::types::Item;
use playrelay_sdk::json::{boolean, flag, number, text};
use playrelay_sdk::server::{happened, ignored};
use serde_json::{Map, Value, json};

/// The server counts a stop past 5 % of something shorter as played (`MinResumeDurationSeconds`). Milliseconds.
const SHORTEST_RESUMABLE: u32 = 300_000;

/// Turns a message into its report.
pub fn report(message: &Value, received_at: &str) -> Report {
    let event = message["NotificationType"].as_str().unwrap_or_default();
    if !matches!(event, "PlaybackStart" | "PlaybackProgress" | "PlaybackStop" | "UserDataSaved") {
        return ignored("event", event);
    }
    let kind = message["ItemType"].as_str().unwrap_or("none");
    let Some(item) = item::item(&dto(message), &Value::Null) else { return ignored("media-type", kind) };
    let about = About { message, item, received_at };
    let can_play = matches!(kind, "Movie" | "Episode") || kind.starts_with("LiveTv");
    match event {
        "UserDataSaved" => about.user_data(kind),
        _ if !can_play => ignored("media-type", kind),
        "PlaybackStop" => {
            let claimed = flag(&message["PlayedToCompletion"]);
            let completion = if claimed { Completion::Claimed } else { Completion::None };
            about.playback(PlaybackState::Stopped, ms(&message["PlaybackPositionTicks"]), completion)
        }
        _ => {
            let paused = flag(&message["IsPaused"]);
            let state = if paused { PlaybackState::Paused } else { PlaybackState::Playing };
            about.playback(state, ms(&message["PlaybackPositionTicks"]), Completion::None)
        }
    }
}

/// The dictionary's item in the form that the server's API gives it.
fn dto(message: &Value) -> Value {
    let providers: Map<_, _> = message
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.strip_prefix("Provider_")?.to_owned(), value.clone())))
        .collect();
    let is_episode = matches!(message["ItemType"].as_str(), Some("Episode" | "Season"));
    // Of an episode, `Year` is the series' and `PremiereDate` its own.
    let (own, series) = if is_episode { ("", "Year") } else { ("Year", "") };
    json!({
        "Type": message["ItemType"], "Name": message["Name"], "Id": message["ItemId"],
        "ProductionYear": message[own], "PremiereDate": message["PremiereDate"],
        "SeriesProductionYear": message[series], "SeriesName": message["SeriesName"], "SeriesId": message["SeriesId"],
        "ParentIndexNumber": message["SeasonNumber"], "IndexNumber": message["EpisodeNumber"],
        "IndexNumberEnd": message["EpisodeNumberEnd"], "RunTimeTicks": message["RunTimeTicks"],
        "ProviderIds": providers, "IsMovie": message["IsMovie"], "IsSeries": message["IsSeries"],
    })
}

struct About<'a> {
    message: &'a Value,
    item: Item,
    received_at: &'a str,
}

impl About<'_> {
    /// What the server keeps of a user and an item was saved. The reason says why.
    fn user_data(self, kind: &str) -> Report {
        let message = self.message;
        let played = boolean(&message["Played"]);
        let reason = message["SaveReason"].as_str().unwrap_or("none");
        let can_play = matches!(kind, "Movie" | "Episode");
        match (reason, played) {
            ("TogglePlayed", Some(watched)) => self.marked(watched),
            // Natural ends and long plays come this way too, the latter again and again; a rewatch begins with
            // `Played` taken back, so it is this play that was counted. The position is cleared by that.
            ("PlaybackFinished", Some(true)) if can_play => {
                let completion = self.counted();
                self.playback(PlaybackState::Stopped, None, completion)
            }
            ("PlaybackFinished", _) if can_play => {
                self.playback(PlaybackState::Stopped, ms(&message["PlaybackPositionTicks"]), Completion::None)
            }
            ("PlaybackProgress", Some(true)) if can_play => {
                let completion = self.counted();
                self.playback(PlaybackState::Playing, None, completion)
            }
            ("UpdateUserRating", _) => match number(&message["Rating"]) {
                Some(rating) => self.rated(rating),
                None => ignored("favorite", "a like or a favourite is no score"),
            },
            _ => ignored("save-reason", reason),
        }
    }

    /// What `Played` is worth: the server sets it at any stop of a file that it could not measure, or that is short.
    fn counted(&self) -> Completion {
        let told = number(&self.message["RunTimeTicks"]).is_some();
        match length(&self.message["RunTimeTicks"]) {
            Some(runtime) if runtime >= SHORTEST_RESUMABLE => Completion::Counted,
            None if !told => Completion::Counted,
            _ => Completion::Claimed,
        }
    }

    fn playback(self, state: PlaybackState, position_ms: Option<u32>, completion: Completion) -> Report {
        let message = self.message;
        let device = text(&message["DeviceName"]);
        Report::Playback(Playback {
            server: server(message),
            user: user(message),
            player: Player {
                id: text(&message["DeviceId"]),
                name: device,
                product: text(&message["ClientName"]).or_else(|| text(&message["Client"])),
            },
            session: guid(&message["Id"]),
            content: item::content(&dto(message)),
            state,
            position_ms,
            completion,
            credits_start_ms: None,
            library: None,
            paths: Vec::new(),
            at: self.at(),
            item: self.item,
            ext: Vec::new(),
        })
    }

    fn marked(self, watched: bool) -> Report {
        let (server, user, at) = (server(self.message), user(self.message), self.at());
        Report::Marked(Marked { server, user, item: self.item, watched, library: None, at })
    }

    fn rated(self, rating: f64) -> Report {
        let (server, user, at) = (server(self.message), user(self.message), self.at());
        let rating = Some(rating).filter(|rating| *rating > 0.0);
        Report::Rated(Rated { server, user, item: self.item, rating, library: None, at })
    }

    fn at(&self) -> Option<String> {
        happened(self.message["UtcTimestamp"].as_str(), self.received_at)
    }
}

fn server(message: &Value) -> Server {
    Server { id: guid(&message["ServerId"]), name: words(&message["ServerName"]) }
}

fn user(message: &Value) -> User {
    let name = words(&message["NotificationUsername"]).or_else(|| words(&message["Username"]));
    User { id: guid(&message["UserId"]), name }
}
