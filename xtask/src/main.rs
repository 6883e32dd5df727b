//! `cargo xtask`: builds, runs, tests and measures Playrelay.

#![forbid(unsafe_code)]

mod clients;
mod dist;
mod fuzz;
mod javascript;
mod plugins;
mod release;
mod shell;
mod third_party;
mod toolchain;
mod tools;

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};
use shell::{cargo, workspace};

const USAGE: &str = "\
cargo xtask COMMAND

  build          build the plugins and the program: target/release/playrelay
  run [ARGS]     the same, and start the daemon: `playrelay serve ARGS`
  run --demo     the same with a fake server and a fake tracker that play an evening;
                 it stays until Ctrl-C, `--once` ends it after the evening
  fakes          fake servers and trackers for a first set-up, until Ctrl-C
  test [--long] [ARGS]
                 format, lints and all tests; ARGS go to `cargo test`; with --long
                 those that mostly wait take as long as it takes
  contracts      hold what the last tests said to the fakes against what the
                 services publish (../shared/contracts)
  clients        install the clients that the fakes are judged by: target/clients
  deny           check licences and sources of other crates: deny.toml
  mutants [ARGS] change the engine, and list what no test notices; an hour
  dist [--here] [--quick] [--check]
                 build what is published: static programs, container images, deb and
                 rpm, for amd64 and arm64 or with --here for this machine alone, into
                 target/dist; --check tries each of them out; --quick optimizes less
  release VERSION [--dry-run]
                 give the tree its next version, in a commit with a tag
  notices        write the licences of what others have written: target/THIRD-PARTY.txt
  site           build the site of docs/: target/site
  screenshots    take a picture of every page: target/screenshots
  bench ingest   measure durable ingest against a bare handler
  bench idle     measure what the daemon costs while it listens to three servers
  bench scale    measure what grows: the outbox, the configuration, plays and people
  bench pages    measure each page with 100,000 events stored
  bench library  measure the library with 200,000 plays of 20 people
  fuzz [SECONDS] [TARGET...]
                 fuzz the parsers and ingress, each for 300 s unless said
  kill-test [SECONDS] [SEED]
                 three nodes and two databases that fail: for 600 s unless said
  plugins        build the bundled plugins
  fixtures       build the plugins that tests load
  pack CORE MANIFEST OUT
                 wrap a core module or a component with its manifest
  help           print this
";

/// What release builds consist of. Always the same packages: with others, features would be unified differently, and everything
/// built twice.
const RELEASE: [&str; 5] = ["--release", "--package", "playrelay", "--package", "playrelay-tests"];

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
    let first = rest.first().map(String::as_str);
    if rest.iter().any(|argument| argument == "--help" || argument == "-h") && command != "test" {
        print!("{USAGE}");
        return Ok(());
    }
    match (command.as_str(), first) {
        ("build", _) => build_release().map(|()| println!("target/release/playrelay is built")),
        ("run", Some("--demo")) => with_release_build("demo", &rest[1..]),
        ("run", _) => run(&rest),
        ("fakes", _) => with_release_build("fakes", &rest),
        ("test", _) => test(&rest),
        ("bench", Some(name @ ("ingest" | "idle" | "library" | "pages" | "scale"))) => {
            with_release_build(&format!("bench-{name}"), &rest[1..])
        }
        ("fuzz", _) => fuzz::run(&rest),
        ("kill-test", _) => kill_test(&rest),
        ("clients", _) => clients::install(),
        ("screenshots", _) => screenshots(),
        ("deny", _) => tools::deny(),
        ("site", _) => tools::site(),
        ("mutants", _) => tools::mutants(&rest),
        ("dist", _) => dist::run(&rest),
        ("release", _) => release::run(&rest),
        ("notices", _) => third_party::notices(),
        ("contracts", _) => shell::run(&mut cargo(&["build", "--package", "playrelay-tests"]))
            .and_then(|()| contracts(first == Some("--partial"))),
        ("plugins", _) => plugins::bundled(),
        ("fixtures", _) => plugins::test_plugins().and_then(|()| javascript::fixture()),
        ("pack", _) => match rest.as_slice() {
            [core, manifest, out] => plugins::pack(core.as_ref(), manifest.as_ref(), out.as_ref()),
            _ => bail!("expected `cargo xtask pack CORE MANIFEST OUT`"),
        },
        ("" | "help" | "--help" | "-h", _) => {
            print!("{USAGE}");
            Ok(())
        }
        ("bench", _) => bail!("expected `cargo xtask bench ingest`, `idle`, `library`, `pages` or `scale`"),
        (unknown, _) => bail!("there is no command {unknown:?}; `cargo xtask help` lists them"),
    }
}

/// Builds plugins, program and the programs beside it.
fn build_release() -> Result<()> {
    let program = workspace().join("target/release/playrelay");
    if !program.exists() {
        eprintln!("building the plugins and the host; about 6 minutes the first time");
    }
    plugins::bundled()?;
    let mut build = cargo(&["build"]);
    build.args(RELEASE);
    // Where it was built is nobody's business: paths of the builder's folders stay out of the program.
    if env::var_os("RUSTFLAGS").is_none() && env::var_os("CARGO_ENCODED_RUSTFLAGS").is_none() {
        build.env("CARGO_ENCODED_RUSTFLAGS", shell::remapped().join("\u{1f}"));
    }
    shell::run(&mut build)
}

