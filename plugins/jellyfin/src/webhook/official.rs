//! The plugin Webhook of the Jellyfin project: one flat dictionary of everything it knows.
//!
//! A template may leave most of it out, and prints booleans as "True", what is missing as "" and GUIDs with dashes.

use playrelay_mediabrowser::item;
use playrelay_mediabrowser::realtime::{SILENT_MS, since};
use playrelay_mediabrowser::values::{TICKS_PER_MS, clock, guid, length, ms, printed as words};
use playrelay_sdk::capability::webhook::ParseError;
use playrelay_sdk::host::reports::{
    Completion, Content, Marked, Playback, PlaybackState, Player, Rated, Report, Server, User,
};
use playrelay_sdk::host::types::Item;
use playrelay_sdk::json::{boolean, flag, number, text};
use playrelay_sdk::server::{event_time, ignored_report};
use serde_json::{Map, Value, json};

/// The server counts a stop past 5 % of something shorter as played (`MinResumeDurationSeconds`). Milliseconds.
const SHORTEST_RESUMABLE: u32 = 300_000;

/// After so long its server gives a session up, where the client has asked for nothing else either; until August 2026
/// (jellyfin/jellyfin#17631) with the position that it guessed. Ms.
const SESSION_TIMEOUT_MS: u32 = 5 * 60 * 1000;
/// A server that never heard of a client says a date long ago. Ms.
const NO_CHECK_IN_MS: u32 = 24 * 60 * 60 * 1000;

/// Turns a message into its report. A template that leaves out what an item is cannot be read.
pub fn report(message: &Value, received_at: &str) -> Result<Report, ParseError> {
    let event = message["NotificationType"].as_str().unwrap_or_default();
    if !matches!(event, "PlaybackStart" | "PlaybackProgress" | "PlaybackStop" | "UserDataSaved") {
        return Ok(ignored_report("event", event));
    }
    let Some(kind) = kind(message) else {
        let text = "the template prints no \u{201c}ItemType\u{201d}; add it, or tick \u{201c}Send All Properties\u{201d}";
        return Err(ParseError::Unsupported(text.to_owned()));
    };
    let dto = dto(message, kind);
    let Some(item) = item::item(&dto, &Value::Null) else { return Ok(ignored_report("media-type", kind)) };
    // By the server's clock, where that is near to ours.
    let at = event_time(message["UtcTimestamp"].as_str(), received_at);
    let about = EventContext { message, item, kind, content: item::content(&dto), at };
    let can_play = matches!(kind, "Movie" | "Episode") || kind.starts_with("LiveTv");
    Ok(match event {
        "UserDataSaved" => about.user_data(),
        _ if !can_play => ignored_report("media-type", kind),
        "PlaybackStop" if is_session_timeout(message) => about.left(),
        "PlaybackStop" => {
            let claimed = flag(&message["PlayedToCompletion"]);
            let completion = if claimed { Completion::Claimed } else { Completion::None };
            about.playback(PlaybackState::Stopped, position(message), completion)
        }
        "PlaybackStart" => about.playback(PlaybackState::Playing, position(message), Completion::None),
        _ if is_extrapolated(message) => {
            ignored_report("guess", "the client has fallen silent, and the server guesses where it is")
        }
        _ => {
            let paused = flag(&message["IsPaused"]);
            let state = if paused { PlaybackState::Paused } else { PlaybackState::Playing };
            // 0 is what the plugin writes where it knows none.
            about.playback(state, position(message).filter(|ms| *ms > 0), Completion::None)
        }
    })
}

/// The kind of the item; a template without it may still name a series.
fn kind(message: &Value) -> Option<&str> {
    let told = message["ItemType"].as_str().filter(|kind| !kind.is_empty());
    told.or_else(|| words(&message["SeriesName"]).map(|_| "Episode"))
}

/// How long before a message something was that its session knows, by the server's clock. Ms.
fn passed(message: &Value, what: &str) -> Option<u32> {
    let passed = since(&text(&message[what])?, &text(&message["UtcTimestamp"])?);
    passed.filter(|passed| *passed < NO_CHECK_IN_MS)
}

/// Whether a position is its server's: it moves that of a silent client on by itself.
fn is_extrapolated(message: &Value) -> bool {
    flag(&message["IsAutomated"]) && passed(message, "LastPlaybackCheckIn").is_some_and(|ms| ms > SILENT_MS)
}

/// Whether a stop is that of a server whose client has left without a word. A stop that a client tells of is a request of its.
fn is_session_timeout(message: &Value) -> bool {
    passed(message, "LastPlaybackCheckIn").is_some_and(|ms| ms >= SESSION_TIMEOUT_MS)
        && passed(message, "LastActivityDate").is_some_and(|ms| ms > SILENT_MS)
}

/// The position: in ticks, or as `hh:mm:ss` where a template prints only that.
fn position(message: &Value) -> Option<u32> {
    ms(&message["PlaybackPositionTicks"]).or_else(|| clock(&message["PlaybackPosition"]))
}

/// The length; 0 is unknown.
fn runtime(message: &Value) -> Option<u32> {
    length(&message["RunTimeTicks"]).or_else(|| clock(&message["RunTime"])).filter(|ms| *ms > 0)
}

