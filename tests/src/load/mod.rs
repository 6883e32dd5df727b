//! A load driver, light enough to leave most of a small machine to the server under test.

mod bare;
mod driver;
mod process;

pub use bare::serve as serve_bare;
pub use driver::{Figures, drive};
pub use process::Usage;
