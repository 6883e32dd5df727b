//! One call: a fresh instance, within limits, on threads of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use playrelay_util::clock;
use playrelay_util::lock::lock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::Instrument;
use wasmtime::component::InstancePre;
use wasmtime::{Store, Trap};

use crate::account::Account;
use crate::call_state::{CallContext, CallCost, CallState, CallTrace};
use crate::call_stats::CallStats;
use crate::capabilities::capability::Capability;
use crate::capabilities::interface::Interface;
use crate::circuit_breaker::CircuitBreaker;
use crate::fault::{Fault, FaultKind};
use crate::lazy_component::LazyComponent;
use crate::limits::{ACCOUNT_SLOTS, Budget, LARGE_INPUT, PLUGIN_SLOTS};
use crate::log_budget::{Line, LogBudget};
use crate::manifest::Manifest;
use crate::placeholders::SecretPlaceholders;
use crate::ports::{CallRecorder, KeyValue};
use crate::recording::host_calls::{Draft, HostCalls};
use crate::recording::{CallResult, RecordedCall};
use crate::runtime::Runtime;
use crate::wasm;

/// A plugin that can be called.
pub struct Plugin {
    /// The manifest.
    pub manifest: Arc<Manifest>,
    pub(super) component: LazyComponent,
    pub(super) memory: usize,
    pub(super) runtime: Arc<Runtime>,
    /// Slots of calls that may wait for a network: of the plugin, and of each of its accounts.
    slots: Arc<Semaphore>,
    accounts: Mutex<HashMap<String, Served>>,
    /// The lines that it may still log.
    pub(super) log_budget: Arc<LogBudget>,
    stats: CallStats,
}

/// An account, as its plugin serves it: a fault of one must not be that of another.
struct Served {
    breaker: CircuitBreaker,
    slots: Arc<Semaphore>,
}

impl Default for Served {
    fn default() -> Self {
        Self { breaker: CircuitBreaker::default(), slots: Arc::new(Semaphore::new(ACCOUNT_SLOTS)) }
    }
}

/// For whom to call.
#[derive(Clone)]
pub struct CallTarget {
    /// The account.
    pub account: Arc<Account>,
    /// The small store of the account.
    pub kv: Arc<dyn KeyValue>,
    /// When the input was received; what the clock says in calls that must be repeatable.
    pub received_at: Timestamp,
    /// Secrets that the guest has markers for.
    pub placeholders: Option<Arc<SecretPlaceholders>>,
    /// What records this call; absent for that of all calls.
    pub recorder: Option<Arc<dyn CallRecorder>>,
}

impl CallTarget {
    /// A call for an account, now.
    pub fn new(account: &Arc<Account>, kv: Arc<dyn KeyValue>) -> Self {
        let account = Arc::clone(account);
        Self { account, kv, received_at: clock::now(), placeholders: None, recorder: None }
    }
}

impl Plugin {
    pub(super) fn new(runtime: Arc<Runtime>, manifest: Arc<Manifest>, component: LazyComponent) -> Self {
        let memory = crate::limits::memory(&manifest);
        Self {
            manifest,
            component,
            memory,
            runtime,
            slots: Arc::new(Semaphore::new(PLUGIN_SLOTS)),
            accounts: Mutex::default(),
            log_budget: Arc::default(),
            stats: CallStats::default(),
        }
    }

    /// What its calls came to since it was loaded.
    pub fn call_stats(&self) -> &CallStats {
        &self.stats
    }

