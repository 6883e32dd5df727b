//! The one place that loads compiled code.

use std::path::Path;

use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps compiled code into memory.
#[expect(unsafe_code, reason = "loading compiled code is unsafe by nature; see SAFETY")]
pub(super) fn load(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by this program into a folder that only its user can enter, and its MAC, under a
    // key from the same folder, was verified just before. wasmtime itself refuses code of another version or
    // configuration. Whoever can still replace the file can also replace this program.
    unsafe { Component::deserialize_file(engine, path) }
}
