//! The programs of others that build a release: from PyPI and crates.io, into `target/tools`, each in one version.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};

use crate::dist::arch::Arch;
use crate::shell::{command, workspace};
use crate::{shell, tools};

/// Writes the list of crates into programs, where scanners look for it.
const AUDITABLE: (&str, &str) = ("cargo-auditable", "0.7.7");

/// Those programs.
pub struct Toolbox {
    /// A folder with the programs of PyPI.
    python: PathBuf,
    auditable: PathBuf,
}

impl Toolbox {
    /// Installs what is missing.
    pub fn install() -> Result<Self> {
        let python = workspace().join("target/tools/python");
        let requirements = workspace().join("packaging/requirements.txt");
        let wanted = fs::read_to_string(&requirements)?;
        let stamp = python.join("installed");
        if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            if python.exists() {
                fs::remove_dir_all(&python)?;
            }
            shell::pip_install(&requirements, &python, &["--require-hashes"])
                .context("the programs of PyPI cannot be installed; python3 with pip is needed")?;
            fs::write(stamp, wanted)?;
        }
        for arch in Arch::ALL {
            let sysroot = PathBuf::from(shell::output(command("rustc").args(["--print", "sysroot"]))?.trim());
            if !sysroot.join("lib/rustlib").join(arch.target()).join("lib").is_dir() {
                shell::run(command("rustup").args(["target", "add", arch.target()]))?;
            }
        }
        Ok(Self { python, auditable: tools::install(AUDITABLE)? })
    }

    /// `cargo build --locked` for another machine, with the list of crates in the program.
    ///
    /// `cargo auditable` would start it with its own path as a wrapper of the compiler. That path goes into the hashes of our crates, so that two folders
    /// would give two programs: here the wrapper has no path, and is found by its name.
    pub fn cross_build(&self) -> Result<Command> {
        let mut build = command(self.python.join("bin/cargo-zigbuild"));
        build.args(["build", "--locked"]);
        build.env("CARGO_ZIGBUILD_ZIG_PATH", self.python.join("ziglang/zig"));
        let name = self.auditable.file_name().context("the program has a name")?;
        build.env("RUSTC_WORKSPACE_WRAPPER", name);
        // How it was called, for the wrapper (cargo_arguments.rs of this version).
        build.env(
            "CARGO_AUDITABLE_ORIG_ARGS",
            r#"{"config":[],"offline":false,"locked":true,"frozen":false}"#,
        );
        let folder = self.auditable.parent().map(Path::to_owned);
        let path = env::var_os("PATH").unwrap_or_default();
        build.env("PATH", env::join_paths(folder.into_iter().chain(env::split_paths(&path)))?);
        Ok(build)
    }

    /// The packer of deb and rpm.
    pub fn nfpm(&self) -> Command {
        command(self.python.join("bin/nfpm"))
    }
}
