//! The program under test.

use std::path::PathBuf;

/// The binary under test: `PLAYRELAY_BIN`, or the one beside this test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("PLAYRELAY_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("a running program has a path");
    let folder = own.ancestors().find(|folder| folder.join("playrelay").is_file());
    folder.expect("the binary is built: `cargo xtask test`, or `cargo build` first").join("playrelay")
}
