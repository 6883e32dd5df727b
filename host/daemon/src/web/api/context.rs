//! The state that the endpoints of the API share.

use std::sync::Arc;

use playrelay_store::SharedStore;
use playrelay_util::secret::Secret;

use crate::auth::pending::PendingLogins;
use crate::exports::now_playing::NowPlaying;
use crate::metadata::artwork::Artwork;
use crate::realtime::registry::ConnectionRegistry;
use crate::web::attempt_limiter::AttemptLimiter;

/// The state that the endpoints share.
pub struct Api {
    /// Current playback.
    pub board: Arc<NowPlaying>,
    /// The token that always opens the API.
    pub token: Secret,
    /// The password that opens the API; absent if none is set.
    pub password: Option<Secret>,
    /// The address at which browsers reach us, where it is set: pages from there are ours.
    pub public_url: Option<String>,
    /// Accounts and their logins.
    pub logins: PendingLogins,
    /// Pictures, where there is a catalogue.
    pub artwork: Option<Artwork>,
    /// The store.
    pub store: SharedStore,
    /// The status of the connections.
    pub connections: ConnectionRegistry,
    /// Slows down those who guess the password.
    pub attempt_limiter: AttemptLimiter,
}
