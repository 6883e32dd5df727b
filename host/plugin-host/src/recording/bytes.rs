//! Lists of bytes in a form that people can read, and that can be searched for what is personal.
//!
//! JSON has no bytes: a list of them becomes a list of numbers. Here such a list is an object with one field, and the list again when it is read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// The field of bytes that are text.
const TEXT: &str = "$text";
/// The field of other bytes.
const ENCODED: &str = "$base64";
/// Shorter lists of small numbers stay as they are. Entries.
const SHORTEST: usize = 4;

/// Writes every list of bytes as an object.
pub(super) fn written(value: Value) -> Value {
    match value {
        Value::Array(items) => match as_bytes(&items).map(String::from_utf8) {
            Some(Ok(text)) => json!({ TEXT: text }),
            Some(Err(error)) => json!({ ENCODED: BASE64.encode(error.as_bytes()) }),
            None => Value::Array(items.into_iter().map(written).collect()),
        },
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, written(value))).collect())
        }
        other => other,
    }
}

/// Reads what [`written`] has written. An object that says it is bytes, and is not, stays an object.
pub(super) fn read(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(read).collect()),
        Value::Object(fields) => match from_object(&fields) {
            Some(bytes) => json!(bytes),
            None => Value::Object(fields.into_iter().map(|(name, value)| (name, read(value))).collect()),
        },
        other => other,
    }
}

fn as_bytes(items: &[Value]) -> Option<Vec<u8>> {
    let byte = |item: &Value| item.as_u64().and_then(|number| u8::try_from(number).ok());
    if items.len() < SHORTEST { None } else { items.iter().map(byte).collect() }
}

fn from_object(fields: &serde_json::Map<String, Value>) -> Option<Vec<u8>> {
    if fields.len() != 1 {
        return None;
    }
    match (fields.get(TEXT), fields.get(ENCODED)) {
        (Some(Value::String(text)), _) => Some(text.as_bytes().to_vec()),
        (_, Some(Value::String(encoded))) => BASE64.decode(encoded).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_can_be_read_and_what_is_short_stays() {
        assert_eq!(written(json!({ "state": b"{\"a\":1}" })), json!({ "state": { "$text": "{\"a\":1}" } }));
        assert_eq!(written(json!([0xff, 0xfe, 0, 1])), json!({ "$base64": "//4AAQ==" }));
        assert_eq!(written(json!([1, 2, 3])), json!([1, 2, 3]));
        assert_eq!(written(json!([1, 2, 3, 400])), json!([1, 2, 3, 400]));
        assert_eq!(read(json!({ "$base64": "no base64" })), json!({ "$base64": "no base64" }));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes: Vec<u8>, numbers: Vec<u32>, text: String) {
            let value = json!({ "bytes": bytes, "numbers": [numbers], "text": text });
            prop_assert_eq!(read(written(value.clone())), value);
        }
    }
}
