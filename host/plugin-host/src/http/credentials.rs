//! The credentials that the host adds to a request: settings, login, and a signature.

use std::convert::Infallible;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::http::login_tokens::LoginTokens;
use crate::http::message::{HttpError, Request};
use crate::http::outbound::{Outbound, RequestPurpose};
use crate::manifest::{CredentialRule, SignatureEncoding};
use crate::placeholders;
use crate::template::{Placeholder, RequestPart, Template};

impl Outbound {
    /// Fills a template from settings that are no secrets.
    pub fn render_public(&self, template: &Template) -> String {
        let filled = template.render(|hole| {
            Ok::<_, Infallible>(match hole {
                Placeholder::Setting(key) => self.settings.get(key).cloned().unwrap_or_default(),
                Placeholder::HostName => self.wire.host.name.to_owned(),
                Placeholder::HostVersion => self.wire.host.version.to_owned(),
                Placeholder::HostInstance => self.instance.clone(),
                Placeholder::Credential(_) | Placeholder::Request(_) => String::new(),
            })
        });
        match filled {
            Ok(text) => text,
            Err(never) => match never {},
        }
    }

    /// Fills a template, secrets included. A hole that cannot be filled is an error, never a bare request.
    ///
    /// # Errors
    ///
    /// A hole has no value: the user is not logged in, or a setting is missing.
    pub fn render(&self, template: &Template, login: Option<&LoginTokens>) -> Result<Secret, HttpError> {
        self.render_for(template, login, None)
    }

    /// The same of a template that may name parts of the request that it is for.
    pub(crate) fn render_for(
        &self,
        template: &Template,
        login: Option<&LoginTokens>,
        request: Option<(&Request, Timestamp)>,
    ) -> Result<Secret, HttpError> {
        let missing = |what: &str, key: &str| {
            HttpError::NotLoggedIn(format!("account {:?} has no {what} {key:?}", self.account))
        };
        let text = template.render(|hole| match hole {
            Placeholder::Setting(key) => match (self.secrets.get(key), self.settings.get(key)) {
                (Some(secret), _) => Ok(secret.expose().to_owned()),
                (None, Some(value)) => Ok(value.clone()),
                (None, None) => match login.and_then(|login| login.sendable(key)) {
                    Some(secret) => Ok(secret.expose().to_owned()),
                    None if self.in_login.contains(key) => Err(HttpError::NotLoggedIn(format!(
                        "account {0:?} has no {key:?} and is not logged in; run `playrelay connect {0}`",
                        self.account
                    ))),
                    None => Err(missing("setting", key)),
                },
            },
            Placeholder::Credential(key) => match login.and_then(|login| login.sendable(key)) {
                Some(secret) => Ok(secret.expose().to_owned()),
                None => Err(HttpError::NotLoggedIn(format!(
                    "account {:?} is not logged in; run `playrelay connect {}`",
                    self.account, self.account
                ))),
            },
            Placeholder::HostName => Ok(self.wire.host.name.to_owned()),
            Placeholder::HostVersion => Ok(self.wire.host.version.to_owned()),
            Placeholder::HostInstance => Ok(self.instance.clone()),
            Placeholder::Request(part) => match request {
                Some((request, at)) => Ok(part_of(request, at, *part)),
                None => Err(missing("request to take a part of for", part.as_str())),
            },
        })?;
        Ok(Secret::new(text))
    }

    /// The same request with the account's credentials, and without what is not for a guest to say.
    pub(crate) fn with_credentials(
        &self,
        request: &Request,
        rules: &[&CredentialRule],
        login: Option<&LoginTokens>,
        purpose: RequestPurpose,
    ) -> Result<Request, HttpError> {
        let mut request = request.clone();
        request.headers.retain(|(name, _)| {
            (!is_reserved(name) || (purpose == RequestPurpose::LoginByPlugin && name == "authorization"))
                && !rules.iter().any(|rule| rule.adds_header(name))
        });
        let at = clock::now();
        for rule in rules {
            if let Some(basic) = &rule.basic {
                let user = self.render(&basic.user, login)?;
                let password = self.render(&basic.password, login)?;
                let pair = Zeroizing::new(format!("{}:{}", user.expose(), password.expose()));
                let value = format!("Basic {}", BASE64.encode(pair.as_bytes()));
                request.headers.push(("authorization".to_owned(), value));
            }
            for (name, template) in &rule.headers {
                let value = self.render_for(template, login, Some((&request, at)))?;
                request.headers.push((name.clone(), value.expose().to_owned()));
            }
            if !rule.path.is_empty() {
                let mut path = Zeroizing::new(String::new());
                for (index, part) in request.url.path().split('/').enumerate() {
                    if index > 0 {
                        path.push('/');
                    }
                    match rule.path.get(part) {
                        Some(template) => {
                            let value = self.render_for(template, login, Some((&request, at)))?;
                            path.push_str(&Zeroizing::new(placeholders::percent(value.expose())));
                        }
                        None => path.push_str(part),
                    }
                }
                request.url.set_path(&path);
            }
            if !rule.query.is_empty() {
                let kept: Vec<_> = request
                    .url
                    .query_pairs()
                    .filter(|(name, _)| !rule.query.contains_key(name.as_ref()))
                    .map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect();
                request.url.query_pairs_mut().clear().extend_pairs(kept);
                for (name, template) in &rule.query {
                    let value = self.render_for(template, login, Some((&request, at)))?;
                    request.url.query_pairs_mut().append_pair(name, value.expose());
                }
            }
        }
        for signature in rules.iter().filter_map(|rule| rule.signature.as_ref()) {
            let key = self.render(&signature.key, login)?;
            let over = self.render_for(&signature.over, login, Some((&request, at)))?;
            let mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes())
                .expect("HMAC takes keys of any length")
                .chain_update(over.expose())
                .finalize()
                .into_bytes();
            let value = match signature.encoding {
                SignatureEncoding::Hex => mac.iter().map(|byte| format!("{byte:02x}")).collect(),
                SignatureEncoding::Base64 => BASE64.encode(mac),
            };
            match (&signature.header, &signature.query) {
                (Some(header), _) => request.headers.push((header.clone(), value)),
                (None, Some(name)) => {
                    request.url.query_pairs_mut().append_pair(name, &value);
                }
                (None, None) => {}
            }
        }
        Ok(request)
    }
}

/// A part of a request, for a signature over it.
fn part_of(request: &Request, at: Timestamp, part: RequestPart) -> String {
    match part {
        RequestPart::Method => request.method.to_string(),
        RequestPart::Url => request.url.to_string(),
        RequestPart::Path => request.url.path().to_owned(),
        RequestPart::Query => request.url.query().unwrap_or_default().to_owned(),
        RequestPart::Body => {
            String::from_utf8_lossy(request.body.as_deref().unwrap_or_default()).into_owned()
        }
        RequestPart::Timestamp => at.as_second().to_string(),
    }
}

/// Headers that are the client's business.
fn is_reserved(name: &str) -> bool {
    const RESERVED: [&str; 10] = [
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "keep-alive",
    ];
    let name = name.to_ascii_lowercase();
    RESERVED.contains(&name.as_str()) || name.starts_with("proxy-")
}
