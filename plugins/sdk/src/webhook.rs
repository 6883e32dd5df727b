//! Helpers for reading webhooks, and for tests of that.

use serde_json::Value;

use crate::capability::webhook::{ParseError, Request};
use crate::host::reports::{Ignored, Report};
use crate::host::types::Field;
use crate::lenient;

/// The names of the field in which forms and workflow tools put a message.
const WRAPPERS: [&str; 3] = ["payload", "data", "body"];

/// A message that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The message.
    pub value: Value,
    /// How it had to be read, where that was not as it should be: reports that say so, to stand behind the others.
    pub remarks: Vec<Report>,
}

impl Message {
    /// The reports of a message, with what there is to remark.
    pub fn with(self, mut reports: Vec<Report>) -> Vec<Report> {
        reports.extend(self.remarks);
        reports
    }
}

/// Reads strict JSON, with or without a byte order mark in front. `what` names it where it is none: "the payload".
pub fn json(text: &str, what: &str) -> Result<Value, ParseError> {
    serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| ParseError::Malformed(format!("{what} is not JSON: {error}")))
}

/// The text of a message, and what it is in: a form's field, or the body. Absent for a form without such a field.
pub fn text(request: &Request) -> Option<(&str, String)> {
    let field = |name: &&str| request.form.iter().find(|field| field.name == **name);
    if let Some(field) = WRAPPERS.iter().find_map(field) {
        return Some((&field.value, format!("the form field \u{201c}{}\u{201d}", field.name)));
    }
    request.form.is_empty().then(|| (request.body.as_str(), "the body".to_owned()))
}

/// Reads a message: as JSON, leniently where it is not quite that; and out of one wrapper, where a workflow tool has put one around
/// it. `is_message` says whether a value is one.
pub fn message(text: &str, what: &str, is_message: impl Fn(&Value) -> bool) -> Result<Message, ParseError> {
    let (value, repaired) = value(text, what)?;
    let mut remarks: Vec<Report> = repaired.into_iter().collect();
    if is_message(&value) {
        return Ok(Message { value, remarks });
    }
    let Some((wrapper, inner)) = unwrapped(&value) else { return Ok(Message { value, remarks }) };
    let inner = match inner {
        Value::String(text) => match self::value(text, &wrapper) {
            Ok((inner, repaired)) => {
                remarks.extend(repaired);
                inner
            }
            // A title may be called `body`, and a text need not be JSON.
            Err(_) => return Ok(Message { value, remarks }),
        },
        inner => inner.clone(),
    };
    if !is_message(&inner) {
        return Ok(Message { value, remarks });
    }
    remarks.push(remark("unwrapped", format!("the message stood in {wrapper}")));
    Ok(Message { value: inner, remarks })
}

/// The message in a wrapper: a text, a field, or the only value of a list.
fn unwrapped(value: &Value) -> Option<(String, &Value)> {
    match value {
        Value::String(_) => Some(("a text of JSON".to_owned(), value)),
        Value::Array(list) => match list.as_slice() {
            [only] => Some(("a list".to_owned(), only)),
            _ => None,
        },
        Value::Object(fields) => WRAPPERS.iter().find_map(|name| {
            let inner = fields.get(*name).filter(|inner| inner.is_object() || inner.is_string())?;
            Some((format!("\u{201c}{name}\u{201d}"), inner))
        }),
        _ => None,
    }
}

/// JSON, read leniently where it is not quite that.
fn value(text: &str, what: &str) -> Result<(Value, Option<Report>), ParseError> {
    let strict = match json(text, what) {
        Ok(value) => return Ok((value, None)),
        Err(error) => error,
    };
    let Some((repaired, repair)) = lenient::repair(text.trim_start_matches('\u{feff}')) else {
        return Err(strict);
    };
    let value = serde_json::from_str(&repaired).map_err(|_| strict)?;
    let detail = format!(
        "{what} is not quite JSON, and was read as it was meant: {} at line {} column {}",
        repair.what, repair.line, repair.column
    );
    Ok((value, Some(remark("lenient-json", detail))))
}

fn remark(code: &str, detail: String) -> Report {
    Report::Ignored(Ignored { code: code.to_owned(), detail })
}

/// A request for tests: its text in a form's field, or as the body where no field is named.
pub fn request(field: Option<&str>, text: &str) -> Request {
    let form = field.map(|name| Field { name: name.to_owned(), value: text.to_owned() });
    Request {
        media_type: if field.is_some() { "multipart/form-data" } else { "application/json" }.to_owned(),
        headers: Vec::new(),
        query: Vec::new(),
        body: if field.is_some() { String::new() } else { text.to_owned() },
        form: form.into_iter().collect(),
        received_at: "2026-11-21T20:11:00Z".to_owned(),
    }
}

/// The words of an error, for tests.
pub fn reason(error: ParseError) -> String {
    match error {
        ParseError::Malformed(text) | ParseError::Unsupported(text) => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn codes(message: &Message) -> Vec<&str> {
        let code = |report: &Report| match report {
            Report::Ignored(ignored) => Some(ignored.code.clone()),
            _ => None,
        };
        let known = ["lenient-json", "unwrapped"];
        let found: Vec<String> = message.remarks.iter().filter_map(code).collect();
        known.into_iter().filter(|code| found.iter().any(|found| found == code)).collect()
    }

    #[test]
    fn a_message_is_taken_out_of_one_wrapper() {
        let is_message = |value: &Value| value["event"].is_string();
        let bare = json!({ "event": "x" });
        let text = bare.to_string();
        for wrapped in [
            json!({ "payload": text }),
            json!({ "data": bare, "headers": {} }),
            json!({ "body": bare }),
            json!(text),
            json!([bare]),
        ] {
            let message = message(&wrapped.to_string(), "the body", is_message).unwrap();
            assert_eq!((&message.value, codes(&message)), (&bare, vec!["unwrapped"]), "{wrapped}");
        }
        let plain = message(&text, "the body", is_message).unwrap();
        assert_eq!((&plain.value, codes(&plain)), (&bare, vec![]));
        // What is no message inside stays what it was outside.
        for other in
            [json!({ "payload": { "payload": bare } }), json!({ "body": "no JSON" }), json!([bare, bare])]
        {
            assert_eq!(message(&other.to_string(), "the body", is_message).unwrap().value, other);
        }
    }

    #[test]
    fn what_is_not_quite_json_is_marked() {
        let read = message("{\"event\":\"x\",\"Overview\":\"a\nb\",}", "the body", |_| true).unwrap();
        assert_eq!((&read.value["Overview"], codes(&read)), (&json!("a\nb"), vec!["lenient-json"]));
        let wrapped =
            message("{\"payload\":\"{\\\"event\\\": True}\"}", "the body", |it| it["event"] == true);
        assert_eq!(codes(&wrapped.unwrap()), ["lenient-json", "unwrapped"]);
        assert!(
            reason(message("{\"event\":", "the body", |_| true).unwrap_err())
                .contains("the body is not JSON")
        );
    }
}
