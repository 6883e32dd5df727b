//! How a connection stands, for people.

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use playrelay_util::clock;
use playrelay_util::lock::lock;
use serde::Serialize;
use tokio::sync::Notify;
use utoipa::ToSchema;

use crate::live::{Change, LiveBus};

/// Shared by a watcher and those who ask. Clones are the same.
#[derive(Clone)]
pub struct ConnectionStatus(Arc<Inner>);

struct Inner {
    report: Mutex<ConnectionReport>,
    connected: Notify,
    source: String,
    live: LiveBus,
}

/// The status of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConnectionReport {
    /// Whether there is a connection now.
    pub connected: bool,
    /// How it is listened to: "a websocket".
    pub by: Option<&'static str>,
    /// Since when it is as it is.
    pub since: Option<Timestamp>,
    /// Why there is no connection, or not the best one.
    pub trouble: Option<String>,
    /// When the host connects again, UTC; absent while it is connected.
    pub again_at: Option<Timestamp>,
    /// When the last message came, UTC; absent if none came.
    pub heard_at: Option<Timestamp>,
    /// Messages so far, each dealt with.
    pub messages: u64,
    /// Answers to our own questions so far, each dealt with.
    pub answers: u64,
    /// Inputs that were stored.
    pub stored: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
    /// The last of these: why.
    pub unreadable_because: Option<String>,
    /// Connections so far.
    pub connections: u64,
}

impl ConnectionStatus {
    /// The status of a source's connection, which there is not yet. Each change is published.
    pub fn new(source: &str, live: LiveBus) -> Self {
        let (report, connected) = (Mutex::default(), Notify::new());
        Self(Arc::new(Inner { report, connected, source: source.to_owned(), live }))
    }

    fn publish(&self, connected: bool, trouble: Option<String>) {
        self.0.live.publish(Change::Source { source: self.0.source.clone(), connected, trouble });
    }

    /// The report.
    pub fn report(&self) -> ConnectionReport {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, ConnectionReport> {
        lock(&self.0.report)
    }

    /// Waits for the next connect: there may be a gap to fill.
    pub async fn next_connect(&self) {
        self.0.connected.notified().await;
    }

    pub(crate) fn connected(&self, by: &'static str, trouble: Option<String>) {
        let mut report = self.lock();
        (report.connected, report.by, report.again_at) = (true, Some(by), None);
        (report.since, report.trouble) = (Some(clock::now()), trouble.clone());
        report.connections += 1;
        self.0.connected.notify_one();
        drop(report);
        self.publish(true, trouble);
    }

    pub(crate) fn mark_retrying(&self, trouble: String, again_at: Timestamp) {
        let mut report = self.lock();
        if report.connected || report.since.is_none() {
            report.since = Some(clock::now());
        }
        (report.connected, report.trouble, report.again_at) = (false, Some(trouble.clone()), Some(again_at));
        drop(report);
        self.publish(false, Some(trouble));
    }

    /// Something was dealt with that the server said by itself.
    pub(crate) fn mark_message(&self) {
        let mut report = self.lock();
        report.messages += 1;
        report.heard_at = Some(clock::now());
    }

    /// The same, where it was asked.
    pub(crate) fn mark_reply(&self) {
        let mut report = self.lock();
        report.answers += 1;
        report.heard_at = Some(clock::now());
    }

    pub(crate) fn mark_stored(&self) {
        self.lock().stored += 1;
    }

    pub(crate) fn mark_unparsed(&self, because: String) {
        let mut report = self.lock();
        report.unreadable += 1;
        report.unreadable_because = Some(because);
    }
}
