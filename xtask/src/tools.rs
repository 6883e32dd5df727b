//! Cargo's subcommands of others, installed into `target/tools` when they are first needed.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell;
use crate::shell::{cargo, workspace};

/// Checks licences, sources and duplicates of crates: `deny.toml`.
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");
/// Changes code, and looks whether a test notices.
const MUTANTS: (&str, &str) = ("cargo-mutants", "27.1.0");

/// Builds the site of the documents.
const MDBOOK: (&str, &str) = ("mdbook", "0.5.4");

/// Holds the crates of others against `deny.toml`. Advisories are not asked for: their list is on another host.
pub fn deny() -> Result<()> {
    shell::run(tool(DENY)?.args(["--locked", "check", "bans", "licenses", "sources"]))
}

/// Mutates the engine, whose tests are quick: `target/mutants.out` lists what no test noticed.
pub fn mutants(arguments: &[String]) -> Result<()> {
    let mut command = tool(MUTANTS)?;
    command.args(["mutants", "--package", "playrelay-engine", "--output", "target", "--timeout", "60"]);
    shell::run(command.args(arguments))
}

/// Builds the site of the documents: `target/site`.
pub fn site() -> Result<()> {
    shell::run(tool(MDBOOK)?.args(["build", "docs"]))
}

/// The program of a crate, in the version that is named.
fn tool(named: (&str, &str)) -> Result<Command> {
    Ok(shell::command(install(named)?))
}

/// Installs a program of a crate, in the version that is named, where it is not there. Gives its path.
pub fn install((name, version): (&str, &str)) -> Result<PathBuf> {
    let root = workspace().join("target/tools");
    let program: PathBuf = root.join("bin").join(name);
    let marker = root.join(format!("{name}-{version}"));
    if !program.exists() || !marker.exists() {
        // They run once or twice: to optimize them takes longer than it saves.
        let mut install = cargo(&["install", name, "--version", version, "--locked", "--debug", "--root"]);
        shell::run(install.arg(&root))?;
        std::fs::write(marker, "")?;
    }
    Ok(program)
}
