//! `[[network]]` and `[[credential]]`: where a plugin sends requests, and what the host adds to them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::template::Template;

/// `[[network]]`: an origin that the plugin may reach.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// `https://api.example.org`, or `{settings.url}` for a server address.
    pub origin: Template,
    /// For the person who approves it.
    pub reason: String,
}

/// `[[credential]]`: what the host adds to requests to an origin.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialRule {
    /// One of the origins of `[[network]]`.
    pub origin: Template,
    /// Only where this setting is set.
    pub when: Option<String>,
    /// Only where this setting is not set.
    pub unless: Option<String>,
    /// Headers, by lower-case name.
    #[serde(default)]
    pub headers: BTreeMap<String, Template>,
    /// Query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, Template>,
    /// Parts of the path: the host puts the value in the place of the part that has this name, for services whose addresses have a secret in them.
    #[serde(default)]
    pub path: BTreeMap<String, Template>,
    /// A name and a password, sent as RFC 7617 says.
    pub basic: Option<Basic>,
    /// A signature of the request, added after everything else.
    pub signature: Option<Signature>,
}

/// `basic` of `[[credential]]`: `authorization: Basic …`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    /// The name.
    pub user: Template,
    /// The password.
    pub password: Template,
}

/// `signature` of `[[credential]]`: HMAC-SHA256 over a text that names parts of the request.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// The key of the signature.
    pub key: Template,
    /// The signed text: `{request.method}`, `{request.url}`, `{request.path}`, `{request.query}`, `{request.body}` and
    /// `{request.timestamp}` (seconds since 1970) stand for what is sent, before the signature is added.
    pub over: Template,
    /// The encoding of the signature.
    #[serde(default)]
    pub encoding: SignatureEncoding,
    /// The header that has it.
    pub header: Option<String>,
    /// The query parameter that has it, where no header does.
    pub query: Option<String>,
}

/// The encoding of a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureEncoding {
    /// Hexadecimal digits in lower case.
    #[default]
    Hex,
    /// Base64 with padding.
    Base64,
}

impl CredentialRule {
    /// Everything with holes.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let basic = self.basic.iter().flat_map(|basic| [&basic.user, &basic.password]);
        let signature = self.signature.iter().flat_map(|signature| [&signature.key, &signature.over]);
        let places = self.headers.values().chain(self.query.values()).chain(self.path.values());
        places.chain(basic).chain(signature)
    }

    /// Whether it adds a header of this name: a guest cannot set that one.
    pub fn adds_header(&self, name: &str) -> bool {
        let is = |header: &String| header.eq_ignore_ascii_case(name);
        let signed = self.signature.as_ref().and_then(|signature| signature.header.as_ref());
        self.headers.keys().any(is)
            || signed.is_some_and(is)
            || (self.basic.is_some() && name.eq_ignore_ascii_case("authorization"))
    }
}
