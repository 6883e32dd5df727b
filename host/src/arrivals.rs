//! What ingress tells a pipeline: that requests have arrived, and whether more are on their way.
//!
//! Answering comes first. Media servers do not send a webhook again, so while many wait for their answer the work on
//! those that are stored slows down; it never stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// With this many requests under way, ingress is busy.
const BUSY: usize = 6;
/// The longest that stored requests wait because of that.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);

/// Shared by ingress and the pipelines. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    under_way: Arc<AtomicUsize>,
    arrived: Arc<Notify>,
}

impl Arrivals {
    /// The same traffic, with a bell of its own for another pipeline.
    pub fn for_another(&self) -> Self {
        Self { under_way: Arc::clone(&self.under_way), arrived: Arc::default() }
    }

    /// A request is under way until the guard is dropped.
    pub fn begin(&self) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(&self.under_way))
    }

    /// A request was stored.
    pub fn ring(&self) {
        self.arrived.notify_one();
    }

    /// Waits for the next stored request.
    pub async fn next(&self) {
        self.arrived.notified().await;
    }

    /// Waits until ingress is calm, or for as long as work may be put off.
    pub async fn calm(&self) {
        let end = Instant::now() + LONGEST_WAIT;
        while self.under_way.load(Ordering::Relaxed) >= BUSY && Instant::now() < end {
            sleep(LOOK).await;
        }
    }
}

/// A request is under way.
#[derive(Debug)]
pub struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
