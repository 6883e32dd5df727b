//! The programs of others that build a release: from PyPI and crates.io, into `target/tools`, each in one version.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

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
            shell::run(command("python3").args(["-m", "venv", "--clear"]).arg(&python)).context(
                "the tools of PyPI cannot be installed; install python3-venv (Debian), or Python with venv",
            )?;
            let install =
                ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"];
            shell::run(command(python.join("bin/pip")).args(install).arg(&requirements))?;
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

    /// `cargo build` for another machine, with the list of crates in the program.
    pub fn cross_build(&self) -> Result<Command> {
        let bin = self.python.join("bin");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut build = command(&self.auditable);
        build.args(["auditable", "build"]);
        build.env("CARGO", bin.join("cargo-zigbuild")).env("PATH", format!("{}:{path}", bin.display()));
        Ok(build)
    }

    /// The packer of deb and rpm.
    pub fn nfpm(&self) -> Command {
        command(self.python.join("bin/nfpm"))
    }
}
