//! Emby Server as a source: its webhooks, and a second look at the server.
//!
//! Facts: messages captured from real servers (4.7 to 4.9), and dev.emby.media.

mod login;
mod webhook;
mod webhook_registration;

use playrelay_mediabrowser::{Flavor, enrich, history, identify, realtime};
use playrelay_sdk::capability;
use playrelay_sdk::capability::auth::{Grant, Step as LoginStep};
use playrelay_sdk::capability::realtime::{Connection, MessageResult};
use playrelay_sdk::capability::server_history::Page as HistoryPage;
use playrelay_sdk::capability::webhook::{ParseError, Report, Request};
use playrelay_sdk::host::clock;
use playrelay_sdk::host::reports::User;
use playrelay_sdk::host::types::{Failure, Field, Item};

/// The plugin.
struct Emby;

impl capability::webhook::Guest for Emby {
    fn parse(request: Request) -> Result<Vec<Report>, ParseError> {
        parse(&request)
    }
}

/// Turns a webhook into its reports: what the host calls, for programs that link this crate, such as the fuzzers.
pub fn parse(request: &Request) -> Result<Vec<Report>, ParseError> {
    webhook::parse(request)
}

impl capability::enrich::Guest for Emby {
    fn resolve(item: Item) -> Result<Item, Failure> {
        enrich::resolve(Flavor::Emby, &item)
    }
}

impl capability::identify::Guest for Emby {
    fn identify_user(observation: capability::identify::Observation) -> Result<User, Failure> {
        identify::identify_user(Flavor::Emby, &observation)
    }
}

impl capability::realtime::Guest for Emby {
    fn connect() -> Result<Vec<Connection>, Failure> {
        Ok(vec![
            realtime::socket(Flavor::Emby, "/embywebsocket?deviceId=playrelay", false),
            realtime::poll(Flavor::Emby),
        ])
    }

    fn handle_message(text: String, state: Vec<u8>) -> Result<MessageResult, ParseError> {
        realtime::handle_message(&text, state, &clock::now(), Flavor::Emby)
    }
}

impl capability::server_history::Guest for Emby {
    fn plays_since(cursor: Option<String>, since: String) -> Result<HistoryPage, Failure> {
        history::plays_since(Flavor::Emby, cursor.as_deref(), &since)
    }
}

impl capability::auth::Guest for Emby {
    fn begin(method: String, form: Vec<Field>) -> Result<LoginStep, Failure> {
        login::begin(&method, &form)
    }

    fn poll(state: Vec<u8>) -> Result<LoginStep, Failure> {
        login::poll(&state)
    }

    fn choose(id: String, state: Vec<u8>) -> Result<LoginStep, Failure> {
        login::choose(&id, &state)
    }

    fn renew() -> Result<Grant, Failure> {
        playrelay_sdk::login::cannot_renew()
    }

    fn revoke() -> Result<Option<String>, Failure> {
        playrelay_mediabrowser::login::revoke(Flavor::Emby)
    }
}

impl capability::webhook_registration::Guest for Emby {
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

capability::webhook::export_webhook!(Emby with_types_in capability::webhook);
capability::enrich::export_enrich!(Emby with_types_in capability::enrich);
capability::identify::export_identify!(Emby with_types_in capability::identify);
capability::realtime::export_realtime!(Emby with_types_in capability::realtime);
capability::server_history::export_server_history!(Emby with_types_in capability::server_history);
capability::auth::export_auth!(Emby with_types_in capability::auth);
capability::webhook_registration::export_webhook_registration!(Emby with_types_in capability::webhook_registration);
