//! What the endpoints of the API share.

use std::collections::VecDeque;
use std::sync::Arc;

use playrelay_store::SharedStore;
use tokio::sync::{Notify, Semaphore, watch};

use crate::app::{App, CurrentApp};
use crate::auth::pending::PendingLogins;
use crate::config::file::ConfigText;
use crate::exports::now_playing::NowPlaying;
use crate::jobs::queue::JobQueue;
use crate::live::LiveBus;
use crate::metrics::Metrics;
use crate::ownership::Ownership;
use crate::realtime::registry::ConnectionRegistry;
use crate::web::access::AccessControl;
use crate::web::api::idempotency::IdempotencyKeys;
use crate::web::pages::session_streams::SessionStreams;

/// Streams that are open at once.
const MAX_STREAMS: usize = 200;

/// What the endpoints share.
pub struct Api {
    /// The app, as it is configured now.
    pub app: CurrentApp,
    /// Current playback.
    pub board: Arc<NowPlaying>,
    /// Accounts and their logins.
    pub logins: PendingLogins,
    /// The status of the connections.
    pub connections: ConnectionRegistry,
    /// Members, sessions and tokens.
    pub access: Arc<AccessControl>,
    /// What happens, as it happens.
    pub live: LiveBus,
    /// Numbers for Prometheus.
    pub metrics: Metrics,
    /// Work that takes longer than a request.
    pub jobs: JobQueue,
    /// What is limited.
    pub limits: ApiLimits,
    /// Asks the daemon for another look at the configuration.
    pub reload: Arc<Notify>,
    /// Whether this node owns the household.
    pub ownership: watch::Receiver<Ownership>,
}

/// What is limited.
pub struct ApiLimits {
    /// Streams that may still be opened.
    pub streams: Arc<Semaphore>,
    /// Streams of pages, by reader.
    pub page_streams: SessionStreams,
    /// The doctor asks every server and tracker: one at a time. So does reading a history.
    pub examinations: Semaphore,
    /// Copies of the database: one at a time.
    pub copies: Arc<Semaphore>,
    /// Answers to requests with an `Idempotency-Key`.
    pub idempotency: IdempotencyKeys,
    /// Edits of the configuration: one at a time.
    pub edits: tokio::sync::Mutex<()>,
    /// The texts of the configuration that were read last, to say what has changed since.
    pub texts: std::sync::Mutex<VecDeque<ConfigText>>,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self {
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            page_streams: SessionStreams::default(),
            examinations: Semaphore::new(1),
            copies: Arc::new(Semaphore::new(1)),
            idempotency: IdempotencyKeys::default(),
            edits: tokio::sync::Mutex::default(),
            texts: std::sync::Mutex::default(),
        }
    }
}

impl Api {
    /// The app now.
    pub(crate) fn app(&self) -> Arc<App> {
        self.app.get()
    }

    /// The store.
    pub(crate) fn store(&self) -> SharedStore {
        Arc::clone(&self.app.get().store)
    }
}
