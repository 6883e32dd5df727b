//! Install a plugin from where its author publishes it, update it, and remove it. The daemon never does this by itself: it only looks at files.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use playrelay_plugin_host::artifact::Artifact;
use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::registry::{PluginOrigin, Status};
use playrelay_plugin_install::fetch::parse_digest;
use playrelay_plugin_install::{Expectation, PublicKey, Signature, Source, fetch};

use crate::app::App;
use crate::operations::OperationError;
use crate::operations::plugins::approval::{ApprovedBy, store_approval};
use crate::operations::plugins::installation;
use crate::operations::plugins::installation::Installation;
use crate::operations::plugins::list::find;
use crate::operations::plugins::lock::write_lock;

/// What a person asks for.
#[derive(Clone, Debug, Default)]
pub struct InstallRequest {
    /// A file, an address or a place in a registry.
    pub source: String,
    /// The digest of the component that is expected; absent where any will do.
    pub digest: Option<String>,
    /// The public key of its author, in minisign's or cosign's form; absent where the plugin need not be signed, or the key is known from before.
    pub key: Option<String>,
}

/// A plugin that was fetched, and is not installed yet.
pub struct FetchedPlugin {
    /// What it asks for.
    pub report: PermissionReport,
    /// Whether it is signed.
    pub signature: Signature,
    /// Where it is from.
    pub installation: Installation,
    bytes: Vec<u8>,
    file: PathBuf,
}

/// Fetches a plugin, and looks at it. Nothing is written, and no code of it runs.
///
/// # Errors
///
/// Fails where it cannot be fetched, is another one than expected, is no plugin, or cannot have its id here.
pub async fn fetch_plugin(app: &App, request: &InstallRequest) -> Result<FetchedPlugin, OperationError> {
    let invalid = |error: playrelay_plugin_install::FetchError| OperationError::Invalid(error.to_string());
    let mut source: Source = request.source.parse().map_err(invalid)?;
    if let Source::File(path) = &mut source {
        // Of use from any folder, when it is updated.
        *path = path.canonicalize().map_err(|error| {
            OperationError::NotFound(format!("{} cannot be read: {error}", path.display()))
        })?;
    }
    let expected = Expectation {
        digest: request.digest.as_deref().map(parse_digest).transpose().map_err(invalid)?,
        key: request.key.as_deref().map(PublicKey::parse).transpose().map_err(invalid)?,
    };
    let fetched =
        fetch(&source, &expected).await.map_err(|error| OperationError::Upstream(error.to_string()))?;
    let artifact = Artifact::read(&fetched.bytes)
        .map_err(|error| OperationError::Invalid(format!("{source} is no plugin: {error}")))?;
    let report = PermissionReport::of(&artifact);
    let file = install_path(app, &report.id)?;
    // Whoever trusts the key of an author trusts no other one, wherever the file is from.
    let is_pinned = installation::of(app, &report.id).await?.is_some_and(|it| it.key.is_some());
    if is_pinned && expected.key.is_none() {
        return Err(OperationError::Conflict(format!(
            "{id} was installed with a key of its author, and {source} is not checked against it; add `--key` with the key that is to count from now on",
            id = report.id
        )));
    }
    let installation = Installation {
        source: source.to_string(),
        resolved: fetched.resolved,
        digest: fetched.digest.to_string(),
        key: expected.key.map(|key| key.as_str().to_owned()),
    };
    Ok(FetchedPlugin { report, signature: fetched.signature, installation, bytes: fetched.bytes, file })
}

