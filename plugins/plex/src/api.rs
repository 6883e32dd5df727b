//! Questions to the server.

use playrelay_sdk::host::types::Failure;
use playrelay_sdk::server;
use serde_json::Value;

/// The `MediaContainer` in the answer to a path.
pub fn get(path: &str) -> Result<Value, Failure> {
    let mut answer = server::get(&format!("{}{path}", server::address()?))?;
    Ok(answer["MediaContainer"].take())
}

/// The parts of an item: the episodes of a season.
pub fn children(rating_key: &str) -> Result<Vec<Value>, Failure> {
    let mut found = get(&format!("/library/metadata/{rating_key}/children"))?;
    match found["Metadata"].take() {
        Value::Array(children) => Ok(children),
        _ => Ok(Vec::new()),
    }
}

/// An item of the library, with its ids and markers.
pub fn item(rating_key: &str) -> Result<Value, Failure> {
    if !server::is_id(rating_key) {
        return Err(Failure::Rejected(format!("{rating_key:?} is not the key of an item")));
    }
    let mut found = get(&format!("/library/metadata/{rating_key}?includeGuids=1&includeMarkers=1"))?;
    Ok(found["Metadata"][0].take())
}
