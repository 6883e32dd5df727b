//! Sections of a configuration, written one after another.

use std::fmt::Write as _;

/// Sections that are being written.
#[derive(Default)]
pub(super) struct Sections(String);

impl Sections {
    /// Begins a section: `[sources.home]`, `[[routes]]`.
    pub(super) fn begin(&mut self, name: &str) {
        // Writing to a text cannot fail, here and below.
        let _ = writeln!(self.0, "\n{name}");
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.0, "{key} = {}", quoted(value));
    }

    /// A list of texts; an empty one is left out.
    pub(super) fn texts(&mut self, key: &str, values: &[String]) {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        if !values.is_empty() {
            let _ = writeln!(self.0, "{key} = [{}]", values.join(", "));
        }
    }

    /// A number, `true` or `false`.
    pub(super) fn value(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    /// All of them.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
