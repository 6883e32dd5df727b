//! Compiles plugins that are not compiled yet, while everything else runs.

use std::path::Path;

use crate::artifact::Digest;
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
        for source in self.sources(bundled, last_good) {
            match compiler.load(&runtime.engine, &self.digest, &source) {
                // Another one may have taken its place meanwhile, which nobody has approved.
                Err(CompileError::Bytes(error)) => {
                    tracing::debug!(plugin = self.id, "its bytes are not there any more: {error}");
                }
                compiled => return compiled.map(drop),
            }
        }
        Ok(())
    }

    /// Where its bytes may be.
    fn sources(&self, bundled: &[BundledPlugin], last_good: &Path) -> Vec<ComponentSource> {
        match &self.origin {
            PluginOrigin::Bundled => {
                let meant = bundled.iter().filter(|it| it.digest == self.digest.as_str());
                meant.map(|it| ComponentSource::Bundled(it.bytes)).collect()
            }
            PluginOrigin::File(path) => {
                let file = path.parent().and_then(|directory| directory::source(path, directory).ok());
                file.into_iter().chain(LastGood(last_good).source(path)).collect()
            }
        }
    }
}
