//! Fuzzing: libFuzzer on the stable compiler, which only cannot build its sanitizers.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;
use crate::shell::{cargo, workspace};

/// The targets, with the folder that has examples of what they read.
const TARGETS: [(&str, &str); 4] = [
    ("plex", "plugins/plex/fixtures"),
    ("jellyfin", "plugins/jellyfin/fixtures"),
    ("emby", "plugins/emby/fixtures"),
    ("ingress", "plugins/emby/fixtures"),
];
/// What makes the compiler count where a run has been.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing -Ccodegen-units=1";
/// How long each target runs unless it is said. Seconds.
const DEFAULT: u64 = 300;

/// `fuzz [SECONDS] [TARGET…]`
pub fn run(arguments: &[String]) -> Result<()> {
    let (seconds, names) = match arguments.split_first() {
        Some((first, rest)) if first.parse::<u64>().is_ok() => (first.parse()?, rest),
        _ => (DEFAULT, arguments),
    };
    if let Some(unknown) = names.iter().find(|name| TARGETS.iter().all(|(known, _)| known != name)) {
        bail!("no target is named {unknown:?}; there are {}", TARGETS.map(|(name, _)| name).join(", "));
    }
    let chosen = TARGETS.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|it| it == name));
    let host = host_triple()?;
    let folder = workspace().join("target/fuzz");
    for (name, examples) in chosen {
        // With a target named, build scripts and macros are built without the counting.
        let mut build = cargo(&["build", "--release", "--bin", name, "--target", &host]);
        build.arg("--manifest-path").arg(workspace().join("tests/fuzz/Cargo.toml"));
        shell::run(build.arg("--target-dir").arg(&folder).env("RUSTFLAGS", COVERAGE))?;
        let (corpus, crashes) = (folder.join("corpus").join(name), folder.join("crashes").join(name));
        for folder in [&corpus, &crashes] {
            fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        }
        seed(&workspace().join(examples), &corpus)?;
        eprintln!("fuzzing {name} for {seconds} s");
        let mut fuzz = shell::command(folder.join(&host).join("release").join(name));
        fuzz.arg(&corpus).arg(format!("-artifact_prefix={}/", crashes.display()));
        fuzz.args([
            "-max_len=65536",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
            "-verbosity=0",
        ]);
        shell::run(fuzz.arg(format!("-max_total_time={seconds}")))?;
    }
    Ok(())
}

/// Puts examples into a corpus, once for each way in which a server may send them.
fn seed(examples: &Path, corpus: &Path) -> Result<()> {
    for example in fs::read_dir(examples).with_context(|| format!("{} cannot be read", examples.display()))? {
        let path = example?.path();
        let text = fs::read(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for how in 0..4_u8 {
            fs::write(corpus.join(format!("{how}-{name}")), [&[how], text.as_slice()].concat())?;
        }
    }
    Ok(())
}

fn host_triple() -> Result<String> {
    let version = shell::output(shell::command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not say what it is built for")
}
