//! Which plugins there are, and what has become of each.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags};
use serde::Serialize;
use wasmtime::component::Linker;

use crate::artifact::{Artifact, ArtifactError, Digest, SIZE_LIMIT};
use crate::call_state::{CallContext, CallState};
use crate::capabilities::interface;
use crate::compile::{CompileError, Compiler};
use crate::fault::{Fault, FaultKind};
use crate::limits::Budget;
use crate::manifest::API_TRACK;
use crate::permissions::PermissionReport;
use crate::plugin::Plugin;
use crate::runtime::Runtime;
use crate::{imports, wasm};

/// Files of the plugin directory that are looked at.
const MAX_FILES: usize = 256;

/// A person's consent to a plugin: to these bytes, asking for these permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The plugin's id.
    pub id: String,
    /// The digest of the component.
    pub digest: String,
    /// The digest of its permissions.
    pub permissions: String,
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

/// The state of a plugin.
pub enum Status {
    /// It serves.
    Active(Arc<Plugin>),
    /// It waits for approval.
    Pending,
    /// It cannot serve; the reason.
    Broken(String),
}

/// A plugin that was found.
pub struct Entry {
    /// The place where the plugin was found.
    pub origin: PluginOrigin,
    /// Its permissions; absent if they cannot be read.
    pub inspection: Option<PermissionReport>,
    /// Its state.
    pub status: Status,
}

impl Entry {
    /// The id, or the file's name where there is none.
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

/// The reason why a plugin is not loaded.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("it does not fit contract {API_TRACK}: {0}")]
    Contract(String),
    #[error("it fails the check of its exports: {0}")]
    Trial(Fault),
}

/// All plugins that were found.
pub struct Plugins {
    entries: Vec<Entry>,
}

