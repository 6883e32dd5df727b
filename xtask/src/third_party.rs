//! The texts of the licences of what others have written and is built in. `deny.toml` says which licences are accepted.
//!
//! `cargo tree --locked` lists the crates, so a lock file that does not fit the manifests is an error here as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::shell::{cargo, workspace};

/// What the program is built for.
const TARGETS: [&str; 3] =
    ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "x86_64-unknown-linux-gnu"];

/// A crate of somebody else.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// An expression of SPDX, as its manifest has it.
    pub licence: String,
}

/// Writes the texts of the licences of all that the program consists of: `target/THIRD-PARTY.txt`.
pub fn notices() -> Result<()> {
    let path = workspace().join("target/THIRD-PARTY.txt");
    fs::write(&path, text()?)?;
    println!("{}", path.display());
    Ok(())
}

/// The crates that are part of the program on Linux, on any machine. The bundled plugins are part of it.
pub fn built_in() -> Result<BTreeSet<Crate>> {
    let mut found = BTreeSet::new();
    for target in TARGETS {
        found.extend(crates(&[
            "--workspace",
            "--exclude",
            "xtask",
            "--exclude",
            "playrelay-tests",
            "--edges",
            "normal",
            "--target",
            target,
        ])?);
    }
    Ok(found)
}

/// The texts of those licences.
pub fn text() -> Result<String> {
    let mut text = "Playrelay contains code that others have written, under these licences.\n".to_owned();
    for it in &built_in()? {
        text.push_str(&format!("\n{}\n{} {} ({})\n", "=".repeat(79), it.name, it.version, it.licence));
        let files = licence_files(&source_of(it)?)?;
        if files.is_empty() {
            text.push_str("\nThe crate has no file with the text of its licence.\n");
        }
        for file in files {
            let licence = fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
            text.push_str(&format!(
                "\n--- {}\n\n{}\n",
                file.file_name().unwrap_or_default().display(),
                licence.trim_end()
            ));
        }
    }
    Ok(text)
}

fn crates(arguments: &[&str]) -> Result<BTreeSet<Crate>> {
    let mut tree = cargo(&["tree", "--locked", "--prefix", "none", "--format", "{p}|{l}"]);
    let listed = shell::output(tree.args(arguments))?;
    listed.lines().filter(|line| !line.is_empty()).filter_map(|line| read(line).transpose()).collect()
}

/// Reads `serde v1.0.229|MIT OR Apache-2.0`. Our own crates have the path of their folder behind the version.
fn read(line: &str) -> Result<Option<Crate>> {
    let (package, licence) = line.split_once('|').with_context(|| format!("{line:?} is not a crate"))?;
    let mut words = package.split(' ').filter(|word| *word != "(proc-macro)");
    let (Some(name), Some(version)) = (words.next(), words.next()) else { bail!("{line:?} is not a crate") };
    match words.next().map(|from| from.trim_matches(['(', ')'])) {
        Some(path) if Path::new(path).starts_with(workspace()) => return Ok(None),
        Some(from) => bail!("{name} {version} comes from {from}; expected crates.io"),
        None => {}
    }
    let licence = licence.trim_end_matches(" (*)").to_owned();
    Ok(Some(Crate { name: name.to_owned(), version: version.trim_start_matches('v').to_owned(), licence }))
}

/// Where cargo has unpacked a crate.
fn source_of(it: &Crate) -> Result<PathBuf> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home
        .or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")))
        .context("no CARGO_HOME")?;
    let name = format!("{}-{}", it.name, it.version);
    let registries = fs::read_dir(home.join("registry/src")).context("cargo has unpacked nothing")?;
    let found = registries.flatten().map(|registry| registry.path().join(&name)).find(|path| path.is_dir());
    found.with_context(|| format!("{name} is not unpacked; run `cargo fetch`"))
}

/// Files with the texts of licences, by name.
fn licence_files(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let is_licence = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file()
            && ["license", "licence", "copying", "notice", "unlicense"].iter().any(|it| name.starts_with(it))
    };
    Ok(fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(is_licence).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_elsewhere_are_refused() {
        let serde = read("serde v1.0.229|MIT OR Apache-2.0 (*)").unwrap().unwrap();
        assert_eq!((serde.version.as_str(), serde.licence.as_str()), ("1.0.229", "MIT OR Apache-2.0"));
        assert!(read("serde_derive v1.0.229 (proc-macro)|MIT").unwrap().is_some());
        assert!(
            read(&format!("playrelay v0.1.0 ({})|MIT", workspace().join("host/daemon").display()))
                .unwrap()
                .is_none()
        );
        assert!(read("evil v0.1.0 (https://example.org/evil#0123)|MIT").is_err());
    }
}
