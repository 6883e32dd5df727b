//! Guests: core modules for wasm32, wrapped as components, with their manifest in a custom section.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::shell::{cargo, workspace};
use crate::toolchain::TARGET;
use crate::{shell, toolchain};

/// The names of the bundled plugins, in order: the folders below `plugins/` that have a manifest.
pub fn bundled_names() -> Result<Vec<String>> {
    let folder = workspace().join("plugins");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("plugin.toml").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}

/// Builds the bundled plugins into `target/plugins`, from where the host's build script embeds them.
pub fn bundled() -> Result<()> {
    let names = bundled_names()?;
    let packages: Vec<String> = names.iter().map(|name| format!("playrelay-{name}")).collect();
    let built = build(&workspace().join("Cargo.toml"), &packages)?;
    let folder = workspace().join("target/plugins");
    fs::create_dir_all(&folder)?;
    // The build script embeds every file of the folder: one of a plugin that is gone must go as well.
    for file in fs::read_dir(&folder)?.flatten() {
        if !names.iter().any(|name| file.file_name() == format!("{name}.wasm").as_str()) {
            fs::remove_file(file.path())?;
        }
    }
    for (name, package) in names.iter().zip(&packages) {
        let core = built.join(format!("{}.wasm", package.replace('-', "_")));
        let manifest = workspace().join("plugins").join(name).join("plugin.toml");
        pack(&core, &manifest, &folder.join(format!("{name}.wasm")))?;
    }
    Ok(())
}

/// Builds the guests that tests need into `target/fixtures`: one that misbehaves, one that is well, and one whose requests
/// are signed.
pub fn test_plugins() -> Result<()> {
    let folder = workspace().join("tests/misbehaving_plugin");
    let built = build(&folder.join("Cargo.toml"), &["rogue".to_owned()])?;
    for manifest in ["rogue", "sound", "signed", "public"] {
        pack(
            &built.join("rogue.wasm"),
            &folder.join(format!("{manifest}.toml")),
            &workspace().join(format!("target/fixtures/{manifest}.wasm")),
        )?;
    }
    Ok(())
}

/// Builds packages for wasm32 and returns the folder that their modules are in.
fn build(manifest: &Path, packages: &[String]) -> Result<PathBuf> {
    let toolchain = toolchain::ensure_wasm()?;
    let target = workspace().join("target/plugin-build");
    for package in packages {
        // Natively the crates are plain libraries: a linker for programs does not take the names of their exports.
        let mut command =
            cargo(&["rustc", "--lib", "--crate-type", "cdylib", "--profile", "guest", "--target", TARGET]);
        command
            .arg("--manifest-path")
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target)
            .args(["--package", package]);
        // A guest needs no host's flags, and wrappers know nothing of it.
        command.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", shell::remapped().join("\u{1f}"));
        toolchain.apply(&mut command);
        shell::run(&mut command)?;
    }
    Ok(target.join(TARGET).join("guest"))
}

/// Wraps a core module as a component, where it is none yet, and appends its manifest.
pub fn pack(core: &Path, manifest: &Path, out: &Path) -> Result<()> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
    let bytes = playrelay_plugin_pack::pack(&read(core)?, &read(manifest)?)
        .with_context(|| format!("{} cannot be packed", core.display()))?;
    let folder = out.parent().context("the output has no folder")?;
    fs::create_dir_all(folder)?;
    // The host is built anew when the file changes, so it is left alone when it would not.
    if fs::read(out).ok().as_deref() != Some(&bytes) {
        fs::write(out, bytes).with_context(|| format!("{} cannot be written", out.display()))?;
    }
    Ok(())
}
