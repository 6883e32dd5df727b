//! Tasks that can be asked to end.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long one may take to end what it has begun.
const TASK_STOP_TIMEOUT: Duration = Duration::from_secs(45);

/// A task that runs, and what it was started with.
struct SupervisedTask<Key> {
    /// As long as this stays, so does the task.
    key: Key,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl<Key> SupervisedTask<Key> {
    /// Asks it to end, and waits until it has. One that does not end in time is cut off: all that matters is on disk.
    async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(TASK_STOP_TIMEOUT, &mut self.task).await.is_err() {
            tracing::warn!("a task did not end in time and was cut off");
            self.task.abort();
        }
    }
}

/// Tasks of one kind, by the names of their accounts.
pub(crate) struct TaskSet<Key>(BTreeMap<String, SupervisedTask<Key>>);

impl<Key> Default for TaskSet<Key> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<Key: PartialEq> TaskSet<Key> {
    /// The names of those that run.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// Ends those that are not wanted, or not as they are.
    pub(crate) async fn stop_except(&mut self, wanted: &BTreeMap<String, Key>) {
        let gone = self.0.extract_if(.., |name, task| wanted.get(name) != Some(&task.key));
        join_all(gone.map(|(_, task)| task.stop()).collect::<Vec<_>>()).await;
    }

    /// Ends all.
    pub(crate) async fn stop_all(&mut self) {
        self.stop_except(&BTreeMap::new()).await;
    }

    /// Starts those that do not run yet. A task is told when it is to end; there may be none for a name.
    pub(crate) fn start_missing(
        &mut self,
        wanted: BTreeMap<String, Key>,
        mut work: impl FnMut(&str, &Key, watch::Receiver<bool>) -> Option<BoxFuture<'static, ()>>,
    ) {
        for (name, key) in wanted {
            if self.0.contains_key(&name) {
                continue;
            }
            let (stop, stopped) = watch::channel(false);
            if let Some(work) = work(&name, &key, stopped) {
                self.0.insert(name, SupervisedTask { key, stop, task: tokio::spawn(work) });
            }
        }
    }
}
