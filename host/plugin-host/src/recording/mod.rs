//! Calls of plugins, recorded with everything that the guest was told.
//!
//! - `call`: what is kept of a call
//! - `host_calls`: the calls of a guest to the host, noted or answered from a record
//! - `wasi`: the same for clocks and random numbers
//! - `functions`: the functions of guests, by name
//! - `bytes`: lists of bytes in a form that people can read

mod bytes;
mod call;
pub(crate) mod functions;
pub(crate) mod host_calls;
pub(crate) mod wasi;

pub use call::{CallResult, HostCall, MAX_CALL_BYTES, RecordedCall};
