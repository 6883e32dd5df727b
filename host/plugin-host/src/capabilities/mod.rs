//! What the host asks of a guest: one file per interface of the contract.

mod airing;
mod auth;
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
pub use check::{AccountInfo, Check};
pub use enrich::Enrich;
use futures_util::future::BoxFuture;
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
use crate::limits::Budget;
use crate::plugin::CallState;

/// An interface that a guest exports.
pub trait Capability: 'static {
    /// Its name in the contract.
    const NAME: &'static str;
    /// What a call may use.
    const BUDGET: Budget;
    /// Whether it logs in: its requests go without the account's credentials.
    const IS_LOGIN: bool = false;
    /// Whether other calls of the same account wait for it: it takes a slot of its own kind, since theirs may all be taken by them.
    const IS_NESTED: bool = false;
    /// What it is called with.
    type Input: Send + 'static;
    /// What it gives.
    type Output: Send + 'static;

    /// The bytes that it is called with, as far as others decide them: what a large input costs is no fault of the plugin.
    fn size(_input: &Self::Input) -> usize {
        0
    }

    /// Makes the call.
    fn call<'a>(
        pre: &'a InstancePre<CallState>,
        store: &'a mut Store<CallState>,
        instance: &'a Instance,
        input: Self::Input,
    ) -> BoxFuture<'a, wasmtime::Result<Self::Output>>;
}

/// Why a call to a service gave no value; see `types.failure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Later.
    Retry {
        /// Not before.
        after_ms: Option<u32>,
        /// In words.
        reason: String,
    },
    /// When the quota is filled again.
    Quota {
        /// RFC 3339.
        until: String,
        /// In words.
        reason: String,
    },
    /// After a new login.
    Unauthorized(String),
    /// After a person has dealt with the account.
    Blocked(String),
    /// Never.
    Rejected(String),
}

impl Failure {
    /// In words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry { reason, .. }
            | Self::Quota { reason, .. }
            | Self::Unauthorized(reason)
            | Self::Blocked(reason)
            | Self::Rejected(reason) => reason,
        }
    }
}

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
