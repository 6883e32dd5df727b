//! Logins at services.
//!
//! - [`credentials`]: the one owner of all logins, and their refresh
//! - [`device_flow`]: a login with a code that the user enters elsewhere
//! - `oauth`: the requests of OAuth 2
//! - [`plugin_flow`]: a login by code of the plugin's own
//! - [`pending`]: logins under way, for the API

pub mod credentials;
pub mod device_flow;
mod oauth;
pub mod pending;
pub mod plugin_flow;
