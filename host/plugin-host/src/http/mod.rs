//! Sends all requests of plugins and of logins.
//!
//! - [`Origin`]: what a plugin may reach, and what a URL asks for
//! - [`ip_policy`]: which addresses are nobody's business
//! - [`client`]: the client: no proxy, no redirects, checked addresses, bounded answers
//! - [`message`]: requests, answers, and the errors of a request
//! - [`tls`]: whose certificates are believed
//! - [`pace`]: how fast, and how often a day
//! - [`Outbound`]: policy and credentials of one account

pub mod client;
mod credentials;
pub mod ip_policy;
pub(crate) mod login_tokens;
pub mod message;
mod origin;
mod outbound;
pub mod pace;
mod redact;
pub mod tls;

pub use client::HostIdentity;
pub use ip_policy::Reach;
pub use login_tokens::LoginTokens;
pub use message::{HttpError, Request, Response};
pub use origin::{Origin, OriginError};
pub use outbound::{DialPlan, Outbound, OutboundDeps, RequestPurpose};
pub use tls::Trust;
