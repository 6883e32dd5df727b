//! Changes of a configuration's text. Only the bytes that a change is about are touched: comments, order, quotes and line ends of all
//! else stay as somebody wrote them.

use std::ops::Range;

use serde_json::Value as Json;
use toml_edit::{Array, ArrayOfTables, Document, InlineTable, Item, Key, Table, TableLike, Value};

use crate::config::key_path::{KeyPath, KeyPathError, Segment};

/// Levels of a value.
const MAX_DEPTH: usize = 4;

/// A change of a configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The key's place.
    pub path: KeyPath,
    /// The value from now on; absent where the key is removed.
    pub value: Option<Json>,
}

/// A part of a text, and what stands there from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// In their place.
    pub text: String,
}

/// Why a text cannot be changed so.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EditError {
    /// It is no TOML.
    #[error("the configuration cannot be read: {0}")]
    Text(String),
    /// It is no place.
    #[error(transparent)]
    Path(#[from] KeyPathError),
    /// There is no such key.
    #[error("there is no {0} in the file")]
    Missing(String),
    /// A key of a value that has none.
    #[error("{0} is a value, and has no keys of its own")]
    NoSection(String),
    /// The value cannot be written as TOML.
    #[error(
        "the value of {0} cannot be written: expected text, a number, true, false, or a list or a section of these"
    )]
    Value(String),
}

/// Makes changes, one after another.
///
/// # Errors
///
/// Fails where one of them cannot be made; none is then.
pub fn apply(text: &str, changes: &[Change]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for change in changes {
        let splice = splice(&text, change)?;
        text.replace_range(splice.range, &splice.text);
    }
    Ok(text)
}

/// The part of a text that a change replaces. To put back what stood there undoes the change, to the byte.
///
/// # Errors
///
/// Fails where the change cannot be made.
pub fn splice(text: &str, change: &Change) -> Result<Splice, EditError> {
    let document = Document::parse(text).map_err(|error| EditError::Text(error.message().to_owned()))?;
    let editor = Editor { text, newline: if text.contains("\r\n") { "\r\n" } else { "\n" } };
    match &change.value {
        Some(value) => editor.set(document.as_table(), &change.path, value),
        None => editor.remove(document.as_table(), &change.path),
    }
}

