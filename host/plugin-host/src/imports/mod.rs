//! The calls of a guest to the host.

mod clock;
mod device_key;
mod http;
pub mod kv;
mod log;
mod settings;

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::playrelay::plugin as contract;
use crate::call_state::CallState;

impl contract::types::Host for CallState {}
impl contract::reports::Host for CallState {}
impl contract::events::Host for CallState {}

/// Offers the contract's imports, and WASI 0.2 without files, sockets, environment and arguments.
///
/// # Errors
///
/// Two imports have the same name.
pub fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    contract::log::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    contract::settings::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    contract::http::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    contract::kv::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    contract::clock::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    contract::device_key::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)
}
