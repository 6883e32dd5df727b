//! wasmtime, set up for many short calls by guests that do not trust each other.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use playrelay_util::lock::lock;
use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig, Store, UpdateDeadline};
use wasmtime_wasi::ResourceTable;

use crate::call_state::{CallContext, CallState};
use crate::limits::{Budget, MAX_CONCURRENT_CALLS, MAX_MEMORY_BYTES, MemoryLimit, TICK};
use crate::recording;

/// Core instances of a component.
const CORE_INSTANCES: u32 = 64;
/// Memories of a component.
const MEMORIES: u32 = 4;
/// Tables of a component.
const TABLES: u32 = 16;

/// The engine.
///
/// Instances come from a pool; where the address space is too small for one they are made on demand.
///
/// # Errors
///
/// wasmtime refuses the configuration.
pub fn new() -> wasmtime::Result<Engine> {
    let mut config = base_config();
    config.allocation_strategy(pool());
    Engine::new(&config).or_else(|error| {
        tracing::warn!(%error, "no instance pool; instances are made on demand");
        Engine::new(&base_config())
    })
}

/// The same for tests of plugins: it counts instructions, and makes instances on demand.
///
/// # Errors
///
/// wasmtime refuses the configuration.
pub fn metered() -> wasmtime::Result<Engine> {
    let mut config = base_config();
    config.consume_fuel(true);
    Engine::new(&config)
}

/// The instructions that a call has run; absent where the engine does not count them.
pub(crate) fn used_instructions(store: &Store<CallState>) -> Option<u64> {
    store.get_fuel().ok().map(|left| u64::MAX - left)
}

fn base_config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .async_stack_size(1 << 20)
        .max_wasm_stack(512 << 10)
        .async_stack_zeroing(true)
        .memory_init_cow(true)
        // 64 MiB instead of 4 GiB a memory: the pool fits into 39 bits of address space.
        .memory_reservation(MAX_MEMORY_BYTES as u64)
        .memory_reservation_for_growth(0)
        .memory_guard_size(64 << 10)
        .memory_may_move(false)
        .wasm_component_model_implements(false)
        .concurrency_support(false)
        .wasm_memory64(false)
        .wasm_relaxed_simd(false);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(MAX_CONCURRENT_CALLS)
        .total_stacks(MAX_CONCURRENT_CALLS)
        // As many as all slots can take: a component that has the most of them must not take those of others.
        .total_core_instances(MAX_CONCURRENT_CALLS * CORE_INSTANCES)
        .total_memories(MAX_CONCURRENT_CALLS * MEMORIES)
        .total_tables(MAX_CONCURRENT_CALLS * TABLES)
        // A Python guest has 38 core instances, a QuickJS one three memories, a StarlingMonkey one two tables in a module.
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(4)
        .table_elements(50_000)
        .max_memory_size(MAX_MEMORY_BYTES)
        .linear_memory_keep_resident(256 << 10)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .max_unused_warm_slots(8)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// A store for one call. CPU time is counted in ticks of the engine's epoch; the last one is a trap.
pub fn store(engine: &Engine, context: CallContext, memory: usize, budget: Budget) -> Store<CallState> {
    let state = CallState {
        memory: MemoryLimit::new(memory),
        wasi: recording::wasi::context(&context.host_calls),
        table: ResourceTable::new(),
        context,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(budget.lifted);
    store.set_epoch_deadline(1);
    // An engine that does not count them refuses to be given any. Nothing is limited by it: CPU time is.
    let _ = store.set_fuel(u64::MAX);
    let mut left = budget.cpu.as_millis() / TICK.as_millis();
    store.epoch_deadline_callback(move |_| {
        left = left.saturating_sub(1);
        Ok(match left {
            0 => UpdateDeadline::Interrupt,
            _ => UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())),
        })
    });
    store
}

/// Advances the engine's epoch while calls are running, and sleeps while none is.
#[derive(Clone)]
pub struct EpochTicker(Arc<(Mutex<usize>, Condvar)>);

impl EpochTicker {
    /// Starts the thread; it ends with the engine.
    ///
    /// # Errors
    ///
    /// The system starts no more threads.
    pub fn start(engine: &Engine) -> std::io::Result<Self> {
        let ticker = Self(Arc::new((Mutex::new(0), Condvar::new())));
        let (running, engine) = (Arc::clone(&ticker.0), engine.weak());
        std::thread::Builder::new().name("plugin-epoch".into()).spawn(move || {
            loop {
                let (calls, woken) = &*running;
                let calls = lock(calls);
                drop(woken.wait_while(calls, |calls| *calls == 0).unwrap_or_else(PoisonError::into_inner));
                std::thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })?;
        Ok(ticker)
    }

    /// Keeps the ticker going until the guard is dropped.
    pub fn enter(&self) -> EpochGuard {
        *lock(&self.0.0) += 1;
        self.0.1.notify_one();
        EpochGuard(self.clone())
    }
}

/// A call is running.
pub struct EpochGuard(EpochTicker);

impl Drop for EpochGuard {
    fn drop(&mut self) {
        *lock(&self.0.0.0) -= 1;
    }
}
