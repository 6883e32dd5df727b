//! What the targets share: a webhook made of any bytes.

#![forbid(unsafe_code)]

use playrelay_sdk::capability::webhook::Request;
use playrelay_sdk::host::types::Field;

/// A request of which the first byte says how its text comes: as the body, in the fields that servers use, or as a form of
/// lines `name=value`.
pub fn request(bytes: &[u8]) -> Request {
    let (how, bytes) = bytes.split_first().map_or((0, bytes), |(how, rest)| (*how, rest));
    let text = String::from_utf8_lossy(bytes).into_owned();
    let field = |name: &str, value: &str| Field { name: name.to_owned(), value: value.to_owned() };
    let mut request = Request {
        media_type: "application/json".to_owned(),
        headers: Vec::new(),
        query: Vec::new(),
        form: Vec::new(),
        body: String::new(),
        received_at: "2026-11-21T20:11:00Z".to_owned(),
    };
    match how % 4 {
        1 => request.form = vec![field("payload", &text)],
        2 => request.form = vec![field("data", &text)],
        3 => {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            request.form = pairs.map(|(name, value)| field(name, value)).collect();
        }
        _ => request.body = text,
    }
    request
}
