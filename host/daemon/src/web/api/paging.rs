//! Lists in pages.

use crate::web::api::problem::{Problem, ProblemCode};

/// Rows of an answer, where the query does not say.
const DEFAULT_ROWS: u32 = 50;
/// Rows of an answer at most.
const MAX_ROWS: u32 = 500;

/// The limit of a list.
pub(crate) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked.unwrap_or(DEFAULT_ROWS) {
        limit @ 1..=MAX_ROWS => Ok(limit),
        other => {
            let detail = format!("`limit` is {other}; expected 1 to {MAX_ROWS}");
            Err(Problem::new(ProblemCode::InvalidRequest, detail, "ask for the next page with `before`"))
        }
    }
}
