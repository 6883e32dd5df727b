//! The program.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// That of musl is four times slower with two threads at work, and that of glibc costs a tenth of all work.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    playrelay::cli::run()
}
