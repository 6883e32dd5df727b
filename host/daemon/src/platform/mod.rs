//! What the operating system is asked for, and what it says about itself: who runs the program, who has a port, what a folder lies on.
//!
//! - `container`: whether the program runs in one
//! - `user`: the user as whom a container runs
//! - `port_owner`: the program that has a port
//! - `memory_limit`: a limit on the memory of this process
//! - `file_system`: file systems on which a database is not safe

pub mod container;
pub mod file_system;
pub(crate) mod memory_limit;
pub mod port_owner;
pub mod user;
