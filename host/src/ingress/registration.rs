//! A source's webhook: its address, its tokens, and whether its server knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::clock;
use crate::plugins::call::{Caller, Plugin};
use crate::plugins::capabilities::{Failure, Provision, ProvisionInput};
use crate::plugins::masks::Masks;
use crate::secret::Secret;
use crate::state::vault::{self, Vault, VaultError};

/// The names under which the parts of a token are kept.
const TOKEN: &str = "token";
const OLD: &str = "old_token";
const OLD_UNTIL: &str = "old_token_until";
/// What stands in an address in their places.
const MARKER: &str = "{webhook.token}";
const OLD_MARKER: &str = "{webhook.old-token}";
/// Stands for the address in the instructions of a plugin.
const ADDRESS: &str = "{url}";

/// What opens a source's door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The one that counts.
    pub current: Secret,
    /// The one before it, and until when it works or has worked. A server may still send to its address.
    pub old: Option<(Secret, Timestamp)>,
}

impl Tokens {
    /// Until when the one before still works, where it does.
    pub fn old_until(&self) -> Option<Timestamp> {
        self.old.as_ref().map(|(_, until)| *until).filter(|until| *until > clock::now())
    }
}

/// Under which name a source's tokens lie in the vault.
pub fn name(source: &str) -> String {
    format!("webhook:{source}")
}

/// A source's tokens: what was set in the configuration, else one that was made up once.
pub async fn tokens(vault: &Vault, source: &str, set: Option<Secret>) -> Result<Tokens, VaultError> {
    if let Some(current) = set {
        return Ok(Tokens { current, old: None });
    }
    let (current, mut kept) = vault.kept_or_made(&name(source), TOKEN, |token| token).await?;
    let until = kept.get(OLD_UNTIL).and_then(|until| until.expose().parse::<Timestamp>().ok());
    let old = kept.remove(OLD).zip(until);
    Ok(Tokens { current, old })
}

/// Gives a source another token. The one before it works for a while longer.
pub async fn rotate(vault: &Vault, source: &str, grace: SignedDuration) -> Result<Tokens, VaultError> {
    let before = match tokens(vault, source, None).await {
        Ok(before) => Some(before.current),
        // The key is gone, and with it the token: a new one is what helps.
        Err(VaultError::WrongKey(_)) => None,
        Err(error) => return Err(error),
    };
    let current = vault::random_token()?;
    let until = clock::now().saturating_add(grace).unwrap_or(Timestamp::MAX);
    let mut kept = BTreeMap::from([(TOKEN.to_owned(), current.clone())]);
    if let Some(before) = &before {
        kept.insert(OLD.to_owned(), before.clone());
        kept.insert(OLD_UNTIL.to_owned(), Secret::new(until.to_string()));
    }
    vault.put(&name(source), &kept).await?;
    Ok(Tokens { current, old: before.map(|before| (before, until)) })
}

/// A token as it stands in a path.
pub fn in_path(token: &str) -> String {
    // In a path a plus is itself, and a space is not.
    url::form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>().replace('+', "%20")
}

/// What is wanted of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To know whether it sends webhooks here.
    Verify,
    /// That it does.
    Register,
    /// That it does not.
    Remove,
}

/// A source's webhook.
pub struct Registration {
    /// The source's plugin.
    pub plugin: Arc<Plugin>,
    /// Its account.
    pub caller: Caller,
    /// How media servers reach us, without a slash at its end.
    pub base: String,
    /// What opens the door.
    pub tokens: Tokens,
}

impl Registration {
    fn masked(&self, marker: &str) -> String {
        format!("{}/webhook/{}/{marker}", self.base, self.caller.account.name)
    }

    /// The address, with its secret.
    pub fn address(&self) -> Secret {
        Secret::new(self.masked(&in_path(self.tokens.current.expose())))
    }

    /// How a person enters the address at the server.
    pub fn instructions(&self) -> String {
        let facts = self.plugin.manifest.provides.webhook.as_ref();
        let text = facts.map(|facts| facts.instructions.as_str()).filter(|text| !text.is_empty());
        text.unwrap_or("Have the server send its webhooks to {url}").replace(ADDRESS, self.address().expose())
    }

    /// Whether the server sends webhooks here, after the wish was granted. An error says why it was not.
    pub async fn ask(&self, wish: Wish) -> Result<bool, String> {
        if self.plugin.manifest.provides.provision.is_none() {
            return Err(format!("plugin {} cannot register webhooks", self.plugin.manifest.plugin.name));
        }
        let in_address = |token: &Secret| Secret::new(in_path(token.expose()));
        let mut secrets = vec![(MARKER.to_owned(), in_address(&self.tokens.current))];
        let old = self.tokens.old.as_ref();
        secrets.extend(old.map(|(old, _)| (OLD_MARKER.to_owned(), in_address(old))));
        let caller = Caller { masks: Some(Arc::new(Masks::new(secrets))), ..self.caller.clone() };
        let url = self.masked(MARKER);
        let input = match wish {
            Wish::Verify => ProvisionInput::Verify(url),
            Wish::Register => ProvisionInput::Register(url, old.map(|_| self.masked(OLD_MARKER))),
            Wish::Remove => ProvisionInput::Remove(url),
        };
        match self.plugin.call::<Provision>(&caller, input).await.0 {
            Ok(Ok(is_registered)) => Ok(is_registered),
            Ok(Err(Failure::Unauthorized(reason))) => {
                Err(format!("the server wants a login with more rights: {reason}"))
            }
            Ok(Err(failure)) => Err(failure.reason().to_owned()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}
