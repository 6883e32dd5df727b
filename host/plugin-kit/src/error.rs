//! Why a command for authors fails.

use std::io;
use std::path::{Path, PathBuf};

use playrelay_plugin_host::artifact::ArtifactError;
use playrelay_plugin_pack::PackError;

/// Why a command for authors fails. Each text says what helps.
#[derive(Debug, thiserror::Error)]
pub enum KitError {
    /// A file or folder cannot be used.
    #[error("{path}: {error}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        error: io::Error,
    },
    /// The folder holds no project.
    #[error(
        "{0} has no plugin.toml; run the command in the folder of a plugin, or begin one with `playrelay plugin new`"
    )]
    NoProject(PathBuf),
    /// Nothing tells the language of a project.
    #[error(
        "{0} has none of Cargo.toml, package.json and requirements.txt, so its language is unknown; build it yourself, and pack it with `playrelay plugin pack`"
    )]
    NoLanguage(PathBuf),
    /// The name of a new project cannot be that of a plugin.
    #[error("{0:?} is no id of a plugin; expected 1 to 40 of a-z, 0-9 and -, beginning with a letter")]
    Name(String),
    /// The folder of a new project is in use.
    #[error("{0} is there already and not empty")]
    Occupied(PathBuf),
    /// A program of the build failed.
    #[error("`{command}` failed{reason}")]
    Build {
        /// The command line.
        command: String,
        /// What the system said, with a separator before it; empty where the program has said it.
        reason: String,
    },
    /// The build gave nothing that can be packed.
    #[error("{path}: {error}")]
    Pack {
        /// The code.
        path: PathBuf,
        /// The reason.
        error: PackError,
    },
    /// What was packed is no plugin.
    #[error("{path}: {error}")]
    Plugin {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: ArtifactError,
    },
    /// A test cannot be read.
    #[error("{path}: {reason}")]
    Case {
        /// The file.
        path: PathBuf,
        /// What was expected.
        reason: String,
    },
    /// The plugin cannot be started.
    #[error("{0}")]
    Start(String),
}

impl KitError {
    /// Adds the path to an error of the operating system.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}
