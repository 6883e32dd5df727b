//! The note where a plugin was installed from, among the small values of the store.

use playrelay_store::StoreError;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::app::known_plugins::OWNER;
use crate::operations::OperationError;

/// What the keys begin with; the id follows.
const PREFIX: &str = "installed:";

/// Where a plugin was installed from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Installation {
    /// A file, an address or a place in a registry.
    pub source: String,
    /// The place in the registry with the digest that its tag stood for; absent for the others.
    pub resolved: Option<String>,
    /// The SHA-256 of the component.
    pub digest: String,
    /// The public key that newer versions must be signed with; absent where none was given.
    pub key: Option<String>,
}

impl Installation {
    /// Whether there can be a newer version at the same place.
    pub fn has_updates(&self) -> bool {
        let is_address = self.source.starts_with("https://");
        if is_address { self.key.is_some() } else { !self.source.contains("@sha256:") }
    }
}

/// Where a plugin was installed from; absent where its file was put there by hand.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn of(app: &App, id: &str) -> Result<Option<Installation>, StoreError> {
    let note = app.store.get(OWNER, &format!("{PREFIX}{id}")).await?;
    Ok(note.and_then(|note| {
        let read = serde_json::from_slice(&note);
        read.inspect_err(
            |error| tracing::warn!(%id, "the note of the plugin's source cannot be read: {error}"),
        )
        .ok()
    }))
}

/// The plugins that were installed, by id.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn all(app: &App) -> Result<Vec<(String, Installation)>, StoreError> {
    let mut found = Vec::new();
    for entry in app.plugins.entries() {
        let id = entry.id();
        if found.iter().all(|(other, _)| *other != id)
            && let Some(installation) = of(app, &id).await?
        {
            found.push((id, installation));
        }
    }
    Ok(found)
}

pub(super) async fn note(app: &App, id: &str, installation: &Installation) -> Result<(), OperationError> {
    let text =
        serde_json::to_vec(installation).map_err(|error| OperationError::Invalid(error.to_string()))?;
    match app.store.set(OWNER, &format!("{PREFIX}{id}"), text, None).await? {
        true => Ok(()),
        false => Err(OperationError::Conflict(
            "there are too many notes of plugins; remove plugins that are not used".to_owned(),
        )),
    }
}

pub(super) async fn forget(app: &App, id: &str) -> Result<(), StoreError> {
    app.store.delete(OWNER, &format!("{PREFIX}{id}")).await
}