fn run(arguments: &[String]) -> Result<()> {
    build_release()?;
    let data = workspace().join("target/playrelay");
    let mut command = shell::command(workspace().join("target/release/playrelay"));
    command.arg("serve");
    let configured = workspace().join("playrelay.toml").exists();
    if !configured
        && !arguments.iter().any(|argument| argument == "--config" || argument.starts_with("--config="))
        && env::var_os("PLAYRELAY__SERVER__DATA_DIR").is_none()
    {
        println!("there is no playrelay.toml here: what is kept goes to {}", data.display());
        command.env("PLAYRELAY__SERVER__DATA_DIR", data);
    }
    shell::run(command.args(arguments))
}

/// Compares the exchanges of the last tests with the documents of the services.
fn contracts(is_partial: bool) -> Result<()> {
    let documents = workspace().join("../shared/contracts");
    if !documents.exists() {
        println!("{} is not there: nothing is held against the services' documents", documents.display());
        return Ok(());
    }
    let exchanges = workspace().join("target/exchanges");
    if is_partial && !exchanges.exists() {
        // Tests were chosen that speak to no fake.
        return Ok(());
    }
    let mut check = shell::command(workspace().join("target/debug/contracts"));
    check.arg(exchanges).arg(documents);
    if is_partial {
        check.arg("--partial");
    }
    shell::run(&mut check)
}

/// Runs a program of the test crate against a daemon that is built for release.
fn with_release_build(program: &str, arguments: &[String]) -> Result<()> {
    build_release()?;
    let target = workspace().join("target/release");
    shell::run(
        shell::command(target.join(program)).args(arguments).env("PLAYRELAY_BIN", target.join("playrelay")),
    )
}

/// Takes a picture of every page, on a phone and on a desktop, light and dark, after an evening that is made up.
fn screenshots() -> Result<()> {
    plugins::bundled()?;
    clients::install()?;
    shell::run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let target = workspace().join("target/debug");
    let mut pictures = shell::command(target.join("examples/screenshots"));
    shell::run(
        pictures.arg(workspace().join("target/screenshots")).env("PLAYRELAY_BIN", target.join("playrelay")),
    )
}

/// Runs the kill test for longer than the other tests have time.
fn kill_test(arguments: &[String]) -> Result<()> {
    let (seconds, seed) = match arguments {
        [] => ("600", "1"),
        [seconds] => (seconds.as_str(), "1"),
        [seconds, seed] => (seconds.as_str(), seed.as_str()),
        _ => bail!("expected `cargo xtask kill-test [SECONDS] [SEED]`"),
    };
    if [seconds, seed].iter().any(|number| number.parse::<u64>().is_err()) {
        bail!("SECONDS and SEED are whole numbers; got {seconds:?} and {seed:?}");
    }
    plugins::bundled()?;
    let mut test =
        cargo(&["test", "--workspace", "--test", "end_to_end", "--", "kill_test::", "--nocapture"]);
    shell::run(test.env("PLAYRELAY_KILL_TEST_SECONDS", seconds).env("PLAYRELAY_KILL_TEST_SEED", seed))
}

fn test(arguments: &[String]) -> Result<()> {
    let is_long = arguments.first().is_some_and(|first| first == "--long");
    let arguments = if is_long { &arguments[1..] } else { arguments };
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    plugins::bundled()?;
    plugins::test_plugins()?;
    javascript::fixture()?;
    clients::install()?;
    // Tests that are run by their names are none of all targets.
    for targets in [&["--all-targets"][..], &["--test", "templates", "--test", "kodi"]] {
        let command = [&["clippy", "--workspace"], targets, &["--", "--deny", "warnings"]].concat();
        shell::run(&mut cargo(&command))?;
    }
    // With examples, features are those that the lints have built with: nothing is checked twice.
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--lib", "--bins", "--examples"]);
    shell::run(doc.env("RUSTDOCFLAGS", "--deny warnings"))?;
    shell::run(&mut cargo(&["build", "--workspace", "--all-targets"]))?;
    let mut command = cargo(&["test", "--workspace"]);
    command.env("PLAYRELAY_BIN", workspace().join("target/debug/playrelay"));
    // Most of what runs end to end waits: for a pause that holds, for a tracker's pace.
    if env::var_os("RUST_TEST_THREADS").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        command.env("RUST_TEST_THREADS", (2 * cores).to_string());
    }
    if is_long {
        command.env("PLAYRELAY_LONG_TESTS", "1");
    }
    // What is said to the fakes is held against what the services publish, where that is there.
    let exchanges = workspace().join("target/exchanges");
    if exchanges.exists() {
        std::fs::remove_dir_all(&exchanges)?;
    }
    shell::run(command.args(arguments).env("PLAYRELAY_EXCHANGES", &exchanges))?;
    contracts(!arguments.is_empty())
}
