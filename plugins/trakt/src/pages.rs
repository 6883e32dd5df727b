//! Lists that come in pages: `X-Pagination-Page-Count` says how many there are.

use playrelay_sdk::host::types::Failure;
use playrelay_sdk::http::Response;
use serde_json::Value;

use crate::{api, response};

/// Entries of a page: the most that Trakt gives.
pub const SIZE: usize = 250;
/// Pages that are read of one list.
const MAX_PAGES: u32 = 40;

/// All entries of a list; `query` ends with `&` where there is one.
pub fn all(path: &str, query: &str) -> Result<Vec<Value>, Failure> {
    let mut entries = Vec::new();
    for page in 1..=MAX_PAGES {
        let (mut found, is_last) = one(path, query, page)?;
        entries.append(&mut found);
        if is_last {
            return Ok(entries);
        }
    }
    Err(Failure::Rejected(format!("Trakt has more than {MAX_PAGES} pages of {path}, which are not read")))
}

/// A page of a list, counted from 1, and whether it is the last one.
pub fn one(path: &str, query: &str, page: u32) -> Result<(Vec<Value>, bool), Failure> {
    let answer = response::require_success(api::get(&format!("{path}?{query}page={page}&limit={SIZE}"))?)?;
    let entries: Vec<Value> = answer.json()?;
    // A gateway may drop the header: then a page that is not full is the last.
    let is_last =
        number(&answer, "x-pagination-page-count").map_or(entries.len() < SIZE, |count| page >= count);
    Ok((entries, is_last))
}

/// How many entries a list has; absent where Trakt does not say.
pub fn count(path: &str) -> Result<Option<u32>, Failure> {
    let answer = response::require_success(api::get(&format!("{path}?page=1&limit=1"))?)?;
    Ok(number(&answer, "x-pagination-item-count"))
}

fn number(answer: &Response, header: &str) -> Option<u32> {
    answer.header(header)?.trim().parse().ok()
}
