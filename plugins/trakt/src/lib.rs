//! Trakt as a tracker.
//!
//! Facts: docs.trakt.tv and the contract in github.com/trakt/trakt-api.

mod airing;
mod api;
mod batch;
mod entry;
mod history;
mod item_body;
mod pages;
mod playback;
mod rating;
mod response;
mod scrobble;
mod search;
mod watchlist;

use playrelay_sdk::capability;
use playrelay_sdk::capability::sink::{Action, Event};
use playrelay_sdk::capability::watchlist::Page;
use playrelay_sdk::host::types::{Failure, Field, Item, Receipt};
use playrelay_sdk::tracker::remote_id;
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
            Action::Unwatched => match remote_id(&event) {
                Some(id) => history::remove_one(id),
                None => history::remove(&event),
            },
        }
    }
}

impl capability::sink_batch::Guest for Trakt {
    fn submit_batch(events: Vec<Event>) -> Result<Vec<capability::sink_batch::BatchResult>, Failure> {
        batch::submit(&events)
    }
}

impl capability::watchlist::Guest for Trakt {
    fn entries(cursor: Option<String>) -> Result<Page, Failure> {
        watchlist::entries(cursor.as_deref())
    }

    fn add(items: Vec<Item>) -> Result<Vec<Receipt>, Failure> {
        watchlist::add_all(&items)
    }

    fn remove(items: Vec<Item>) -> Result<Vec<Receipt>, Failure> {
        items.iter().map(watchlist::remove).collect()
    }
}

impl capability::airing::Guest for Trakt {
    fn last_aired(show: Item) -> Result<Option<Item>, Failure> {
        airing::last_aired(&show)
    }
}

impl capability::check::Guest for Trakt {
    fn account() -> Result<capability::check::AccountInfo, Failure> {
        let answer = response::require_success(api::get("/users/settings")?)?;
        let settings: Value = answer.json()?;
        let user = &settings["user"];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let field = |name: &str, value: String| Field { name: name.to_owned(), value };
        Ok(capability::check::AccountInfo {
            name: text(&user["username"]).unwrap_or_default(),
            id: text(&user["ids"]["slug"]),
            details: vec![
                field("plan", if user["vip"].as_bool() == Some(true) { "VIP" } else { "free" }.to_owned()),
                field("watchlist at most", settings["limits"]["watchlist"]["item_count"].to_string()),
            ]
            .into_iter()
            .filter(|field| field.value != "null")
            .collect(),
        })
    }
}

capability::sink::export_sink!(Trakt with_types_in capability::sink);
capability::sink_batch::export_sink_batch!(Trakt with_types_in capability::sink_batch);
capability::watchlist::export_watchlist!(Trakt with_types_in capability::watchlist);
capability::airing::export_airing!(Trakt with_types_in capability::airing);
capability::check::export_check!(Trakt with_types_in capability::check);
