//! The program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// The allocator of musl is four times slower with two threads at work.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    playrelay::cli::run()
}
