//! A standard library for guests, on a machine that has only Rust.
//!
//! In this order: it is there; `rustup target add` brings it; it is built from the sources in Debian's package
//! `rust-src` of exactly the compiler's version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::shell::{command, workspace};

/// What guests are built for: no operating system at all.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's archive.
const ARCHIVE: &str = "https://deb.debian.org/debian";
/// The suites in which a version of Rust can be.
const SUITES: [&str; 3] = ["trixie-backports", "trixie", "sid"];

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

/// A package in Debian's archive.
struct Package {
    path: String,
    sha256: String,
}

/// Fetches `rust-src` of this version from whichever suite has it, and checks it against the suite's index.
fn download(version: &str, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    for suite in SUITES {
        let index = folder.join(format!("{suite}.xz"));
        let url = format!("{ARCHIVE}/dists/{suite}/main/binary-amd64/Packages.xz");
        if fetch(&url, &index).is_err() {
            continue;
        }
        let packages = shell::output(command("xz").args(["--decompress", "--stdout"]).arg(&index))?;
        let Some(Package { path, sha256 }) = find(&packages, version) else { continue };
        let file = folder.join("rust-src.deb");
        fetch(&format!("{ARCHIVE}/{path}"), &file)?;
        let found = shell::output(command("sha256sum").arg(&file))?;
        if !found.starts_with(&sha256) {
            bail!("{path} is not what Debian's index says: its SHA-256 is {found}, expected {sha256}");
        }
        return Ok(file);
    }
    bail!("Debian's archive has no rust-src of Rust {version}")
}

fn fetch(url: &str, file: &Path) -> Result<()> {
    shell::run(command("curl").args(["--fail", "--silent", "--location", "--output"]).arg(file).arg(url))
}

/// The entry of `rust-src` of exactly this version, whatever Debian's revision of it.
fn find(packages: &str, version: &str) -> Option<Package> {
    let of_version = format!("Version: {version}+");
    let mut entries = packages.split("\n\n").filter(|entry| entry.starts_with("Package: rust-src\n"));
    let entry = entries.find(|entry| entry.lines().any(|line| line.starts_with(&of_version)))?;
    let field = |name: &str| entry.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    Some(Package { path: field("Filename: ")?, sha256: field("SHA256: ")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_searched_for_the_exact_version() {
        let entry = |version: &str| {
            format!(
                "Package: rust-src\nVersion: {version}\nFilename: pool/{version}.deb\nSHA256: {version}\n"
            )
        };
        let packages =
            [entry("1.94.1+dfsg1-1"), entry("1.95.0+dfsg1-2~bpo13+1"), entry("1.95.1+dfsg1-1")].join("\n");
        assert_eq!(find(&packages, "1.95.0").unwrap().path, "pool/1.95.0+dfsg1-2~bpo13+1.deb");
        assert!(find(&packages, "1.95").is_none() && find(&packages, "1.96.0").is_none());
    }
}
