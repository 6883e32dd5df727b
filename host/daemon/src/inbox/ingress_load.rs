//! How busy ingress is.
//!
//! Answering comes first. Media servers do not send a webhook again, so while many wait for their answer the work on
//! those that are stored slows down; it never stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

/// With this many requests under way, ingress is busy…
const BUSY_REQUESTS: usize = 6;
/// …and stays so for this long: requests that were stored together are answered together.
const BUSY_LINGER: Duration = Duration::from_millis(20);
/// The longest that stored requests wait because of that.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Between two looks.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// The load of ingress, shared by ingress and the pipelines. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct IngressLoad(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    under_way: AtomicUsize,
    /// When it was busy last: milliseconds since `start`, from 1.
    busy_at: AtomicU64,
}

impl Default for Inner {
    fn default() -> Self {
        Self { start: Instant::now(), under_way: AtomicUsize::new(0), busy_at: AtomicU64::new(0) }
    }
}

impl Inner {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_busy(&self) -> bool {
        let busy_at = self.busy_at.load(Ordering::Relaxed);
        busy_at > 0 && self.now() < busy_at + BUSY_LINGER.as_millis() as u64
    }
}

impl IngressLoad {
    /// A request is under way until the guard is dropped.
    pub fn begin(&self) -> InFlightGuard {
        if self.0.under_way.fetch_add(1, Ordering::Relaxed) + 1 >= BUSY_REQUESTS {
            self.0.busy_at.store(self.0.now().max(1), Ordering::Relaxed);
        }
        InFlightGuard(Arc::clone(&self.0))
    }

    /// Waits until ingress is calm, or for as long as work may be put off.
    pub async fn wait_until_idle(&self) {
        let end = Instant::now() + LONGEST_WAIT;
        while self.0.is_busy() && Instant::now() < end {
            sleep(POLL_INTERVAL).await;
        }
    }
}

/// A request is under way.
#[derive(Debug)]
pub struct InFlightGuard(Arc<Inner>);

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
