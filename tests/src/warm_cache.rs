//! The bundled plugins, compiled once for all homes of a test run.
//!
//! A home that starts with them is ready in a tenth of the time. How they are compiled is seen by the homes that start
//! without ([`TestContext::without_data_dir`](crate::harness::TestContext::without_data_dir)), and by the first one of a run.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::binary::binary;

/// Puts compiled plugins into a data folder that does not exist yet.
pub fn warm(data: &Path) {
    static CACHE: OnceLock<PathBuf> = OnceLock::new();
    let from = CACHE.get_or_init(compiled);
    let to = data.join("cache");
    DirBuilder::new().mode(0o700).recursive(true).create(&to).expect("a folder in ours");
    for entry in fs::read_dir(from).expect("it was filled") {
        let file = entry.expect("it can be listed").path();
        fs::copy(&file, to.join(file.file_name().expect("it is a file"))).expect("a file in our folder");
    }
}

/// The cache of a data folder below the target folder, in which a command was run that keeps something there.
fn compiled() -> PathBuf {
    let binary = binary();
    let folder = binary.parent().expect("it lies in a folder").join("test-cache");
    fs::create_dir_all(&folder).expect("a folder below target");
    // Other processes may run tests too. What is there already is not compiled again.
    let lock = File::create(folder.join("lock")).expect("a file below target");
    lock.lock().expect("locks are possible");
    let config = folder.join("playrelay.toml");
    let data = folder.join("data").display().to_string();
    fs::write(&config, format!("[server]\ndata_dir = {data:?}\n")).expect("a file below target");
    let check = Command::new(binary).arg("--config").arg(&config).arg("webhooks").output();
    let check = check.expect("the binary can be started");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    folder.join("data/cache")
}