    /// Calls a capability for an account. The trace is filled whatever the result.
    ///
    /// # Errors
    ///
    /// A fault: the plugin crashed, exceeded a limit, broke the contract, or is paused.
    pub async fn call<C: Capability>(
        self: &Arc<Self>,
        target: &CallTarget,
        input: C::Input,
    ) -> (Result<C::Output, Fault>, CallTrace) {
        let account = &target.account.name;
        let paused = self.served(account, |served| served.breaker.open_for(Instant::now()));
        if let Some(left) = paused {
            let text = format!(
                "plugin {:?} is paused for account {account:?} for {} s after repeated faults",
                self.manifest.plugin.id,
                left.as_secs().max(1)
            );
            self.stats.count(Some(FaultKind::Paused), Duration::ZERO);
            return (Err(Fault::new(FaultKind::Paused, text)), CallTrace::default());
        }
        let trace = Arc::new(Mutex::new(CallTrace::default()));
        let budget = C::BUDGET;
        let recorder = target.recorder.as_ref().or(self.runtime.recorder.as_ref());
        let recording = recorder.filter(|recorder| C::IS_RECORDED && recorder.is_on()).map(|recorder| {
            let draft: Arc<Mutex<Draft>> = Arc::default();
            (recorder, clock::now(), draft)
        });
        let context = CallContext {
            plugin: self.manifest.plugin.id.clone(),
            account: Some(Arc::clone(&target.account)),
            kv: budget.stateful.then(|| Arc::clone(&target.kv)),
            clock: (!budget.live_clock).then_some(target.received_at),
            requests_left: budget.requests,
            log_left: crate::limits::MAX_LOG_LINES,
            log_budget: Arc::clone(&self.log_budget),
            trace: Arc::clone(&trace),
            placeholders: target.placeholders.clone(),
            is_login: C::IS_LOGIN,
            host_calls: match &recording {
                Some((_, _, draft)) => HostCalls::Record(Arc::clone(draft)),
                None => HostCalls::Live,
            },
        };
        let is_large = C::size(&input) > LARGE_INPUT;
        let needed = if C::IS_NESTED {
            vec![Arc::clone(&self.runtime.nested_slots)]
        } else if budget.requests > 0 {
            // Those of few before those of all: whoever waits holds nobody up.
            let of_account = self.served(account, |served| Arc::clone(&served.slots));
            vec![of_account, Arc::clone(&self.slots), Arc::clone(&self.runtime.waiting_slots)]
        } else {
            vec![Arc::clone(&self.runtime.pure_slots)]
        };
        let result = self.run::<C>(context, input, needed).await;
        match &result {
            Ok(_) => self.served(account, |served| served.breaker.succeeded(Instant::now())),
            Err(fault) => {
                self.report(account, C::NAME, fault);
                let is_of_input =
                    is_large && matches!(fault.kind, FaultKind::Cpu | FaultKind::Memory | FaultKind::Wall);
                if fault.kind != FaultKind::Host && !is_of_input {
                    let now = Instant::now();
                    let paused = self.served(account, |served| {
                        served.breaker.failed(now);
                        served.breaker.open_for(now)
                    });
                    if let Some(left) = paused {
                        let plugin = &self.manifest.plugin.id;
                        tracing::warn!(%plugin, account, "the plugin is paused for {} s after repeated faults", left.as_secs());
                    }
                }
            }
        }
        if let Some((recorder, at, draft)) = recording {
            let failure = result.as_ref().err().map(|fault| fault.text.clone());
            if let Some(call) = self.recorded(at, budget, std::mem::take(&mut lock(&draft)), failure) {
                recorder.keep(call);
            }
        }
        let trace = lock(&trace).clone();
        (result, trace)
    }

    /// The record of a call; absent where no function was called, or the call is too large. `failure` is the reason where it gave no result.
    fn recorded(
        &self,
        at: Timestamp,
        budget: Budget,
        draft: Draft,
        failure: Option<String>,
    ) -> Option<RecordedCall> {
        let function = draft.function?;
        let facts = &self.manifest.plugin;
        if let Some(reason) = draft.refusal() {
            tracing::warn!(plugin = %facts.id, function, "a call is not recorded: {reason}");
            return None;
        }
        let result = match (draft.returned, failure) {
            (Some(value), _) => CallResult::Returned(value),
            (None, Some(reason)) => CallResult::Failed(reason),
            (None, None) => return None,
        };
        Some(RecordedCall {
            at,
            plugin: facts.id.clone(),
            version: facts.version.clone(),
            digest: self.component.digest.clone(),
            function: function.to_owned(),
            arguments: draft.arguments,
            cpu_ms: u32::try_from(budget.cpu.as_millis()).unwrap_or(u32::MAX),
            host_calls: draft.host_calls,
            result,
        })
    }

    /// The context of a call for nobody: it reaches no network and no store.
    pub(super) fn context_without_account(&self, host_calls: HostCalls) -> CallContext {
        CallContext {
            plugin: self.manifest.plugin.id.clone(),
            account: None,
            kv: None,
            clock: None,
            requests_left: 0,
            log_left: crate::limits::MAX_LOG_LINES,
            log_budget: Arc::clone(&self.log_budget),
            trace: Arc::default(),
            placeholders: None,
            is_login: false,
            host_calls,
        }
    }

    /// Does something with what is known of an account.
    fn served<T>(&self, account: &str, work: impl FnOnce(&mut Served) -> T) -> T {
        let mut accounts = lock(&self.accounts);
        match accounts.get_mut(account) {
            Some(served) => work(served),
            None => work(accounts.entry(account.to_owned()).or_default()),
        }
    }

