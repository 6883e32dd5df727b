//! Plugins: list them, and approve, refuse or revoke those of the plugin directory.

use playrelay_plugin_host::permissions::{PermissionReport, SettingSummary};
use playrelay_plugin_host::registry::{Entry, PluginOrigin, Status};
use playrelay_store::{SharedStore, StoreError};
use playrelay_util::clock;
use serde::Serialize;

use crate::app::App;
use crate::app::adapters::approval_of;
use crate::config::unknown_key_message;
use crate::operations::OperationError;

/// The owner of the notes about refused files, among the small values.
const OWNER: &str = "host:plugins";

/// A plugin in a list.
#[derive(Clone, Debug, Serialize)]
pub struct PluginSummary {
    /// The id, or the file's name for a file without an id.
    pub id: String,
    /// The version; empty where it cannot be read.
    pub version: String,
    /// Where it was found.
    pub origin: PluginOrigin,
    /// `active`, `pending`, `refused` or `broken`.
    pub status: &'static str,
    /// The interfaces that it provides.
    pub provides: Vec<String>,
    /// Why it does not serve; absent where it does.
    pub reason: Option<String>,
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
        Status::Pending if is_refused(&app.store, entry).await? => (
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

/// The file of an id that waits for approval; absent where the plugin serves already. `digest` is the SHA-256 of the file, or its
/// beginning.
///
/// # Errors
///
/// Fails where there is no such file, several are meant, or it cannot be read.
pub fn candidate<'a>(
    app: &'a App,
    id: &str,
    digest: Option<&str>,
) -> Result<Option<&'a PermissionReport>, OperationError> {
    let fits = |entry: &&Entry| match (digest, &entry.inspection) {
        (Some(digest), Some(it)) => it.digest.as_str().starts_with(&digest.to_lowercase()),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let pending = app.plugins.entries().iter().filter(|entry| entry.id() == id);
    let waits = |entry: &&Entry| matches!(entry.status, Status::Pending);
    let mut pending: Vec<&Entry> = pending.filter(waits).filter(fits).collect();
    // Copies of one file are one plugin.
    pending.dedup_by_key(|entry| entry.inspection.as_ref().map(|it| &it.digest));
    let entry = match pending.as_slice() {
        [only] => *only,
        [] if digest.is_some() && app.plugins.pending(id).next().is_some() => {
            let text = "no file that waits has this digest: it is not the one that was inspected; `playrelay plugin inspect` shows it";
            return Err(OperationError::Conflict(text.to_owned()));
        }
        [] => find(app, id)?,
        several => {
            let digests = several.iter().filter_map(|entry| entry.inspection.as_ref());
            let digests: Vec<String> = digests.map(|it| format!("--digest {}", it.digest)).collect();
            return Err(OperationError::Conflict(format!(
                "several files have the id {id:?}; say which by one of {}",
                digests.join(", ")
            )));
        }
    };
    match (&entry.status, &entry.inspection) {
        (Status::Active(_), _) => Ok(None),
        (Status::Pending, Some(inspection)) => Ok(Some(inspection)),
        (Status::Broken(reason), _) => {
            Err(OperationError::Conflict(format!("plugin {id} cannot be approved: {reason}")))
        }
        (Status::Pending, None) => {
            Err(OperationError::Conflict(format!("plugin {id} cannot be approved: it cannot be read")))
        }
    }
}

/// Lets a file serve, with exactly these bytes and permissions. A daemon that runs takes it over within seconds.
///
/// # Errors
///
/// Fails where the database cannot be written to.
pub async fn approve(app: &App, inspection: &PermissionReport) -> Result<(), OperationError> {
    let shown =
        serde_json::to_string(inspection).map_err(|error| OperationError::Invalid(error.to_string()))?;
    app.store.delete(OWNER, &refusal(inspection)).await?;
    app.store.approve(approval_of(inspection), shown, clock::now()).await?;
    Ok(())
}

/// Says that a file is not to serve. It stays in the list, as refused.
///
/// # Errors
///
/// Fails where the database cannot be written to.
pub async fn refuse(app: &App, inspection: &PermissionReport) -> Result<(), OperationError> {
    let value = clock::now().to_string().into_bytes();
    match app.store.set(OWNER, &refusal(inspection), value, None).await? {
        true => Ok(()),
        false => Err(OperationError::Conflict("too many files were refused; remove them".to_owned())),
    }
}

/// Takes an approval back. The plugin stops; what it would send waits.
///
/// # Errors
///
/// Fails where it was not approved, or the database cannot be written to.
pub async fn revoke(store: &SharedStore, id: &str) -> Result<(), OperationError> {
    if !store.revoke(id).await? {
        return Err(OperationError::NotFound(format!(
            "plugin {id:?} is not approved; `playrelay plugin list` shows all"
        )));
    }
    Ok(())
}

/// The permissions that changed since a plugin of this id was approved, line by line; absent if none was approved.
///
/// # Errors
///
/// Fails where the database cannot be read.
pub async fn difference(app: &App, now: &PermissionReport) -> Result<Option<String>, OperationError> {
    let id = &now.id;
    if !app.store.approvals().await?.iter().any(|approval| approval.id == *id) {
        return Ok(None);
    }
    let Some(shown) = app.store.shown_at_approval(id).await? else {
        return Ok(Some(format!("\nanother version of {id} was approved before; this takes its place\n")));
    };
    let before: PermissionReport = serde_json::from_str(&shown).map_err(|error| {
        OperationError::Conflict(format!("what was approved of {id} cannot be read: {error}"))
    })?;
    let (old, new) = (in_words(&before), in_words(now));
    let only = |mark: char, these: &str, those: &str| -> String {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.map(|line| format!("{mark} {}\n", line.trim())).collect()
    };
    let lines = only('-', &old, &new) + &only('+', &new, &old);
    let permissions = match before.permissions == now.permissions {
        true => "the permissions are the same",
        false => "THE PERMISSIONS ARE OTHERS",
    };
    Ok(Some(format!("\nwhat is other than in the version approved before ({permissions}):\n{lines}")))
}

/// All that a plugin asks for, in words.
pub fn in_words(it: &PermissionReport) -> String {
    let mut text = format!("{} {} ({})\n", it.name, it.version, it.id);
    let mut section = |title: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            text.push_str(&format!("{title}:\n"));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        }
    };
    section("does", vec![it.description.clone()]);
    section("provides", vec![it.provides.join(", ")]);
    section(
        "may send requests to",
        it.network.iter().map(|(origin, reason)| format!("{origin}: {reason}")).collect(),
    );
    section("has added to its requests", it.credentials.clone());
    section("is logged in at", it.login.clone());
    section("settings", it.settings.iter().map(setting).collect());
    section("imports", it.imports.clone());
    section("limits", vec![format!("{} MiB of memory", it.memory_mib)]);
    section(
        "file",
        vec![format!("{} bytes, sha256 {}", it.size, it.digest), format!("permissions {}", it.permissions)],
    );
    text
}

fn setting(it: &SettingSummary) -> String {
    let mut facts = vec![it.kind.clone()];
    facts.extend(it.required.then(|| "required".to_owned()));
    facts.extend(it.secret.then(|| "secret".to_owned()));
    facts.extend(it.default.as_ref().map(|default| format!("default {default}")));
    let help = if it.help.is_empty() { String::new() } else { format!(". {}", it.help) };
    format!("{}: {} ({}){help}", it.key, it.label, facts.join(", "))
}

/// The key of the note that a file was refused.
fn refusal(inspection: &PermissionReport) -> String {
    format!("refused:{}", inspection.digest)
}

async fn is_refused(store: &SharedStore, entry: &Entry) -> Result<bool, StoreError> {
    match &entry.inspection {
        Some(inspection) => Ok(store.get(OWNER, &refusal(inspection)).await?.is_some()),
        None => Ok(false),
    }
}
