//! Set-ups of other programs: their servers, trackers, routes and webhook addresses, as sections of a configuration and secrets beside them.
//!
//! - `crosswatch`, `goplaxt`: the programs
//! - `fernet`: secrets that CrossWatch keeps encrypted
//! - `sections`: writes sections
//! - `set_up`: what a set-up becomes, and why it cannot be read
//! - `client_keys`: the app that a program was known as

mod client_keys;
mod crosswatch;
mod fernet;
mod goplaxt;
mod sections;
mod set_up;

use std::path::Path;

pub use client_keys::ClientKeys;
use playrelay_util::secret::Secret;
pub use set_up::{SavedLogin, SetUp, SetUpError};

/// Whose set-up it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetUpFormat {
    /// CrossWatch.
    CrossWatch,
    /// goplaxt.
    Goplaxt,
}

impl SetUpFormat {
    /// The word for commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CrossWatch => "crosswatch",
            Self::Goplaxt => "goplaxt",
        }
    }

    /// What is read.
    pub fn description(self) -> &'static str {
        match self {
            Self::CrossWatch => {
                "the folder with config.json: servers, trackers, routes and webhook addresses"
            }
            Self::Goplaxt => "the folder keystore: each person becomes a tracker with a route",
        }
    }
}

/// Reads a set-up. `key` is that of encrypted secrets, where it does not lie beside them; `app` the one that a program was known as.
///
/// # Errors
///
/// A file is missing or broken, a secret cannot be opened, or the app is needed and not said.
pub fn read(
    format: SetUpFormat,
    folder: &Path,
    key: Option<Secret>,
    app: Option<ClientKeys>,
) -> Result<SetUp, SetUpError> {
    match format {
        SetUpFormat::CrossWatch => crosswatch::read(folder, key),
        SetUpFormat::Goplaxt => goplaxt::read(folder, &app.ok_or(SetUpError::App)?),
    }
}
