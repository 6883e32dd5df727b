//! Which plugins there are, and what has become of each.
//!
//! - `load`: reads all of them, and starts those that may serve
//! - `background`: compiles those that are not compiled yet
//! - `directory`: the files of the plugin directory
//! - `last_good`: copies of those that serve

mod background;
mod directory;
mod last_good;
mod load;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

pub use background::Uncompiled;
pub use directory::DirectoryStamp;
pub use load::{Loader, load_for_dry_run};
use playrelay_util::lock;
use serde::Serialize;

use crate::artifact::{Artifact, ArtifactError, Digest};
use crate::component_source::ComponentSource;
use crate::manifest::Manifest;
use crate::permissions::PermissionReport;
use crate::plugin::Plugin;
use crate::regular_file;

/// A person's consent to a plugin: to these bytes, asking for these permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The plugin's id.
    pub id: String,
    /// The digest of the component.
    pub digest: String,
    /// The digest of its permissions, as they were shown; absent where the configuration names the bytes, which have the permissions in them.
    pub permissions: Option<String>,
}

impl Approval {
    /// Whether it lets a plugin serve that asks for this.
    pub fn allows(&self, report: &PermissionReport) -> bool {
        self.id == report.id
            && self.digest == report.digest.as_str()
            && self.permissions.as_ref().is_none_or(|shown| shown == report.permissions.as_str())
    }
}

/// The origin of a plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PluginOrigin {
    /// It is built into this program, and needs no approval.
    Bundled,
    /// It lies in the plugin directory.
    File(PathBuf),
}

/// The state of a plugin. Two that serve are the same where one program serves for both.
#[derive(Clone)]
pub enum Status {
    /// It serves.
    Active(Arc<Plugin>),
    /// It may serve, and is compiled first.
    Compiling(Arc<Manifest>),
    /// It waits for approval.
    Pending,
    /// It cannot serve; the reason.
    Broken(String),
}

impl PartialEq for Status {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Active(one), Self::Active(other)) => Arc::ptr_eq(one, other),
            (Self::Compiling(_), Self::Compiling(_)) | (Self::Pending, Self::Pending) => true,
            (Self::Broken(one), Self::Broken(other)) => one == other,
            _ => false,
        }
    }
}

/// A plugin that was found.
#[derive(Clone, PartialEq)]
pub struct Entry {
    /// The place where the plugin was found.
    pub origin: PluginOrigin,
    /// Its permissions; absent if they cannot be read.
    pub inspection: Option<PermissionReport>,
    /// Its state.
    pub status: Status,
}

impl Entry {
    /// The id; the file's name for a file without an id.
    pub fn id(&self) -> String {
        match (&self.inspection, &self.origin) {
            (Some(inspection), _) => inspection.id.clone(),
            (None, PluginOrigin::File(path)) => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            (None, PluginOrigin::Bundled) => "unreadable".to_owned(),
        }
    }
}

/// All plugins that were found.
pub struct Plugins {
    entries: Vec<Entry>,
    /// What people had approved, also where its file is gone.
    approvals: Vec<Approval>,
    /// How the plugin directory looked.
    stamp: DirectoryStamp,
    /// What its files said.
    files: BTreeMap<PathBuf, (Artifact, ComponentSource)>,
}

impl Plugins {
    /// Whether a plugin is built into the program.
    pub fn is_bundled(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.origin == PluginOrigin::Bundled && entry.id() == id)
    }

    /// Whether this program has plugins built in.
    pub fn has_bundled(&self) -> bool {
        self.entries.iter().any(|entry| entry.origin == PluginOrigin::Bundled)
    }

    /// All that were found, the bundled ones first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The plugin with this id, whatever has become of it; the one that serves where there are several.
    pub fn find(&self, id: &str) -> Option<&Entry> {
        let mut entries = self.entries.iter().filter(|entry| entry.id() == id);
        let first = entries.clone().next();
        entries.find(|entry| matches!(entry.status, Status::Active(_))).or(first)
    }

    /// The plugins with this id that wait for approval.
    pub fn pending<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.id() == id && matches!(entry.status, Status::Pending))
    }

    /// The plugins that serve.
    pub fn serving(&self) -> impl Iterator<Item = &Arc<Plugin>> {
        self.entries.iter().filter_map(|entry| match &entry.status {
            Status::Active(plugin) => Some(plugin),
            Status::Compiling(_) | Status::Pending | Status::Broken(_) => None,
        })
    }

    /// The manifest of the plugin with this id, where it serves or is compiled before it does.
    pub fn manifest(&self, id: &str) -> Option<Arc<Manifest>> {
        let of = |entry: &Entry| match &entry.status {
            Status::Active(plugin) => Some(Arc::clone(&plugin.manifest)),
            Status::Compiling(manifest) => Some(Arc::clone(manifest)),
            Status::Pending | Status::Broken(_) => None,
        };
        of(self.find(id)?)
    }

    /// Whether the configuration approves exactly these bytes.
    pub fn is_approved_by_configuration(&self, report: &PermissionReport) -> bool {
        self.approvals.iter().any(|approval| approval.permissions.is_none() && approval.allows(report))
    }

    /// Whether somebody has approved a plugin of this id. Its file may be gone.
    pub fn was_approved(&self, id: &str) -> bool {
        self.approvals.iter().any(|approval| approval.id == id)
    }

    /// Whether these are the plugins of a directory that looks so, with these approvals.
    pub fn are_of(&self, stamp: &DirectoryStamp, approvals: &[Approval]) -> bool {
        self.stamp == *stamp && self.approvals == approvals
    }

    /// The digest of the plugin with this id that serves.
    pub fn active_digest(&self, id: &str) -> Option<&Digest> {
        let entry = self.find(id).filter(|entry| matches!(entry.status, Status::Active(_)))?;
        entry.inspection.as_ref().map(|inspection| &inspection.digest)
    }

    /// The plugin with this id, where it serves.
    pub fn active(&self, id: &str) -> Option<&Arc<Plugin>> {
        self.entries.iter().find_map(|entry| match &entry.status {
            Status::Active(plugin) if plugin.manifest.plugin.id == id => Some(plugin),
            _ => None,
        })
    }
}

/// The plugins as they are now. A clone sees the same changes.
#[derive(Clone)]
pub struct CurrentPlugins(Arc<RwLock<Arc<Plugins>>>);

impl CurrentPlugins {
    /// The plugins of a start.
    pub fn new(plugins: Arc<Plugins>) -> Self {
        Self(Arc::new(RwLock::new(plugins)))
    }

    /// The plugins now.
    pub fn get(&self) -> Arc<Plugins> {
        Arc::clone(&lock::read(&self.0))
    }

    /// Replaces the plugins. Calls in flight end with those that they began with.
    pub fn set(&self, plugins: Arc<Plugins>) {
        *lock::write(&self.0) = plugins;
    }
}

/// Reads any file, for a look at what it asks for. No code of it runs.
///
/// # Errors
///
/// The file cannot be read, or is no plugin.
pub fn inspect(path: &Path) -> Result<PermissionReport, ArtifactError> {
    let real = path.canonicalize().map_err(|error| ArtifactError::Unreadable(error.to_string()))?;
    Ok(PermissionReport::of(&Artifact::read(&regular_file::read(&real)?)?))
}
