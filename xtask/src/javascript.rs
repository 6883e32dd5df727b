//! The sink in JavaScript that the tests load: built from source with componentize-js.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{command, workspace};
use crate::{plugins, shell};

/// Builds `tests/javascript` into `target/fixtures/notebook.wasm`. Where Node.js is missing it says so, and the test
/// that needs it is skipped; in CI that is an error.
pub fn fixture() -> Result<()> {
    let out = workspace().join("target/fixtures/notebook.wasm");
    let node = Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success());
    if !node {
        if std::env::var_os("CI").is_some() {
            bail!("Node.js is missing: the test of a plugin in JavaScript needs it");
        }
        println!("SKIPPED: the test of a plugin in JavaScript, because Node.js is missing");
        if out.exists() {
            fs::remove_file(&out)?;
        }
        return Ok(());
    }
    let source = workspace().join("tests/javascript");
    let build = workspace().join("target/javascript");
    fs::create_dir_all(&build)?;
    for file in ["package.json", "package-lock.json", "build.mjs", "notebook.js"] {
        fs::copy(source.join(file), build.join(file))?;
    }
    if !build.join("node_modules/.package-lock.json").exists() {
        // Not `npm ci`: it refuses a lock file without the optional packages of other platforms.
        shell::run(
            command("npm")
                .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
                .current_dir(&build),
        )?;
    }
    shell::run(command("node").arg("build.mjs").current_dir(&build).env("WIT", workspace().join("wit/0.1")))?;
    plugins::pack(&build.join("notebook.wasm"), &source.join("plugin.toml"), &out)
}
