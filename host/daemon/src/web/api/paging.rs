//! Lists in pages.

use crate::web::api::problem::{Problem, ProblemCode};

/// Rows of an answer, where the query does not say.
const DEFAULT_ROWS: u32 = 50;
/// Rows of an answer at most.
const MAX_ROWS: u32 = 500;

/// Rows of a list that can be left out at most.
const MAX_OFFSET: u32 = 1_000_000;

/// How many rows of a list are left out, or the place of the last that was seen.
pub(crate) fn offset(name: &str, asked: Option<u32>) -> Result<Option<u32>, Problem> {
    match asked {
        Some(offset) if offset > MAX_OFFSET => {
            let detail = format!("`{name}` is {offset}; expected 0 to {MAX_OFFSET}");
            Err(Problem::new(ProblemCode::InvalidRequest, detail, "ask for `next` of the answer before"))
        }
        asked => Ok(asked),
    }
}

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
