//! The one way out of the house: every request of a plugin, and every request of a login, goes through here.
//!
//! - [`Origin`]: what a plugin may reach, and what a URL asks for
//! - `address`: which addresses are nobody's business
//! - [`wire`]: the client: no proxy, no redirects, checked addresses, bounded answers
//! - [`Outbound`]: policy and credentials of one account

mod address;
mod origin;
mod outbound;
pub mod wire;

pub use origin::{Origin, OriginError};
pub use outbound::{LoginTokens, Logins, Outbound, Purpose};
pub use wire::{HttpError, Request, Response};
