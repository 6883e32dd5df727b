//! Reads all plugins, and starts those that may serve. One that serves already, with the same bytes, goes on as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::artifact::{Artifact, ArtifactError};
use crate::capabilities::interface;
use crate::compile::{Compilation, CompileError, Compiler};
use crate::component_source::{BundledPlugin, ComponentSource};
use crate::fault::{Fault, FaultKind};
use crate::lazy_component::{LazyComponent, LazyComponentError};
use crate::limits::Budget;
use crate::manifest::API_TRACK;
use crate::permissions::PermissionReport;
use crate::plugin::Plugin;
use crate::recording::host_calls::HostCalls;
use crate::registry::directory::{self, FoundPlugin, wasm_files};
use crate::registry::last_good::LastGood;
use crate::registry::{Approval, DirectoryStamp, Entry, PluginOrigin, Plugins, Status};
use crate::runtime::Runtime;
use crate::{regular_file, wasm};

/// The reason why a plugin is not loaded.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    #[error(transparent)]
    LazyComponent(#[from] LazyComponentError),
    #[error("it does not fit contract {API_TRACK}: {0}")]
    Contract(String),
    #[error("it fails the check of its exports: {0}")]
    Trial(Fault),
}

/// Where plugins are, and which of them may serve.
pub struct Loader<'a> {
    /// What runs them.
    pub runtime: &'a Arc<Runtime>,
    /// What compiles them.
    pub compiler: &'a Arc<Compiler>,
    /// Those that are built into the program.
    pub bundled: &'a [BundledPlugin],
    /// The plugin directory.
    pub directory: &'a Path,
    /// The folder of copies of those that serve.
    pub last_good: &'a Path,
    /// The approvals of people.
    pub approvals: &'a [Approval],
    /// When those are compiled that are not compiled yet.
    pub compilation: Compilation,
}

impl Loader<'_> {
    /// Reads everything. A plugin that cannot serve is listed with the reason, and stops nothing. `before` has those that serve already.
    ///
    /// # Errors
    ///
    /// A bundled plugin cannot be compiled, or the cache cannot be used.
    pub async fn load(&self, before: Option<&Plugins>) -> Result<Plugins, CompileError> {
        // Before the files are read: what changes in between is seen at the next look.
        let stamp = DirectoryStamp::of(self.directory);
        let plugins = Plugins {
            entries: Vec::new(),
            approvals: self.approvals.to_vec(),
            stamp,
            files: BTreeMap::new(),
        };
        let mut found = Found { loader: self, before, plugins };
        for plugin in self.bundled {
            let found_plugin = plugin.artifact().map(|it| (it, ComponentSource::Bundled(plugin.bytes)));
            found.add(PluginOrigin::Bundled, found_plugin).await?;
        }
        found.add_files().await?;
        Ok(found.plugins)
    }

    fn is_approved(&self, inspection: &PermissionReport) -> bool {
        self.approvals.iter().any(|approval| approval.allows(inspection))
    }
}

/// What was found so far.
struct Found<'a> {
    loader: &'a Loader<'a>,
    before: Option<&'a Plugins>,
    plugins: Plugins,
}

