//! Tasks that can be asked to end.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long one may take to end what it has begun.
const PATIENCE: Duration = Duration::from_secs(45);

/// A task that runs, and what it was started with.
pub(super) struct Running<Key> {
    /// As long as this stays, so does the task.
    pub(super) key: Key,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl<Key> Running<Key> {
    /// Starts a task. It is told when it is to end.
    pub(super) fn start<F>(key: Key, work: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        Self { key, stop, task: tokio::spawn(work(stopped)) }
    }

    /// Asks it to end, and waits until it has. One that does not end in time is cut off: all that matters is on disk.
    pub(super) async fn retire(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            tracing::warn!("a task did not end in time and was cut off");
            self.task.abort();
        }
    }
}
