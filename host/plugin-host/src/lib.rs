//! The plugin host: loads components, holds them to their limits, and calls them.
//!
//! - [`artifact`]: the bytes of a component, its digest and what it declares
//! - [`manifest`], [`permissions`]: what a plugin says of itself and asks for
//! - [`component_source`]: where the bytes of a component are
//! - [`wasm`], [`compile`]: wasmtime, and the cache of compiled code
//! - [`registry`]: finds plugins, checks and approves them
//! - [`plugin`]: one call in a fresh instance, within limits
//! - [`failure`], [`fault`], [`call_error`]: why a call gave no value
//! - [`recording`], [`replay`]: calls that are recorded, and made once more
//! - [`ports`]: what the program around it provides
//! - `imports`: what a guest may ask of the host, one file per interface
//! - [`capabilities`]: what the host asks of a guest, one file per interface
//! - [`http`]: the one way out
//! - [`placeholders`]: secrets that a guest works with and never sees
//! - [`text`]: how much of a guest's words is kept
//! - [`account`]: a plugin in use, with settings of its own

pub mod account;
pub mod artifact;
pub mod bindings;
pub mod call_error;
pub mod call_state;
pub mod call_stats;
pub mod capabilities;
mod circuit_breaker;
pub mod compile;
pub mod component_source;
mod convert;
pub mod device_key;
pub mod failure;
pub mod fault;
pub mod http;
pub mod imports;
mod lazy_component;
pub mod limits;
mod log_budget;
pub mod manifest;
pub mod permissions;
pub mod placeholders;
pub mod plugin;
pub mod ports;
mod precompiled;
pub mod recording;
pub mod registry;
mod regular_file;
pub mod replay;
pub mod runtime;
pub mod template;
pub mod text;
pub mod wasm;
