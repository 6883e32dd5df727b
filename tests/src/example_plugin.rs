//! The plugins of `plugins/examples`, as their authors build them.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::author_project::{run, said};
use crate::harness::TestContext;

/// The folder of an example.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/examples").join(name)
}

/// Builds an example in a folder of its own, runs its tests, and puts it into the plugin directory of a home, approved.
pub fn install(name: &str, home: &TestContext) {
    let temporary = TempDir::new().expect("a temporary folder");
    let project = temporary.path().join(name);
    copy(&folder(name), &project);
    let test = run(&project, &["test"]);
    let said = said(&test);
    assert!(test.status.success() && said.contains("ok       conformance"), "{said}");
    let component = project.join(format!("build/{name}.wasm"));
    let component = component.to_str().expect("a temporary folder has a plain name");
    let installed = home.run(&["plugin", "install", component, "--yes"]);
    assert!(installed.status.success(), "{installed:?}");
}

/// Copies a folder. Links are followed: an example's contract is that of the repository.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder in ours");
    for entry in fs::read_dir(from).expect("a folder of the repository").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_made = ["build", "node_modules"].iter().any(|made| name == *made);
        match (path.is_dir(), is_made) {
            (_, true) => {}
            (true, false) => copy(&path, &to.join(name)),
            (false, false) => drop(fs::copy(path, to.join(name)).expect("a file of the repository")),
        }
    }
}
