//! Each template of `playrelay plugin new`, in each language: it builds at once, and passes its tests and the conformance suite.
//!
//! It takes Rust's target wasm32-unknown-unknown, npm and pip.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use playrelay_tests::author_project::begin;
use tempfile::TempDir;

/// What a template is of.
const KINDS: [&str; 3] = ["source", "sink", "notify"];

fn builds_and_passes(language: &str) {
    let folder = TempDir::new().unwrap();
    for kind in KINDS {
        begin(folder.path(), &format!("my-{kind}"), language, kind);
    }
}

#[test]
fn in_rust() {
    builds_and_passes("rust");
}

#[test]
fn in_javascript() {
    builds_and_passes("js");
}

#[test]
fn in_python() {
    builds_and_passes("python");
}
