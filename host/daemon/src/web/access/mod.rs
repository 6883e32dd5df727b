//! Who may open the pages and the API, and what each may do.
//!
//! - [`permissions`]: the table of routes, each with what it asks for
//! - [`guard`]: the layer that holds every request against the table
//! - [`principal`]: who sends a request
//! - [`forwarded`]: what a reverse proxy says of a request, and whose word counts
//! - [`setup`]: the one-time code of the first start
//! - [`passwords`], [`random`]: hashes and tokens
//! - [`oidc`]: logins at an OpenID provider
//! - [`sessions`]: logins in browsers

pub mod forwarded;
pub mod guard;
pub mod hosts;
pub mod oidc;
pub mod ownership;
pub mod passwords;
pub mod permissions;
pub mod principal;
pub mod random;
pub mod sessions;
pub mod setup;

use std::net::IpAddr;
use std::sync::Arc;

use playrelay_store::{SharedStore, StoreError};
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};

use crate::app::CurrentApp;
use crate::config::Access;
use crate::web::access::oidc::provider::ProviderCache;
use crate::web::access::principal::Principal;
use crate::web::access::setup::SetupCode;
use crate::web::attempt_limiter::AttemptLimiter;

/// Decides who may do what. One for the whole daemon.
pub struct AccessControl {
    app: CurrentApp,
    store: SharedStore,
    /// The token that always opens the API.
    admin_token: Secret,
    /// Guesses by address.
    clients: AttemptLimiter<IpAddr>,
    /// Guesses by the name of the member.
    names: AttemptLimiter<String>,
    /// A check of a password takes 19 MiB: one at a time.
    pub(crate) password_check: Arc<Semaphore>,
    setup: SetupCode,
    /// What the OpenID provider said of itself last.
    pub(crate) provider: ProviderCache,
    /// Counts what was taken away: sessions that ended, tokens that were removed, members that were changed.
    revocations: watch::Sender<u64>,
}

impl AccessControl {
    /// The access of a daemon with this token.
    pub fn new(app: CurrentApp, store: SharedStore, admin_token: Secret) -> Self {
        Self {
            app,
            store,
            admin_token,
            clients: AttemptLimiter::default(),
            names: AttemptLimiter::default(),
            password_check: Arc::new(Semaphore::new(1)),
            setup: SetupCode::default(),
            provider: ProviderCache::default(),
            revocations: watch::channel(0).0,
        }
    }

    /// `[access]`, as it is now.
    pub fn config(&self) -> Access {
        self.app.get().config.access.clone()
    }

    /// The store of members, sessions and tokens.
    pub(crate) fn store(&self) -> &SharedStore {
        &self.store
    }

    /// The app, as it is configured now.
    pub(crate) fn app(&self) -> &CurrentApp {
        &self.app
    }

    /// The code of the first start.
    pub(crate) fn setup_code(&self) -> &SetupCode {
        &self.setup
    }

    /// Guesses by address.
    pub(crate) fn clients(&self) -> &AttemptLimiter<IpAddr> {
        &self.clients
    }

    /// Whether nobody can log in at the pages yet: there are no members.
    ///
    /// # Errors
    ///
    /// Fails where the database cannot be read.
    pub async fn needs_setup(&self) -> Result<bool, StoreError> {
        Ok(self.store.members().await?.is_empty())
    }

    /// Says that something was taken away: open streams look whether their sender may still listen.
    pub(crate) fn revoke(&self) {
        self.revocations.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// A receiver of each revocation.
    pub(crate) fn revocations(&self) -> watch::Receiver<u64> {
        self.revocations.subscribe()
    }

    /// Whether a secret is the admin token; compared in full.
    fn is_admin_token(&self, given: &str) -> bool {
        is_equal(&self.admin_token, given)
    }

    /// Whether `admin_password` is set.
    fn has_admin_password(&self) -> bool {
        self.app.get().config.server.admin_password.is_some()
    }

    /// Whether a secret is `admin_password`; compared in full.
    fn is_admin_password(&self, given: &str) -> bool {
        self.app.get().config.server.admin_password.as_ref().is_some_and(|password| is_equal(password, given))
    }

    /// Whether a principal may still do what it might when it was let in.
    pub(crate) async fn is_still_valid(&self, principal: &Principal) -> Result<bool, StoreError> {
        let now = clock::now();
        let is_valid = match &principal.identity {
            principal::Identity::Session { hash, .. } => {
                let session = self.store.web_session(*hash, now).await?;
                session.is_some_and(|(_, member)| Principal::of_role(member.role).covers(principal))
            }
            principal::Identity::ApiToken { hash, .. } => {
                let token = self.store.api_token(*hash).await?;
                token.is_some_and(|token| token.expires_at.is_none_or(|end| now < end))
            }
            principal::Identity::AdminToken
            | principal::Identity::AdminPassword
            | principal::Identity::Proxy { .. }
            | principal::Identity::Monitoring => true,
        };
        Ok(is_valid)
    }
}

fn is_equal(secret: &Secret, given: &str) -> bool {
    secret.expose().as_bytes().ct_eq(given.as_bytes()).into()
}
