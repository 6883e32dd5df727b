//! The addresses of webhooks, as the configuration and the vault have them.

use playrelay_store::vault::VaultError;

use crate::app::AppError;
use crate::daemon::Daemon;
use crate::web::ingress::WebhookEndpoint;
use crate::webhooks::{private_address, registration};

impl Daemon {
    /// A source whose plugin does not serve still has its door: its requests wait in the store.
    pub(super) async fn webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>, AppError> {
        let mut endpoints = Vec::new();
        let mut people = Vec::new();
        for person in self.app.config.people.keys() {
            let token = private_address::token(self.app.credentials.vault(), person).await?;
            people.extend(token.map(|token| (person.clone(), token)));
        }
        for name in self.app.config.sources.keys() {
            let tokens = match self.app.webhook_tokens(name).await {
                Ok(tokens) => Some(tokens),
                Err(AppError::Vault(error @ VaultError::WrongKey(_))) => {
                    tracing::error!(
                        source = name,
                        "webhooks are asked to come again: {error}, or `playrelay webhooks rotate {name} --force`"
                    );
                    None
                }
                Err(error) => return Err(error),
            };
            let configured = self.app.config.sources.get(name);
            let manifest = configured.and_then(|source| self.app.plugins.manifest(&source.plugin));
            let webhook = manifest.as_ref().and_then(|manifest| manifest.provides.webhook.as_ref());
            endpoints.push(WebhookEndpoint {
                source: name.clone(),
                legacy_names: manifest
                    .as_ref()
                    .map(|manifest| manifest.legacy_webhook_names().to_vec())
                    .unwrap_or_default(),
                instructions: webhook
                    .map(|facts| registration::in_words(facts, "this address"))
                    .unwrap_or_default(),
                tokens,
                people: people.clone(),
            });
        }
        Ok(endpoints)
    }
}
