//! Reading a section key by key. What is left at its end is unknown.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::document::{ConfigError, Location, SpannedValue, Value};

/// Percent below which no threshold is believed.
const LEAST_THRESHOLD: f64 = 20.0;

/// A section that is being read.
pub struct Section<'a> {
    name: String,
    keys: BTreeMap<String, SpannedValue>,
    known: Vec<String>,
    problems: &'a mut Vec<ConfigError>,
}

impl<'a> Section<'a> {
    /// Begins to read a section; `name` is for complaints.
    pub fn new(
        name: impl Into<String>,
        keys: BTreeMap<String, SpannedValue>,
        problems: &'a mut Vec<ConfigError>,
    ) -> Self {
        Self { name: name.into(), keys, known: Vec::new(), problems }
    }

    /// The name, for complaints: `[scrobble]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a key stands that has not been taken.
    pub fn location(&self, key: &str) -> Location {
        self.keys.get(key).map_or(Location::Nowhere, |node| node.place.clone())
    }

    /// Takes a key as it is.
    pub fn take(&mut self, key: &str) -> Option<SpannedValue> {
        self.known.push(key.to_owned());
        self.keys.remove(key)
    }

    /// Takes a section inside this one; a missing one is empty.
    pub fn table(&mut self, key: &str) -> BTreeMap<String, SpannedValue> {
        self.read(key, "a section", |value| match value {
            Value::Table(table) => Some(table),
            _ => None,
        })
        .unwrap_or_default()
    }

    /// Takes text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        self.read(key, "text", text)
    }

    /// Takes a size: bytes, or a number with `KiB`, `MiB` (or `KB`, `MB`, which mean the same here) behind it.
    pub fn size(&mut self, key: &str) -> Option<u64> {
        self.read(key, "a size such as \"10 MiB\", or a number of bytes", |value| match value {
            Value::Integer(number) => u64::try_from(number).ok(),
            Value::Text(text) => size(text.trim()),
            _ => None,
        })
    }

    /// Takes `true` or `false`.
    pub fn boolean(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |value| match value {
            Value::Boolean(flag) => Some(flag),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        })
    }

    /// Takes a percentage of at least [`LEAST_THRESHOLD`]: a smaller one is a fraction, or a slip that counts looks as watches.
    pub fn threshold(&mut self, key: &str) -> Option<f64> {
        let place = self.location(key);
        let percent = self.percent(key)?;
        if percent >= LEAST_THRESHOLD {
            return Some(percent);
        }
        let meant = if percent > 0.0 && percent <= 1.0 { (percent * 100.0).round() } else { 80.0 };
        let text = format!(
            "`{key}` in {} is {percent}; expected a percentage from {LEAST_THRESHOLD} to 100, such as {meant}: with less, a short look \
             would count as watched",
            self.name
        );
        self.error(place, text);
        None
    }

    /// Takes a percentage.
    pub fn percent(&mut self, key: &str) -> Option<f64> {
        self.read(key, "a percentage from 0 to 100", |value| {
            match value {
                Value::Integer(number) => u8::try_from(number).ok().map(f64::from),
                Value::Float(number) => Some(number),
                Value::Text(text) => text.trim().trim_end_matches('%').trim_end().parse().ok(),
                _ => None,
            }
            .filter(|percent: &f64| (0.0..=100.0).contains(percent))
        })
    }

    /// Takes a duration.
    pub fn duration(&mut self, key: &str) -> Option<Duration> {
        self.read(key, "a duration such as \"90s\", \"15m\", \"12h\" or \"30d\"", parse_duration)
    }

    /// Takes a duration, or `false` (inside: nothing).
    pub fn duration_or_off(&mut self, key: &str) -> Option<Option<Duration>> {
        self.read(key, "a duration such as \"7d\", or false", |value| match value {
            Value::Boolean(false) => Some(None),
            Value::Text(text) if text.trim() == "false" => Some(None),
            other => parse_duration(other).map(Some),
        })
    }

    /// Takes `true` or `false`, or a duration.
    pub fn flag_or_duration(&mut self, key: &str) -> Option<Result<bool, Duration>> {
        self.read(key, "false, or a duration such as \"5m\"", |value| match value {
            Value::Boolean(flag) => Some(Ok(flag)),
            Value::Text(text) if text.trim() == "off" => Some(Ok(false)),
            Value::Text(text) if text.trim().parse::<bool>().is_ok() => text.trim().parse().ok().map(Ok),
            other => parse_duration(other).map(Err),
        })
    }

    /// Takes a list of texts; one text alone is a list too.
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        self.read(key, "a list of texts", texts)
    }

    /// Takes `true` or `false`, or a list of texts.
    pub fn flag_or_texts(&mut self, key: &str) -> Option<Result<bool, Vec<String>>> {
        self.read(key, "true, false, or a list of texts", |value| match value {
            Value::Boolean(flag) => Some(Ok(flag)),
            Value::Text(text) if text.trim().parse::<bool>().is_ok() => text.trim().parse().ok().map(Ok),
            other => texts(other).map(Err),
        })
    }

    fn read<T>(&mut self, key: &str, expected: &str, read: impl FnOnce(Value) -> Option<T>) -> Option<T> {
        let SpannedValue { value, place } = self.take(key)?;
        let found = match &value {
            Value::List(_) if expected.contains("a list") => "a list of other values".to_owned(),
            value => value.shown(key),
        };
        let read = read(value);
        if read.is_none() {
            let text = format!("`{key}` in {} is {found}; expected {expected}", self.name);
            self.problems.push(ConfigError { place, text });
        }
        read
    }

    /// Complains that a key is missing: of the key that it was misspelt as, where there is such a one, and `text` otherwise.
    pub fn missing(&mut self, key: &str, place: Location, text: String) {
        let misspelt = self.keys.keys().find(|found| is_near(found, key) && !self.known.contains(found));
        let Some(found) = misspelt.cloned() else { return self.error(place, text) };
        if let Some(node) = self.keys.remove(&found) {
            let text = unknown_key_message("key", &found, &self.name, &[key.to_owned()]);
            self.problems.push(ConfigError { place: node.place, text });
        }
    }

    /// Takes text that must be there. `place` is that of the section.
    pub fn required_text(&mut self, key: &str, place: &Location, expected: &str) -> Option<String> {
        let text = self.text(key);
        if text.is_none() {
            let complaint = format!("{} has no `{key}`; expected {expected}", self.name);
            self.missing(key, place.clone(), complaint);
        }
        text
    }

    /// Complains.
    pub fn error(&mut self, place: Location, text: String) {
        self.problems.push(ConfigError { place, text });
    }

    /// The keys that were not taken: for sections with keys of a plugin.
    pub fn remaining_keys(self) -> BTreeMap<String, SpannedValue> {
        self.keys
    }

    /// Ends the section: complains of every key that was not taken.
    pub fn finish(self) {
        for (key, node) in &self.keys {
            let text = unknown_key_message("key", key, &self.name, &self.known);
            self.problems.push(ConfigError { place: node.place.clone(), text });
        }
    }
}

