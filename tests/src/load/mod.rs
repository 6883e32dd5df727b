//! A load driver, light enough to leave most of a small machine to the server under test.

mod baseline;
mod driver;
mod process;
mod workload;

pub use baseline::serve as serve_bare;
pub use driver::{Figures, drive};
pub use process::Usage;
pub use workload::Workload;
