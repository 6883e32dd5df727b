//! Compiles plugins that are not compiled yet, while everything else runs.

use std::path::Path;

use crate::artifact::{Artifact, Digest};
use crate::compile::{CompileError, Compiler};
use crate::component_source::{BundledPlugin, ComponentSource};
use crate::registry::last_good::LastGood;
use crate::registry::{PluginOrigin, Plugins, Status, directory};
use crate::runtime::Runtime;

/// A plugin that is to be compiled before it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncompiled {
    /// The id.
    pub id: String,
    /// The place where it was found.
    pub origin: PluginOrigin,
    /// The digest of its bytes.
    pub digest: Digest,
}

impl Plugins {
    /// The plugins that are to be compiled before they serve.
    pub fn uncompiled(&self) -> Vec<Uncompiled> {
        let waiting = self.entries.iter().filter(|entry| matches!(entry.status, Status::Compiling(_)));
        waiting
            .filter_map(|entry| {
                let digest = entry.inspection.as_ref()?.digest.clone();
                Some(Uncompiled { id: entry.id(), origin: entry.origin.clone(), digest })
            })
            .collect()
    }
}

impl Uncompiled {
    /// Compiles it into the cache; this blocks the thread for seconds. A plugin whose bytes are nowhere any more is left alone.
    ///
    /// # Errors
    ///
    /// The component cannot be compiled, which the compiler remembers; or the cache cannot be used.
    pub fn compile(
        &self,
        bundled: &[BundledPlugin],
        last_good: &Path,
        runtime: &Runtime,
        compiler: &Compiler,
    ) -> Result<(), CompileError> {
        match self.source(bundled, last_good) {
            Some(source) => {
                compiler.load(&runtime.engine, &self.digest, || Ok(source.read(&self.digest)?)).map(drop)
            }
            None => Ok(()),
        }
    }

    fn source(&self, bundled: &[BundledPlugin], last_good: &Path) -> Option<ComponentSource> {
        match &self.origin {
            PluginOrigin::Bundled => {
                let mut bundled = bundled.iter();
                let meant = bundled.find(|it| it.digest == self.digest.as_str())?;
                Some(ComponentSource::Bundled(meant.bytes))
            }
            PluginOrigin::File(path) => {
                let file = directory::read(path, path.parent()?);
                // Another one may have taken its place meanwhile, which nobody has approved.
                let copy = || LastGood(last_good).read(path)?.ok();
                let is_meant = |artifact: &Artifact| artifact.digest == self.digest;
                let file = file.ok().filter(|(artifact, _)| is_meant(artifact));
                let meant = file.or_else(|| copy().filter(|(artifact, _)| is_meant(artifact)));
                meant.map(|(_, source)| source)
            }
        }
    }
}
