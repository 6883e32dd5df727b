//! What the targets share: a webhook made of any bytes.

#![forbid(unsafe_code)]

use playrelay_sdk::capability::webhook::Request;
use playrelay_sdk::host::types::Field;
use playrelay_sdk::webhook;

/// A request of which the first byte says how its text comes: as the body, in the fields that servers use, or as a form of
/// lines `name=value`.
pub fn request(bytes: &[u8]) -> Request {
    let (how, bytes) = bytes.split_first().map_or((0, bytes), |(how, rest)| (*how, rest));
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut request = match how % 4 {
        1 => webhook::request(Some("payload"), &text),
        2 => webhook::request(Some("data"), &text),
        3 => webhook::request(None, ""),
        _ => webhook::request(None, &text),
    };
    if how % 4 == 3 {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let field = |(name, value): (&str, &str)| Field { name: name.to_owned(), value: value.to_owned() };
        request.form = pairs.map(field).collect();
    }
    request
}
