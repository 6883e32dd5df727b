//! What a person keeps: the titles that they watched, rated or put on a list, whichever server or service reports them.
//!
//! - [`title`]: a film or a show, and when two of them are the same one
//! - [`person`]: whose plays are whose
//! - [`recording`]: what a webhook address of one person records
//! - [`import`]: rows of a file or of a service's list, held against what is known
//! - [`statistics`]: counts over the days of a person's own time zone

pub mod import;
pub mod person;
pub mod recording;
pub mod statistics;
pub mod title;
