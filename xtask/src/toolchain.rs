//! A standard library for guests, on a machine that has only Rust.
//!
//! In this order: it is there; `rustup target add` brings it; it is built from the sources in Debian's package
//! `rust-src` of exactly the compiler's version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{self, command, workspace};

/// What guests are built for: no operating system at all.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's archive, by its mirror network and its main host.
const ARCHIVES: [&str; 2] = ["http://deb.debian.org/debian", "http://ftp.debian.org/debian"];

/// How guests are built.
pub enum Toolchain {
    /// With the standard library that is installed.
    Installed,
    /// With one that is built from source.
    FromSource,
}

impl Toolchain {
    /// Adds what cargo has to be told.
    pub fn apply(&self, command: &mut Command) {
        if let Self::FromSource = self {
            command.args(["-Z", "build-std=std,panic_abort"]).env("RUSTC_BOOTSTRAP", "1");
        }
    }
}

/// Makes sure that guests can be built.
pub fn ensure_wasm() -> Result<Toolchain> {
    let sysroot = PathBuf::from(shell::output(command("rustc").args(["--print", "sysroot"]))?.trim());
    let rustlib = sysroot.join("lib/rustlib");
    if rustlib.join(TARGET).join("lib").is_dir() {
        return Ok(Toolchain::Installed);
    }
    let forced = std::env::var_os("PLAYRELAY_BUILD_STD").is_some();
    if !forced {
        eprintln!("installing the target {TARGET}");
        if shell::run(command("rustup").args(["target", "add", TARGET])).is_ok() {
            return Ok(Toolchain::Installed);
        }
    }
    let sources = rustlib.join("src/rust");
    if !sources.join("library/std").is_dir() {
        eprintln!("no target {TARGET} to be had; building its standard library from source");
        link_sources(&sources).context(
            "guests cannot be built: install the target with `rustup target add wasm32-unknown-unknown`, or the \
             sources with `rustup component add rust-src`",
        )?;
    }
    Ok(Toolchain::FromSource)
}

/// Fetches the sources and links them to where cargo looks for them.
fn link_sources(link: &Path) -> Result<()> {
    let version = shell::output(command("rustc").arg("--version"))?;
    let version = version.split_whitespace().nth(1).context("rustc does not say its version")?.to_owned();
    let folder = workspace().join("target/rust-src").join(&version);
    let sources = folder.join(format!("usr/src/rustc-{version}"));
    if !sources.join("library/std").is_dir() {
        let package = download(&version, &folder)?;
        shell::run(command("dpkg-deb").arg("--extract").arg(&package).arg(&folder))?;
    }
    if !sources.join("library/std").is_dir() {
        bail!("the package rust-src has no sources of Rust {version}");
    }
    if let Some(parent) = link.parent() {
        fs::create_dir_all(parent)?;
    }
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link).with_context(|| format!("{} is in the way", link.display()))?;
    }
    std::os::unix::fs::symlink(&sources, link).with_context(|| format!("{} cannot be linked", link.display()))
}

/// Fetches `rust-src` of this version: from the configured archives, else by its name from Debian's pool, in the
/// revisions that a version usually goes through.
fn download(version: &str, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let revisions = ["1~bpo13+1", "1", "2~bpo13+1", "2", "1~bpo13+2", "3", "1~bpo13+3"]
        .map(|it| format!("{version}+dfsg1-{it}"));
    for revision in &revisions {
        for archive in ARCHIVES {
            let file = folder.join(format!("rust-src_{revision}_all.deb"));
            let url = format!("{archive}/pool/main/r/rustc/rust-src_{revision}_all.deb");
            let fetched = command("curl")
                .args(["--fail", "--silent", "--location", "--output"])
                .arg(&file)
                .arg(&url)
                .status();
            if fetched.is_ok_and(|status| status.success()) {
                return Ok(file);
            }
        }
    }
    bail!("Debian's archive has no rust-src of Rust {version}")
}
