//! Text with holes: `Bearer {credential.access_token}`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Hole(Placeholder),
}

/// The value of a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{settings.KEY}`: a setting, secret ones included.
    Setting(String),
    /// `{credential.KEY}`: a part of the login.
    Credential(String),
    /// `{host.name}`: the name of this host.
    HostName,
    /// The version of this host.
    HostVersion,
    /// A random name of this installation and account.
    HostInstance,
    /// `{request.PART}`: a part of the request itself, where it is signed.
    Request(RequestPart),
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestPart {
    /// The verb, in capital letters.
    Method,
    /// The whole address.
    Url,
    /// The path of the address.
    Path,
    /// The query of the address, without its question mark.
    Query,
    /// The body. A request without a body gives an empty text.
    Body,
    /// When it is sent, in seconds since 1970.
    Timestamp,
}

impl RequestPart {
    const ALL: [Self; 6] = [Self::Method, Self::Url, Self::Path, Self::Query, Self::Body, Self::Timestamp];

    /// The name, as manifests have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Method => "method",
            Self::Url => "url",
            Self::Path => "path",
            Self::Query => "query",
            Self::Body => "body",
            Self::Timestamp => "timestamp",
        }
    }
}

/// A template, as it stands in a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// The reason why a template cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "{text:?} has a hole that nothing fills: found {{{hole}}}, expected {{settings.x}}, {{credential.x}}, \
     {{host.name}}, {{host.version}}, {{host.instance}}, or {{request.x}} where a request is signed"
)]
pub struct TemplateError {
    text: String,
    hole: String,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// A brace is not closed, or a hole is unknown.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (hole, after) = after.split_once('}').unwrap_or((after, ""));
            let filled = match hole.split_once('.') {
                Some(("settings", key)) if !key.is_empty() => Placeholder::Setting(key.to_owned()),
                Some(("credential", key)) if !key.is_empty() => Placeholder::Credential(key.to_owned()),
                Some(("host", "name")) => Placeholder::HostName,
                Some(("host", "version")) => Placeholder::HostVersion,
                Some(("host", "instance")) => Placeholder::HostInstance,
                Some(("request", part)) => {
                    match RequestPart::ALL.into_iter().find(|it| it.as_str() == part) {
                        Some(part) => Placeholder::Request(part),
                        None => return Err(TemplateError { text: text.to_owned(), hole: hole.to_owned() }),
                    }
                }
                _ => return Err(TemplateError { text: text.to_owned(), hole: hole.to_owned() }),
            };
            parts.push(Part::Hole(filled));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// Fills the holes; `fill` says what with. Its first `Err` ends the rendering.
    ///
    /// # Errors
    ///
    /// The first error of `fill`.
    pub fn render<E>(&self, mut fill: impl FnMut(&Placeholder) -> Result<String, E>) -> Result<String, E> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::Hole(hole) => text.push_str(&fill(hole)?),
            }
        }
        Ok(text)
    }

    /// The text, where it has no holes.
    pub fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The setting, where the template is one hole and nothing else.
    pub fn only_setting(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Hole(Placeholder::Setting(key))] => Some(key),
            _ => None,
        }
    }

    /// The setting with which it begins, where what follows cannot change the host of a URL.
    pub fn leading_setting(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Part::Hole(Placeholder::Setting(key))] => Some(key),
            [Part::Hole(Placeholder::Setting(key)), Part::Text(rest), ..] if rest.starts_with('/') => {
                Some(key)
            }
            _ => None,
        }
    }

    /// The text before the first hole.
    pub fn leading_literal(&self) -> &str {
        match self.0.first() {
            Some(Part::Text(text)) => text,
            _ => "",
        }
    }

    /// The settings that it names.
    pub fn settings(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Hole(Placeholder::Setting(key)) => Some(key.as_str()),
            _ => None,
        })
    }

    /// The parts of the request that it names.
    pub fn request_parts(&self) -> impl Iterator<Item = RequestPart> {
        self.0.iter().filter_map(|part| match part {
            Part::Hole(Placeholder::Request(part)) => Some(*part),
            _ => None,
        })
    }

    /// Whether it takes anything from the login.
    pub fn needs_login(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Hole(Placeholder::Credential(_))))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            Part::Text(text) => f.write_str(text),
            Part::Hole(Placeholder::Setting(key)) => write!(f, "{{settings.{key}}}"),
            Part::Hole(Placeholder::Credential(key)) => write!(f, "{{credential.{key}}}"),
            Part::Hole(Placeholder::HostName) => f.write_str("{host.name}"),
            Part::Hole(Placeholder::HostVersion) => f.write_str("{host.version}"),
            Part::Hole(Placeholder::HostInstance) => f.write_str("{host.instance}"),
            Part::Hole(Placeholder::Request(part)) => write!(f, "{{request.{}}}", part.as_str()),
        })
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Template {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_filled_and_unknown_ones_refused() {
        let template = Template::parse("Bearer {credential.access_token}!").unwrap();
        let text = template.render(|hole| match hole {
            Placeholder::Credential(key) => Ok::<_, ()>(key.to_uppercase()),
            _ => Err(()),
        });
        assert_eq!(text, Ok("Bearer ACCESS_TOKEN!".to_owned()));
        assert_eq!(template.to_string(), "Bearer {credential.access_token}!");
        for broken in ["{env.HOME}", "{settings.}", "{", "a{b}c"] {
            assert!(Template::parse(broken).is_err(), "{broken}");
        }
    }
}
