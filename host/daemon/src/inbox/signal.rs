//! The signal from ingress to a pipeline: inputs have arrived, and whether more are on their way.
//!
//! Answering comes first. Media servers do not send a webhook again, so while many wait for their answer the work on
//! those that are stored slows down; it never stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::sleep;

/// With this many requests under way, ingress is busy…
const BUSY_REQUESTS: usize = 6;
/// …and stays so for this long: requests that were stored together are answered together.
const BUSY_LINGER: Duration = Duration::from_millis(20);
/// The longest that stored requests wait because of that.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Shared by ingress and the pipelines. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct InboxSignal {
    traffic: Arc<IngressLoad>,
    arrived: Arc<Notify>,
}

#[derive(Debug)]
struct IngressLoad {
    start: Instant,
    under_way: AtomicUsize,
    /// When it was busy last: milliseconds since `start`, from 1.
    busy_at: AtomicU64,
}

impl Default for IngressLoad {
    fn default() -> Self {
        Self { start: Instant::now(), under_way: AtomicUsize::new(0), busy_at: AtomicU64::new(0) }
    }
}

impl IngressLoad {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_busy(&self) -> bool {
        let busy_at = self.busy_at.load(Ordering::Relaxed);
        busy_at > 0 && self.now() < busy_at + BUSY_LINGER.as_millis() as u64
    }
}

impl InboxSignal {
    /// The same traffic, with a bell of its own for another pipeline.
    pub fn for_source(&self) -> Self {
        Self { traffic: Arc::clone(&self.traffic), arrived: Arc::default() }
    }

    /// A request is under way until the guard is dropped.
    pub fn begin(&self) -> InFlightGuard {
        if self.traffic.under_way.fetch_add(1, Ordering::Relaxed) + 1 >= BUSY_REQUESTS {
            self.traffic.busy_at.store(self.traffic.now().max(1), Ordering::Relaxed);
        }
        InFlightGuard(Arc::clone(&self.traffic))
    }

    /// A request was stored.
    pub fn notify(&self) {
        self.arrived.notify_one();
    }

    /// Waits for the next stored request.
    pub async fn next(&self) {
        self.arrived.notified().await;
    }

    /// Waits until ingress is calm, or for as long as work may be put off.
    pub async fn wait_until_idle(&self) {
        let end = Instant::now() + LONGEST_WAIT;
        while self.traffic.is_busy() && Instant::now() < end {
            sleep(POLL_INTERVAL).await;
        }
    }
}

/// A request is under way.
#[derive(Debug)]
pub struct InFlightGuard(Arc<IngressLoad>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
