//! The bundled plugins, compiled once for all homes of a test run.
//!
//! A home that starts with them is ready in a tenth of the time. How they are compiled is seen by the homes that start
//! without ([`TestContext::without_data_dir`](crate::harness::TestContext::without_data_dir)), and by the first one of a run.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use playrelay::app::adapters::BUNDLED;

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

/// How long a daemon may take to compile them all.
const DEADLINE: Duration = Duration::from_secs(300);
/// Between two looks at what it has compiled.
const INTERVAL: Duration = Duration::from_millis(50);

/// The cache of a data folder below the target folder, in which a daemon runs until all of them are compiled and were found to fit the contract.
fn compiled() -> PathBuf {
    let binary = binary();
    let folder = binary.parent().expect("it lies in a folder").join("test-cache");
    fs::create_dir_all(&folder).expect("a folder below target");
    // Other processes may run tests too. What is there already is not compiled again.
    let lock = File::create(folder.join("lock")).expect("a file below target");
    lock.lock().expect("locks are possible");
    let config = folder.join("playrelay.toml");
    let data = folder.join("data").display().to_string();
    let server = format!("[server]\nlisten = \"127.0.0.1:0\"\ndata_dir = {data:?}\n");
    fs::write(&config, server).expect("a file below target");
    let cache = folder.join("data/cache");
    if !are_validated(&cache) {
        let mut daemon = Command::new(binary)
            .arg("--config")
            .arg(&config)
            .arg("serve")
            .stdout(Stdio::null())
            .stderr(File::create(folder.join("log")).expect("a file below target"))
            .spawn()
            .expect("the binary can be started");
        let end = Instant::now() + DEADLINE;
        while !are_validated(&cache) {
            let has_ended = daemon.try_wait().expect("it is our child").is_some();
            assert!(!has_ended && Instant::now() < end, "see {}", folder.join("log").display());
            std::thread::sleep(INTERVAL);
        }
        daemon.kill().expect("it runs");
        daemon.wait().expect("it is our child");
    }
    cache
}

/// Whether each bundled plugin is compiled, and fits the contract.
fn are_validated(cache: &Path) -> bool {
    let files = fs::read_dir(cache).into_iter().flatten().flatten();
    let names: Vec<String> = files.filter_map(|file| file.file_name().into_string().ok()).collect();
    let is_note_of = |name: &str, digest: &str| name.starts_with(digest) && name.ends_with(".validated");
    BUNDLED.iter().all(|plugin| names.iter().any(|name| is_note_of(name, plugin.digest)))
}
