//! Logins at an OpenID provider: the code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636).
//!
//! Playrelay keeps nothing of a login that has begun. The browser holds one random secret in a cookie; state, nonce and the verifier of
//! PKCE are made of it. Only the browser that began a login can end it.
//!
//! - [`login`]: from the way to the provider to the member
//! - [`provider`]: what the provider says of itself
//! - [`claims`]: what the provider says of a user
//! - [`transport`]: how it is asked
//! - [`error`]: why nobody is logged in

pub mod claims;
pub mod error;
pub mod login;
pub mod provider;
pub mod transport;
