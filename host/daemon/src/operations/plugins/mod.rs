//! Plugins: list them, and approve, refuse or revoke those of the plugin directory.
//!
//! - `list`: those that were found, and what each reached
//! - `approval`: approve, refuse, revoke
//! - `install`: fetch, install, update, remove
//! - `installation`: the note where a plugin was installed from
//! - `refusal`: the note that a file was refused
//! - `difference`: what a plugin asks for, and what changed since the version before
//! - `lock`: `plugins.lock`

mod approval;
mod difference;
mod install;
mod installation;
mod list;
mod lock;
mod refusal;

pub use approval::{ApprovedBy, approve, candidate, refuse, revoke};
pub use difference::{difference, in_words};
pub use install::{FetchedPlugin, InstallRequest, fetch_plugin, fetch_update, install, remove};
pub use installation::{Installation, all as installations, of as installation};
pub use list::{AccessView, PluginSummary, accesses, find, list, summary};
pub(crate) use lock::write_lock;
