//! The code of a plugin. It is loaded when the plugin is first called: most of those that are installed serve no account.

use std::sync::Arc;

use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::{InstancePre, Linker};

use crate::artifact::Digest;
use crate::call_state::CallState;
use crate::compile::{CompileError, Compiler};
use crate::component_source::ComponentSource;
use crate::imports;

/// A component whose code is loaded when it is first needed.
pub(crate) struct LazyComponent {
    loaded: OnceCell<InstancePre<CallState>>,
    compiler: Arc<Compiler>,
    pub(crate) digest: Digest,
    source: ComponentSource,
}

/// The reason why the code of a component is not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LazyComponentError {
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error("it does not fit contract {}: {}", crate::manifest::API_TRACK, .0)]
    Contract(String),
    #[error("the thread that loads it ended: {0}")]
    Thread(String),
}

impl LazyComponent {
    /// The code of a component. Nothing is loaded yet.
    pub(crate) fn new(compiler: Arc<Compiler>, digest: Digest, source: ComponentSource) -> Self {
        Self { loaded: OnceCell::new(), compiler, digest, source }
    }

    /// The code, ready to be instantiated. The first call loads it, and compiles it where the cache has lost it.
    pub(crate) async fn get(&self, engine: &Engine) -> Result<&InstancePre<CallState>, LazyComponentError> {
        self.loaded
            .get_or_try_init(async || {
                let (compiler, digest) = (Arc::clone(&self.compiler), self.digest.clone());
                let (source, engine) = (self.source.clone(), engine.clone());
                let load = tokio::task::spawn_blocking(move || load(&compiler, &engine, &digest, &source));
                load.await.map_err(|error| LazyComponentError::Thread(error.to_string()))?
            })
            .await
    }
}

fn load(
    compiler: &Compiler,
    engine: &Engine,
    digest: &Digest,
    source: &ComponentSource,
) -> Result<InstancePre<CallState>, LazyComponentError> {
    let component = compiler.load(engine, digest, source)?;
    let mut linker = Linker::new(engine);
    imports::add_to_linker(&mut linker).map_err(|error| CompileError::Compiler(format!("{error:#}")))?;
    linker
        .instantiate_pre(&component)
        .map_err(|error| LazyComponentError::Contract(error.root_cause().to_string()))
}
