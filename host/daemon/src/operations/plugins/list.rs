//! Plugins that were found, and what each reached.

use jiff::Timestamp;
use playrelay_plugin_host::registry::{Entry, PluginOrigin, Status};
use playrelay_store::{PluginAccess, StoreError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::config::unknown_key_message;
use crate::operations::OperationError;
use crate::operations::plugins::refusal;

/// A plugin in a list.
#[derive(Clone, Debug, Serialize)]
pub struct PluginSummary {
    /// The id, or the file's name for a file without an id.
    pub id: String,
    /// The version; empty where it cannot be read.
    pub version: String,
    /// Where it was found.
    pub origin: PluginOrigin,
    /// `active`, `compiling`, `pending`, `refused` or `broken`.
    pub status: &'static str,
    /// The interfaces that it provides.
    pub provides: Vec<String>,
    /// Why it does not serve; absent where it does.
    pub reason: Option<String>,
}

/// What a plugin reached, or was kept from, for people and programs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccessView {
    /// The account that the plugin served.
    #[schema(example = "bob")]
    pub account: String,
    /// The origin, or the interface where no origin is meant; `others` for what is not told apart any more.
    #[schema(example = "https://api.example.org")]
    pub target: String,
    /// Why it was denied; absent where it was reached.
    pub denied: Option<String>,
    /// How often.
    #[schema(example = 12)]
    pub count: u64,
    /// The first time, UTC.
    pub first_at: Timestamp,
    /// The last time, UTC.
    pub last_at: Timestamp,
}

impl From<PluginAccess> for AccessView {
    fn from(access: PluginAccess) -> Self {
        let PluginAccess { account, target, denied, count, first_at, last_at } = access;
        Self { account, target, denied, count, first_at, last_at }
    }
}

/// All plugins that were found.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn list(app: &App) -> Result<Vec<PluginSummary>, StoreError> {
    let mut rows = Vec::new();
    for entry in app.plugins.entries() {
        rows.push(summary(app, entry).await?);
    }
    Ok(rows)
}

/// A plugin as a list shows it.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn summary(app: &App, entry: &Entry) -> Result<PluginSummary, StoreError> {
    let id = entry.id();
    let (status, reason) = match &entry.status {
        Status::Active(_) => ("active", None),
        Status::Compiling(_) => ("compiling", Some("it is compiled, and serves then".to_owned())),
        Status::Pending if refusal::is_refused(&app.store, entry).await? => (
            "refused",
            Some(format!("it was refused; `playrelay plugin approve {id}` lets it serve after all")),
        ),
        Status::Pending => ("pending", Some(format!("waits for `playrelay plugin approve {id}`"))),
        Status::Broken(reason) => ("broken", Some(reason.clone())),
    };
    let inspection = entry.inspection.as_ref();
    Ok(PluginSummary {
        id,
        version: inspection.map(|it| it.version.clone()).unwrap_or_default(),
        origin: entry.origin.clone(),
        status,
        provides: inspection.map(|it| it.provides.clone()).unwrap_or_default(),
        reason,
    })
}

/// The plugin of an id, whatever has become of it.
///
/// # Errors
///
/// Fails for an unknown id, and names the nearest one.
pub fn find<'a>(app: &'a App, id: &str) -> Result<&'a Entry, OperationError> {
    app.plugins.find(id).ok_or_else(|| {
        let known: Vec<String> = app.plugins.entries().iter().map(Entry::id).collect();
        OperationError::NotFound(unknown_key_message("plugin", id, "the plugin directory", &known))
    })
}

/// What the plugin of an id reached and what it was denied, the latest first, as far as the daemon has written it.
///
/// # Errors
///
/// Fails for an id that is unknown and was never counted, and where the database cannot be read.
pub async fn accesses(app: &App, id: &str) -> Result<Vec<PluginAccess>, OperationError> {
    let found = app.store.accesses(id).await?;
    if found.is_empty() {
        find(app, id)?;
    }
    Ok(found)
}
