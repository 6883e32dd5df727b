//! Compiles plugins that are not compiled yet, while everything else runs.

use std::path::Path;

use crate::artifact::{Artifact, Digest};
use crate::compile::{CompileError, Compiler};
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
        bundled: &[&'static [u8]],
        last_good: &Path,
        runtime: &Runtime,
        compiler: &Compiler,
    ) -> Result<(), CompileError> {
        match self.artifact(bundled, last_good) {
            Some(artifact) => compiler.load(&runtime.engine, &artifact).map(drop),
            None => Ok(()),
        }
    }

    fn artifact(&self, bundled: &[&'static [u8]], last_good: &Path) -> Option<Artifact> {
        let is_meant = |artifact: &Artifact| artifact.digest == self.digest;
        match &self.origin {
            PluginOrigin::Bundled => {
                bundled.iter().filter_map(|bytes| Artifact::read(*bytes).ok()).find(is_meant)
            }
            PluginOrigin::File(path) => {
                let file = directory::read(path, path.parent()?).ok().filter(is_meant);
                // Another one may have taken its place meanwhile, which nobody has approved.
                file.or_else(|| LastGood(last_good).read(path)?.ok().filter(is_meant))
            }
        }
    }
}