impl Plugins {
    /// Reads the plugins that are built into the program, `bundled`, and those in `directory`, and starts those that may serve. A plugin that cannot is
    /// listed with the reason and stops nothing.
    ///
    /// # Errors
    ///
    /// A bundled plugin cannot be compiled, or the cache cannot be used.
    pub async fn load(
        runtime: &Arc<Runtime>,
        compiler: &Compiler,
        bundled: &[&'static [u8]],
        directory: &Path,
        approvals: &[Approval],
    ) -> Result<Self, CompileError> {
        let mut linker = Linker::new(&runtime.engine);
        imports::add_to_linker(&mut linker).map_err(|error| CompileError::Compiler(format!("{error:#}")))?;
        let mut plugins = Self { entries: Vec::new() };
        for bytes in bundled {
            plugins
                .add_entry(PluginOrigin::Bundled, Artifact::read(*bytes), runtime, compiler, &linker, |_| {
                    true
                })
                .await?;
        }
        let approved = |inspection: &PermissionReport| approvals.contains(&Approval::from(inspection));
        // One at a time: many large files must not be in memory together. The approved ones first: a newcomer that claims the id of
        // one must not take its place.
        let mut newcomers = Vec::new();
        for path in wasm_files(directory) {
            let artifact = read(&path, directory);
            if artifact.as_ref().is_ok_and(|it| approved(&PermissionReport::of(it))) {
                plugins
                    .add_entry(PluginOrigin::File(path), artifact, runtime, compiler, &linker, approved)
                    .await?;
            } else {
                newcomers.push((path, artifact.map(|it| PermissionReport::of(&it))));
            }
        }
        for (path, inspection) in newcomers {
            plugins.add_newcomer(path, inspection);
        }
        Ok(plugins)
    }

    async fn add_entry(
        &mut self,
        origin: PluginOrigin,
        artifact: Result<Artifact, ArtifactError>,
        runtime: &Arc<Runtime>,
        compiler: &Compiler,
        linker: &Linker<CallState>,
        approved: impl Fn(&PermissionReport) -> bool,
    ) -> Result<(), CompileError> {
        let artifact = match artifact {
            Ok(artifact) => artifact,
            Err(error) => {
                self.add_broken(origin, &error);
                return Ok(());
            }
        };
        let inspection = PermissionReport::of(&artifact);
        let id = inspection.id.clone();
        let status = if self.is_bundled(&id) || self.active(&id).is_some() || !approved(&inspection) {
            Status::Broken(format!("another plugin has the id {id:?} already"))
        } else {
            match start(artifact, runtime, compiler, linker).await {
                Ok(plugin) => Status::Active(plugin),
                // The folder of compiled code is of use to all of them, or to none.
                Err(LoadError::Compile(error @ CompileError::Cache { .. })) => return Err(error),
                Err(error) => {
                    tracing::warn!(plugin = %id, "the plugin is not loaded: {error}");
                    Status::Broken(error.to_string())
                }
            }
        };
        self.entries.push(Entry { origin, inspection: Some(inspection), status });
        Ok(())
    }

    /// Lists a file that nobody has approved. Its bytes are not kept.
    fn add_newcomer(&mut self, path: PathBuf, inspection: Result<PermissionReport, ArtifactError>) {
        let origin = PluginOrigin::File(path);
        let inspection = match inspection {
            Ok(inspection) => inspection,
            Err(error) => return self.add_broken(origin, &error),
        };
        let id = &inspection.id;
        let status = if self.is_bundled(id) {
            Status::Broken(format!("another plugin has the id {id:?} already"))
        } else {
            tracing::debug!(plugin = %id, "plugin waits for approval");
            Status::Pending
        };
        self.entries.push(Entry { origin, inspection: Some(inspection), status });
    }

    fn add_broken(&mut self, origin: PluginOrigin, error: &ArtifactError) {
        tracing::debug!(?origin, "the plugin is not loaded: {error}");
        self.entries.push(Entry { origin, inspection: None, status: Status::Broken(error.to_string()) });
    }

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
            Status::Pending | Status::Broken(_) => None,
        })
    }

    /// The plugin with this id, where it serves.
    pub fn active(&self, id: &str) -> Option<&Arc<Plugin>> {
        self.entries.iter().find_map(|entry| match &entry.status {
            Status::Active(plugin) if plugin.manifest.plugin.id == id => Some(plugin),
            _ => None,
        })
    }
}

/// Starts a component of any file, for a rehearsal. It is listed nowhere and needs no approval: it is given nothing.
///
/// # Errors
///
/// The file cannot be read, compiled or started; the text says why.
pub async fn load_for_dry_run(
    path: &Path,
    runtime: &Arc<Runtime>,
    compiler: &Compiler,
) -> Result<Arc<Plugin>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{} cannot serve: {error}", path.display());
    let real = path.canonicalize().map_err(|error| failed(&error))?;
    let artifact = read_file(&real).and_then(Artifact::read).map_err(|error| failed(&error))?;
    let mut linker = Linker::new(&runtime.engine);
    imports::add_to_linker(&mut linker).map_err(|error| failed(&error))?;
    start(artifact, runtime, compiler, &linker).await.map_err(|error| failed(&error))
}

async fn start(
    artifact: Artifact,
    runtime: &Arc<Runtime>,
    compiler: &Compiler,
    linker: &Linker<CallState>,
) -> Result<Arc<Plugin>, LoadError> {
    let component = compiler.load(&runtime.engine, &artifact)?;
    let pre = linker
        .instantiate_pre(&component)
        .map_err(|error| LoadError::Contract(error.root_cause().to_string()))?;
    let plugin = Arc::new(Plugin::new(Arc::clone(runtime), Arc::new(artifact.manifest), pre));
    validate_exports(&plugin, runtime).await?;
    Ok(plugin)
}