/// The dictionary's item in the form that the server's API gives it.
fn dto(message: &Value, kind: &str) -> Value {
    let providers: Map<_, _> = message
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.strip_prefix("Provider_")?.to_owned(), value.clone())))
        .collect();
    let is_episode = matches!(kind, "Episode" | "Season");
    // The same number with and without leading zeros, under three names.
    let number = |name: &str| {
        let forms = [name.to_owned(), format!("{name}00"), format!("{name}000")];
        forms.iter().map(|name| &message[name]).find(|value| text(value).is_some()).cloned()
    };
    let season = number("SeasonNumber");
    let own_number = if kind == "Season" { season.clone() } else { number("EpisodeNumber") };
    // Of an episode, `Year` is the series' and `PremiereDate` its own.
    let (own, series) = if is_episode { ("", "Year") } else { ("Year", "") };
    json!({
        "Type": kind, "Name": words(&message["Name"]), "Id": message["ItemId"],
        "ProductionYear": message[own], "PremiereDate": message["PremiereDate"],
        "SeriesProductionYear": message[series], "SeriesName": words(&message["SeriesName"]), "SeriesId": message["SeriesId"],
        "ParentIndexNumber": season, "IndexNumber": own_number, "IndexNumberEnd": number("EpisodeNumberEnd"),
        "RunTimeTicks": runtime(message).map(|ms| u64::from(ms) * TICKS_PER_MS),
        "ProviderIds": providers, "IsMovie": message["IsMovie"], "IsSeries": message["IsSeries"],
    })
}

struct EventContext<'a> {
    message: &'a Value,
    item: Item,
    kind: &'a str,
    content: Content,
    at: Option<String>,
}

impl EventContext<'_> {
    /// What the server keeps of a user and an item was saved. The reason says why.
    fn user_data(self) -> Report {
        let message = self.message;
        let played = boolean(&message["Played"]);
        let reason = message["SaveReason"].as_str().unwrap_or("none");
        let can_play = matches!(self.kind, "Movie" | "Episode");
        match (reason, played) {
            ("TogglePlayed", Some(watched)) => self.marked(watched),
            ("PlaybackFinished", Some(true)) if can_play => {
                let completion = self.finished();
                self.playback(PlaybackState::Stopped, None, completion)
            }
            ("PlaybackFinished", _) if can_play => {
                self.playback(PlaybackState::Stopped, position(message), Completion::None)
            }
            // Saved again and again once the server has counted the play. A rewatch begins with `Played` taken back, so
            // it is this play that was counted; the position is cleared by that.
            ("PlaybackProgress", Some(true)) if can_play => {
                let counted = !self.is_short();
                let completion = if counted { Completion::Counted } else { Completion::None };
                self.playback(PlaybackState::Playing, None, completion)
            }
            ("UpdateUserRating", _) => match score(message) {
                Some(rating) => self.rated(rating),
                None => ignored_report("favorite", "a like or a favourite is not a score"),
            },
            _ => ignored_report("save-reason", reason),
        }
    }

    /// What `Played` is worth at an end. The server sets it, too, where a client told no position, where it could not
    /// measure the file, and at any stop of what is short: a claim at most, unless nothing is known of the length.
    fn finished(&self) -> Completion {
        let is_told =
            number(&self.message["RunTimeTicks"]).is_some() || clock(&self.message["RunTime"]).is_some();
        match (self.is_short(), is_told) {
            (true, _) => Completion::None,
            (false, true) => Completion::Claimed,
            (false, false) => Completion::Counted,
        }
    }

    fn is_short(&self) -> bool {
        runtime(self.message).is_some_and(|runtime| runtime < SHORTEST_RESUMABLE)
    }

    fn playback(self, state: PlaybackState, position_ms: Option<u32>, completion: Completion) -> Report {
        let message = self.message;
        Report::Playback(Playback {
            server: server(message),
            user: user(message),
            player: Player {
                id: text(&message["DeviceId"]),
                name: words(&message["DeviceName"]),
                product: words(&message["ClientName"]).or_else(|| words(&message["Client"])),
            },
            session: guid(&message["Id"]),
            content: self.content,
            state,
            position_ms,
            completion,
            credits_start_ms: None,
            library: None,
            paths: Vec::new(),
            at: self.at,
            item: self.item,
            ext: Vec::new(),
        })
    }

    /// The client has left, when it told of itself last, and where it was then.
    fn left(mut self) -> Report {
        self.at = self.at.and(text(&self.message["LastPlaybackCheckIn"]));
        self.playback(PlaybackState::Stopped, None, Completion::None)
    }

    fn marked(self, watched: bool) -> Report {
        if self.content != Content::OnDemand {
            return ignored_report("media-type", self.kind);
        }
        let (server, user, at) = (server(self.message), user(self.message), self.at);
        Report::Marked(Marked { server, user, item: self.item, watched, library: None, at })
    }

    fn rated(self, rating: f64) -> Report {
        let (server, user, at) = (server(self.message), user(self.message), self.at);
        let rating = Some(rating).filter(|rating| *rating > 0.0);
        Report::Rated(Rated { server, user, item: self.item, rating, library: None, at })
    }
}

/// A score that somebody gave. A thumb up is stored as 10 and one down as 1, which a score of 10 or 1 cannot be told from.
fn score(message: &Value) -> Option<f64> {
    let rating = number(&message["Rating"])?;
    let is_thumb = match boolean(&message["Likes"]) {
        Some(true) => rating == 10.0,
        Some(false) => rating == 1.0,
        None => false,
    };
    (!is_thumb).then_some(rating)
}

fn server(message: &Value) -> Server {
    Server { id: guid(&message["ServerId"]), name: words(&message["ServerName"]) }
}

fn user(message: &Value) -> User {
    let name = words(&message["NotificationUsername"]).or_else(|| words(&message["Username"]));
    User { id: guid(&message["UserId"]), name }
}
