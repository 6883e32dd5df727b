//! What fakes and clients said to each other, written down for the check against what the services publish.
//!
//! `PLAYRELAY_EXCHANGES` names a folder; without it nothing is written.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use anyhow::{Context, Result};
pub use playrelay::record::Exchange;

/// The variable that names the folder.
const FOLDER: &str = "PLAYRELAY_EXCHANGES";

/// Writes an exchange down, where that is wanted.
pub fn note(exchange: &Exchange) {
    static FILE: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let folder = PathBuf::from(std::env::var_os(FOLDER)?);
        fs::create_dir_all(&folder).expect("the folder of exchanges can be made");
        let path = folder.join(format!("{}.jsonl", std::process::id()));
        let file = OpenOptions::new().create(true).append(true).open(path);
        Some(Mutex::new(file.expect("a file in the folder of exchanges")))
    });
    let Some(file) = file else { return };
    let mut line = serde_json::to_string(exchange).expect("an exchange is JSON");
    line.push('\n');
    let mut file = file.lock().expect("no panic while a line is written");
    file.write_all(line.as_bytes()).expect("the exchange is written");
}

/// Whether exchanges are written down.
pub fn are_noted() -> bool {
    std::env::var_os(FOLDER).is_some()
}

/// All exchanges of a file, or of all files in a folder.
pub fn read(from: &Path) -> Result<Vec<Exchange>> {
    let files = if from.is_dir() {
        fs::read_dir(from)?.map(|file| Ok(file?.path())).collect::<Result<Vec<_>>>()?
    } else {
        vec![from.to_owned()]
    };
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        for (number, line) in text.lines().enumerate() {
            let exchange = serde_json::from_str(line);
            all.push(exchange.with_context(|| format!("{}:{} is no exchange", file.display(), number + 1))?);
        }
    }
    Ok(all)
}
