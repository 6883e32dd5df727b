//! `plugins.lock` in the data folder: which plugins are approved, with their digests. It is written for people and for version control; the
//! program does not read it.

use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::registry::{Entry, PluginOrigin};
use playrelay_util::private_file;
use serde::Serialize;

use crate::app::App;
use crate::operations::plugins::installation;
use crate::operations::plugins::installation::Installation;

/// Its name.
const FILE: &str = "plugins.lock";

const HEADER: &str = "# Written by Playrelay: the plugins of others that are approved. `approve` in [plugins] of playrelay.toml takes an id and a digest \
from here, `id@sha256:…`, so that another installation approves the same bytes.\n\n";

#[derive(Serialize)]
struct LockFile {
    plugin: Vec<LockedPlugin>,
}

/// A plugin that is approved.
#[derive(Debug, PartialEq, Serialize)]
struct LockedPlugin {
    id: String,
    version: String,
    /// Of the file.
    digest: String,
    /// Of what it asks for.
    permissions: String,
    /// The file in the plugin directory.
    file: String,
    /// When; absent where the configuration approves it.
    approved: Option<String>,
    /// `command`, `page`, `api` or `configuration`.
    approved_by: String,
    #[serde(flatten)]
    installed: Option<LockedSource>,
}

/// Where a plugin was installed from.
#[derive(Debug, PartialEq, Serialize)]
struct LockedSource {
    /// A file, an address or a place in a registry.
    source: String,
    /// The place in the registry with its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolved: Option<String>,
    /// The public key that it is signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Writes the file anew where something has changed. A file that cannot be written is complained of in the log: everything works without it.
pub(crate) async fn write_lock(app: &App) {
    let text = match text(app).await {
        Ok(text) => text,
        Err(error) => return tracing::warn!("{FILE} cannot be written: {error}"),
    };
    let path = app.config.server.data_dir.join(FILE);
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    // No plugin of others needs no file.
    if before == text || (before.is_empty() && text == HEADER) {
        return;
    }
    if let Err(error) = private_file::replace(&path, "new", text.as_bytes()) {
        tracing::warn!("{} cannot be written: {error}", path.display());
    }
}

async fn text(app: &App) -> Result<String, String> {
    let stored = app.store.stored_approvals().await.map_err(|error| error.to_string())?;
    let mut plugins: Vec<LockedPlugin> = Vec::new();
    let files = app.plugins.entries().iter().filter_map(|entry| match (&entry.origin, &entry.inspection) {
        (PluginOrigin::File(_), Some(report)) => Some((entry, report)),
        _ => None,
    });
    for (entry, report) in files {
        let approval = stored.iter().find(|it| {
            it.approval.id == report.id
                && it.approval.digest == report.digest.as_str()
                && it.approval.permissions == report.permissions.as_str()
        });
        let locked = match approval {
            Some(it) => locked(entry, report, Some(it.at.to_string()), &it.by),
            None if app.plugins.is_approved_by_configuration(report) => {
                locked(entry, report, None, "configuration")
            }
            None => continue,
        };
        let installed = installation::of(app, &report.id).await.map_err(|error| error.to_string())?;
        let installed = installed.filter(|it| it.digest == report.digest.as_str());
        let locked = LockedPlugin {
            installed: installed.map(|Installation { source, resolved, key, .. }| LockedSource {
                source,
                resolved,
                key,
            }),
            ..locked
        };
        if !plugins.contains(&locked) {
            plugins.push(locked);
        }
    }
    plugins.sort_by(|one, other| (&one.id, &one.file).cmp(&(&other.id, &other.file)));
    if plugins.is_empty() {
        return Ok(HEADER.to_owned());
    }
    let body = toml::to_string(&LockFile { plugin: plugins }).map_err(|error| error.to_string())?;
    Ok(format!("{HEADER}{body}"))
}

fn locked(entry: &Entry, report: &PermissionReport, at: Option<String>, by: &str) -> LockedPlugin {
    let file = match &entry.origin {
        PluginOrigin::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        PluginOrigin::Bundled => String::new(),
    };
    LockedPlugin {
        id: report.id.clone(),
        version: report.version.clone(),
        digest: format!("sha256:{}", report.digest),
        permissions: format!("sha256:{}", report.permissions),
        file,
        approved: at,
        approved_by: by.to_owned(),
        installed: None,
    }
}
