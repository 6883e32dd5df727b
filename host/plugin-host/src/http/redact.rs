//! Removes the secrets of the account from answers.

use std::cmp::Reverse;

use playrelay_util::secret::Secret;
use zeroize::Zeroizing;

use crate::http::login_tokens::LoginTokens;
use crate::http::message::Response;
use crate::http::outbound::Outbound;
use crate::manifest::part;
use crate::placeholders;

/// Secrets shorter than this are not searched for in answers: they would be found everywhere.
const MIN_REDACTED_BYTES: usize = 6;
/// The text in place of a secret.
const REDACTED: &str = "[secret]";

impl Outbound {
    /// Takes the account's secrets out of an answer, should the service have echoed one.
    pub(crate) fn redact(&self, response: &mut Response, login: Option<&LoginTokens>) {
        // Beside its tokens a login has times, which are no secrets and may well stand in an answer.
        let is_secret =
            |name: &str| !name.ends_with("_at") && !self.shown.contains(name) && name != part::PLUGIN;
        let tokens = login.iter().flat_map(|login| &login.0).filter(|(name, _)| is_secret(name));
        let tokens = tokens.map(|(_, token)| token);
        let secrets = self.secrets.values().chain(tokens).map(Secret::expose);
        let secrets = secrets.filter(|secret| secret.len() >= MIN_REDACTED_BYTES);
        // The longest first: one may be a part of another.
        let mut secrets: Vec<Zeroizing<String>> =
            secrets.flat_map(placeholders::written).map(Zeroizing::new).collect();
        secrets.sort_by_key(|written| Reverse(written.len()));
        let text = String::from_utf8_lossy(&response.body);
        let echoed = secrets.iter().any(|secret| {
            text.contains(secret.as_str())
                || response.headers.iter().any(|(_, value)| value.contains(secret.as_str()))
        });
        if !echoed {
            return;
        }
        tracing::warn!(account = %self.account, "the service echoed a secret; it was taken out of the answer");
        let clean = |text: &str| {
            secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED))
        };
        let body = clean(&text).into_bytes();
        for (_, value) in &mut response.headers {
            *value = clean(value);
        }
        response.body = body;
    }
}
