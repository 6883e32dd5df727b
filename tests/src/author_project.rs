//! Projects of authors, as `playrelay plugin new` begins them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::binary::binary;

/// Runs a command for authors in a folder.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    // What several projects depend on is built once.
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests"));
    command.arg("plugin").args(arguments).current_dir(folder).output().expect("the binary can be started")
}

/// All that a command has said.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Begins a project, builds and tests it, and gives its component.
pub fn begin(folder: &Path, name: &str, language: &str, kind: &str) -> PathBuf {
    let new = run(folder, &["new", name, "--lang", language, "--kind", kind]);
    assert!(new.status.success(), "{}", said(&new));
    let project = folder.join(name);
    let test = run(&project, &["test"]);
    let said = said(&test);
    assert!(test.status.success() && said.contains("ok       conformance"), "{said}");
    project.join(format!("build/{name}.wasm"))
}
