//! The manifest of a plugin: the TOML document in its `playrelay:manifest` custom section.
//!
//! It holds every static fact, so that the host can list, check, route and ask for approval without running code.

mod limits;
mod login;
mod network;
mod provides;
mod settings;
mod title_page;

use std::collections::BTreeMap;

pub use limits::{Counted, Limits, Quota, Rate};
pub use login::{
    DeviceLogin, Encoding, Login, LoginField, LoginMethod, PinLogin, PluginLogin, PollStatus, RefreshToken,
    part,
};
pub use network::{Basic, CredentialRule, Network, Signature, SignatureEncoding};
pub use provides::{
    Empty, EnrichFacts, Level, MetadataFacts, Provides, RatingFacts, RealtimeFacts, SinkAction,
    SinkBatchFacts, SinkFacts, WatchlistFacts, WebhookFacts,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use settings::{Setting, SettingKind};
pub use title_page::{TitlePage, TitlePages};

use crate::template::{RequestPart, Template};

/// The custom section that carries the manifest.
pub const SECTION: &str = "playrelay:manifest";
/// The track of the contract that this host serves.
pub const API_TRACK: &str = "0.1";

/// More often nobody needs to hear that something still plays. Ms.
const SHORTEST_HEARTBEAT_MS: u32 = 10_000;

/// A manifest.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Its id, names and version.
    pub plugin: Identity,
    /// The interfaces that it exports, with the facts of each.
    pub provides: Provides,
    /// The origins of its requests.
    #[serde(default)]
    pub network: Vec<Network>,
    /// The credentials that the host adds to its requests.
    #[serde(default)]
    pub credential: Vec<CredentialRule>,
    /// The login; absent if it needs none.
    pub login: Option<Login>,
    /// The settings.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    /// The limits that differ from the defaults.
    #[serde(default)]
    pub limits: Limits,
    /// Pages of titles at the site of the catalogue.
    #[serde(default, rename = "title-pages")]
    pub title_pages: TitlePages,
}

/// `[plugin]`
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Lower case letters, digits and hyphens; what `plugin = "…"` names in the configuration.
    pub id: String,
    /// The name, as people see it.
    pub name: String,
    /// The version of the plugin.
    pub version: String,
    /// The track of the contract, `0.1`.
    pub api: String,
    /// The purpose of the plugin, one sentence.
    #[serde(default)]
    pub description: String,
    /// Who publishes it, as people know them: a name, or `Name <address>`. Nobody checks it.
    pub publisher: Option<String>,
    /// SPDX.
    pub license: Option<String>,
    /// A page about the plugin, if it has one.
    pub homepage: Option<String>,
}

/// The form of a manifest, as a JSON Schema of draft 2020-12: for editors, and for the reference.
pub fn schema() -> Value {
    schemars::schema_for!(Manifest).to_value()
}

/// Letters of an id.
const MAX_ID_LETTERS: usize = 40;

/// Whether a text can be the id of a plugin: 1 to 40 of a-z, 0-9 and hyphens.
pub fn is_id(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_ID_LETTERS).contains(&text.len()) && text.bytes().all(is_letter)
}

/// Whether a letter of a manifest's source hides something: TOML needs none of these but line breaks and tabs.
fn is_hidden(letter: char) -> bool {
    crate::text::is_odd(letter) && !matches!(letter, '\n' | '\r' | '\t')
}

/// The key of a signature that has the text which is signed.
const SIGNED: &str = "over";

