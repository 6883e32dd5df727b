//! Jellyfin as a source: the webhooks of both of its webhook plugins, and a second look at the server.
//!
//! Facts: the sources of jellyfin/jellyfin-plugin-webhook (`DataObjectHelpers.cs` and the notifiers), of
//! shemanaev/jellyfin-plugin-webhooks (`DefaultFormat.cs`, `PlexFormat.cs`), of the server itself, and messages captured
//! from real servers.

mod login;
mod realtime;
mod webhook;
mod webhook_registration;

use playrelay_mediabrowser::{Flavor, enrich, history, identify, realtime as heard};
use playrelay_sdk::capability;
use playrelay_sdk::capability::auth::{Grant, Step as LoginStep};
use playrelay_sdk::capability::realtime::{Connection, MessageResult};
use playrelay_sdk::capability::server_history::Page as HistoryPage;
use playrelay_sdk::capability::webhook::{ParseError, Report, Request};
use playrelay_sdk::host::clock;
use playrelay_sdk::host::reports::User;
use playrelay_sdk::host::types::{Failure, Field, Item};

/// The plugin.
struct Jellyfin;

impl capability::webhook::Guest for Jellyfin {
    fn parse(request: Request) -> Result<Vec<Report>, ParseError> {
        parse(&request)
    }
}

/// Turns a webhook into its reports: what the host calls, for programs that link this crate, such as the fuzzers.
pub fn parse(request: &Request) -> Result<Vec<Report>, ParseError> {
    webhook::parse(request)
}

impl capability::enrich::Guest for Jellyfin {
    fn resolve(item: Item) -> Result<Item, Failure> {
        enrich::resolve(Flavor::Jellyfin, &item)
    }
}

impl capability::identify::Guest for Jellyfin {
    fn identify_user(observation: capability::identify::Observation) -> Result<User, Failure> {
        identify::identify_user(Flavor::Jellyfin, &observation)
    }
}

impl capability::realtime::Guest for Jellyfin {
    fn connect() -> Result<Vec<Connection>, Failure> {
        realtime::connect()
    }

    fn handle_message(text: String, state: Vec<u8>) -> Result<MessageResult, ParseError> {
        heard::handle_message(&text, state, &clock::now(), Flavor::Jellyfin).map(realtime::with_credits)
    }
}

impl capability::server_history::Guest for Jellyfin {
    fn plays_since(cursor: Option<String>, since: String) -> Result<HistoryPage, Failure> {
        history::plays_since(Flavor::Jellyfin, cursor.as_deref(), &since)
    }
}

impl capability::auth::Guest for Jellyfin {
    fn begin(method: String, form: Vec<Field>) -> Result<LoginStep, Failure> {
        login::begin(&method, &form)
    }

    fn poll(_state: Vec<u8>) -> Result<LoginStep, Failure> {
        login::poll()
    }

    fn choose(_id: String, _state: Vec<u8>) -> Result<LoginStep, Failure> {
        Err(Failure::Rejected("there is nothing to choose".to_owned()))
    }

    fn renew() -> Result<Grant, Failure> {
        playrelay_sdk::login::cannot_renew()
    }

    fn revoke() -> Result<Option<String>, Failure> {
        playrelay_mediabrowser::login::revoke(Flavor::Jellyfin)
    }
}

impl capability::webhook_registration::Guest for Jellyfin {
    fn is_registered(url: String) -> Result<bool, Failure> {
        webhook_registration::is_registered(&url)
    }

    fn register(url: String, replaces: Option<String>) -> Result<(), Failure> {
        webhook_registration::register(&url, replaces.as_deref())
    }

    fn remove(url: String) -> Result<(), Failure> {
        webhook_registration::remove(&url)
    }
}

capability::webhook::export_webhook!(Jellyfin with_types_in capability::webhook);
capability::enrich::export_enrich!(Jellyfin with_types_in capability::enrich);
capability::identify::export_identify!(Jellyfin with_types_in capability::identify);
capability::realtime::export_realtime!(Jellyfin with_types_in capability::realtime);
capability::server_history::export_server_history!(Jellyfin with_types_in capability::server_history);
capability::auth::export_auth!(Jellyfin with_types_in capability::auth);
capability::webhook_registration::export_webhook_registration!(Jellyfin with_types_in capability::webhook_registration);
