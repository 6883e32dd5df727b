//! What is known of a version before it is built, and where its files go.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::dist::arch::Arch;
use crate::shell::{command, workspace};
use crate::{shell, third_party};

/// The time of files where the tree has no commit: 2026-01-01, since 1970, in seconds.
const NO_COMMIT_SECONDS: u64 = 1_767_225_600;

/// What is known of a version before it is built.
pub struct Release {
    /// The version of the workspace.
    pub version: String,
    /// The commit; absent in a tree without Git, and where files differ from it.
    pub commit: Option<String>,
    /// The time of all files, in seconds since 1970: that of the commit.
    pub seconds: u64,
    /// The same, as RFC 3339.
    pub time: String,
    /// Our licence.
    pub licence: String,
    /// The licences of what others have written.
    pub notices: String,
}

impl Release {
    /// Asks Git, and reads the licences.
    pub fn new() -> Result<Self> {
        let git = |arguments: &[&str]| shell::output(command("git").args(arguments)).ok();
        let is_clean = git(&["status", "--porcelain"]).is_some_and(|changed| changed.trim().is_empty());
        let commit = git(&["rev-parse", "--short=10", "HEAD"]).filter(|_| is_clean);
        let seconds = git(&["log", "-1", "--format=%ct"]).and_then(|text| text.trim().parse().ok());
        let seconds = seconds.unwrap_or(NO_COMMIT_SECONDS);
        let time = shell::output(
            command("date").args(["--utc", "+%Y-%m-%dT%H:%M:%SZ", "--date"]).arg(format!("@{seconds}")),
        )?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit.map(|commit| commit.trim().to_owned()),
            seconds,
            time: time.trim().to_owned(),
            licence: fs::read_to_string(workspace().join("LICENSE"))?,
            notices: third_party::text()?,
        })
    }
}

/// Where everything goes.
pub fn folder() -> PathBuf {
    workspace().join("target/dist")
}

/// Where a program is built.
pub fn program_path(arch: Arch) -> PathBuf {
    workspace().join("target").join(arch.target()).join("published/playrelay")
}
