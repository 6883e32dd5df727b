//! Embeds the bundled plugins that `cargo xtask plugins` has built, and a distributor's client ids.

use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

fn main() {
    embed_clients();
    name_build();
    println!("cargo::rerun-if-env-changed=PLAYRELAY_BUNDLED");
    let folder = env::var_os("PLAYRELAY_BUNDLED").map_or_else(
        || Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../target/plugins"),
        PathBuf::from,
    );
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut plugins: Vec<PathBuf> = fs::read_dir(&folder)
        .map(|files| files.flatten().map(|file| file.path()).collect())
        .unwrap_or_default();
    plugins.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    plugins.sort();
    if plugins.is_empty() {
        println!("cargo::warning=no plugins are bundled: run `cargo xtask plugins` first");
    }
    let mut code = String::from("&[\n");
    for plugin in plugins {
        println!("cargo::rerun-if-changed={}", plugin.display());
        let path = plugin.canonicalize().expect("the file was just listed");
        let digest = Sha256::digest(fs::read(&path).expect("the file was just listed"));
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        code.push_str(&format!(
            "    BundledPlugin {{ bytes: include_bytes!({path:?}), digest: \"{digest}\" }},\n"
        ));
    }
    code.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("bundled.rs");
    fs::write(out, code).expect("cargo's output folder can be written");
}

/// Copies the file of client ids to where the program includes it from.
fn embed_clients() {
    println!("cargo::rerun-if-env-changed=PLAYRELAY_CLIENTS");
    let file = env::var_os("PLAYRELAY_CLIENTS").map_or_else(
        || Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("clients.toml"),
        PathBuf::from,
    );
    println!("cargo::rerun-if-changed={}", file.display());
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("clients.toml");
    fs::write(out, text).expect("cargo's output folder can be written");
}

/// Tells the program which build it is: `commit 1a2b3c4, x86_64-unknown-linux-musl`. Whoever builds names the commit, since a tree without Git has none.
fn name_build() {
    println!("cargo::rerun-if-env-changed=PLAYRELAY_COMMIT");
    let target = env::var("TARGET").expect("cargo sets it");
    let build = match env::var("PLAYRELAY_COMMIT") {
        Ok(commit) => format!("commit {commit}, {target}"),
        Err(_) => target,
    };
    println!("cargo::rustc-env=PLAYRELAY_BUILD={build}");
}
