//! Where webhooks may go, and the tokens that let them in.

use std::collections::HashMap;

use playrelay_util::clock;
use playrelay_util::secret::Secret;
use subtle::ConstantTimeEq;

use crate::webhooks::registration::Tokens;

/// A source as webhooks see it.
pub struct WebhookEndpoint {
    /// The source's name.
    pub source: String,
    /// Names under `/webhook/` that lead here too.
    pub legacy_names: Vec<String>,
    /// How a person has the server send here, in words.
    pub instructions: String,
    /// The token that the address must carry; absent if it cannot be read now.
    pub tokens: Option<Tokens>,
    /// The tokens of people: what comes with one is recorded for that person alone.
    pub people: Vec<(String, Secret)>,
}

/// Which of a door's tokens fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenMatch {
    /// That of a person.
    Person(String),
    /// The one that counts.
    Current,
    /// The one that was replaced, and still works.
    Old,
}

impl WebhookEndpoint {
    /// Every token is compared in full.
    fn match_token(&self, token: &[u8]) -> Option<TokenMatch> {
        let is = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(token));
        let people = self.people.iter();
        let person = people.fold(None, |found, (name, secret)| if is(secret) { Some(name) } else { found });
        if let Some(person) = person {
            return Some(TokenMatch::Person(person.clone()));
        }
        let tokens = self.tokens.as_ref()?;
        let old = tokens.old.as_ref().is_some_and(|(old, until)| is(old) & (clock::now() < *until));
        match (is(&tokens.current), old) {
            (true, _) => Some(TokenMatch::Current),
            (false, true) => Some(TokenMatch::Old),
            (false, false) => None,
        }
    }
}

/// The doors, by their names.
#[derive(Default)]
pub(super) struct EndpointTable {
    endpoints: Vec<WebhookEndpoint>,
    by_name: HashMap<String, Vec<usize>>,
}

impl EndpointTable {
    /// The doors, each by its own name and by those under which it is known otherwise.
    pub(super) fn new(endpoints: Vec<WebhookEndpoint>) -> Self {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, endpoint) in endpoints.iter().enumerate() {
            let legacy_names = endpoint.legacy_names.iter().filter(|name| **name != endpoint.source);
            for name in std::iter::once(&endpoint.source).chain(legacy_names) {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        Self { endpoints, by_name }
    }

    /// The doors of a name. Where none is written so, capital letters make no difference.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &WebhookEndpoint> {
        let found = self.by_name.get(name).or_else(|| {
            let mut alike = self.by_name.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            alike.next().map(|(_, found)| found).filter(|_| alike.next().is_none())
        });
        found.into_iter().flatten().map(|index| &self.endpoints[*index])
    }

    /// Whether a source of this name has no token that can be read.
    pub(super) fn has_closed(&self, name: &str) -> bool {
        self.named(name).any(|endpoint| endpoint.tokens.is_none())
    }

    /// The door that this name and token open.
    pub(super) fn find(&self, name: &str, token: &str) -> Option<(&WebhookEndpoint, TokenMatch)> {
        let token = token.as_bytes();
        // The loop compares every candidate in full: its duration does not tell which one fits.
        self.named(name).fold(None, |open, endpoint| match endpoint.match_token(token) {
            Some(fit) => Some((endpoint, fit)),
            None => open,
        })
    }
}
