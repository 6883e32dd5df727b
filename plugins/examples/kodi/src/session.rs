//! What is known of what plays, from one message to the next.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::exports::playrelay::plugin::realtime::MessageResult;
use crate::contract::playrelay::plugin::reports::{
    Completion, Content, Ignored, Playback, PlaybackState, Player, Report, Server, User,
};
use crate::item::{PlayingItem, ShowDetails};
use crate::rpc;

/// The player of films. Kodi has one of music and one of pictures beside it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Session {
    /// The name of the profile.
    profile: Option<String>,
    player: Option<u64>,
    item: Option<PlayingItem>,
    show: Option<ShowDetails>,
    position_ms: Option<u32>,
    total_ms: Option<u32>,
}

/// The answer of `Player.GetProperties`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Properties {
    /// 0 while it is paused; 2 and more, or less than 0, while it winds.
    speed: f64,
    time: Clock,
    totaltime: Clock,
    live: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Clock {
    hours: i64,
    minutes: i64,
    seconds: i64,
    /// Kodi 20 says -99 before the first picture is shown.
    milliseconds: i64,
}

impl Clock {
    fn ms(&self) -> Option<u32> {
        let seconds = self.hours.checked_mul(3_600)?.checked_add(self.minutes.checked_mul(60)?)?;
        let ms = seconds.checked_add(self.seconds)?.checked_mul(1_000)?.checked_add(self.milliseconds)?;
        u32::try_from(ms.max(0)).ok()
    }
}

impl Session {
    /// Takes in a message: an answer to a request of ours, or a notification.
    pub fn handle(&mut self, message: &Value, user: Option<&str>, result: &mut MessageResult) {
        if let Some(method) = message["method"].as_str() {
            return self.notified(method, &message["params"]["data"], user, result);
        }
        let id = message["id"].as_str().unwrap_or_default();
        if !message["error"].is_null() {
            let detail = message["error"]["message"].as_str().unwrap_or_default();
            result.reports.push(ignored("error", &format!("{id}: {detail}")));
            return;
        }
        let answer = &message["result"];
        match id.split_once(':').unwrap_or((id, "")) {
            ("profile", _) => self.profile = answer["label"].as_str().map(str::to_owned),
            ("players", _) => self.players(answer, user, result),
            ("item", _) => self.item(&answer["item"], user, result),
            ("show", _) => self.show = read(&answer["tvshowdetails"]),
            ("properties", _) => self.properties(answer, user, result),
            _ => {}
        }
    }

    fn notified(&mut self, method: &str, data: &Value, user: Option<&str>, result: &mut MessageResult) {
        match method {
            "Player.OnPlay" | "Player.OnAVStart" | "Player.OnResume" | "Player.OnPause" | "Player.OnSeek" => {
                // Which player it is: of music and pictures nothing is asked.
                match data["player"]["playerid"].as_u64() {
                    Some(player) if Some(player) == self.player => result.replies.push(rpc::playback(player)),
                    _ => result.replies.push(rpc::players()),
                }
            }
            "Player.OnStop" => {
                let completion = match data["end"].as_bool() {
                    Some(true) => Completion::Claimed,
                    _ => Completion::None,
                };
                let is_it = self.item.as_ref().is_some_and(|item| {
                    let id = data["item"]["id"].as_u64();
                    id.is_none() || item.id.is_none() || id == item.id
                });
                if is_it {
                    self.stop(completion, user, result);
                }
            }
            _ => result.reports.push(ignored("event", method)),
        }
    }

    /// What plays now. That nothing does says that what played has stopped.
    fn players(&mut self, answer: &Value, user: Option<&str>, result: &mut MessageResult) {
        let players = answer.as_array().into_iter().flatten();
        let video =
            players.filter(|player| player["type"] == "video").find_map(|player| player["playerid"].as_u64());
        match video {
            Some(player) => {
                self.player = Some(player);
                result.replies.push(rpc::playback(player));
            }
            None => {
                self.stop(Completion::None, user, result);
                self.player = None;
            }
        }
    }

    /// Another item than before has taken its place: a list plays.
    fn item(&mut self, answer: &Value, user: Option<&str>, result: &mut MessageResult) {
        let Some(item) = read::<PlayingItem>(answer) else { return };
        let is_other =
            self.item.as_ref().is_some_and(|known| (known.id, &known.file) != (item.id, &item.file));
        if is_other {
            self.stop(Completion::None, user, result);
        }
        let show = u64::try_from(item.tvshowid).ok();
        let is_known = self.show.as_ref().is_some_and(|show| show.tvshowid == item.tvshowid);
        if let (Some(show), false) = (show, is_known) {
            result.replies.push(rpc::show(show));
        }
        self.item = Some(item);
    }

    fn properties(&mut self, answer: &Value, user: Option<&str>, result: &mut MessageResult) {
        let Some(properties) = read::<Properties>(answer) else { return };
        self.position_ms = properties.time.ms();
        self.total_ms = properties.totaltime.ms().filter(|ms| *ms > 0);
        let state = if properties.speed == 0.0 { PlaybackState::Paused } else { PlaybackState::Playing };
        let is_live = properties.live;
        let report = self.playback(state, Completion::None, is_live, user);
        let of_item = |item: &PlayingItem| ignored("media-type", &item.r#type);
        result.reports.extend(report.or_else(|| self.item.as_ref().map(of_item)));
    }

    /// What played has stopped, where it was last seen.
    fn stop(&mut self, completion: Completion, user: Option<&str>, result: &mut MessageResult) {
        result.reports.extend(self.playback(PlaybackState::Stopped, completion, false, user));
        self.item = None;
        self.position_ms = None;
        self.total_ms = None;
    }

    fn playback(
        &self,
        state: PlaybackState,
        completion: Completion,
        is_live: bool,
        user: Option<&str>,
    ) -> Option<Report> {
        let item = self.item.as_ref()?;
        Some(Report::Playback(Playback {
            server: Server { id: None, name: None },
            user: User { id: None, name: user.or(self.profile.as_deref()).map(str::to_owned) },
            player: Player { id: None, name: Some("Kodi".to_owned()), product: Some("Kodi".to_owned()) },
            session: self.player.map(|player| format!("player:{player}")),
            item: item.to_item(self.show.as_ref(), self.total_ms)?,
            state,
            position_ms: self.position_ms,
            completion,
            credits_start_ms: None,
            content: if is_live { Content::LiveTv } else { Content::OnDemand },
            library: None,
            paths: Some(item.file.clone()).filter(|file| !file.is_empty()).into_iter().collect(),
            at: None,
            ext: Vec::new(),
        }))
    }
}

/// Reads an answer; absent where it has another form.
fn read<T: for<'a> Deserialize<'a>>(answer: &Value) -> Option<T> {
    serde_json::from_value(answer.clone()).ok()
}

fn ignored(code: &str, detail: &str) -> Report {
    Report::Ignored(Ignored { code: code.to_owned(), detail: detail.to_owned() })
}
