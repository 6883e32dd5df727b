//! A configuration as a tree in which every value knows where it stands, so that a complaint can say so.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use toml::de::{DeTable, DeValue};

/// The prefix of environment variables that set keys: `PLAYRELAY__SERVER__LISTEN`.
const PREFIX: &str = "PLAYRELAY__";
/// The end of a variable that names a file with the value.
const FILE_SUFFIX: &str = "_FILE";

/// Where a value stands. Ordered as a reader meets them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the file, at a line from 1.
    Line(String, usize),
    /// In an environment variable.
    Variable(String),
    /// Nowhere: it is missing altogether.
    Nowhere,
}

impl fmt::Display for Place {
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
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What was found, and what is allowed.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What.
    pub value: Value,
    /// Where.
    pub place: Place,
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
    List(Vec<Node>),
    /// `[section]`
    Table(BTreeMap<String, Node>),
}

impl Value {
    /// What it is, for a complaint. Never the value itself, which may be a secret.
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

/// Reads a file's text and lays the environment's variables over it.
pub fn read(
    file: Option<(&Path, &str)>,
    environment: impl Iterator<Item = (String, String)>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Node> {
    let mut root = file.map(|(path, text)| parse(path, text, problems)).unwrap_or_default();
    let mut variables: Vec<_> = environment.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    variables.sort();
    for (name, value) in variables {
        if let Err(text) = overlay(&mut root, &name, value) {
            problems.push(Problem { place: Place::Variable(name), text });
        }
    }
    root
}

fn parse(path: &Path, text: &str, problems: &mut Vec<Problem>) -> BTreeMap<String, Node> {
    let file = path.display().to_string();
    let line = |offset: usize| text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
    match DeTable::parse(text) {
        Ok(table) => convert_table(table.into_inner(), &|offset| Place::Line(file.clone(), line(offset))),
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            problems
                .push(Problem { place: Place::Line(file, line(offset)), text: error.message().to_owned() });
            BTreeMap::new()
        }
    }
}

fn convert_table(table: DeTable<'_>, place: &dyn Fn(usize) -> Place) -> BTreeMap<String, Node> {
    table
        .into_iter()
        .map(|(key, value)| {
            let at = place(key.span().start);
            (key.into_inner().into_owned(), Node { value: convert(value.into_inner(), place), place: at })
        })
        .collect()
}

fn convert(value: DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Value {
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
                .map(|item| Node {
                    place: place(item.span().start),
                    value: convert(item.into_inner(), place),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(convert_table(table, place)),
    }
}

/// A key as the file has it: variables have no letters of two cases.
fn as_written(table: &BTreeMap<String, Node>, key: &str) -> String {
    table.keys().find(|known| known.eq_ignore_ascii_case(key)).cloned().unwrap_or_else(|| key.to_owned())
}

/// Sets the key that a variable names. `PLAYRELAY__SOURCES__HOME__TOKEN_FILE` sets `token` of `[sources.home]` to what
/// the file holds.
fn overlay(root: &mut BTreeMap<String, Node>, name: &str, value: String) -> Result<(), String> {
    let path = name[PREFIX.len()..].to_lowercase();
    let mut keys: Vec<&str> = path.split("__").collect();
    let mut last = keys.pop().unwrap_or_default();
    let mut value = value;
    if let Some(key) = last.strip_suffix(&FILE_SUFFIX.to_lowercase()) {
        value = std::fs::read_to_string(&value)
            .map_err(|error| format!("the file {value} cannot be read: {error}"))?
            .trim_end_matches(['\r', '\n'])
            .to_owned();
        last = key;
    }
    if last.is_empty() || keys.iter().any(|key| key.is_empty()) || keys.is_empty() {
        return Err("expected a name such as PLAYRELAY__SERVER__LISTEN".to_owned());
    }
    let place = Place::Variable(name.to_owned());
    let mut table = root;
    for key in keys {
        let key = as_written(table, key);
        let node = table
            .entry(key.clone())
            .or_insert_with(|| Node { value: Value::Table(BTreeMap::new()), place: place.clone() });
        table = match &mut node.value {
            Value::Table(inner) => inner,
            other => return Err(format!("{key} is {} and has no keys of its own", other.kind())),
        };
    }
    table.insert(as_written(table, last), Node { value: Value::Text(value), place });
    Ok(())
}
