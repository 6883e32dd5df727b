//! A configuration as a tree in which every value knows where it stands, so that a complaint can say so.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml::de::{DeTable, DeValue};

/// The prefix of environment variables that set keys: `PLAYRELAY__SERVER__LISTEN`.
const PREFIX: &str = "PLAYRELAY__";
/// The prefix of all variables of this program.
const SHORT_PREFIX: &str = "PLAYRELAY_";
/// The end of a variable that names a file with the value.
const FILE_SUFFIX: &str = "_FILE";

/// The sections that have a name; `[[routes]]` is a list.
pub const SECTIONS: [&str; 13] = [
    "server",
    "store",
    "access",
    "plugins",
    "scrobble",
    "delivery",
    "sources",
    "trackers",
    "catalogues",
    "notifiers",
    "notify",
    "people",
    "mappings",
];

/// Where a value stands. Ordered as a reader meets them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// In the file, at a line from 1.
    Line(String, usize),
    /// In an environment variable.
    Variable(String),
    /// Nowhere: it is missing altogether.
    Nowhere,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(file, line) => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Nowhere => f.write_str("configuration"),
        }
    }
}

/// Something that is wrong, where it is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// The place in the configuration.
    pub place: Location,
    /// The value that was found, and the values that are allowed.
    pub text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct SpannedValue {
    /// The value.
    pub value: Value,
    /// The place in the configuration.
    pub place: Location,
}

/// A value. What comes from the environment is text, and is read as what the key wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `"text"`
    Text(String),
    /// `1`
    Integer(i64),
    /// `1.5`
    Float(f64),
    /// `true`
    Boolean(bool),
    /// `2026-11-21`
    Date(String),
    /// `[1, 2]`
    List(Vec<SpannedValue>),
    /// `[section]`
    Table(BTreeMap<String, SpannedValue>),
}

impl Value {
    /// The type of the value, for an error message. The value itself may be a secret.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Boolean(_) => "true or false",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a section",
        }
    }
}

/// Words in keys whose values are never shown.
const SECRET: [&str; 5] = ["token", "secret", "password", "key", "pin"];
/// Letters of a value that is shown.
const SHOWN: usize = 40;

impl Value {
    /// The value for an error message: a short value as it is, a long or secret one by its type.
    pub fn shown(&self, key: &str) -> String {
        let is_secret = is_secret_key(key);
        match self {
            Self::Text(text) if !is_secret && text.len() <= SHOWN && !text.contains("://") => {
                format!("{text:?}")
            }
            Self::Integer(number) if !is_secret => number.to_string(),
            Self::Float(number) if !is_secret => number.to_string(),
            Self::Boolean(flag) => flag.to_string(),
            other => other.kind().to_owned(),
        }
    }
}

impl Value {
    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) | Self::Date(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Boolean(flag) => (*flag).into(),
            Self::List(items) => items.iter().map(|item| item.value.to_json()).collect(),
            Self::Table(table) => {
                table.iter().map(|(key, node)| (key.clone(), node.value.to_json())).collect()
            }
        }
    }
}

/// Whether the value of a key of this name is never shown.
pub fn is_secret_key(key: &str) -> bool {
    SECRET.iter().any(|word| key.to_lowercase().contains(word))
}

/// Whether a value is never shown: by its key, or since it is an address with a password in it.
pub fn is_secret(key: &str, value: &str) -> bool {
    is_secret_key(key) || has_password(value)
}

/// Whether a text is an address of the form `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    let authority = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    authority.and_then(|it| it.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'))
}

/// Reads a file's text and lays the environment's variables over it.
pub fn read(
    file: Option<(&Path, &str)>,
    folder: &Path,
    environment: impl Iterator<Item = (String, String)>,
    problems: &mut Vec<ConfigError>,
) -> BTreeMap<String, SpannedValue> {
    let mut root = file.map(|(path, text)| parse(path, text, problems)).unwrap_or_default();
    let mut variables: Vec<_> = environment.filter(|(name, _)| name.starts_with(SHORT_PREFIX)).collect();
    variables.sort();
    for (name, value) in variables {
        let result = match name.starts_with(PREFIX) {
            true => apply_environment(&mut root, &name, value, folder),
            false => misspelt(&name).map_or(Ok(()), Err),
        };
        if let Err(text) = result {
            problems.push(ConfigError { place: Location::Variable(name), text });
        }
    }
    root
}

/// A variable with one `_` where two are expected, which would be ignored in silence.
fn misspelt(name: &str) -> Option<String> {
    let rest = name.strip_prefix(SHORT_PREFIX)?;
    let (section, key) = rest.split_once('_')?;
    let key = key.trim_start_matches('_');
    let is_section = section == section.to_uppercase() && SECTIONS.contains(&section.to_lowercase().as_str());
    let is_meant = is_section && !key.is_empty();
    is_meant.then(|| format!("it is not read; expected two `_` between the parts: {PREFIX}{section}__{key}"))
}

