//! What is tried before something is published. The scripts are in `packaging/checks`; each prints what it has seen.

use std::fs;

use anyhow::{Context, Result, ensure};

use crate::dist::arch::Arch;
use crate::dist::release::{folder, program_path};
use crate::shell;
use crate::shell::{command, workspace};

/// The scripts, with the architecture that each needs; absent for that of this machine.
const SCRIPTS: [(&str, Option<Arch>); 4] =
    [("templates.sh", None), ("image.sh", None), ("debian.sh", None), ("arm64.sh", Some(Arch::Arm64))];

/// Tries everything out that was built for these architectures. What was built quickly is larger than what is published.
pub fn run(archs: &[Arch], is_quick: bool) -> Result<()> {
    for arch in archs {
        let program = program_path(*arch);
        let bytes = fs::read(&program).with_context(|| format!("{}", program.display()))?;
        is_static(&bytes).with_context(|| format!("{}", program.display()))?;
        names_no_builder(&bytes).with_context(|| format!("{}", program.display()))?;
        println!("{}: static, without a path of the builder, {} bytes", arch.name(), bytes.len());
    }
    for (script, needed) in SCRIPTS {
        if needed.is_none_or(|needed| archs.contains(&needed)) {
            println!("== packaging/checks/{script}");
            let mut check = command("bash");
            check.arg(workspace().join("packaging/checks").join(script)).arg(folder());
            check.args(is_quick.then_some("quick"));
            shell::run(&mut check)?;
        }
    }
    Ok(())
}

/// Whether a program needs nothing of the system: it has no interpreter (`PT_INTERP`), which would load libraries.
fn is_static(program: &[u8]) -> Result<()> {
    /// The kind of a program header that names the interpreter.
    const PT_INTERP: u32 = 3;
    // ELF, 64 bits, little endian.
    ensure!(program.starts_with(b"\x7fELF\x02\x01"), "it is no program for 64 bits");
    let number = |at: usize, bytes: usize| {
        let piece = program.get(at..at + bytes).context("it ends early")?;
        Ok::<_, anyhow::Error>(piece.iter().rev().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    let (headers, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for index in 0..count {
        let at = usize::try_from(headers + index * size)?;
        ensure!(number(at, 4)? != u64::from(PT_INTERP), "it is not static: it names an interpreter");
    }
    Ok(())
}

/// Whether a program says where it was built.
fn names_no_builder(program: &[u8]) -> Result<()> {
    let home = std::env::var("HOME").unwrap_or_default();
    let folders =
        [format!("{}/", workspace().display()), format!("{home}/.cargo"), format!("{home}/.rustup")];
    for folder in folders.iter().filter(|folder| folder.len() > 2) {
        let found = program.windows(folder.len()).position(|piece| piece == folder.as_bytes());
        ensure!(found.is_none(), "it names a folder of the builder: {folder}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with one header of this kind.
    fn program(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (bytes[32], bytes[54], bytes[56], bytes[64]) = (64, 56, 1, kind);
        bytes
    }

    #[test]
    fn an_interpreter_is_found() {
        assert!(is_static(&program(1)).is_ok());
        assert!(is_static(&program(3)).unwrap_err().to_string().contains("interpreter"));
        assert!(is_static(&program(1)[..80]).is_ok() && is_static(&program(1)[..64]).is_err());
        assert!(is_static(b"#!/bin/sh").is_err());
    }

    #[test]
    fn a_folder_of_the_builder_is_found() {
        assert!(names_no_builder(b"/cargo/registry/src/x.rs").is_ok());
        let path = workspace().join("host/daemon/src/main.rs").display().to_string();
        assert!(names_no_builder(path.as_bytes()).is_err());
    }
}
