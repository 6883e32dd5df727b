//! Why the application cannot be put together.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use playrelay_plugin_host::compile::CompileError;
use playrelay_store::StoreError;
use playrelay_store::vault::VaultError;

use crate::config::{ConfigError, DEFAULT_PORT};
use crate::platform::port_owner::PortOwner;

/// The reason why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error("{}", list(.0))]
    Config(Vec<ConfigError>),
    /// The data folder cannot be used.
    #[error(
        "the data folder {path} cannot be used: {error}; set `data_dir` in [server] to one that can be written to"
    )]
    Data {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// Another daemon lives there.
    #[error("another Playrelay uses the data folder {0}; stop it, or set another `data_dir` in [server]")]
    Occupied(PathBuf),
    /// The data folder belongs to somebody else.
    #[error(
        "the data folder {path} belongs to user {owner}, and this is user {us}: run it as that user, or give the folder to this one with \
         `chown -R {us} {path}`"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// Another program has the port.
    #[error("cannot listen on {address}: {owner}; stop it, or set another `listen` in [server], such as {}", next_port(.address))]
    PortTaken {
        /// The address.
        address: SocketAddr,
        /// The other program.
        owner: PortOwner,
    },
    /// There is no such address here, or the program may not use it.
    #[error("cannot listen on {address}: {error}; set another `listen` in [server]")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The secrets cannot be kept.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The cache of compiled plugins fails.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The plugin engine or the HTTP client does not come up.
    #[error("{0}")]
    Engine(String),
}

/// The same address with a port that may be free.
fn next_port(address: &SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(DEFAULT_PORT))
}

pub(crate) fn list(problems: &[ConfigError]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