fn parse(path: &Path, text: &str, problems: &mut Vec<ConfigError>) -> BTreeMap<String, SpannedValue> {
    let file = path.display().to_string();
    // Where lines begin: a file has thousands of values, and each knows its line.
    let starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let line = |offset: usize| starts.partition_point(|start| *start <= offset) + 1;
    match DeTable::parse(text) {
        Ok(table) => convert_table(table.into_inner(), &|offset| Location::Line(file.clone(), line(offset))),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            let number = line(offset);
            let start = if number < 2 { 0 } else { starts[number - 2] };
            let shown = text[start..].lines().next().unwrap_or_default();
            let text = unreadable(error.message(), shown, offset.saturating_sub(start));
            problems.push(ConfigError { place: Location::Line(file, number), text });
            BTreeMap::new()
        }
    }
}

/// The error in a line, and the line with a caret below it. The message does not repeat the value, which may be a secret.
fn unreadable(reason: &str, line: &str, at: usize) -> String {
    let key = line.split_once('=').map_or(line, |(key, _)| key).trim();
    let remedy = match (line.split_once('='), line.contains(['\u{201c}', '\u{201d}'])) {
        (_, true) => "; the quotes are typographic ones, expected \"",
        (None, _) if line.contains(':') => "; expected TOML: key = \"value\"",
        (Some((_, value)), _) if value.trim().starts_with(|it: char| it.is_alphabetic()) => {
            "; text stands in quotes: key = \"value\""
        }
        _ => "",
    };
    let shown = if line.contains('=') { format!("{key} = \u{2026}") } else { key.to_owned() };
    let column = at.min(shown.chars().count());
    format!("the line cannot be read: {reason}{remedy}\n    {shown}\n    {:column$}^", "")
}

fn convert_table(table: DeTable<'_>, place: &dyn Fn(usize) -> Location) -> BTreeMap<String, SpannedValue> {
    table
        .into_iter()
        .map(|(key, value)| {
            let at = place(key.span().start);
            (
                key.into_inner().into_owned(),
                SpannedValue { value: convert(value.into_inner(), place), place: at },
            )
        })
        .collect()
}

fn convert(value: DeValue<'_>, place: &dyn Fn(usize) -> Location) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Text(number.as_str().to_owned()),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => Value::Text(number.as_str().to_owned()),
        },
        DeValue::Boolean(flag) => Value::Boolean(flag),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .into_iter()
                .map(|item| SpannedValue {
                    place: place(item.span().start),
                    value: convert(item.into_inner(), place),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, place)),
    }
}

/// A key as the file has it: variables have no letters of two cases, and no hyphens.
fn source_text(table: &BTreeMap<String, SpannedValue>, key: &str) -> String {
    let alike = |known: &&String| known.eq_ignore_ascii_case(key);
    let with_hyphens = |known: &&String| known.replace('-', "_").eq_ignore_ascii_case(key);
    let found = table.keys().find(alike).or_else(|| table.keys().find(with_hyphens));
    found.cloned().unwrap_or_else(|| key.to_owned())
}

/// Sets the key that a variable names. `PLAYRELAY__SOURCES__HOME__TOKEN_FILE` sets `token` of `[sources.home]` to what
/// the file holds.
fn apply_environment(
    root: &mut BTreeMap<String, SpannedValue>,
    name: &str,
    value: String,
    folder: &Path,
) -> Result<(), String> {
    let path = name[PREFIX.len()..].to_lowercase();
    let mut keys: Vec<&str> = path.split("__").collect();
    let mut last = keys.pop().unwrap_or_default();
    let mut value = value;
    if let Some(key) = last.strip_suffix(&FILE_SUFFIX.to_lowercase()) {
        value = std::fs::read_to_string(folder.join(&value))
            .map_err(|error| format!("the file {value} cannot be read: {error}"))?
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        last = key;
    }
    if last.is_empty() || keys.iter().any(|key| key.is_empty()) || keys.is_empty() {
        return Err("expected a name such as PLAYRELAY__SERVER__LISTEN".to_owned());
    }
    let place = Location::Variable(name.to_owned());
    let mut table = root;
    for key in keys {
        let key = source_text(table, key);
        let node = table
            .entry(key.clone())
            .or_insert_with(|| SpannedValue { value: Value::Table(BTreeMap::new()), place: place.clone() });
        table = match &mut node.value {
            Value::Table(inner) => inner,
            other => return Err(format!("{key} is {} and has no keys of its own", other.kind())),
        };
    }
    table.insert(source_text(table, last), SpannedValue { value: Value::Text(value), place });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn an_address_with_a_password_is_a_secret() {
        for (key, value, expected) in [
            ("url", "postgres://ada:hunter2@db/playrelay", true),
            ("url", "postgres://ada@db:5432/playrelay", false),
            ("url", "http://media.lan:8096/@home", false),
            ("url", "not an address: a@b", false),
            ("client_secret", "anything", true),
        ] {
            assert_eq!(is_secret(key, value), expected, "{key} = {value}");
        }
    }
}