/// Whether one name is probably the other, with a slip of the finger or two.
pub fn is_near(found: &str, meant: &str) -> bool {
    strsim::damerau_levenshtein(found, meant) <= (meant.len() / 3).clamp(1, 2)
}

/// The complaint about a name that nobody knows, with the nearest one that somebody does.
pub fn unknown_key_message(what: &str, found: &str, within: &str, known: &[String]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 2).max(1))
        .min();
    let hint = nearest.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default();
    let allowed =
        if known.is_empty() { "there is none".to_owned() } else { format!("allowed: {}", known.join(", ")) };
    format!("unknown {what} `{found}` in {within}{hint} ({allowed})")
}

/// Blanks around a value come from copying, and are never meant.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

fn texts(value: Value) -> Option<Vec<String>> {
    match value {
        Value::List(items) => items.into_iter().map(|item| text(item.value)).collect(),
        Value::Text(text) => Some(text.split(',').map(|item| item.trim().to_owned()).collect()),
        _ => None,
    }
}

fn parse_duration(value: Value) -> Option<Duration> {
    match value {
        Value::Integer(seconds) => u64::try_from(seconds).ok().map(Duration::from_secs),
        Value::Text(text) => duration(text.trim()),
        _ => None,
    }
}

fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.trim_end().parse().ok()?;
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// Reads a duration: seconds, or a number with `ms`, `s`, `m`, `h` or `d` behind it.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: u64 = digits.trim_end().parse().ok()?;
    let unit = match &text[digits.len()..] {
        "ms" => return Some(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.checked_mul(unit).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in
            [("10485760", 10 << 20), ("10MiB", 10 << 20), ("10 MB", 10 << 20), ("64k", 64 << 10)]
        {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5MiB", "1 TB", "99999999999999999999"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("2 h", 7_200), ("30d", 2_592_000)] {
            assert_eq!(duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Some(Duration::from_millis(250)));
        for text in ["", "s", "-1s", "1w", "1.5h", "99999999999999999999d"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }
}
