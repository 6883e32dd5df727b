//! What others have written and is built in: where it comes from, under which licence, and the texts of these licences.
//!
//! `cargo tree --locked` lists the crates, so a lock file that does not fit the manifests is an error here as well.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;
use crate::shell::{cargo, workspace};

/// Licences under which others' code may be built in: permissive ones, which ask for their texts at most.
const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// A crate of somebody else.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    name: String,
    version: String,
    /// An expression of SPDX, as its manifest has it.
    licence: String,
}

/// Fails if a crate comes from elsewhere than crates.io, or under no licence that is allowed.
pub fn check() -> Result<()> {
    let crates = crates(&["--workspace", "--edges", "normal,build"])?;
    let refused: Vec<String> = crates
        .iter()
        .filter(|it| !is_allowed(&it.licence))
        .map(|it| format!("{} {} is under {:?}", it.name, it.version, it.licence))
        .collect();
    ensure!(
        refused.is_empty(),
        "licences that are not allowed (see xtask/src/third_party.rs): {}",
        refused.join("; ")
    );
    println!("{} crates of others: from crates.io, under licences that are allowed", crates.len());
    Ok(())
}

/// Writes the texts of the licences of all that the program consists of: `target/THIRD-PARTY.txt`.
pub fn notices() -> Result<()> {
    let mut text = "Playrelay contains code that others have written, under these licences.\n".to_owned();
    // The bundled plugins are part of the program.
    let crates =
        crates(&["--workspace", "--exclude", "xtask", "--exclude", "playrelay-tests", "--edges", "normal"])?;
    for it in &crates {
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
    let path = workspace().join("target/THIRD-PARTY.txt");
    fs::write(&path, text)?;
    println!("{}: {} crates", path.display(), crates.len());
    Ok(())
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

/// Whether one may choose licences of an expression that are allowed. `AND` binds the parts in brackets; older crates write `/` for `OR`.
fn is_allowed(expression: &str) -> bool {
    let any_of = |part: &str| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')').replace('/', " OR ");
        part.split(" OR ").any(|licence| ALLOWED.contains(&licence.trim()))
    };
    !expression.is_empty() && expression.split(" AND ").all(any_of)
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
    fn licences_are_allowed_by_choice() {
        for allowed in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR AGPL-3.0) AND MIT", "MITX"] {
            assert!(!is_allowed(refused), "{refused}");
        }
    }

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
