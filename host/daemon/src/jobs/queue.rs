//! The way to the jobs of a daemon: asking for one, and telling others of it.

use std::sync::Arc;

use playrelay_store::{Job, SharedStore, StoreError};
use playrelay_util::clock;
use tokio::sync::Notify;

use crate::jobs::spec::JobSpec;
use crate::live::{Change, LiveBus};

/// The way to the jobs of a daemon.
#[derive(Clone)]
pub struct JobQueue {
    pub(super) store: SharedStore,
    live: LiveBus,
    pub(super) added: Arc<Notify>,
}

impl JobQueue {
    /// A queue whose jobs a runner begins.
    pub(crate) fn new(store: SharedStore, live: LiveBus) -> Self {
        Self { store, live, added: Arc::default() }
    }

    /// Asks for a job. Gives its id; that of one that does the same where it is under way.
    ///
    /// # Errors
    ///
    /// Fails where the database does.
    pub async fn add(&self, person: &str, spec: &JobSpec) -> Result<i64, StoreError> {
        let id = self.store.add_job(spec.for_person(person), clock::now()).await?;
        self.changed(id).await;
        Ok(id)
    }

    /// Tells the runner and all listeners that something became of a job.
    pub async fn changed(&self, id: i64) {
        self.added.notify_one();
        match self.store.job(id).await {
            Ok(Some(job)) => self.publish(&job),
            Ok(None) => {}
            Err(error) => tracing::debug!("a job cannot be read: {error}"),
        }
    }

    /// Tells all listeners how a job stands.
    pub(super) fn publish(&self, job: &Job) {
        self.live.publish(Change::Job {
            job: JobSpec::read(&job.work.spec).map_or("job", |spec| spec.kind()),
            about: job.id.to_string(),
            state: job.state.as_str(),
            detail: job.message.clone(),
        });
    }
}
