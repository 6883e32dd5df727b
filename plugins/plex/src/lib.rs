//! Plex Media Server as a source: its webhooks, and a second look at the server; and the watchlist of a Plex account.
//!
//! Facts: support.plex.tv/articles/115002267687-webhooks, and messages captured from real servers.

mod account;
mod api;
mod enrich;
mod guid;
mod history;
mod identify;
mod jwt;
mod login;
mod metadata;
mod plex_tv;
mod realtime;
mod watchlist;
mod webhook;
mod webhook_registration;

use playrelay_sdk::capability;
use playrelay_sdk::capability::auth::{Grant, Step as LoginStep};
use playrelay_sdk::capability::realtime::{Connection, MessageResult};
use playrelay_sdk::capability::server_history::Page as HistoryPage;
use playrelay_sdk::capability::watchlist::Page;
use playrelay_sdk::capability::webhook::{ParseError, Report, Request};
use playrelay_sdk::host::reports::User;
use playrelay_sdk::host::types::{Failure, Field, Item, Receipt};

/// The plugin.
struct Plex;

impl capability::webhook::Guest for Plex {
    fn parse(request: Request) -> Result<Vec<Report>, ParseError> {
        parse(&request)
    }
}

/// Turns a webhook into its reports: what the host calls, for programs that link this crate, such as the fuzzers.
pub fn parse(request: &Request) -> Result<Vec<Report>, ParseError> {
    webhook::parse(request)
}

impl capability::enrich::Guest for Plex {
    fn resolve(item: Item) -> Result<Item, Failure> {
        enrich::resolve(item)
    }
}

impl capability::identify::Guest for Plex {
    fn identify_user(observation: capability::identify::Observation) -> Result<User, Failure> {
        identify::identify_user(&observation)
    }
}

impl capability::watchlist::Guest for Plex {
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

impl capability::realtime::Guest for Plex {
    fn connect() -> Result<Vec<Connection>, Failure> {
        Ok(realtime::connect())
    }

    fn handle_message(text: String, state: Vec<u8>) -> Result<MessageResult, ParseError> {
        realtime::handle_message(&text, &state)
    }
}

impl capability::server_history::Guest for Plex {
    fn plays_since(cursor: Option<String>, since: String) -> Result<HistoryPage, Failure> {
        history::plays_since(cursor.as_deref(), &since)
    }
}

impl capability::auth::Guest for Plex {
    fn begin(method: String, _form: Vec<Field>) -> Result<LoginStep, Failure> {
        login::begin(&method)
    }

    fn poll(state: Vec<u8>) -> Result<LoginStep, Failure> {
        login::poll(&state)
    }

    fn choose(id: String, state: Vec<u8>) -> Result<LoginStep, Failure> {
        login::choose(&id, &state)
    }

    fn renew() -> Result<Grant, Failure> {
        jwt::renew()
    }

    fn revoke() -> Result<Option<String>, Failure> {
        Ok(login::revoke())
    }
}

impl capability::webhook_registration::Guest for Plex {
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

impl capability::check::Guest for Plex {
    fn account() -> Result<capability::check::AccountInfo, Failure> {
        account::check()
    }
}

capability::webhook::export_webhook!(Plex with_types_in capability::webhook);
capability::enrich::export_enrich!(Plex with_types_in capability::enrich);
capability::identify::export_identify!(Plex with_types_in capability::identify);
capability::watchlist::export_watchlist!(Plex with_types_in capability::watchlist);
capability::realtime::export_realtime!(Plex with_types_in capability::realtime);
capability::server_history::export_server_history!(Plex with_types_in capability::server_history);
capability::auth::export_auth!(Plex with_types_in capability::auth);
capability::webhook_registration::export_webhook_registration!(Plex with_types_in capability::webhook_registration);
capability::check::export_check!(Plex with_types_in capability::check);