    /// Logs a fault, as far as the plugin's budget for lines allows: it decides how many there are.
    fn report(&self, account: &str, call: &str, fault: &Fault) {
        let plugin = &self.manifest.plugin.id;
        let kind = fault.kind.code();
        match self.log_budget.take() {
            Line::Logged { left_out: 0 } => {
                tracing::warn!(%plugin, account, call, %kind, "plugin call failed: {fault}");
            }
            Line::Logged { left_out } => {
                tracing::warn!(%plugin, account, call, %kind, "plugin call failed: {fault} ({left_out} lines were left out)");
            }
            Line::LeftOut => {}
        }
    }

    /// The code, ready to be instantiated.
    pub(super) async fn instance_pre(&self) -> Result<&InstancePre<CallState>, Fault> {
        self.component.get(&self.runtime.engine).await.map_err(|error| {
            Fault::new(FaultKind::Host, format!("the code of the plugin cannot be loaded: {error}"))
        })
    }

    /// Takes a slot of each of these, in this order; `None` where the host shuts down.
    async fn take_slots(needed: Vec<Arc<Semaphore>>) -> Option<Vec<OwnedSemaphorePermit>> {
        let mut held = Vec::with_capacity(needed.len());
        for slots in needed {
            held.push(slots.acquire_owned().await.ok()?);
        }
        Some(held)
    }

    /// Runs one call to its end on the guests' threads, once it has a slot of each of `needed`.
    async fn run<C: Capability>(
        self: &Arc<Self>,
        context: CallContext,
        input: C::Input,
        needed: Vec<Arc<Semaphore>>,
    ) -> Result<C::Output, Fault> {
        let Some(slot) = Self::take_slots(needed).await else {
            return Err(Fault::new(FaultKind::Host, "the plugin host is shutting down"));
        };
        let ticking = self.runtime.ticker.enter();
        let plugin = Arc::clone(self);
        let work = async move {
            let _held = (slot, ticking);
            let pre = plugin.instance_pre().await?;
            let mut store = wasm::store(&plugin.runtime.engine, context, plugin.memory, C::BUDGET);
            let call = async {
                let instance = pre.instantiate_async(&mut store).await?;
                let guest = C::Interface::load(pre, &mut store, &instance)?;
                C::call(&guest, &mut store, input).await
            };
            let began = Instant::now();
            let result = match tokio::time::timeout(C::BUDGET.wall, call).await {
                Ok(Ok(output)) => Ok(output),
                Ok(Err(error)) => Err(describe_trap(&error, &store, C::BUDGET)),
                Err(_) => Err(timeout_fault(C::BUDGET.wall)),
            };
            let cost = CallCost {
                instructions: wasm::used_instructions(&store),
                memory_bytes: store.data().memory.used(),
                time: began.elapsed(),
            };
            lock(&store.data().context.trace).cost = cost;
            plugin.stats.count(result.as_ref().err().map(|fault| fault.kind), cost.time);
            plugin.stats.used_memory(cost.memory_bytes);
            result
        };
        // What the guest logs belongs to the event that the call is made for.
        let call = self.runtime.threads().spawn(work.in_current_span());
        call.await
            .unwrap_or_else(|error| Err(Fault::new(FaultKind::Host, format!("the call broke off: {error}"))))
    }
}

pub(super) fn timeout_fault(wall: Duration) -> Fault {
    Fault::new(
        FaultKind::Wall,
        format!("it took longer than the {} s that such a call may take", wall.as_secs()),
    )
}

pub(super) fn describe_trap(error: &wasmtime::Error, store: &Store<CallState>, budget: Budget) -> Fault {
    if let Some(limit) = store.data().memory.exceeded() {
        let text = format!(
            "it wanted more than its {} MiB of memory; a plugin that needs more says so with limits.memory-mib",
            limit >> 20
        );
        return Fault::new(FaultKind::Memory, text);
    }
    if error.is::<wasmtime::PoolConcurrencyLimitError>() {
        return Fault::new(FaultKind::Host, "no place is free in the instance pool");
    }
    let root = error.root_cause().to_string();
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Fault::new(
            FaultKind::Cpu,
            format!(
                "it computed for longer than the {} ms that such a call may take",
                budget.cpu.as_millis()
            ),
        ),
        Some(trap) => Fault::new(FaultKind::Trap, format!("it crashed: {trap}")),
        None if root.contains("fuel") => Fault::new(
            FaultKind::Output,
            format!("it returned more than the {} MiB that a call may return", budget.lifted >> 20),
        ),
        None => match error.downcast_ref::<Fault>() {
            Some(fault) => fault.clone(),
            None => Fault::new(FaultKind::Trap, format!("it broke the contract: {root}")),
        },
    }
}