/// Where a key is, or would be.
enum Found<'a> {
    /// It is there.
    Item(&'a Item),
    /// It is an entry of a list of sections.
    Section(&'a Table),
    /// It is not there, but its section is.
    InTable(&'a Table, String),
    /// It is not there, but the inline section that it would be in is.
    InInline(&'a InlineTable, String),
    /// The section is not there either; these are the keys of its name.
    NewSection(Vec<String>, String),
    /// One more of a list of sections.
    NewEntry(Vec<String>, Option<&'a ArrayOfTables>),
    /// One more of a list of inline sections.
    NewInline(&'a Array),
}

struct Editor<'a> {
    text: &'a str,
    newline: &'static str,
}

impl Editor<'_> {
    fn set(&self, root: &Table, path: &KeyPath, value: &Json) -> Result<Splice, EditError> {
        let wrong = || EditError::Value(path.to_string());
        match find(root, path)? {
            Found::Item(item) => match (item, value) {
                (Item::Value(found), value) => {
                    let range = found.span().ok_or_else(|| EditError::Missing(path.to_string()))?;
                    Ok(Splice { range, text: inline(value, 0).ok_or_else(wrong)? })
                }
                _ => Err(EditError::NoSection(path.to_string())),
            },
            Found::Section(_) => Err(EditError::NoSection(path.to_string())),
            Found::InTable(table, key) => match value {
                Json::Object(_) => {
                    let keys = path.keys().ok_or_else(wrong)?.into_iter().map(str::to_owned).collect();
                    self.new_section(keys, value).ok_or_else(wrong)
                }
                value => {
                    let line = format!("{} = {}", key, inline(value, 0).ok_or_else(wrong)?);
                    Ok(self.new_line(root, table, path, &line))
                }
            },
            Found::InInline(table, key) => {
                let value = inline(value, 0).ok_or_else(wrong)?;
                let range = table.span().ok_or_else(|| EditError::Missing(path.to_string()))?;
                let end = range.end.saturating_sub(1);
                let inside = self.text[range.start + 1..end].trim_end().len();
                let at = range.start + 1 + inside;
                let comma = if table.is_empty() { " " } else { ", " };
                let text = format!("{comma}{key} = {value}");
                let text = if self.text[at..end].is_empty() { text + " " } else { text };
                Ok(Splice { range: at..at, text })
            }
            Found::NewSection(mut keys, key) => match value {
                Json::Object(_) => {
                    keys.push(key);
                    self.new_section(keys, value).ok_or_else(wrong)
                }
                value => {
                    let line = format!("{} = {}", key, inline(value, 0).ok_or_else(wrong)?);
                    Ok(self.append_block(&[format!("[{}]", keys.join(".")), line]))
                }
            },
            Found::NewEntry(keys, entries) => {
                let Json::Object(fields) = value else { return Err(wrong()) };
                let mut lines = vec![format!("[[{}]]", keys.join("."))];
                for (key, value) in in_order(fields) {
                    lines.push(format!("{} = {}", written(key), inline(value, 0).ok_or_else(wrong)?));
                }
                let last = entries.and_then(|entries| entries.iter().last());
                match last.and_then(|last| self.end_of_section(root, last)) {
                    Some(at) => Ok(self.insert_block(at, &lines)),
                    None => Ok(self.append_block(&lines)),
                }
            }
            Found::NewInline(array) => {
                let value = inline(value, 0).ok_or_else(wrong)?;
                let range = array.span().ok_or_else(|| EditError::Missing(path.to_string()))?;
                let last = array.iter().last().and_then(Value::span);
                let (at, text) = match last {
                    Some(last) => (last.end, format!(", {value}")),
                    None => (range.start + 1, value),
                };
                Ok(Splice { range: at..at, text })
            }
        }
    }

    fn remove(&self, root: &Table, path: &KeyPath) -> Result<Splice, EditError> {
        let missing = || EditError::Missing(path.to_string());
        match find(root, path)? {
            Found::Section(table) => {
                let range = self.section(root, table).ok_or_else(missing)?;
                Ok(Splice { range, text: String::new() })
            }
            Found::Item(Item::Table(table)) => {
                let range = self.section(root, table).ok_or_else(missing)?;
                Ok(Splice { range, text: String::new() })
            }
            Found::Item(item) => {
                let value = item.span().ok_or_else(missing)?;
                Ok(Splice { range: self.assignment(&value), text: String::new() })
            }
            _ => Err(missing()),
        }
    }

    /// A key with its value: its whole line, or its part of an inline section with one comma.
    fn assignment(&self, value: &Range<usize>) -> Range<usize> {
        let line = self.text[..value.start].rfind('\n').map_or(0, |at| at + 1);
        let before = &self.text[line..value.start];
        let opened = before.rfind(['{', ',']);
        let is_inline = opened.is_some_and(|at| {
            // A comma or a brace in front of the key, and not within quotes of a key.
            before[at + 1..].contains('=') && !before[..at].contains('#')
        });
        if is_inline {
            let opened = line + opened.unwrap_or_default();
            let after = self.text[value.end..].trim_start();
            if self.text.as_bytes()[opened] == b',' {
                return opened..value.end;
            }
            if let Some(rest) = after.strip_prefix(',') {
                return opened + 1..self.text.len() - rest.len();
            }
            return opened + 1..value.end;
        }
        let end = self.text[value.end..].find('\n').map_or(self.text.len(), |at| value.end + at + 1);
        line..end
    }

    /// A new line at the end of the keys of a section.
    fn new_line(&self, root: &Table, table: &Table, path: &KeyPath, line: &str) -> Splice {
        let last = last_value(table).and_then(Item::span);
        let line = match table.is_dotted() {
            // The keys of the section are written in full: so is the new one.
            true => format!("{path} = {}", line.split_once(" = ").map_or("", |(_, value)| value)),
            false => line.to_owned(),
        };
        let at = last.map(|last| last.end).or_else(|| table.span().map(|span| span.end));
        let is_root = std::ptr::eq(root, table);
        let Some(at) = at.filter(|_| !is_root || last_value(table).is_some()) else {
            return Splice { range: 0..0, text: line + self.newline };
        };
        let indent: String = last_value(table)
            .and_then(Item::span)
            .map(|value| {
                let start = self.text[..value.start].rfind('\n').map_or(0, |at| at + 1);
                self.text[start..].chars().take_while(|letter| matches!(letter, ' ' | '\t')).collect()
            })
            .unwrap_or_default();
        match self.text[at..].find('\n') {
            Some(end) => {
                let at = at + end + 1;
                Splice { range: at..at, text: format!("{indent}{line}{}", self.newline) }
            }
            None => {
                let at = self.text.len();
                Splice { range: at..at, text: format!("{}{indent}{line}", self.newline) }
            }
        }
    }

    /// A section with its keys, at the end of the text.
    fn new_section(&self, keys: Vec<String>, value: &Json) -> Option<Splice> {
        let Json::Object(fields) = value else { return None };
        let mut lines = vec![format!("[{}]", keys.join("."))];
        for (key, value) in in_order(fields) {
            lines.push(format!("{} = {}", written(key), inline(value, 0)?));
        }
        Some(self.append_block(&lines))
    }

    fn append_block(&self, lines: &[String]) -> Splice {
        let at = self.text.len();
        let is_fresh = self.text.is_empty() || self.text.ends_with('\n');
        let gap = match (self.text.trim().is_empty(), is_fresh) {
            (true, _) => String::new(),
            (false, true) => self.newline.to_owned(),
            (false, false) => self.newline.repeat(2),
        };
        Splice { range: at..at, text: format!("{gap}{}{}", lines.join(self.newline), self.newline) }
    }

    fn insert_block(&self, at: usize, lines: &[String]) -> Splice {
        if at >= self.text.len() {
            return self.append_block(lines);
        }
        let text = format!("{}{}{}", self.newline, lines.join(self.newline), self.newline);
        Splice { range: at..at, text }
    }

    /// The lines of a section, with those of the sections in it, up to the next section that is not.
    fn section(&self, root: &Table, table: &Table) -> Option<Range<usize>> {
        let mut starts = Vec::new();
        headers(root, &mut starts);
        let mut own = Vec::new();
        headers(table, &mut own);
        own.extend(table.span().map(|span| span.start));
        let first = own.iter().min().copied()?;
        let next = starts.iter().filter(|start| **start > first && !own.contains(start)).min().copied();
        let start = self.text[..first].rfind('\n').map_or(0, |at| at + 1);
        // What stands above the next section belongs to that one.
        let end = next.map_or(self.text.len(), |next| self.above(next));
        Some(start..end.max(start))
    }

    /// The end of the lines of a section.
    fn end_of_section(&self, root: &Table, table: &Table) -> Option<usize> {
        let range = self.section(root, table)?;
        let text = self.text[range.clone()].trim_end();
        let end = range.start + text.len();
        Some(self.text[end..].find('\n').map_or(self.text.len(), |at| end + at + 1))
    }

    /// Where the comments above a section begin.
    fn above(&self, header: usize) -> usize {
        let mut start = self.text[..header].rfind('\n').map_or(0, |at| at + 1);
        while start > 0 {
            let before = self.text[..start - 1].rfind('\n').map_or(0, |at| at + 1);
            if !self.text[before..start].trim_start().starts_with('#') {
                break;
            }
            start = before;
        }
        start
    }
}

/// Looks for a key, as far as the sections on the way to it are there.
fn find<'a>(root: &'a Table, path: &KeyPath) -> Result<Found<'a>, EditError> {
    let mut table = root;
    let mut keys = Vec::new();
    let mut segments = path.0.iter().peekable();
    while let Some(segment) = segments.next() {
        let Segment::Key(key) = segment else { return Err(EditError::NoSection(path.to_string())) };
        let is_last = segments.peek().is_none();
        let Some(item) = table.get(key) else {
            if matches!(segments.peek(), Some(Segment::Append)) {
                keys.push(key.clone());
                return Ok(Found::NewEntry(keys, None));
            }
            if matches!(segments.peek(), Some(Segment::Index(_))) {
                return Err(EditError::Missing(path.to_string()));
            }
            if is_last && (!table.is_implicit() || table.is_dotted()) && !keys.is_empty() {
                return Ok(Found::InTable(table, key.clone()));
            }
            // A section that is not there, or only by those in it.
            keys.push(key.clone());
            for segment in segments {
                let Segment::Key(key) = segment else { return Err(EditError::Missing(path.to_string())) };
                keys.push(key.clone());
            }
            let last = keys.pop().unwrap_or_default();
            return Ok(match keys.is_empty() {
                true => Found::InTable(root, last),
                false => Found::NewSection(keys, last),
            });
        };
        keys.push(key.clone());
        match (item, segments.peek()) {
            (item, None) => return Ok(Found::Item(item)),
            (Item::ArrayOfTables(entries), Some(Segment::Append)) => {
                return Ok(Found::NewEntry(keys, Some(entries)));
            }
            (Item::ArrayOfTables(entries), Some(Segment::Index(index))) => {
                let entry = entries.get(*index).ok_or_else(|| EditError::Missing(path.to_string()))?;
                segments.next();
                if segments.peek().is_none() {
                    return Ok(Found::Section(entry));
                }
                table = entry;
            }
            (Item::Value(Value::Array(entries)), Some(Segment::Append)) => {
                return Ok(Found::NewInline(entries));
            }
            (Item::Value(Value::InlineTable(inner)), Some(Segment::Key(_))) => {
                return find_inline(inner, segments.cloned().collect(), path);
            }
            (Item::Table(inner), Some(Segment::Key(_))) => table = inner,
            _ => return Err(EditError::NoSection(keys.join("."))),
        }
    }
    Err(EditError::Missing(path.to_string()))
}

fn find_inline<'a>(
    table: &'a InlineTable,
    rest: Vec<Segment>,
    path: &KeyPath,
) -> Result<Found<'a>, EditError> {
    let [Segment::Key(key)] = rest.as_slice() else { return Err(EditError::NoSection(path.to_string())) };
    Ok(match TableLike::get(table, key) {
        Some(item) => Found::Item(item),
        None => Found::InInline(table, key.clone()),
    })
}

