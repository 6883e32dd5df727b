//! What is sent to the server under test: webhooks in groups, each group in order over one connection.

use serde_json::Value;

use crate::jellyfin_webhook;
use crate::plex_webhook::{BOUNDARY, event, movie, multipart};

/// Bytes of the poster that Plex sends with a start.
const POSTER: usize = 16 << 10;
/// Milliseconds of a film.
const RUNTIME_MS: u32 = 7_200_000;
/// Milliseconds between two reports of progress of a session.
const PROGRESS_MS: u32 = 10_000;
/// Reports of progress of a session.
const PROGRESS_REPORTS: u32 = 98;

/// A kind of load.
#[derive(Clone, Copy, Debug)]
pub enum Workload {
    /// Plex: a start with a poster or a stop without, of a film of its own, by one of so many users.
    Films {
        /// How many users.
        viewers: u32,
    },
    /// Plex: a start of a film of its own on a player of its own, by one of so many users.
    Starts {
        /// How many users.
        viewers: u32,
    },
    /// Plex: start, pause, resume, scrobble and stop of a film, by one of so many users.
    WholePlays {
        /// How many users.
        viewers: u32,
    },
    /// Jellyfin: a start, progress every ten seconds, and a stop.
    JellyfinProgress,
}

impl Workload {
    /// The requests of a group.
    pub fn group_size(self) -> u32 {
        match self {
            Self::Films { .. } | Self::Starts { .. } => 1,
            Self::WholePlays { .. } => 5,
            Self::JellyfinProgress => PROGRESS_REPORTS + 2,
        }
    }

    /// The requests of a group, in order.
    pub fn group(self, path: &str, number: u32) -> Vec<Vec<u8>> {
        match self {
            Self::Films { viewers } => {
                let (kind, position) = match number % 2 {
                    0 => ("media.play", 0),
                    _ => ("media.stop", RUNTIME_MS / 2),
                };
                vec![plex(path, number, (number % viewers, "TV"), kind, position)]
            }
            Self::Starts { viewers } => {
                let player = format!("TV {number}");
                vec![plex(path, number, (number % viewers, &player), "media.play", 0)]
            }
            Self::WholePlays { viewers } => {
                let reports = [
                    ("media.play", 0),
                    ("media.pause", RUNTIME_MS / 4),
                    ("media.resume", RUNTIME_MS / 4),
                    ("media.scrobble", RUNTIME_MS / 10 * 9),
                    ("media.stop", RUNTIME_MS / 100 * 97),
                ];
                let request = |(kind, position)| plex(path, number, (number % viewers, "TV"), kind, position);
                reports.map(request).into()
            }
            Self::JellyfinProgress => {
                let progress =
                    (1..=PROGRESS_REPORTS).map(|report| ("PlaybackProgress", report * PROGRESS_MS));
                let stop = ("PlaybackStop", (PROGRESS_REPORTS + 1) * PROGRESS_MS);
                let reports = std::iter::once(("PlaybackStart", 0)).chain(progress).chain([stop]);
                reports.map(|(kind, position)| jellyfin(path, number, kind, position)).collect()
            }
        }
    }
}

fn plex(path: &str, number: u32, (user, player): (u32, &str), kind: &str, position_ms: u32) -> Vec<u8> {
    let title = format!("Film {number}");
    let mut film = movie(&number.to_string(), &title, 2010, RUNTIME_MS, &["imdb://tt1375666"]);
    film["summary"] = "A summary as long as summaries are. ".repeat(30).into();
    let message = event(kind, &film, Some(position_ms), (user, &format!("user {user}")), player);
    let body = multipart(&message, if kind == "media.play" { POSTER } else { 0 });
    post(path, &format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

fn jellyfin(path: &str, number: u32, kind: &str, position_ms: u32) -> Vec<u8> {
    let (id, user) = (format!("{number:032x}"), format!("user {number}"));
    let film =
        jellyfin_webhook::movie(&id, &format!("Film {number}"), 2010, RUNTIME_MS, &[("imdb", "tt1375666")]);
    let mut message: Value =
        jellyfin_webhook::event(kind, &film, Some(position_ms), ("", ""), &format!("TV {number}"));
    message["UserId"] = id.into();
    message["NotificationUsername"] = user.into();
    post(path, "application/json", message.to_string().into_bytes())
}

fn post(path: &str, content_type: &str, body: Vec<u8>) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: playrelay\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body].concat()
}