/// Fetches a plugin once more from where it was installed from. Absent where it is the same.
///
/// # Errors
///
/// Fails where it was not installed by command, is bound to a digest, or cannot be fetched.
pub async fn fetch_update(app: &App, id: &str) -> Result<Option<FetchedPlugin>, OperationError> {
    let Some(installed) = installation::of(app, id).await? else {
        find(app, id)?;
        return Err(OperationError::Conflict(format!(
            "{id} was not installed by `playrelay plugin install`: replace its file in {}",
            app.config.plugin_dir.display()
        )));
    };
    if !installed.has_updates() {
        return Err(OperationError::Conflict(format!(
            "{id} is bound to its digest: `playrelay plugin install` takes the address and the digest of a newer version"
        )));
    }
    let request = InstallRequest { source: installed.source, digest: None, key: installed.key };
    let fetched = fetch_plugin(app, &request).await?;
    if fetched.report.id != id {
        return Err(OperationError::Conflict(format!(
            "{} has another plugin now, {}; `playrelay plugin install` installs it",
            request.source, fetched.report.id
        )));
    }
    Ok((app.plugins.active_digest(id) != Some(&fetched.report.digest)).then_some(fetched))
}

/// Writes a plugin into the plugin directory, and approves it. A daemon that runs takes it over within seconds.
///
/// # Errors
///
/// Fails where the file or the database cannot be written, and where the plugin does not start.
pub async fn install(app: &App, fetched: &FetchedPlugin) -> Result<(), OperationError> {
    write(&fetched.file, &fetched.bytes).map_err(|error| {
        OperationError::Conflict(format!("{} cannot be written: {error}", fetched.file.display()))
    })?;
    installation::note(app, &fetched.report.id, &fetched.installation).await?;
    store_approval(app, &fetched.report, ApprovedBy::Command).await?;
    // It is compiled and tried now, while somebody looks.
    let app = app.with_plugins_of_now().await?;
    write_lock(&app).await;
    let origin = PluginOrigin::File(fetched.file.clone());
    let broken = app.plugins.entries().iter().find_map(|entry| match &entry.status {
        Status::Broken(reason) if entry.origin == origin => Some(reason),
        _ => None,
    });
    match broken {
        Some(reason) => Err(OperationError::Conflict(format!(
            "{} is installed, and cannot serve: {reason}",
            fetched.report.id
        ))),
        None => Ok(()),
    }
}

/// Removes a plugin from the plugin directory, with its approval. What it would send waits. Returns the accounts that are left without it.
///
/// # Errors
///
/// Fails for a bundled plugin, an unknown one, one that the configuration approves, and where the file or the database cannot be written.
pub async fn remove(app: &App, id: &str) -> Result<Vec<String>, OperationError> {
    find(app, id)?;
    if app.plugins.is_bundled(id) {
        return Err(OperationError::Conflict(format!("{id} is part of Playrelay, and cannot be removed")));
    }
    if app.config.plugin_approvals.iter().any(|approval| approval.id == id) {
        return Err(OperationError::Conflict(format!(
            "the configuration approves {id:?}; remove it from `approve` in [plugins] first"
        )));
    }
    for file in files_of(app, id) {
        fs::remove_file(&file).map_err(|error| {
            OperationError::Conflict(format!("{} cannot be removed: {error}", file.display()))
        })?;
    }
    app.store.revoke(id).await?;
    installation::forget(app, id).await?;
    write_lock(app).await;
    Ok(app.config.accounts_of(id).cloned().collect())
}

/// The file that a plugin is written to: the one that it has, or one with its id as the name.
fn install_path(app: &App, id: &str) -> Result<PathBuf, OperationError> {
    if app.plugins.is_bundled(id) {
        return Err(OperationError::Conflict(format!("the id {id:?} is that of a bundled plugin")));
    }
    match files_of(app, id).as_slice() {
        [] => Ok(app.config.plugin_dir.join(format!("{id}.wasm"))),
        [only] => Ok(only.clone()),
        [first, second, ..] => Err(OperationError::Conflict(format!(
            "{} and {} have the id {id:?} both; remove one of them",
            first.display(),
            second.display()
        ))),
    }
}

fn files_of(app: &App, id: &str) -> Vec<PathBuf> {
    let entries = app.plugins.entries().iter().filter(|entry| entry.id() == id);
    let files = entries.filter_map(|entry| match &entry.origin {
        PluginOrigin::File(path) => Some(path.clone()),
        PluginOrigin::Bundled => None,
    });
    files.collect()
}

/// Writes a file that all may read: the command may run as another user than the daemon. The file is there whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_extension("wasm.new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)
}
