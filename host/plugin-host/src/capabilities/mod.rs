//! What the host asks of a guest: one file per interface of the contract.

mod airing;
mod auth;
pub(crate) mod capability;
mod check;
mod enrich;
mod identify;
mod metadata;
mod provision;
mod realtime;
mod server_history;
mod sink;
mod watchlist;
mod webhook;

pub use airing::LastAired;
pub use auth::{AuthInput, AuthOutcome, AuthPrompt, AuthStep, Authenticate, Grant, Renew, Revoke};
pub use capability::Capability;
pub use check::{AccountInfo, Check};
pub use enrich::Enrich;
pub use identify::Identify;
pub use metadata::{Artwork, Find, Picture};
pub use provision::{Provision, ProvisionInput};
pub use realtime::{Connect, Connection, KeepAlive, Message, MessageInput, Step as MessageStep, Transport};
pub use server_history::{HistoryPage, ServerHistory, SinceInput};
pub use sink::{Sink, SinkEvent};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};
pub use watchlist::{AddWatchlist, ReadWatchlist, RemoveWatchlist, WatchlistPage};
pub use webhook::{ParseError, Webhook, WebhookInput, WebhookRequest};

use crate::bindings::exports::playrelay::plugin as exports;
use crate::call_state::CallState;

type Verify = fn(&InstancePre<CallState>, &mut Store<CallState>, &Instance) -> wasmtime::Result<()>;

/// Checks that an instance exports an interface with exactly the types of the contract.
macro_rules! verify {
    ($interface:ident) => {
        |pre, store, instance| exports::$interface::GuestIndices::new(pre)?.load(store, instance).map(drop)
    };
}

/// Every interface of the contract, with the check of its types.
pub const ALL: [(&str, Verify); 12] = [
    ("webhook", verify!(webhook)),
    ("realtime", verify!(realtime)),
    ("enrich", verify!(enrich)),
    ("identify", verify!(identify)),
    ("server-history", verify!(server_history)),
    ("sink", verify!(sink)),
    ("watchlist", verify!(watchlist)),
    ("metadata", verify!(metadata)),
    ("airing", verify!(airing)),
    ("check", verify!(check)),
    ("auth", verify!(auth)),
    ("provision", verify!(provision)),
];
