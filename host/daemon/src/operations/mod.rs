//! What a person can do, for the command line and the API: each of them only reads its input and shows the result.
//!
//! - [`deliveries`]: retry, drop, and say what an event is about
//! - [`users`]: assign, ignore, and take that back
//! - [`webhooks`]: addresses, registration, rotation
//! - [`plugins`]: list, approve, refuse, revoke, install, update, remove
//! - [`notifications`]: what was said, who sends it, and a try
//! - [`catch_up`]: plays of a server's history
//! - [`status`]: how all stands
//! - [`export`]: plays and ratings as files
//! - [`people`], [`watchlist`]: whose plays are whose, and what they want to watch
//! - [`imports`], [`import_rows`]: histories that other programs wrote
//! - [`private_addresses`]: webhook addresses that belong to one person
//! - [`setup_import`]: another program's set-up, written into the configuration
//! - [`plays`]: take one back, here and at trackers
//! - [`mappings`]: what is kept for titles that catalogues call otherwise
//! - [`jobs`]: cancel, go on, and take back
//! - [`backup`]: a copy of everything, and its way back

pub mod backup;
pub mod catch_up;
pub mod deliveries;
pub mod export;
pub mod import_rows;
pub mod imports;
pub mod jobs;
pub mod mappings;
pub mod notifications;
pub mod people;
pub mod plays;
pub mod plugins;
pub mod private_addresses;
pub mod setup_import;
pub mod status;
pub mod users;
pub mod watchlist;
pub mod webhooks;

use playrelay_store::StoreError;

use crate::app::{App, AppError};
use crate::config::unknown_key_message;

/// Why something cannot be done. Each text says what helps.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// The values cannot be taken.
    #[error("{0}")]
    Invalid(String),
    /// A server, a tracker or a plugin does not do it.
    #[error("{0}")]
    Upstream(String),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else of the app fails.
    #[error(transparent)]
    App(#[from] AppError),
}

/// The complaint about a source that is not configured.
pub(crate) fn unknown_source(app: &App, source: &str) -> OperationError {
    let known: Vec<String> = app.config.sources.keys().cloned().collect();
    OperationError::NotFound(unknown_key_message("source", source, "the configuration", &known))
}