/// The value of a section that stands last in the text.
fn last_value(table: &Table) -> Option<&Item> {
    let values = table.iter().map(|(_, item)| item).filter(|item| item.is_value());
    values.filter_map(|item| Some((item.span()?.end, item))).max_by_key(|(end, _)| *end).map(|(_, item)| item)
}

/// Where the headers of all sections in a table begin.
fn headers(table: &Table, starts: &mut Vec<usize>) {
    for (_, item) in table.iter() {
        match item {
            Item::Table(inner) => {
                let is_written = !inner.is_dotted() && !inner.is_implicit();
                starts.extend(inner.span().filter(|_| is_written).map(|span| span.start));
                headers(inner, starts);
            }
            Item::ArrayOfTables(entries) => {
                for entry in entries {
                    starts.extend(entry.span().map(|span| span.start));
                    headers(entry, starts);
                }
            }
            Item::None | Item::Value(_) => {}
        }
    }
}

/// A key as it stands in the text: in quotes where it has other letters than keys have.
fn written(key: &str) -> String {
    Key::new(key).to_string()
}

/// A value, as it stands behind a key. Nothing for what TOML does not have.
fn inline(value: &Json, depth: usize) -> Option<String> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match value {
        Json::Null => return None,
        Json::Bool(flag) => flag.to_string(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.to_string(),
            (None, Some(number)) => Value::from(number).to_string(),
            (None, None) => return None,
        },
        Json::String(text) => Value::from(text.as_str()).to_string(),
        Json::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|item| inline(item, depth + 1)).collect();
            format!("[{}]", items?.join(", "))
        }
        Json::Object(fields) => {
            let lines = in_order(fields).into_iter();
            let lines = lines.map(|(key, it)| Some(format!("{} = {}", written(key), inline(it, depth + 1)?)));
            let fields: Option<Vec<String>> = lines.collect();
            format!("{{ {} }}", fields?.join(", "))
        }
    })
}

/// The fields of a new section: its plugin first, then by name, whatever order the request has.
fn in_order(fields: &serde_json::Map<String, Json>) -> Vec<(&String, &Json)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(key, _)| (*key != "plugin", *key));
    fields
}

#[cfg(test)]
mod tests;
