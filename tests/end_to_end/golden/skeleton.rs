//! The form of JSON values: their keys, the words that are ours, and the types of everything else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// What was found at each place, of all values that were added.
#[derive(Default)]
pub struct Skeleton(BTreeMap<String, BTreeSet<String>>);

impl Skeleton {
    /// There is such a place.
    pub fn name(&mut self, place: &str) {
        self.0.entry(place.to_owned()).or_default();
    }

    /// This very word is there.
    pub fn word(&mut self, place: &str, word: &str) {
        self.0.entry(place.to_owned()).or_default().insert(word.to_owned());
    }

    /// Adds a value.
    pub fn add(&mut self, place: &str, value: &Value) {
        match value {
            Value::Object(fields) => {
                self.name(place);
                for (name, value) in fields {
                    // A key that is data: an id, a time, or an address.
                    let is_data = name.is_empty()
                        || name.chars().any(|letter| letter.is_ascii_digit() || ":/ ".contains(letter));
                    let name = if is_data { "*" } else { name };
                    self.add(&format!("{place}.{name}"), value);
                }
            }
            Value::Array(values) => {
                self.word(place, "list");
                values.iter().for_each(|value| self.add(&format!("{place}[]"), value));
            }
            Value::String(text) => self.word(place, kind(text)),
            Value::Number(_) => self.word(place, "number"),
            Value::Bool(_) => self.word(place, "bool"),
            Value::Null => self.word(place, "null"),
        }
    }
}

/// A word of ours as it is; a text, an id or a time by that name.
fn kind(text: &str) -> &str {
    let is_word = text.chars().all(|letter| letter.is_ascii_lowercase() || "-_".contains(letter));
    let is_time = text.len() >= 20 && text.as_bytes()[4] == b'-' && text.ends_with('Z');
    match text {
        "" => "empty",
        _ if is_time => "time",
        _ if is_word => text,
        _ => "text",
    }
}

impl fmt::Display for Skeleton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, kinds) in &self.0 {
            let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
            writeln!(f, "{place}: {}", kinds.join(" | "))?;
        }
        Ok(())
    }
}
