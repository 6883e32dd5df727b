//! What an author of a plugin needs.
//!
//! - [`scaffold`]: a first project, in Rust, JavaScript or Python
//! - [`language`]: the languages whose tools are known
//! - [`project`]: a project: its language, its build, its component
//! - [`case`]: a test: the input of one call, and the answers of the services that it speaks to
//! - [`cassette`]: those answers, in the network's place
//! - [`subject`]: the component that is tested, with an account that is made up
//! - [`runner`]: runs tests, and compares what comes out with what was kept
//! - [`conformance`]: what any source and any sink must survive

#![forbid(unsafe_code)]

pub mod case;
pub mod cassette;
pub mod conformance;
mod error;
pub mod language;
pub mod project;
pub mod runner;
pub mod scaffold;
pub mod subject;

pub use error::KitError;
