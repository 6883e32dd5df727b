//! Trakt as a tracker.
//!
//! Facts: docs.trakt.tv and the contract in github.com/trakt/trakt-api.

mod answer;
mod api;
mod body;
mod history;
mod rating;
mod scrobble;

use playrelay_sdk::capability;
use playrelay_sdk::capability::sink::{Action, Event, Outcome, Receipt};
use playrelay_sdk::host::types::{Failure, Field};
use serde_json::Value;

/// The plugin.
struct Trakt;

impl capability::sink::Guest for Trakt {
    fn submit(event: Event) -> Result<Receipt, Failure> {
        match event.action {
            Action::Playing(progress) => scrobble::start(&event, progress),
            // The pause verb no longer clears "watching now"; a stop below the threshold does, and keeps the
            // resume point.
            Action::Paused(progress) | Action::Stopped(progress) => {
                scrobble::stop_unwatched(&event, progress)
            }
            Action::Watched(_) if event.late || event.uncertain => history::add(&event),
            Action::Watched(progress) => scrobble::stop_watched(&event, progress),
            Action::Rated(rating) => rating::rate(&event, rating),
            Action::Unrated => rating::unrate(&event),
            Action::Unwatched => Ok(receipt(Outcome::Unsupported, "watches are never taken back at Trakt")),
        }
    }
}

impl capability::check::Guest for Trakt {
    fn run() -> Result<capability::check::Account, Failure> {
        let answer = answer::require_success(api::get("/users/settings")?)?;
        let settings: Value = answer.json()?;
        let user = &settings["user"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(capability::check::Account {
            name: text(&user["username"]).unwrap_or_default(),
            id: text(&user["ids"]["slug"]),
            details: vec![Field {
                name: "plan".to_owned(),
                value: if user["vip"].as_bool() == Some(true) { "VIP" } else { "free" }.to_owned(),
            }],
        })
    }
}

fn receipt(outcome: Outcome, note: impl Into<String>) -> Receipt {
    let note = Some(note.into()).filter(|note| !note.is_empty());
    Receipt { outcome, remote_id: None, matched: Vec::new(), note }
}

capability::sink::export_sink!(Trakt with_types_in capability::sink);
capability::check::export_check!(Trakt with_types_in capability::check);
