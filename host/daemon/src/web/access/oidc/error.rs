//! Why a login at an OpenID provider fails.

use playrelay_store::StoreError;

use crate::web::access::random::RandomError;

/// How long somebody may take at the provider. Minutes.
pub const LOGIN_MINUTES: u64 = 10;

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// `[access.oidc]` is absent.
    #[error("no OpenID provider is set")]
    Absent,
    /// The provider does not answer, or not as it should.
    #[error("the OpenID provider {issuer} cannot be used: {reason}")]
    Provider {
        /// The issuer.
        issuer: String,
        /// What happened.
        reason: String,
    },
    /// The provider let nobody in.
    #[error("the OpenID provider refused the login: {0}")]
    Refused(String),
    /// The answer belongs to no login of this browser.
    #[error("this browser has begun no such login, or more than {} minutes ago", LOGIN_MINUTES)]
    Stranger,
    /// The provider's token is not valid.
    #[error("the OpenID provider's token is not valid: {0}")]
    Token(String),
    /// The provider does not say who it is.
    #[error("the OpenID provider names no user: the claim {0:?} is absent, empty or not verified")]
    Nameless(String),
    /// The user may not log in here.
    #[error("{0:?} may not log in here")]
    NotAllowed(String),
    /// Somebody else has the name.
    #[error("another member has the name {0:?}")]
    NameTaken(String),
    /// The first member would be one that may change nothing.
    #[error("there is no member with the role admin yet, and {0:?} would have none")]
    NoAdmin(String),
    /// No random secret can be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}
