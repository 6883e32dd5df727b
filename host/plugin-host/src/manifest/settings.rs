//! `[settings.KEY]`: what a user sets.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `[settings.*]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Setting {
    /// The type of the value.
    #[serde(rename = "type", default)]
    pub kind: SettingKind,
    /// The label, as people see it.
    pub label: String,
    /// The help, one or two sentences.
    #[serde(default)]
    pub help: String,
    /// The https address of the page at which the user gets the value; absent if the service has no such page.
    pub link: Option<String>,
    /// The value if the user sets none; absent if there is no default.
    pub default: Option<String>,
    /// Whether the plugin can do nothing without it.
    #[serde(default)]
    pub required: bool,
    /// The setting in whose absence the plugin can do nothing without this one.
    pub required_unless: Option<String>,
    /// Never shown, never given to the plugin.
    #[serde(default)]
    pub secret: bool,
}

/// The type of a setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingKind {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// The address of a server: an http or https URL. Typing one allows the plugin to reach it.
    ServerUrl,
}

impl fmt::Display for SettingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Boolean => "true or false",
            Self::ServerUrl => "an http:// or https:// address",
        })
    }
}
