//! Jobs: work that takes longer than a request. Each survives a restart, is bounded, can be cancelled, and shows how far it is.
//!
//! - [`spec`]: the kinds of jobs, and what each has to know
//! - `queue`: asking for a job, and telling others of it
//! - `runner`: begins what is due, a few at a time, and tries again what failed for a while
//! - `schedule`: asks for the jobs of a schedule
//! - `catch_up`: enters the plays of a server's own history
//! - `export`: writes a history into an archive
//! - `anime_refresh`: reads the file that maps ids of anime
//! - `metadata_refresh`: asks the catalogue for genres and missing ids
//! - `watchlist_import`: reads the watchlist of an account into a person's own
//! - `history_import`, `imported`: reads a history that another program wrote
//! - `import_delivery`: tells a tracker what an import has written

mod anime_refresh;
mod catch_up;
pub(crate) mod export;
mod history_import;
mod import_delivery;
pub(crate) mod imported;
mod metadata_refresh;
pub(crate) mod queue;
pub(crate) mod runner;
mod schedule;
pub mod spec;
mod step;
mod watchlist_import;
