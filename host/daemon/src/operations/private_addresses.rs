//! Webhook addresses that belong to one person: what comes there is recorded for them alone.

use playrelay_util::secret::Secret;
use serde::Serialize;

use crate::app::{App, AppError};
use crate::config::unknown_key_message;
use crate::operations::OperationError;
use crate::webhooks::private_address;
use crate::webhooks::registration::encode_path_segment;

/// A person's address at a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrivateAddress {
    /// The source whose server sends there.
    pub source: String,
    /// The address, with its secret.
    pub url: String,
}

/// A person's addresses: one for each source that takes webhooks; empty where none was made.
///
/// # Errors
///
/// Fails where no section describes the person, or the vault cannot be read.
pub async fn list(app: &App, person: &str) -> Result<Vec<PrivateAddress>, OperationError> {
    check(app, person)?;
    let token = private_address::token(app.credentials.vault(), person).await.map_err(AppError::from)?;
    Ok(token.map(|token| addresses(app, &token)).unwrap_or_default())
}

/// Gives a person addresses, in place of those before, which end at once.
///
/// # Errors
///
/// Fails where no section describes the person, or the vault cannot be written to.
pub async fn renew(app: &App, person: &str) -> Result<Vec<PrivateAddress>, OperationError> {
    check(app, person)?;
    let token = private_address::renew(app.credentials.vault(), person).await.map_err(AppError::from)?;
    Ok(addresses(app, &token))
}

/// Takes a person's addresses away.
///
/// # Errors
///
/// Fails where no section describes the person, or the vault cannot be written to.
pub async fn remove(app: &App, person: &str) -> Result<(), OperationError> {
    check(app, person)?;
    Ok(private_address::remove(app.credentials.vault(), person).await.map_err(AppError::from)?)
}

fn addresses(app: &App, token: &Secret) -> Vec<PrivateAddress> {
    let takes_webhooks = |plugin: &str| {
        app.plugins.manifest(plugin).is_some_and(|manifest| manifest.provides.webhook.is_some())
    };
    let sources = app.config.sources.iter().filter(|(_, source)| takes_webhooks(&source.plugin));
    let token = encode_path_segment(token.expose());
    sources
        .map(|(source, _)| PrivateAddress {
            source: source.clone(),
            url: format!("{}/webhook/{source}/{token}", app.base_url()),
        })
        .collect()
}

/// Whether a section describes a person: what is recorded for them depends on their users.
fn check(app: &App, person: &str) -> Result<(), OperationError> {
    if app.config.people.contains_key(person) {
        return Ok(());
    }
    let known: Vec<String> = app.config.people.keys().cloned().collect();
    let text = unknown_key_message("person", person, "the configuration", &known);
    Err(OperationError::NotFound(format!("{text}; add a section [people.{person}] with their `users`")))
}
