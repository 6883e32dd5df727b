//! `cargo xtask dist`: everything that is published of a version, into `target/dist`. The same commit gives the same bytes.
//!
//! - `arch`: the machines
//! - `release`: what is known of a version, and where its files go
//! - `toolbox`: the programs of others that build
//! - `image`: container images
//! - `packages`: deb and rpm
//! - `sbom`: the list of what is built in
//! - `tree`: archives with the same bytes each time
//! - `check`: what is tried before it is published

mod arch;
mod check;
mod image;
mod packages;
mod release;
mod sbom;
mod toolbox;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use arch::Arch;
use release::{Release, folder, program_path};
use toolbox::Toolbox;
use tree::{Tree, gzip};

use crate::shell::workspace;
use crate::{plugins, shell};

/// mimalloc takes memory when it is used, and not 20 MB at once: a program that idles is small.
const ALLOCATOR: &str = "-DMI_DEFAULT_ARENA_EAGER_COMMIT=0";

/// Builds everything, for all machines or with `--here` for this one; `--check` tries it afterwards. With `--quick` the programs are optimized less:
/// enough to try everything else out.
pub fn run(arguments: &[String]) -> Result<()> {
    let (mut here, mut checks, mut is_quick) = (false, false, false);
    for argument in arguments {
        match argument.as_str() {
            "--here" => here = true,
            "--check" => checks = true,
            "--quick" => is_quick = true,
            other => bail!(
                "unexpected argument {other:?}; expected `cargo xtask dist [--here] [--quick] [--check]`"
            ),
        }
    }
    let archs = if here { vec![Arch::here()] } else { Arch::ALL.to_vec() };
    build(&archs, is_quick)?;
    if checks {
        check::run(&archs, is_quick)?;
    }
    Ok(())
}

fn build(archs: &[Arch], is_quick: bool) -> Result<()> {
    let toolbox = Toolbox::install()?;
    let release = Release::new()?;
    plugins::bundled()?;
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut programs = Vec::new();
    for arch in archs {
        let program = build_program(&toolbox, &release, *arch, is_quick)?;
        programs.push((*arch, fs::read(&program).with_context(|| format!("{}", program.display()))?));
    }
    let name = format!("playrelay-{}", release.version);
    for (arch, program) in &programs {
        let of_arch = format!("{name}-linux-{}", arch.name());
        fs::write(folder.join(format!("{of_arch}.tar.gz")), archive(&release, &of_arch, program)?)?;
        fs::write(folder.join(format!("{of_arch}-image.tar")), image::archive(&release, *arch, program)?)?;
        if *arch == Arch::here() {
            let root = image::root_file_system(&release, program).tar(release.seconds)?;
            fs::write(folder.join("rootfs.tar"), root)?;
        }
    }
    image::write_layout(&release, &programs, &folder.join("image"))?;
    packages::build(&toolbox, &release, archs, &folder)?;
    fs::write(folder.join(format!("{name}.cdx.json")), sbom::document(&release)?)?;
    write_checksums(&folder, &name)?;
    for line in fs::read_to_string(folder.join("SHA256SUMS"))?.lines() {
        println!("{line}");
    }
    Ok(())
}

/// Builds the program for a machine: static, without paths of the builder, with the list of its crates.
fn build_program(toolbox: &Toolbox, release: &Release, arch: Arch, is_quick: bool) -> Result<PathBuf> {
    let mut build = toolbox.cross_build()?;
    build.args([
        "--profile",
        "published",
        "--package",
        "playrelay",
        "--bin",
        "playrelay",
        "--target",
        arch.target(),
    ]);
    build.env("CARGO_ENCODED_RUSTFLAGS", shell::remapped().join("\u{1f}"));
    // The compiler of C has flags of its own for the same.
    build.env("CFLAGS", format!("{} {ALLOCATOR}", shell::remapped_c().join(" ")));
    build.env("SOURCE_DATE_EPOCH", release.seconds.to_string());
    if is_quick {
        build.env("CARGO_PROFILE_PUBLISHED_OPT_LEVEL", "1").env("CARGO_PROFILE_PUBLISHED_LTO", "off");
        build.env("CARGO_PROFILE_PUBLISHED_CODEGEN_UNITS", "16");
    }
    match &release.commit {
        Some(commit) => build.env("PLAYRELAY_COMMIT", commit),
        None => build.env_remove("PLAYRELAY_COMMIT"),
    };
    shell::run(&mut build)?;
    Ok(program_path(arch))
}

/// The archive for those who install by hand.
fn archive(release: &Release, name: &str, program: &[u8]) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    tree.file(&format!("{name}/playrelay"), 0o755, program);
    tree.file(&format!("{name}/LICENSE"), 0o644, release.licence.as_bytes());
    tree.file(&format!("{name}/THIRD-PARTY.txt"), 0o644, release.notices.as_bytes());
    for (file, from) in [
        ("README.md", "README.md"),
        ("CHANGELOG.md", "CHANGELOG.md"),
        ("playrelay.example.toml", "playrelay.example.toml"),
        ("playrelay.service", "packaging/playrelay.service"),
    ] {
        tree.file(&format!("{name}/{file}"), 0o644, fs::read(workspace().join(from))?);
    }
    gzip(&tree.tar(release.seconds)?)
}

/// Writes the digest of each file that is published.
fn write_checksums(folder: &Path, name: &str) -> Result<()> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_file()
            && (file.starts_with(name) || file.ends_with(".deb") || file.ends_with(".rpm"))
        {
            lines.push(format!("{}  {file}\n", image::digest(&fs::read(entry.path())?)));
        }
    }
    lines.sort_by_key(|line| line.split_once("  ").map(|(_, file)| file.to_owned()));
    fs::write(folder.join("SHA256SUMS"), lines.concat())?;
    Ok(())
}
