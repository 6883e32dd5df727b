//! A source's webhook: its address, its tokens, and whether its server knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use playrelay_plugin_host::call_error::{self, CallError};
use playrelay_plugin_host::capabilities::{RegistrationInput, WebhookRegistration};
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::manifest::WebhookFacts;
use playrelay_plugin_host::placeholders::SecretPlaceholders;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::vault;
use playrelay_store::vault::{Vault, VaultError};
use playrelay_util::clock;
use playrelay_util::secret::Secret;

/// The names under which the parts of a token are kept.
pub(crate) const TOKEN: &str = "token";
const OLD_TOKEN_PART: &str = "old_token";
const OLD_UNTIL: &str = "old_token_until";
const BASE: &str = "base";
/// The markers of the tokens in an address.
const MARKER: &str = "{webhook.token}";
const OLD_MARKER: &str = "{webhook.old-token}";
/// Stands for the address in the instructions of a plugin.
const ADDRESS: &str = "{url}";

/// The tokens of a source's webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The one that counts.
    pub current: Secret,
    /// The one before it, and until when it works or has worked. A server may still send to its address.
    pub old: Option<(Secret, Timestamp)>,
    /// The address that its server was last told, and has not been told to forget.
    pub told: Option<Address>,
}

/// Where a source's webhook is, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// How media servers reach us, without a slash at its end.
    pub base: String,
    /// The token.
    pub token: Secret,
}

impl Tokens {
    /// Until when the one before still works, where it does.
    pub fn old_until(&self) -> Option<Timestamp> {
        self.old.as_ref().map(|(_, until)| *until).filter(|until| *until > clock::now())
    }
}

/// Under which name a source's tokens lie in the vault.
pub fn token_key(source: &str) -> String {
    format!("webhook:{source}")
}

/// Under which name the address lies there that a source's server was told last.
fn registered_address_key(source: &str) -> String {
    format!("webhook-told:{source}")
}

/// A source's tokens: what was set in the configuration, else one that was made up once.
///
/// # Errors
///
/// Fails where the vault cannot be read, or a token that was made up cannot be written to it.
pub async fn tokens(vault: &Vault, source: &str, set: Option<Secret>) -> Result<Tokens, VaultError> {
    let told = registered_address(vault, source).await?;
    if let Some(current) = set {
        return Ok(Tokens { current, old: None, told });
    }
    let (current, mut kept) = vault.get_or_create(&token_key(source), TOKEN, |token| token).await?;
    let until = kept.get(OLD_UNTIL).and_then(|until| until.expose().parse::<Timestamp>().ok());
    let old = kept.remove(OLD_TOKEN_PART).zip(until);
    Ok(Tokens { current, old, told })
}

async fn registered_address(vault: &Vault, source: &str) -> Result<Option<Address>, VaultError> {
    let kept = match vault.get(&registered_address_key(source)).await {
        // What cannot be opened is no reason to close a door.
        Err(VaultError::WrongKey(_)) => None,
        kept => kept?,
    };
    let address = |mut kept: BTreeMap<String, Secret>| {
        Some(Address { base: kept.remove(BASE)?.expose().to_owned(), token: kept.remove(TOKEN)? })
    };
    Ok(kept.and_then(address))
}

/// Keeps which address a source's server was told.
async fn store_registered_address(
    vault: &Vault,
    source: &str,
    Address { base, token }: Address,
) -> Result<(), VaultError> {
    let kept = BTreeMap::from([(BASE.to_owned(), Secret::new(base)), (TOKEN.to_owned(), token)]);
    vault.put(&registered_address_key(source), &kept).await
}

/// Gives a source another token. The one before it works for a while longer.
///
/// # Errors
///
/// Fails where the vault cannot be read or written to: the token before stays.
pub async fn rotate(vault: &Vault, source: &str, grace: SignedDuration) -> Result<Tokens, VaultError> {
    let before = match tokens(vault, source, None).await {
        Ok(before) => Some((before.current, before.told)),
        // The key is gone, and with it the token: a new one is what helps.
        Err(VaultError::WrongKey(_)) => None,
        Err(error) => return Err(error),
    };
    let current = vault::random_token()?;
    let until = clock::after(grace);
    let mut kept = BTreeMap::from([(TOKEN.to_owned(), current.clone())]);
    let (before, told) = before.unzip();
    if let Some(before) = &before {
        kept.insert(OLD_TOKEN_PART.to_owned(), before.clone());
        kept.insert(OLD_UNTIL.to_owned(), Secret::new(until.to_string()));
    }
    vault.put(&token_key(source), &kept).await?;
    Ok(Tokens { current, old: before.map(|before| (before, until)), told: told.flatten() })
}

/// How a person enters an address at a server, as its plugin puts it.
pub fn in_words(facts: &WebhookFacts, address: &str) -> String {
    let text = Some(facts.instructions.as_str()).filter(|text| !text.is_empty());
    text.unwrap_or("Have the server send its webhooks to {url}").replace(ADDRESS, address)
}