/// The reason why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// There is none.
    #[error("it carries no manifest (custom section \u{201c}{SECTION}\u{201d})")]
    Missing,
    /// It is not UTF-8.
    #[error("its manifest is not UTF-8 text")]
    Encoding,
    /// It is not the TOML that this page describes.
    #[error("its manifest cannot be read: {0}")]
    Syntax(String),
    /// It is for another host.
    #[error("it is built for contract {found}, and this host serves {API_TRACK}")]
    Api {
        /// The value in the manifest.
        found: String,
    },
    /// A rule is broken.
    #[error("its manifest says {0}")]
    Invalid(String),
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    ///
    /// The text is no TOML, has an unknown key, or breaks a rule; the error names the key.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::Encoding)?;
        if let Some(at) = text.char_indices().find(|(_, letter)| is_hidden(*letter)).map(|(at, _)| at) {
            let line = text[..at].matches('\n').count() + 1;
            return Err(ManifestError::Invalid(format!(
                "something in line {line} with a control character, or one that turns the direction of text"
            )));
        }
        let manifest: Self = toml::from_str(text)
            .map_err(|error| ManifestError::Syntax(error.to_string().trim().replace('\n', " ")))?;
        manifest.check_texts()?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Refuses control characters, which TOML can write: a text that is shown before an approval must not pretend to be another.
    fn check_texts(&self) -> Result<(), ManifestError> {
        fn check(value: &Value) -> Result<(), String> {
            match value {
                Value::String(text) if text.chars().any(crate::text::is_odd) => Err(format!(
                    "{:?}, which has a line break, a control character, or one that turns the direction of text",
                    crate::text::cut(text, crate::text::CODE)
                )),
                Value::String(text) if text.len() > crate::text::WORDS => {
                    Err(format!("a text of {} bytes; {} are allowed", text.len(), crate::text::WORDS))
                }
                Value::Array(list) => list.iter().try_for_each(check),
                Value::Object(fields) => {
                    let is_odd = |name: &&String| {
                        name.chars().any(crate::text::is_odd) || name.len() > crate::text::KEY
                    };
                    match fields.keys().find(is_odd) {
                        Some(name) => Err(format!(
                            "a name that cannot be shown: {:?}",
                            crate::text::cut(name, crate::text::CODE)
                        )),
                        // What is signed often has lines; it is shown in quotes, with their ends escaped.
                        None => fields.iter().try_for_each(|(name, value)| match value {
                            Value::String(over) if name == SIGNED => check(&over.replace('\n', " ").into()),
                            other => check(other),
                        }),
                    }
                }
                _ => Ok(()),
            }
        }
        let all = serde_json::to_value(self).map_err(|error| ManifestError::Syntax(error.to_string()))?;
        check(&all).map_err(ManifestError::Invalid)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let Identity { id, api, .. } = &self.plugin;
        if api != API_TRACK {
            return Err(ManifestError::Api { found: api.clone() });
        }
        let invalid = |text: String| Err(ManifestError::Invalid(text));
        if !is_id(id) {
            return invalid(format!("id = {id:?}; an id is 1 to 40 of a-z, 0-9 and -"));
        }
        if self.provides.names().is_empty() {
            return invalid("nothing under [provides]".to_owned());
        }
        if let Some(name) = self.legacy_webhook_names().iter().find(|name| !is_id(name)) {
            return invalid(format!("legacy webhook name {name:?}; a name is 1 to 40 of a-z, 0-9 and -"));
        }
        for network in &self.network {
            if network.reason.trim().is_empty() {
                return invalid(format!("no reason for the origin {}", network.origin));
            }
            self.check_origin(&network.origin)?;
        }
        for rule in &self.credential {
            if !self.network.iter().any(|network| network.origin == rule.origin) {
                return invalid(format!("a credential for {}, which is not under [[network]]", rule.origin));
            }
            if let Some(signature) = &rule.signature
                && signature.header.is_some() == signature.query.is_some()
            {
                return invalid(
                    "a signature with both a header and a query parameter, or with neither".to_owned(),
                );
            }
            if let Some(name) = rule.path.keys().find(|name| !is_id(&name.to_ascii_lowercase())) {
                return invalid(format!(
                    "a credential for the part {name:?} of a path; a name is 1 to 40 of A-Z, a-z, 0-9 and -"
                ));
            }
            let signs = rule.signature.is_some();
            let mut plain = rule.headers.values().chain(rule.query.values()).chain(rule.path.values());
            let names_more = |template: &Template| {
                template.request_parts().any(|part| !signs || part != RequestPart::Timestamp)
            };
            if let Some(template) = plain.find(|template| names_more(template)) {
                return invalid(format!(
                    "{template} in a credential; {{request.x}} stands in `over` of a signature, and {{request.timestamp}} beside it"
                ));
            }
        }
        if let Some(Login::Plugin(login)) = &self.login
            && (self.provides.auth.is_none() || login.methods.is_empty())
        {
            return invalid("a login by the plugin, without [provides.auth] or without methods".to_owned());
        }
        if let Some(login) = &self.login {
            login.urls().try_for_each(|url| self.check_login_url(url))?;
        }
        if let Some(realtime) = &self.provides.realtime {
            let address = &realtime.address;
            if address.only_setting().is_none() || !self.network.iter().any(|it| it.origin == *address) {
                return invalid(format!(
                    "address {address} under [provides.realtime]; it is {{settings.x}} of a server address under [[network]]"
                ));
            }
        }
        let mut pictures = self.provides.metadata.iter().flat_map(|facts| &facts.picture_origins);
        pictures.try_for_each(|origin| self.check_origin(origin))?;
        self.limits.check().map_err(ManifestError::Invalid)?;
        if let Some(batch) = &self.provides.sink_batch
            && (self.provides.sink.is_none() || !(1..=provides::MAX_BATCH_EVENTS).contains(&batch.max_events))
        {
            return invalid(format!(
                "[provides.sink-batch] with max-events = {}; it stands beside [provides.sink], and takes 1 to {} events",
                batch.max_events,
                provides::MAX_BATCH_EVENTS
            ));
        }
        let heartbeat = self.provides.sink.as_ref().and_then(|facts| facts.heartbeat_ms);
        if heartbeat.is_some_and(|ms| ms < SHORTEST_HEARTBEAT_MS) {
            return invalid(format!("heartbeat-ms below {SHORTEST_HEARTBEAT_MS}"));
        }
        let mut elsewhere = self.templates().filter(|template| template.request_parts().next().is_some());
        let is_of_rule = |template: &&Template| {
            self.credential.iter().any(|rule| rule.templates().any(|known| std::ptr::eq(known, *template)))
        };
        if let Some(template) = elsewhere.find(|template| !is_of_rule(template)) {
            return invalid(format!(
                "{template}; {{request.x}} stands in credentials that are signed, and nowhere else"
            ));
        }
        if let Some(key) = part::RESERVED.iter().find(|key| self.settings.contains_key(**key)) {
            return invalid(format!("[settings.{key}]; the host keeps a part of each login under this name"));
        }
        for (key, setting) in &self.settings {
            if setting.link.as_ref().is_some_and(|link| !link.starts_with("https://")) {
                return invalid(format!("[settings.{key}] has a `link` that is no https address"));
            }
        }
        for key in self.named_settings() {
            if !self.settings.contains_key(key) {
                return invalid(format!(
                    "`when`, `unless` or `required-unless` = {key:?}, and there is no [settings.{key}]"
                ));
            }
        }
        for template in self.templates() {
            if let Some(key) = template.settings().find(|key| !self.settings.contains_key(*key)) {
                return invalid(format!("{{settings.{key}}}, and there is no [settings.{key}]"));
            }
        }
        Ok(())
    }

    /// An origin is fixed, or a server address that the user types: never text with a hole in it.
    fn check_origin(&self, origin: &Template) -> Result<(), ManifestError> {
        if let Some(fixed) = origin.literal() {
            if fixed.contains('*') {
                return Err(ManifestError::Invalid(format!(
                    "origin {fixed:?}; an origin is one host, and patterns mean nothing"
                )));
            }
            return crate::http::Origin::parse(fixed)
                .map(drop)
                .map_err(|error| ManifestError::Invalid(format!("origin {fixed:?}: {error}")));
        }
        let key = origin.only_setting();
        match key.and_then(|key| self.settings.get(key)) {
            Some(setting) if setting.kind == SettingKind::ServerUrl && !setting.secret => Ok(()),
            _ => Err(ManifestError::Invalid(format!(
                "origin {origin}; an origin is a fixed address or {{settings.x}} of a setting of type server-url"
            ))),
        }
    }

    /// The host of a login's URL is fixed, or that of a server address that the user types.
    fn check_login_url(&self, url: &Template) -> Result<(), ManifestError> {
        let typed = url.leading_setting().and_then(|key| self.settings.get(key));
        let path = |rest: &str| rest.find('/').is_some_and(|slash| slash > 0);
        let fixed =
            ["https://", "http://"].iter().any(|it| url.leading_literal().strip_prefix(it).is_some_and(path));
        if fixed || typed.is_some_and(|setting| setting.kind == SettingKind::ServerUrl && !setting.secret) {
            return Ok(());
        }
        Err(ManifestError::Invalid(format!(
            "login address {url}; it begins with a fixed https://host/, or with {{settings.x}} of type server-url"
        )))
    }

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let credential = self.credential.iter().flat_map(CredentialRule::templates);
        let login = self.login.iter().flat_map(Login::templates);
        let pictures = self.provides.metadata.iter().flat_map(|facts| &facts.picture_origins);
        let dialled = self.provides.realtime.iter().flat_map(|facts| facts.query.values());
        let origins = self.network.iter().map(|network| &network.origin);
        origins.chain(credential).chain(login).chain(pictures).chain(dialled)
    }

    /// Settings on which something depends.
    fn named_settings(&self) -> impl Iterator<Item = &String> {
        let rules = self.credential.iter().flat_map(|rule| rule.when.iter().chain(&rule.unless));
        let settings = self.settings.values().filter_map(|setting| setting.required_unless.as_ref());
        rules.chain(self.login.iter().flat_map(Login::unless)).chain(settings)
    }

    /// The legacy webhook names, if any.
    pub fn legacy_webhook_names(&self) -> &[String] {
        self.provides.webhook.as_ref().map(|facts| facts.legacy_names.as_slice()).unwrap_or_default()
    }
}