/// Instantiates the component and looks at the types of all that it exports: a record that differs shows only here.
async fn validate_exports(plugin: &Arc<Plugin>, runtime: &Runtime) -> Result<(), LoadError> {
    let context = CallContext {
        plugin: plugin.manifest.plugin.id.clone(),
        account: None,
        kv: None,
        clock: None,
        requests_left: 0,
        log_left: crate::limits::MAX_LOG_LINES,
        log_budget: Arc::clone(&plugin.log_budget),
        placeholders: None,
        is_login: false,
        trace: Arc::new(Mutex::default()),
    };
    // Without it no time passes for the guest, and one that loops as it starts would loop for ever.
    let _ticking = runtime.ticker.enter();
    let mut store = wasm::store(&runtime.engine, context, plugin.memory, Budget::SERVICE);
    let instance = tokio::time::timeout(Budget::SERVICE.wall, plugin.pre.instantiate_async(&mut store))
        .await
        .map_err(|_| LoadError::Trial(Fault::new(FaultKind::Wall, "it does not come up in time")))?
        .map_err(|error| LoadError::Trial(Fault::new(FaultKind::Trap, error.root_cause().to_string())))?;
    let provided = plugin.manifest.provides.names();
    for (name, verify) in interface::ALL.iter().filter(|(name, _)| provided.contains(*name)) {
        verify(&plugin.pre, &mut store, &instance)
            .map_err(|error| LoadError::Contract(format!("{name}: {}", error.root_cause())))?;
    }
    Ok(())
}

/// The `.wasm` files of a directory, by name, up to [`FILES`] of them. One that is not there is empty.
fn wasm_files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(files) => files.flatten().map(|file| file.path()).collect(),
        Err(error) => {
            tracing::debug!(directory = %directory.display(), %error, "no plugin directory");
            Vec::new()
        }
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    if files.len() > MAX_FILES {
        tracing::warn!(directory = %directory.display(), "there are {} plugins; {MAX_FILES} are looked at", files.len());
        files.truncate(MAX_FILES);
    }
    files
}

/// Reads a regular file of a size that a plugin may have. Anything else may never end.
fn read_file(path: &Path) -> Result<Vec<u8>, ArtifactError> {
    let unreadable = |error: std::io::Error| ArtifactError::Unreadable(error.to_string());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| unreadable(error.into()))?;
    let file = fs::File::from(file);
    let facts = file.metadata().map_err(unreadable)?;
    if !facts.is_file() {
        return Err(ArtifactError::Unreadable("it is not a regular file".to_owned()));
    }
    if facts.len() > SIZE_LIMIT as u64 {
        return Err(ArtifactError::Size { found: usize::try_from(facts.len()).unwrap_or(usize::MAX) });
    }
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// Reads a file of the plugin directory. A link that leads out of it is refused: what was approved must be what is read.
fn read(path: &Path, directory: &Path) -> Result<Artifact, ArtifactError> {
    let unreadable = |error: std::io::Error| ArtifactError::Unreadable(error.to_string());
    let real = path.canonicalize().map_err(unreadable)?;
    if !real.starts_with(directory.canonicalize().map_err(unreadable)?) {
        return Err(ArtifactError::Unreadable(
            "it is a link that leads out of the plugin directory".to_owned(),
        ));
    }
    Artifact::read(read_file(&real)?)
}

/// Reads any file, for a look at what it asks for. No code of it runs.
///
/// # Errors
///
/// The file cannot be read, or is no plugin.
pub fn inspect(path: &Path) -> Result<PermissionReport, ArtifactError> {
    let real = path.canonicalize().map_err(|error| ArtifactError::Unreadable(error.to_string()))?;
    Ok(PermissionReport::of(&Artifact::read(read_file(&real)?)?))
}

impl From<&PermissionReport> for Approval {
    fn from(inspection: &PermissionReport) -> Self {
        let text = |digest: &Digest| digest.as_str().to_owned();
        Self {
            id: inspection.id.clone(),
            digest: text(&inspection.digest),
            permissions: text(&inspection.permissions),
        }
    }
}
