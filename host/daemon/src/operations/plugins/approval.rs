//! Approve, refuse and revoke.

use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::registry::{Entry, Status};
use playrelay_store::StoredApproval;
use playrelay_util::clock;

use crate::app::App;
use crate::app::adapters::approval_of;
use crate::app::known_plugins;
use crate::operations::OperationError;
use crate::operations::plugins::list::find;
use crate::operations::plugins::lock::write_lock;
use crate::operations::plugins::refusal;

/// How a plugin was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovedBy {
    /// By a command.
    Command,
    /// On a page.
    Page,
    /// Over the API.
    Api,
}

impl ApprovedBy {
    fn as_str(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Page => "page",
            Self::Api => "api",
        }
    }
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
        (Status::Active(_) | Status::Compiling(_), _) => Ok(None),
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
pub async fn approve(app: &App, report: &PermissionReport, by: ApprovedBy) -> Result<(), OperationError> {
    store_approval(app, report, by).await?;
    write_lock(app).await;
    Ok(())
}

/// Stores an approval, and leaves the lock file to the caller.
pub(super) async fn store_approval(
    app: &App,
    report: &PermissionReport,
    by: ApprovedBy,
) -> Result<(), OperationError> {
    let shown = serde_json::to_string(report).map_err(|error| OperationError::Invalid(error.to_string()))?;
    refusal::forget(&app.store, report).await?;
    let approval =
        StoredApproval { approval: approval_of(report), at: clock::now(), by: by.as_str().to_owned() };
    app.store.approve(approval, shown).await?;
    known_plugins::note(&app.store, &report.id).await?;
    Ok(())
}

/// Says that a file is not to serve. It stays in the list, as refused.
///
/// # Errors
///
/// Fails where the database cannot be written to.
pub async fn refuse(app: &App, inspection: &PermissionReport) -> Result<(), OperationError> {
    match refusal::note(&app.store, inspection).await? {
        true => Ok(()),
        false => Err(OperationError::Conflict("too many files were refused; remove them".to_owned())),
    }
}

/// Takes an approval back. The plugin stops; what it would send waits.
///
/// # Errors
///
/// Fails where it was not approved, the configuration approves it too, or the database cannot be written to.
pub async fn revoke(app: &App, id: &str) -> Result<(), OperationError> {
    if app.config.plugin_approvals.iter().any(|approval| approval.id == id) {
        return Err(OperationError::Conflict(format!(
            "the configuration approves {id:?}; remove it from `approve` in [plugins]"
        )));
    }
    let was_stored = app.store.revoke(id).await?;
    write_lock(app).await;
    if !was_stored {
        return Err(OperationError::NotFound(format!(
            "plugin {id:?} is not approved; `playrelay plugin list` shows all"
        )));
    }
    Ok(())
}
