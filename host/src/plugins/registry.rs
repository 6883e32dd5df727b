//! Which plugins there are, and what has become of each.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use wasmtime::component::Linker;

use super::artifact::{Artifact, ArtifactError, Digest, SIZE_LIMIT};
use super::call::{CallContext, CallState, Fault, FaultKind, Plugin, Runtime};
use super::compile::{CompileError, Compiler};
use super::limits::Budget;
use super::manifest::API_TRACK;
use super::permissions::Inspection;
use super::{capabilities, engine, imports};

/// The components that are built into this program.
static BUNDLED: &[&[u8]] = include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// A person's consent to a plugin: to these bytes, asking for these permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The plugin's id.
    pub id: String,
    /// Of the component.
    pub digest: String,
    /// Of what it asks for.
    pub permissions: String,
}

/// Where a plugin comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It is built into this program, and needs no approval.
    Bundled,
    /// It lies in the plugin directory.
    File(PathBuf),
}

/// What has become of a plugin.
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
    /// Where.
    pub origin: Origin,
    /// What it asks for; absent where not even that can be read.
    pub inspection: Option<Inspection>,
    /// What has become of it.
    pub status: Status,
}

impl Entry {
    /// The id, or the file's name where there is none.
    pub fn id(&self) -> String {
        match (&self.inspection, &self.origin) {
            (Some(inspection), _) => inspection.id.clone(),
            (None, Origin::File(path)) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            (None, Origin::Bundled) => "unreadable".to_owned(),
        }
    }
}

/// Why a plugin does not serve.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("it does not fit contract {API_TRACK}: {0}")]
    Contract(String),
    #[error("it fails when it is tried out: {0}")]
    Trial(Fault),
}

/// All plugins that were found.
pub struct Plugins {
    entries: Vec<Entry>,
}

impl Plugins {
    /// Reads the bundled plugins and those in `directory`, and starts those that may serve. A plugin that cannot is
    /// listed with the reason and stops nothing.
    pub async fn load(
        runtime: &Arc<Runtime>,
        compiler: &Compiler,
        directory: &Path,
        approvals: &[Approval],
    ) -> wasmtime::Result<Self> {
        let mut linker = Linker::new(&runtime.engine);
        imports::offer(&mut linker)?;
        let mut plugins = Self { entries: Vec::new() };
        for bytes in BUNDLED {
            plugins
                .add(Origin::Bundled, Artifact::read(bytes.to_vec()), runtime, compiler, &linker, |_| true)
                .await;
        }
        let approved = |inspection: &Inspection| approvals.contains(&Approval::from(inspection));
        let mut found: Vec<_> =
            list(directory).into_iter().map(|path| (read(&path, directory), path)).collect();
        // The approved ones first: a newcomer that claims the id of one must not take its place.
        found.sort_by_key(|(artifact, _)| !artifact.as_ref().is_ok_and(|it| approved(&Inspection::of(it))));
        for (artifact, path) in found {
            plugins.add(Origin::File(path), artifact, runtime, compiler, &linker, approved).await;
        }
        Ok(plugins)
    }

