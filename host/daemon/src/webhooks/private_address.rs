//! The secret in the webhook address that belongs to one person.

use std::collections::BTreeMap;

use playrelay_store::vault::{self, Vault, VaultError};
use playrelay_util::secret::Secret;

/// The name under which the secret is kept.
const TOKEN: &str = "token";

/// Under which name a person's secret lies in the vault.
pub fn key(person: &str) -> String {
    format!("webhook-person:{person}")
}

/// A person's secret; absent where they have no address.
///
/// # Errors
///
/// Fails where the vault cannot be read.
pub async fn token(vault: &Vault, person: &str) -> Result<Option<Secret>, VaultError> {
    match vault.get(&key(person)).await {
        // It cannot be read any more: another one can be made.
        Err(VaultError::WrongKey(_)) => Ok(None),
        kept => Ok(kept?.and_then(|mut kept| kept.remove(TOKEN))),
    }
}

/// Gives a person another secret. The one before ends at once: whoever asks wants that.
///
/// # Errors
///
/// Fails where the vault cannot be written to; the one before stays.
pub async fn renew(vault: &Vault, person: &str) -> Result<Secret, VaultError> {
    let token = vault::random_token()?;
    vault.put(&key(person), &BTreeMap::from([(TOKEN.to_owned(), token.clone())])).await?;
    Ok(token)
}

/// Takes a person's address away.
///
/// # Errors
///
/// Fails where the vault cannot be written to; the address stays.
pub async fn remove(vault: &Vault, person: &str) -> Result<(), VaultError> {
    vault.remove(&key(person)).await
}
