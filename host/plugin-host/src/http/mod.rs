//! The one way out of the house: every request of a plugin, and every request of a login, goes through here.
//!
//! - [`Origin`]: what a plugin may reach, and what a URL asks for
//! - [`address`]: which addresses are nobody's business
//! - [`wire`]: the client: no proxy, no redirects, checked addresses, bounded answers
//! - [`tls`]: whose certificates are believed
//! - [`pace`]: how fast, and how often a day
//! - [`Outbound`]: policy and credentials of one account

pub mod address;
mod origin;
mod outbound;
pub mod pace;
pub mod tls;
pub mod wire;

pub use address::Reach;
pub use origin::{Origin, OriginError};
pub use outbound::{Common, Dial, LoginTokens, Outbound, Purpose};
pub use tls::Trust;
pub use wire::{HostIdentity, HttpError, Request, Response};