impl Found<'_> {
    /// Adds the files of the plugin directory, the approved ones first: a newcomer that claims the id of one must not take its place.
    async fn add_files(&mut self) -> Result<(), CompileError> {
        let directory = self.loader.directory;
        let files = wasm_files(directory);
        let copies = LastGood(self.loader.last_good);
        let seen: Vec<_> = files.iter().map(|path| (path.clone(), self.read(path, directory))).collect();
        let readable =
            seen.iter().filter_map(|(path, found)| Some((path.clone(), found.as_ref().ok()?.clone())));
        self.plugins.files = readable.collect();
        let is_approved = |found: &FoundPlugin| {
            found.as_ref().is_ok_and(|(it, _)| self.loader.is_approved(&PermissionReport::of(it)))
        };
        let (approved, others): (Vec<_>, Vec<_>) =
            seen.into_iter().partition(|(_, found)| is_approved(found));
        for (path, found) in approved {
            self.add_file(&path, found, &copies).await?;
        }
        // What was replaced goes on until somebody has approved what is there now.
        for (path, _) in &others {
            if let Some(Ok((copy, source))) = copies.read(path)
                && self.loader.is_approved(&PermissionReport::of(&copy))
                && self.plugins.active(&copy.manifest.plugin.id).is_none()
            {
                self.add_file(path, Ok((copy, source)), &copies).await?;
            }
        }
        copies.retain(&files);
        let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (path, found) in others {
            self.add_newcomer(path, found.map(|(artifact, _)| PermissionReport::of(&artifact)), &mut names);
        }
        Ok(())
    }

    /// Reads a file, unless it looks as it did when it was read before: a file of many megabytes is read and digested once.
    fn read(&self, path: &Path, directory: &Path) -> FoundPlugin {
        let before = self.before.filter(|before| before.stamp.agrees(&self.plugins.stamp, path));
        match before.and_then(|before| before.files.get(path)) {
            Some(found) => Ok(found.clone()),
            None => directory::read(directory::source(path, directory)?),
        }
    }

    async fn add_file(
        &mut self,
        path: &Path,
        found: FoundPlugin,
        copies: &LastGood<'_>,
    ) -> Result<(), CompileError> {
        let copied = found.as_ref().ok().cloned();
        let before = self.plugins.entries.len();
        self.add(PluginOrigin::File(path.to_owned()), found).await?;
        let may_serve = |entry: &Entry| matches!(entry.status, Status::Active(_) | Status::Compiling(_));
        if let (true, Some((artifact, source))) =
            (self.plugins.entries[before..].iter().any(may_serve), copied)
            && let Err(error) = copies.keep(path, &artifact, &source)
        {
            tracing::warn!(
                "{} cannot be kept for the time after another one takes its place: {error}",
                path.display()
            );
        }
        Ok(())
    }

    /// Adds a plugin that may serve.
    async fn add(&mut self, origin: PluginOrigin, found: FoundPlugin) -> Result<(), CompileError> {
        let (artifact, source) = match found {
            Ok(found) => found,
            Err(error) => {
                self.add_broken(origin, &error);
                return Ok(());
            }
        };
        let inspection = PermissionReport::of(&artifact);
        let id = inspection.id.clone();
        let status = match (self.taken_by(&id, &origin), self.running(&inspection)) {
            (Some(reason), _) => Status::Broken(reason),
            (None, Some(plugin)) => Status::Active(plugin),
            (None, None) if self.is_for_later(&inspection) => {
                match self.loader.compiler.failure(&inspection.digest) {
                    Some(reason) => Status::Broken(reason),
                    None => {
                        // The version before goes on until this one is compiled.
                        self.plugins.entries.extend(self.serving_before(&id));
                        Status::Compiling(Arc::new(artifact.manifest))
                    }
                }
            }
            (None, None) => {
                let Loader { runtime, compiler, compilation, .. } = self.loader;
                match start(artifact, source, runtime, compiler, *compilation).await {
                    Ok(plugin) => Status::Active(plugin),
                    // The folder of compiled code is of use to all of them, or to none.
                    Err(LoadError::LazyComponent(LazyComponentError::Compile(
                        error @ CompileError::Cache { .. },
                    ))) => {
                        return Err(error);
                    }
                    Err(error) => {
                        tracing::warn!(plugin = %id, "the plugin is not loaded: {error}");
                        Status::Broken(error.to_string())
                    }
                }
            }
        };
        self.plugins.entries.push(Entry { origin, inspection: Some(inspection), status });
        Ok(())
    }

    /// Whether a plugin is compiled in the background.
    fn is_for_later(&self, inspection: &PermissionReport) -> bool {
        let Loader { compilation, compiler, runtime, .. } = self.loader;
        *compilation == Compilation::Background && !compiler.is_cached(&runtime.engine, &inspection.digest)
    }

    /// The plugin with an id that serves already, whatever its bytes.
    fn serving_before(&self, id: &str) -> Option<Entry> {
        let mut entries = self.before?.entries.iter();
        entries.find(|entry| entry.id() == id && matches!(entry.status, Status::Active(_))).cloned()
    }

    /// The plugin with these bytes that serves already.
    fn running(&self, inspection: &PermissionReport) -> Option<Arc<Plugin>> {
        let entries = self.before?.entries.iter();
        let mut same = entries
            .filter(|entry| entry.inspection.as_ref().is_some_and(|it| it.digest == inspection.digest));
        same.find_map(|entry| match &entry.status {
            Status::Active(plugin) => Some(Arc::clone(plugin)),
            Status::Compiling(_) | Status::Pending | Status::Broken(_) => None,
        })
    }

    /// Why an id cannot be given to a plugin of this origin; absent where it can. A file whose copy serves has the same origin.
    fn taken_by(&self, id: &str, origin: &PluginOrigin) -> Option<String> {
        if self.plugins.is_bundled(id) {
            return Some(format!("the id {id:?} is that of a bundled plugin"));
        }
        let others = self.plugins.entries.iter().filter(|entry| entry.origin != *origin && entry.id() == id);
        let mut serving = others.filter(|entry| matches!(entry.status, Status::Active(_)));
        match &serving.next()?.origin {
            PluginOrigin::File(path) => Some(same_id(id, path)),
            PluginOrigin::Bundled => None,
        }
    }

    /// Lists a file that nobody has approved.
    fn add_newcomer(
        &mut self,
        path: PathBuf,
        inspection: Result<PermissionReport, ArtifactError>,
        names: &mut BTreeMap<String, PathBuf>,
    ) {
        let inspection = match inspection {
            Ok(inspection) => inspection,
            Err(error) => return self.add_broken(PluginOrigin::File(path), &error),
        };
        let id = inspection.id.clone();
        let origin = PluginOrigin::File(path.clone());
        let status = if let Some(reason) = self.taken_by(&id, &origin) {
            Status::Broken(reason)
        } else if let Some(other) = names.get(&id) {
            let reason = same_id(&id, &path);
            let mut first = self.plugins.entries.iter_mut();
            if let Some(first) = first.find(|entry| {
                entry.origin == PluginOrigin::File(other.clone())
                    && !matches!(entry.status, Status::Active(_))
            }) {
                first.status = Status::Broken(reason);
            }
            Status::Broken(same_id(&id, other))
        } else {
            tracing::debug!(plugin = %id, "plugin waits for approval");
            Status::Pending
        };
        names.entry(id).or_insert(path);
        self.plugins.entries.push(Entry { origin, inspection: Some(inspection), status });
    }

    fn add_broken(&mut self, origin: PluginOrigin, error: &ArtifactError) {
        tracing::debug!(?origin, "the plugin is not loaded: {error}");
        self.plugins.entries.push(Entry {
            origin,
            inspection: None,
            status: Status::Broken(error.to_string()),
        });
    }
}

