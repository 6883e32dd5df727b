//! MDBList as a tracker.
//!
//! Facts: github.com/linaspurinis/api.mdblist.com.

mod batch;
mod history;
mod item_body;
mod playback;
mod rating;
mod response;
mod scrobble;
mod watchlist;

use playrelay_sdk::capability;
use playrelay_sdk::capability::sink::{Action, Event};
use playrelay_sdk::capability::watchlist::Page;
use playrelay_sdk::host::types::{Failure, Field, Item, Receipt};
use playrelay_sdk::json::text;
use serde_json::Value;

/// The plugin.
struct MdbList;

impl capability::sink::Guest for MdbList {
    fn submit(event: Event) -> Result<Receipt, Failure> {
        match event.action {
            Action::Playing(progress) => scrobble::start(&event, progress),
            Action::Paused(progress) => scrobble::pause(&event, progress),
            Action::Stopped(progress) => scrobble::stop_unwatched(&event, progress),
            Action::Watched(_) if event.late || event.uncertain => history::add(&event),
            Action::Watched(progress) => scrobble::stop_watched(&event, progress),
            Action::Rated(rating) => rating::rate(&event, rating),
            Action::Unrated => rating::unrate(&event),
            Action::Unwatched => history::remove(&event),
        }
    }
}

impl capability::sink_batch::Guest for MdbList {
    fn submit_batch(events: Vec<Event>) -> Result<Vec<capability::sink_batch::BatchResult>, Failure> {
        batch::submit(&events)
    }
}

impl capability::watchlist::Guest for MdbList {
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

impl capability::check::Guest for MdbList {
    fn account() -> Result<capability::check::AccountInfo, Failure> {
        let user: Value = response::require_success(playrelay_sdk::tracker::get("/user")?)?.json()?;
        let fact =
            |name: &str, value: &Value| text(value).map(|value| Field { name: name.to_owned(), value });
        Ok(capability::check::AccountInfo {
            name: text(&user["username"]).unwrap_or_default(),
            id: text(&user["user_id"]),
            details: [
                fact("plan", &user["plan"]),
                fact("requests a day", &user["rate_limit"]),
                fact("requests left", &user["rate_limit_remaining"]),
            ]
            .into_iter()
            .flatten()
            .collect(),
        })
    }
}

capability::sink::export_sink!(MdbList with_types_in capability::sink);
capability::sink_batch::export_sink_batch!(MdbList with_types_in capability::sink_batch);
capability::watchlist::export_watchlist!(MdbList with_types_in capability::watchlist);
capability::check::export_check!(MdbList with_types_in capability::check);
