//! Somebody watches something somewhere: one truth, in the words of each server.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::catalogue::Entry;
use crate::{emby_webhook, jellyfin_webhook, plex_webhook};

/// The password of everybody, with letters that have to be escaped somewhere.
pub const PASSWORD: &str = "p&ss \"w\u{f6}rd\" %41+";

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Where users are numbered.
    pub number: u32,
    /// Where they have a GUID.
    pub guid: &'static str,
    /// As shown.
    pub name: &'static str,
}

/// Something in the library of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Title {
    /// A number, as text.
    pub key: String,
    /// What it is.
    pub entry: Entry,
    /// How long it is.
    pub runtime_ms: u32,
    /// Where its credits begin.
    pub credits_ms: Option<u32>,
}

impl Title {
    fn ids(&self) -> &Map<String, Value> {
        match &self.entry {
            Entry::Movie { ids, .. } | Entry::Episode { ids, .. } => ids,
        }
    }

    fn known(&self) -> impl Iterator<Item = (&'static str, String)> {
        ["imdb", "tmdb", "tvdb"].into_iter().filter_map(|name| {
            let id = self.ids().get(name)?;
            Some((name, id.as_str().map_or_else(|| id.to_string(), str::to_owned)))
        })
    }

    /// As Plex has it.
    pub fn metadata(&self) -> Value {
        let guids: Vec<String> = self.known().map(|(name, id)| format!("{name}://{id}")).collect();
        let guids: Vec<&str> = guids.iter().map(String::as_str).collect();
        match &self.entry {
            Entry::Movie { title, year, .. } => {
                plex_webhook::movie(&self.key, title, *year, self.runtime_ms, &guids)
            }
            Entry::Episode { show, season, number, .. } => {
                plex_webhook::episode(&self.key, show, *season, *number, self.runtime_ms, &guids)
            }
        }
    }

    /// The same with its markers, as the library has it.
    pub fn metadata_with_markers(&self) -> Value {
        let mut metadata = self.metadata();
        if let Some(credits) = self.credits_ms {
            metadata["Marker"] = json!([
                { "id": 81, "type": "intro", "startTimeOffset": 1_000, "endTimeOffset": 30_000, "Attributes": { "id": 1, "version": 4 } },
                { "id": 82, "type": "credits", "final": true, "startTimeOffset": credits, "endTimeOffset": self.runtime_ms,
                  "Attributes": { "id": 2, "version": 4 } },
            ]);
        }
        metadata
    }

    fn providers(&self) -> Value {
        let provider = |name: &str| format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        self.known().map(|(name, id)| (provider(name), json!(id))).collect::<Map<_, _>>().into()
    }

    /// The show's key.
    fn series(&self) -> String {
        format!("{}0", self.key)
    }

    /// As Emby has it.
    pub fn emby(&self) -> Value {
        let mut dto = match &self.entry {
            Entry::Movie { title, year, .. } => {
                emby_webhook::movie(&self.key, title, *year, self.runtime_ms, self.providers())
            }
            Entry::Episode { show, season, number, .. } => {
                let mut dto = emby_webhook::episode(
                    &self.key,
                    show,
                    *season,
                    *number,
                    self.runtime_ms,
                    self.providers(),
                );
                dto["SeriesId"] = json!(self.series());
                dto
            }
        };
        if let Some(credits) = self.credits_ms {
            dto["Chapters"] = json!([
                { "StartPositionTicks": 0, "Name": "Opening", "MarkerType": "Chapter" },
                { "StartPositionTicks": u64::from(credits) * 10_000, "Name": "End", "MarkerType": "CreditsStart" },
            ]);
        }
        dto
    }

    /// As Emby's webhooks have it: without chapters.
    pub fn emby_webhook(&self) -> Value {
        let mut dto = self.emby();
        dto.as_object_mut().expect("an object").remove("Chapters");
        dto
    }

    /// As Jellyfin has it.
    pub fn jellyfin(&self) -> Value {
        // It has media segments, and does not put them into its sessions.
        let mut dto = self.emby_webhook();
        dto["Id"] = json!(guid(&self.key));
        dto["SeriesId"] = match dto["SeriesId"].as_str() {
            Some(_) => json!(guid(&self.series())),
            None => Value::Null,
        };
        dto
    }

    /// As Jellyfin's webhooks have it.
    pub fn jellyfin_webhook(&self) -> Value {
        let known: Vec<(&str, String)> = self.known().collect();
        let providers: Vec<(&str, &str)> = known.iter().map(|(name, id)| (*name, id.as_str())).collect();
        let id = guid(&self.key);
        match &self.entry {
            Entry::Movie { title, year, .. } => {
                jellyfin_webhook::movie(&id, title, *year, self.runtime_ms, &providers)
            }
            Entry::Episode { show, show_year, season, number, .. } => {
                let show = (show.as_str(), *show_year);
                let mut item =
                    jellyfin_webhook::episode(&id, show, *season, *number, self.runtime_ms, &providers);
                item["SeriesId"] = json!(guid(&self.series()));
                item
            }
        }
    }
}

/// A number as a GUID.
pub fn guid(key: &str) -> String {
    format!("{key:0>32}")
}

/// Somebody watches something.
#[derive(Clone, Debug, PartialEq)]
pub struct FakePlayback {
    /// The server's key.
    pub session: String,
    /// Who.
    pub person: Person,
    /// Where.
    pub device: String,
    /// What.
    pub title: Title,
    /// How far.
    pub position_ms: u32,
    /// Whether it stands still.
    pub paused: bool,
}

impl FakePlayback {
    /// As it stands in Plex's `/status/sessions`.
    pub fn plex(&self) -> Value {
        let mut entry = self.title.metadata();
        entry["sessionKey"] = json!(self.session);
        entry["viewOffset"] = json!(self.position_ms);
        entry["User"] = json!({ "id": self.person.number.to_string(), "title": self.person.name });
        entry["Player"] = json!({
            "machineIdentifier": format!("player-{}", self.device), "title": self.device, "product": "Plex for TV",
            "state": if self.paused { "paused" } else { "playing" }, "local": true,
        });
        entry["Session"] =
            json!({ "id": format!("s{}", self.session), "bandwidth": 8_000, "location": "lan" });
        entry
    }

    /// A notification of Plex, in this state.
    pub fn notification(&self, state: &str) -> Value {
        json!({ "NotificationContainer": { "type": "playing", "size": 1, "PlaySessionStateNotification": [{
            "sessionKey": self.session, "clientIdentifier": format!("player-{}", self.device), "guid": "",
            "ratingKey": self.title.key, "url": "", "key": format!("/library/metadata/{}", self.title.key),
            "viewOffset": self.position_ms, "playQueueItemID": 500, "playQueueID": 42, "state": state,
        }] } })
    }

    /// As it stands in the sessions of a Jellyfin or an Emby. `check_in` is when its client said something last, where the server tells.
    pub fn session(&self, dto: Value, server: &str, position_ms: u32, check_in: Option<Timestamp>) -> Value {
        let mut session = json!({
            "Id": guid(&self.session), "ServerId": server, "UserId": self.person.guid, "UserName": self.person.name,
            "Client": "Web", "DeviceId": format!("device-{}", self.device), "DeviceName": self.device,
            "AdditionalUsers": [],
            "NowPlayingItem": dto,
            "PlayState": {
                "PositionTicks": u64::from(position_ms) * 10_000, "IsPaused": self.paused, "CanSeek": true,
                "PlayMethod": "DirectPlay",
            },
        });
        if let Some(check_in) = check_in {
            session["LastPlaybackCheckIn"] = json!(check_in.to_string());
        }
        session
    }
}
