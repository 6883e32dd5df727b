//! Stores everything that must survive a restart.
//!
//! The store is a set of traits by area. Each operation is whole: one transaction, durable when it returns. None has a rule of its own:
//! what supersedes what, and what follows from what, is decided by the engine. [`Store`] is what any node may do; [`OwnerStore`] also what
//! only the owner of the sources and accounts in question may do. With SQLite there is one node, and it owns everything; on a server the owner is the node that
//! holds the lease. A store is that of
//! one [`Household`], which stands in front of every key.
//!
//! - [`inbox`]: what was received, and what became of it
//! - [`plays`]: plays and ratings
//! - [`users`]: unrouted users, and a person's decision about each
//! - [`OutboxStore`], [`OutboxOwner`]: deliveries
//! - [`accounts`]: how accounts stand
//! - [`access`]: who may open the pages and the API
//! - [`library`]: titles, whose plays are whose, watchlists
//! - [`mappings`]: what a person keeps for titles that catalogues call otherwise
//! - [`jobs`]: work that takes longer than a request
//! - [`leases`]: which node owns the household
//! - [`secrets`], [`vault`]: secrets at rest
//! - [`plugins`]: approvals, small values and answers of plugins
//! - [`spool`]: requests on a node's disk while the database is away
//! - [`watermarks`]: times that the program keeps of a source
//! - [`open_file`], [`open_server`]: all of these in a file of SQLite, or on a server of PostgreSQL, by the statements in `tables`

pub mod access;
pub mod accounts;
mod change_counter;
pub mod copy;
mod error;
mod household;
pub mod inbox;
pub mod jobs;
pub mod leases;
pub mod library;
pub mod mappings;
mod open;
pub mod outbox;
pub mod plays;
pub mod plugins;
mod postgres;
mod recent_requests;
pub mod secrets;
mod signals;
pub mod spool;
mod sql;
mod sql_store;
pub mod sqlite;
mod tables;
pub mod users;
pub mod vault;
pub mod watermarks;
mod writer;
mod writer_job;
mod writer_thread;

use std::path::Path;
use std::sync::Arc;

pub use access::{AccessStore, ApiToken, Member, Role, Scope, TokenHash, WebSession};
pub use accounts::{AccountPause, AccountStore, QuotaRule, QuotaStore, QuotaUsage};
use async_trait::async_trait;
pub use error::StoreError;
pub use household::Household;
pub use inbox::{
    CodeCount, EventDetail, EventFilter, EventSummary, InboxOwner, InboxRow, InboxStore, ProcessedInput,
    Received, TimelineRow,
};
use jiff::Timestamp;
pub use jobs::{Job, JobProgress, JobRow, JobState, JobStore, JobWrites, ListedEntry, NewJob, Undone};
pub use leases::{Claim, LeaseStore, Node, OwnedLease};
pub use library::{KeptPlay, LibraryPage, LibraryStore, LibraryTitle, ListedTitle, TitleFilter, TitleOrder};
pub use mappings::{MappingStore, StoredMapping};
pub use open::{open_file, open_server};
pub use outbox::{DeliveryFilter, OutboxOwner, OutboxStats, OutboxStore};
pub use plays::{PlayFilter, PlayStore};
pub use plugins::{Approval, KeyValueStore, LookupStore, PluginAccess, PluginStore, StoredApproval};
pub use secrets::SecretStore;
pub use sql_store::SqlStore;
use tokio::sync::watch;
pub use users::UserStore;

/// The operations that any node may use.
#[async_trait]
pub trait Store:
    InboxStore
    + PlayStore
    + UserStore
    + OutboxStore
    + AccountStore
    + QuotaStore
    + SecretStore
    + PluginStore
    + KeyValueStore
    + LookupStore
    + AccessStore
    + LibraryStore
    + MappingStore
    + JobStore
    + LeaseStore
{
    /// The household of this store. All names and keys of the other methods belong to it.
    fn household(&self) -> &Household;

    /// Changes whenever another process may have written, and after each command, job and login: what no task of this process is told otherwise.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Whether what is to be stored is stored now: by what became of the last write, or by one more where that failed.
    async fn is_writable(&self) -> Result<(), StoreError>;

    /// The random name of this installation, made up with the database.
    async fn installation(&self) -> Result<String, StoreError>;

    /// Writes a copy of everything to a file that is not there yet, while others read and write. The copy is checked.
    ///
    /// # Errors
    ///
    /// The file is there, cannot be written, or the copy is not sound. No file is left then.
    async fn copy_to(&self, file: &Path) -> Result<(), StoreError>;

    /// Bytes of the database and its write-ahead log.
    async fn size(&self) -> Result<u64, StoreError>;

    /// How much is kept.
    async fn kept(&self) -> Result<Kept, StoreError>;
}

/// How much is kept of this household.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Events that were received.
    pub events: u64,
    /// When the oldest of these was received, UTC; absent without events.
    pub oldest_event: Option<Timestamp>,
    /// Plays, also those that were only begun.
    pub plays: u64,
    /// Deliveries, in whatever state.
    pub deliveries: u64,
}

/// All operations: those of any node, and those that only the owner of sources and accounts may use.
pub trait OwnerStore: Store + InboxOwner + OutboxOwner + OwnedLease {}

impl<T: Store + InboxOwner + OutboxOwner + OwnedLease> OwnerStore for T {}

/// A store, shared by those who are no owners.
pub type SharedStore = Arc<dyn Store>;

/// A store, shared by the tasks of its owner.
pub type SharedOwner = Arc<dyn OwnerStore>;
