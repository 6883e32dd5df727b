//! The place of a key in a configuration.

use std::fmt;

/// A key's place: `server.listen`, `trackers.bob`, `routes[0].users`; `routes[+]` is one after the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPath(pub(super) Vec<Segment>);

/// A step on the way to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// The key of a section.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
    /// One more of a list.
    Append,
}

impl Segment {
    /// The key; absent for a place in a list.
    fn key(&self) -> Option<&str> {
        match self {
            Self::Key(key) => Some(key),
            Self::Index(_) | Self::Append => None,
        }
    }
}

/// A text is no place of a key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is no key; expected one such as \"server.listen\", \"trackers.bob.plugin\" or \"routes[0].users\""
)]
pub struct KeyPathError(String);

impl KeyPath {
    /// Reads a place.
    ///
    /// # Errors
    ///
    /// Fails where it is empty, or has other letters than keys have.
    pub fn parse(text: &str) -> Result<Self, KeyPathError> {
        let wrong = || KeyPathError(text.to_owned());
        let mut segments = Vec::new();
        for part in text.split('.') {
            let (key, index) = match part.split_once('[') {
                Some((key, rest)) => (key, Some(rest.strip_suffix(']').ok_or_else(wrong)?)),
                None => (part, None),
            };
            let is_key = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if key.is_empty() || !key.bytes().all(is_key) {
                return Err(wrong());
            }
            segments.push(Segment::Key(key.to_owned()));
            match index {
                None => {}
                Some("+") => segments.push(Segment::Append),
                Some(number) => segments.push(Segment::Index(number.parse().map_err(|_| wrong())?)),
            }
        }
        Ok(Self(segments))
    }

    /// The keys of a place without numbers; absent where it has some.
    pub fn keys(&self) -> Option<Vec<&str>> {
        self.0.iter().map(Segment::key).collect()
    }

    /// The last key.
    pub fn last_key(&self) -> &str {
        self.0.iter().rev().find_map(Segment::key).unwrap_or_default()
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if place > 0 => write!(f, ".{key}")?,
                Segment::Key(key) => f.write_str(key)?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Append => f.write_str("[+]")?,
            }
        }
        Ok(())
    }
}
