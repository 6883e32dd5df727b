//! Programs, run from the workspace's root.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The workspace's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// A program, to be run in the workspace's root.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace());
    command
}

/// Cargo, the one that runs us.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Runs a program; its failure is ours.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    let status = command.status().with_context(|| format!("{shown} cannot be started"))?;
    ensure!(status.success(), "{shown} ended with {status}");
    Ok(())
}

/// What a program writes to its standard output.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().with_context(|| format!("{shown} cannot be started"))?;
    ensure!(
        output.status.success(),
        "{shown} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// Installs what a file of requirements lists from PyPI into a folder; `more` are further arguments.
pub fn pip_install(requirements: &Path, target: &Path, more: &[&str]) -> Result<()> {
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore"];
    let mut pip = command("python3");
    pip.args(install).args(more).arg("--target").arg(target).arg("--requirement").arg(requirements);
    run(&mut pip)
}

/// Flags that take the builder's folders out of paths: for the compiler of Rust.
pub fn remapped() -> Vec<String> {
    let flag = |(folder, name): (PathBuf, &str)| format!("--remap-path-prefix={}={name}", folder.display());
    folders().into_iter().map(flag).collect()
}

/// The same for the compiler of C.
pub fn remapped_c() -> Vec<String> {
    let flag = |(folder, name): (PathBuf, &str)| format!("-ffile-prefix-map={}={name}", folder.display());
    folders().into_iter().map(flag).collect()
}

/// The builder's folders, with the name that each is given.
fn folders() -> Vec<(PathBuf, &'static str)> {
    let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cargo")));
    let folders = [(cargo_home, "/cargo"), (Some(workspace()), "/playrelay")];
    folders.into_iter().filter_map(|(folder, name)| Some((folder?, name))).collect()
}
