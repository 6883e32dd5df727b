//! Plex Media Server as a source: its webhooks, and a second look at the server.
//!
//! Facts: support.plex.tv/articles/115002267687-webhooks, and messages captured from real servers.

mod enrich;
mod guid;
mod metadata;
mod value;
mod webhook;

use playrelay_sdk::capability;
use playrelay_sdk::host::types::{Failure, Item};

/// The plugin.
struct Plex;

impl capability::webhook::Guest for Plex {
    fn parse(
        request: capability::webhook::Request,
    ) -> Result<Vec<capability::webhook::Report>, capability::webhook::ParseError> {
        webhook::parse(&request)
    }
}

impl capability::enrich::Guest for Plex {
    fn resolve(item: Item) -> Result<Item, Failure> {
        enrich::resolve(item)
    }
}

capability::webhook::export_webhook!(Plex with_types_in capability::webhook);
capability::enrich::export_enrich!(Plex with_types_in capability::enrich);
