//! Fetches a plugin from where its author publishes it. No code of it runs, and nothing is kept: the caller decides what becomes of the bytes.
//!
//! - [`source`]: what a person writes: a file, an https address, a place in a registry
//! - [`mod@fetch`]: fetches it, and checks the digest and the signature
//! - [`fetched`]: what was fetched
//! - `request`: time limits and the name of the program, for both
//! - `https`: from a web server
//! - `registry`: from an OCI registry, in the layout of `wkg`
//! - [`signature`]: keys, and the signatures of minisign and cosign
//! - [`error`]: why it cannot be fetched

#![forbid(unsafe_code)]

pub mod error;
pub mod fetch;
pub mod fetched;
mod https;
mod registry;
mod request;
pub mod signature;
pub mod source;

pub use error::FetchError;
pub use fetch::{Expectation, fetch};
pub use fetched::Fetched;
pub use https::download;
pub use signature::{PublicKey, Signature};
pub use source::Source;
