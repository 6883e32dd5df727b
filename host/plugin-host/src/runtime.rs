//! The parts that all plugins share: the engine, its ticker, and the threads of guests.

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::Engine;

use crate::limits::{NESTED_SLOTS, PURE_SLOTS, WAITING_SLOTS};
use crate::ports::CallRecorder;
use crate::wasm::EpochTicker;

/// The parts that all plugins share: the engine, its ticker, and the threads of guests.
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) ticker: EpochTicker,
    /// For calls that only compute.
    pub(crate) pure_slots: Arc<Semaphore>,
    /// For calls that may wait for a network.
    pub(crate) waiting_slots: Arc<Semaphore>,
    /// For calls that other calls wait for.
    pub(crate) nested_slots: Arc<Semaphore>,
    pub(crate) threads: Option<tokio::runtime::Runtime>,
    /// What records the calls, while somebody wants that; absent where nobody ever does.
    pub recorder: Option<Arc<dyn CallRecorder>>,
}

impl Runtime {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// The system starts no more threads.
    pub fn start(engine: Engine) -> std::io::Result<Self> {
        let threads = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("plugin")
            .enable_all()
            .build()?;
        let ticker = EpochTicker::start(&engine)?;
        let slots = |count: u32| Arc::new(Semaphore::new(count as usize));
        let (pure_slots, waiting_slots) = (slots(PURE_SLOTS), slots(WAITING_SLOTS));
        let nested_slots = slots(NESTED_SLOTS);
        let threads = Some(threads);
        Ok(Self { engine, ticker, pure_slots, waiting_slots, nested_slots, threads, recorder: None })
    }

    pub(crate) fn threads(&self) -> &tokio::runtime::Runtime {
        self.threads.as_ref().expect("the threads are taken only by drop")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.take() {
            // Blocking shutdown is forbidden where the last reference is dropped inside another runtime.
            threads.shutdown_background();
        }
    }
}
