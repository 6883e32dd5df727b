//! SIMKL as a tracker.
//!
//! Facts: api.simkl.org.

mod batch;
mod history;
mod item_body;
mod rating;
mod response;
mod scrobble;
mod watchlist;

use playrelay_sdk::capability;
use playrelay_sdk::capability::sink::{Action, Event};
use playrelay_sdk::capability::watchlist::Page;
use playrelay_sdk::host::types::{Failure, Field, Item, Receipt};
use serde_json::Value;

/// The plugin.
struct Simkl;

impl capability::sink::Guest for Simkl {
    fn submit(event: Event) -> Result<Receipt, Failure> {
        match event.action {
            Action::Playing(progress) => scrobble::start(&event, progress),
            Action::Paused(progress) => scrobble::pause(&event, progress),
            Action::Stopped(progress) => scrobble::stop_unwatched(&event, progress),
            // The history takes a watch that it has already as nothing new, so it needs no look into it first.
            Action::Watched(_) if event.late || event.uncertain => history::add(&event),
            Action::Watched(progress) => scrobble::stop_watched(&event, progress),
            Action::Rated(rating) => rating::rate(&event, rating),
            Action::Unrated => rating::unrate(&event),
            Action::Unwatched => history::remove(&event),
        }
    }
}

impl capability::sink_batch::Guest for Simkl {
    fn submit_batch(events: Vec<Event>) -> Result<Vec<capability::sink_batch::BatchResult>, Failure> {
        batch::submit(&events)
    }
}

impl capability::watchlist::Guest for Simkl {
    fn entries(cursor: Option<String>) -> Result<Page, Failure> {
        watchlist::entries(cursor.as_deref())
    }

    fn add(items: Vec<Item>) -> Result<Vec<Receipt>, Failure> {
        items.iter().map(watchlist::add).collect()
    }

    fn remove(items: Vec<Item>) -> Result<Vec<Receipt>, Failure> {
        items.iter().map(watchlist::remove).collect()
    }
}

impl capability::check::Guest for Simkl {
    fn account() -> Result<capability::check::AccountInfo, Failure> {
        // A POST without a body, as the documents have it.
        let url = playrelay_sdk::http::join_setting("api_url", "/users/settings");
        let answer = playrelay_sdk::http::send_empty(playrelay_sdk::http::Method::Post, &url, &[])?;
        let settings: Value = response::require_success(answer)?.json()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let plan = text(&settings["account"]["type"]).unwrap_or_else(|| "free".to_owned());
        Ok(capability::check::AccountInfo {
            name: text(&settings["user"]["name"]).unwrap_or_default(),
            id: settings["account"]["id"].as_u64().map(|id| id.to_string()),
            details: vec![Field { name: "plan".to_owned(), value: plan }],
        })
    }
}

capability::sink::export_sink!(Simkl with_types_in capability::sink);
capability::sink_batch::export_sink_batch!(Simkl with_types_in capability::sink_batch);
capability::watchlist::export_watchlist!(Simkl with_types_in capability::watchlist);
capability::check::export_check!(Simkl with_types_in capability::check);