/// A token as it stands in a path.
pub fn encode_path_segment(token: &str) -> String {
    // In a path a plus is itself, and a space is not.
    url::form_urlencoded::byte_serialize(token.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A command for the registration at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationAction {
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
    /// The account of the plugin.
    pub target: CallTarget,
    /// How media servers reach us, without a slash at its end.
    pub base: String,
    /// The token.
    pub tokens: Tokens,
}

impl Registration {
    fn with_marker(&self, base: &str, marker: &str) -> String {
        format!("{base}/webhook/{}/{marker}", self.target.account.name)
    }

    /// The address, with its secret.
    pub fn address(&self) -> Secret {
        Secret::new(self.with_marker(&self.base, &encode_path_segment(self.tokens.current.expose())))
    }

    fn current(&self) -> Address {
        Address { base: self.base.clone(), token: self.tokens.current.clone() }
    }

    /// The addresses before this one that its server may still send to.
    fn previous_addresses(&self) -> Vec<Address> {
        let rotated = self.tokens.old.iter().map(|(old, _)| old.clone());
        let rotated = rotated.map(|token| Address { base: self.base.clone(), token });
        let mut former: Vec<Address> = self.tokens.told.iter().cloned().chain(rotated).collect();
        former.dedup();
        former.retain(|address| *address != self.current());
        former
    }

    /// How a person enters the address at the server.
    pub fn instructions(&self) -> String {
        match &self.plugin.manifest.provides.webhook {
            Some(facts) => in_words(facts, self.address().expose()),
            None => String::new(),
        }
    }

    /// Whether the server sends webhooks here, after the wish was granted. An error says why it was not. The vault knows what the server
    /// was told: an address that is no longer ours can only be taken off by whoever remembers it.
    ///
    /// # Errors
    ///
    /// Says in words why the server did not do it, or the vault could not note it.
    pub async fn perform(&self, wish: RegistrationAction, vault: &Vault) -> Result<bool, String> {
        let (current, former) = (self.current(), self.previous_addresses());
        let source = &self.target.account.name;
        let noted = |error: VaultError| error.to_string();
        match wish {
            RegistrationAction::Verify => self.call(&current, RegistrationInput::Verify).await,
            RegistrationAction::Register => {
                let (first, others) = former.split_first().unzip();
                let replaced = first.map(|first| self.redacted(first));
                let register = |url| RegistrationInput::Register(url, replaced);
                let is_registered = self.call_plugin(&current, first, register).await?;
                for other in others.unwrap_or_default() {
                    self.call(other, RegistrationInput::Remove).await?;
                }
                store_registered_address(vault, source, current).await.map_err(noted)?;
                Ok(is_registered)
            }
            RegistrationAction::Remove => {
                let is_registered = self.call(&current, RegistrationInput::Remove).await?;
                for address in &former {
                    self.call(address, RegistrationInput::Remove).await?;
                }
                vault.remove(&registered_address_key(source)).await.map_err(noted)?;
                Ok(is_registered)
            }
        }
    }

    /// An address as the plugin sees it: with a marker in its token's place.
    fn redacted(&self, address: &Address) -> String {
        let marker = if address.token == self.tokens.current { MARKER } else { OLD_MARKER };
        self.with_marker(&address.base, marker)
    }

    async fn call(
        &self,
        address: &Address,
        input: impl FnOnce(String) -> RegistrationInput,
    ) -> Result<bool, String> {
        self.call_plugin(address, Some(address), input).await
    }

    /// Calls the plugin about an address. `other` is one whose token it may meet as well.
    async fn call_plugin(
        &self,
        address: &Address,
        other: Option<&Address>,
        input: impl FnOnce(String) -> RegistrationInput,
    ) -> Result<bool, String> {
        if self.plugin.manifest.provides.webhook_registration.is_none() {
            return Err(format!("plugin {} cannot register webhooks", self.plugin.manifest.plugin.name));
        }
        let in_address = |token: &Secret| Secret::new(encode_path_segment(token.expose()));
        let mut secrets = vec![(MARKER.to_owned(), in_address(&self.tokens.current))];
        let mut add = |marker: String, token: &Secret| {
            if secrets.iter().all(|(_, known)| *known != in_address(token)) {
                secrets.push((marker, in_address(token)));
            }
        };
        other.iter().for_each(|other| add(OLD_MARKER.to_owned(), &other.token));
        // Whatever else of ours stands in an answer is no plugin's to know.
        for (place, former) in self.previous_addresses().iter().enumerate() {
            add(format!("{{webhook.old-token-{place}}}"), &former.token);
        }
        let target = CallTarget {
            placeholders: Some(Arc::new(SecretPlaceholders::new(secrets))),
            ..self.target.clone()
        };
        let input = input(self.redacted(address));
        let answer = self.plugin.call::<WebhookRegistration>(&target, input).await.0;
        call_error::value(answer).map_err(|error| match error {
            CallError::Failure(Failure::Unauthorized(reason)) => {
                format!("the server wants a login with more rights: {reason}")
            }
            error => error.to_string(),
        })
    }
}