/// Why two files with one id do not serve together.
fn same_id(id: &str, other: &Path) -> String {
    let name = other.file_name().unwrap_or_default().display();
    format!("{name} has the id {id:?} too; remove one of the two files")
}

/// Starts a component of any file, for a rehearsal. It is listed nowhere and needs no approval: it is given nothing.
///
/// # Errors
///
/// The file cannot be read, compiled or started; the text says why.
pub async fn load_for_dry_run(
    path: &Path,
    runtime: &Arc<Runtime>,
    compiler: &Arc<Compiler>,
) -> Result<Arc<Plugin>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{} cannot serve: {error}", path.display());
    let real = path.canonicalize().map_err(|error| failed(&error))?;
    let bytes = regular_file::read(&real).map_err(|error| failed(&error))?;
    let artifact = Artifact::read(&bytes).map_err(|error| failed(&error))?;
    let source = ComponentSource::File(real);
    start(artifact, source, runtime, compiler, Compilation::OnDemand).await.map_err(|error| failed(&error))
}

/// Makes a plugin that can be called. The first call loads its code. Exports that nobody has validated yet are validated here.
async fn start(
    artifact: Artifact,
    source: ComponentSource,
    runtime: &Arc<Runtime>,
    compiler: &Arc<Compiler>,
    compilation: Compilation,
) -> Result<Arc<Plugin>, LoadError> {
    let Artifact { digest, manifest, .. } = artifact;
    let is_validated = compiler.is_validated(&runtime.engine, &digest);
    let manifest = Arc::new(manifest);
    let plugin = || {
        let component = LazyComponent::new(Arc::clone(compiler), digest.clone(), source.clone());
        Arc::new(Plugin::new(Arc::clone(runtime), Arc::clone(&manifest), component))
    };
    let is_of_this_build =
        compilation == Compilation::OnDemand && matches!(source, ComponentSource::Bundled(_));
    if is_validated || is_of_this_build {
        return Ok(plugin());
    }
    let loaded = plugin();
    validate_exports(&loaded, runtime).await?;
    compiler.note_validated(&runtime.engine, &digest).map_err(LazyComponentError::Compile)?;
    // The look at it has put much of it into memory, which a daemon may never need again.
    Ok(if compilation == Compilation::Background { plugin() } else { loaded })
}

/// Instantiates the component and looks at the types of all that it exports: a record that differs shows only here.
async fn validate_exports(plugin: &Arc<Plugin>, runtime: &Runtime) -> Result<(), LoadError> {
    let context = plugin.context_without_account(HostCalls::Live);
    // Without it no time passes for the guest, and one that loops as it starts would loop for ever.
    let _ticking = runtime.ticker.enter();
    let mut store = wasm::store(&runtime.engine, context, plugin.memory, Budget::SERVICE);
    let pre = plugin.component.get(&runtime.engine).await?;
    let instance = tokio::time::timeout(Budget::SERVICE.wall, pre.instantiate_async(&mut store))
        .await
        .map_err(|_| LoadError::Trial(Fault::new(FaultKind::Wall, "it does not come up in time")))?
        .map_err(|error| LoadError::Trial(Fault::new(FaultKind::Trap, error.root_cause().to_string())))?;
    let provided = plugin.manifest.provides.names();
    for (name, verify) in interface::ALL.iter().filter(|(name, _)| provided.contains(*name)) {
        verify(pre, &mut store, &instance)
            .map_err(|error| LoadError::Contract(format!("{name}: {}", error.root_cause())))?;
    }
    Ok(())
}
