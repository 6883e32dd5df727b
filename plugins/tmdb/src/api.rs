//! Requests to the API. The host adds the key.

use playrelay_sdk::host::types::Failure;
use playrelay_sdk::{failure, http};
use serde_json::Value;

/// Gets a path; absent where there is no such thing.
pub fn get(path: &str) -> Result<Option<Value>, Failure> {
    let answer = http::get(&http::join_setting("api_url", path), http::ACCEPT_JSON)?;
    match answer.status {
        200..=299 => answer.json().map(Some),
        404 => Ok(None),
        401 => Err(Failure::Blocked(
            "TMDb refused the key (`api_key`) or the token (`read_token`); see themoviedb.org/settings/api"
                .to_owned(),
        )),
        _ => Err(failure::from_status(&answer, "TMDb")),
    }
}

/// Text as it may stand in a query.
pub fn query(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_written_as_urls_want_them() {
        assert_eq!(query("Amélie & co"), "Am%C3%A9lie%20%26%20co");
    }
}
