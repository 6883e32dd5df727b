//! The calls of the host to a guest: one file per interface of the contract.

mod airing;
mod auth;
pub(crate) mod capability;
mod check;
mod enrich;
mod identify;
pub(crate) mod interface;
mod metadata;
mod notify;
mod numbering;
mod realtime;
mod server_history;
mod sink;
mod sink_batch;
mod watchlist;
mod webhook;
mod webhook_registration;

pub use airing::LastAired;
pub use auth::{AuthInput, AuthOutcome, AuthPrompt, AuthStep, Authenticate, Grant, Renew, Revoke};
pub use capability::Capability;
pub use check::{AccountInfo, Check};
pub use enrich::Enrich;
pub use identify::Identify;
pub use metadata::{Artwork, Find, Picture};
pub use notify::{Notify, NotifyInput};
pub use numbering::{Locate, LocateInput};
pub use realtime::{Connect, Connection, KeepAlive, Message, MessageInput, Step as MessageStep, Transport};
pub use server_history::{HistoryPage, ServerHistory, SinceInput};
pub use sink::{Sink, SinkEvent};
pub use sink_batch::{BatchResult, SinkBatch};
pub use watchlist::{AddWatchlist, ReadWatchlist, RemoveWatchlist, WatchlistPage};
pub use webhook::{ParseError, Webhook, WebhookInput, WebhookRequest};
pub use webhook_registration::{RegistrationInput, WebhookRegistration};