    async fn add(
        &mut self,
        origin: Origin,
        artifact: Result<Artifact, ArtifactError>,
        runtime: &Arc<Runtime>,
        compiler: &Compiler,
        linker: &Linker<CallState>,
        approved: impl Fn(&Inspection) -> bool,
    ) {
        let artifact = match artifact {
            Ok(artifact) => artifact,
            Err(error) => {
                let status = Status::Broken(error.to_string());
                tracing::warn!(?origin, "plugin left out: {error}");
                return self.entries.push(Entry { origin, inspection: None, status });
            }
        };
        let inspection = Inspection::of(&artifact);
        let id = inspection.id.clone();
        let bundled = self.entries.iter().any(|entry| entry.origin == Origin::Bundled && entry.id() == id);
        let status = if bundled || (approved(&inspection) && self.active(&id).is_some()) {
            Status::Broken(format!("another plugin has the id {id:?} already"))
        } else if !approved(&inspection) {
            tracing::info!(plugin = %id, "plugin waits for approval: `playrelay plugin approve {id}`");
            Status::Pending
        } else {
            match start(artifact, runtime, compiler, linker).await {
                Ok(plugin) => Status::Active(plugin),
                Err(error) => {
                    tracing::warn!(plugin = %id, "plugin left out: {error}");
                    Status::Broken(error.to_string())
                }
            }
        };
        self.entries.push(Entry { origin, inspection: Some(inspection), status });
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

    /// The plugin with this id that waits for approval.
    pub fn pending(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id() == id && matches!(entry.status, Status::Pending))
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
pub async fn rehearse(
    path: &Path,
    runtime: &Arc<Runtime>,
    compiler: &Compiler,
) -> Result<Arc<Plugin>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{} cannot serve: {error}", path.display());
    let bytes = fs::read(path).map_err(|error| failed(&error))?;
    let artifact = Artifact::read(bytes).map_err(|error| failed(&error))?;
    let mut linker = Linker::new(&runtime.engine);
    imports::offer(&mut linker).map_err(|error| failed(&error))?;
    start(artifact, runtime, compiler, &linker).await.map_err(|error| failed(&error))
}

async fn start(
    artifact: Artifact,
    runtime: &Arc<Runtime>,
    compiler: &Compiler,
    linker: &Linker<CallState>,
) -> Result<Arc<Plugin>, Refusal> {
    let component = compiler.load(&runtime.engine, &artifact)?;
    let pre = linker
        .instantiate_pre(&component)
        .map_err(|error| Refusal::Contract(error.root_cause().to_string()))?;
    let plugin = Arc::new(Plugin::new(Arc::clone(runtime), Arc::new(artifact.manifest), pre));
    trial(&plugin, runtime).await?;
    Ok(plugin)
}

/// Instantiates the component and looks at the types of all that it exports: a record that differs shows only here.
async fn trial(plugin: &Arc<Plugin>, runtime: &Runtime) -> Result<(), Refusal> {
    let context = CallContext {
        plugin: plugin.manifest.plugin.id.clone(),
        account: None,
        kv: None,
        clock: None,
        requests_left: 0,
        log_left: super::limits::LOG_LINES,
        masks: None,
        is_login: false,
        trace: Arc::new(Mutex::default()),
    };
    // Without it no time passes for the guest, and one that loops as it starts would loop for ever.
    let _ticking = runtime.ticker.enter();
    let mut store = engine::store(&runtime.engine, context, plugin.memory, Budget::SERVICE);
    let instance = tokio::time::timeout(Budget::SERVICE.wall, plugin.pre.instantiate_async(&mut store))
        .await
        .map_err(|_| Refusal::Trial(Fault::new(FaultKind::Wall, "it does not come up in time")))?
        .map_err(|error| Refusal::Trial(Fault::new(FaultKind::Trap, error.root_cause().to_string())))?;
    let provided = plugin.manifest.provides.names();
    for (name, verify) in capabilities::ALL.iter().filter(|(name, _)| provided.contains(name)) {
        verify(&plugin.pre, &mut store, &instance)
            .map_err(|error| Refusal::Contract(format!("{name}: {}", error.root_cause())))?;
    }
    Ok(())
}

/// The `.wasm` files of a directory, by name. One that is not there is empty.
fn list(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(files) => files.flatten().map(|file| file.path()).collect(),
        Err(error) => {
            tracing::debug!(directory = %directory.display(), %error, "no plugin directory");
            Vec::new()
        }
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    files.sort();
    files
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
    let size = fs::metadata(&real).map_err(unreadable)?.len();
    if size > SIZE_LIMIT as u64 {
        return Err(ArtifactError::Size { found: usize::try_from(size).unwrap_or(usize::MAX) });
    }
    Artifact::read(fs::read(&real).map_err(unreadable)?)
}

/// Reads any file, for a look at what it asks for. No code of it runs.
pub fn inspect(path: &Path) -> Result<Inspection, ArtifactError> {
    let bytes = fs::read(path).map_err(|error| ArtifactError::Unreadable(error.to_string()))?;
    Ok(Inspection::of(&Artifact::read(bytes)?))
}

impl From<&Inspection> for Approval {
    fn from(inspection: &Inspection) -> Self {
        let text = |digest: &Digest| digest.as_str().to_owned();
        Self {
            id: inspection.id.clone(),
            digest: text(&inspection.digest),
            permissions: text(&inspection.permissions),
        }
    }
}
