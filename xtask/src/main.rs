//! `cargo xtask`: builds, runs, tests and measures Playrelay.

#![forbid(unsafe_code)]

mod fuzz;
mod guests;
mod javascript;
mod shell;
mod toolchain;

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};
use shell::{cargo, workspace};

const USAGE: &str = "\
cargo xtask COMMAND

  run [ARGS]     build everything and start the daemon: `playrelay serve ARGS`
  run --demo     the same with a fake server and a fake tracker that play an evening
  test [ARGS]    format, lints and all tests; ARGS go to `cargo test`
  bench ingest   measure durable ingest against a bare handler
  bench idle     measure what the daemon costs while it listens to three servers
  fuzz [SECONDS] [TARGET...]
                 fuzz the parsers and ingress, each for 300 s unless said
  plugins        build the bundled plugins
  fixtures       build the plugins that tests load
  pack CORE MANIFEST OUT
                 wrap a core module or a component with its manifest
";

fn main() -> ExitCode {
    match run_command() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match command.as_str() {
        "run" if rest.first().is_some_and(|first| first == "--demo") => against_release("demo", &rest[1..]),
        "run" => run(&rest),
        "test" => test(&rest),
        "bench" if rest.first().is_some_and(|first| first == "ingest") => {
            against_release("bench-ingest", &rest[1..])
        }
        "bench" if rest.first().is_some_and(|first| first == "idle") => {
            against_release("bench-idle", &rest[1..])
        }
        "fuzz" => fuzz::run(&rest),
        "plugins" => guests::bundled(),
        "fixtures" => guests::fixtures().and_then(|()| javascript::fixture()),
        "pack" => match rest.as_slice() {
            [core, manifest, out] => guests::pack(core.as_ref(), manifest.as_ref(), out.as_ref()),
            _ => bail!("{USAGE}"),
        },
        _ => bail!("{USAGE}"),
    }
}

fn run(arguments: &[String]) -> Result<()> {
    guests::bundled()?;
    let data = workspace().join("target/playrelay");
    let mut command =
        cargo(&["run", "--release", "--package", "playrelay", "--bin", "playrelay", "--", "serve"]);
    let configured = workspace().join("playrelay.toml").exists();
    if !configured
        && !arguments.iter().any(|argument| argument == "--config" || argument.starts_with("--config="))
        && env::var_os("PLAYRELAY__SERVER__DATA_DIR").is_none()
    {
        command.env("PLAYRELAY__SERVER__DATA_DIR", data);
    }
    shell::run(command.args(arguments))
}

/// Runs a program of the test crate against a daemon that is built for release.
fn against_release(program: &str, arguments: &[String]) -> Result<()> {
    guests::bundled()?;
    shell::run(&mut cargo(&[
        "build",
        "--release",
        "--package",
        "playrelay",
        "--package",
        "playrelay-tests",
    ]))?;
    let target = workspace().join("target/release");
    shell::run(
        shell::command(target.join(program)).args(arguments).env("PLAYRELAY_BIN", target.join("playrelay")),
    )
}

fn test(arguments: &[String]) -> Result<()> {
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    guests::bundled()?;
    guests::fixtures()?;
    javascript::fixture()?;
    shell::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    shell::run(&mut cargo(&["build", "--workspace"]))?;
    let mut command = cargo(&["test", "--workspace"]);
    command.env("PLAYRELAY_BIN", workspace().join("target/debug/playrelay"));
    // Most of what runs end to end waits: for a pause that holds, for a tracker's pace.
    if env::var_os("RUST_TEST_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        command.env("RUST_TEST_THREADS", (2 * cores).to_string());
    }
    shell::run(command.args(arguments))
}
