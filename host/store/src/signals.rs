//! Tells the tasks of this process of what it stores for them. The store does it, as no writer can forget it so.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use playrelay_util::lock::lock;
use tokio::sync::Notify;

use crate::Household;

/// What tasks wait for.
#[derive(Debug, Default)]
pub struct Signals {
    /// Requests, by source.
    pub requests: SignalsByName,
    /// Deliveries, by tracker.
    pub deliveries: SignalsByName,
}

/// One signal for each name that a task waits for.
#[derive(Debug, Default)]
pub struct SignalsByName(Mutex<HashMap<Household, HashMap<String, Arc<Notify>>>>);

impl SignalsByName {
    /// The signal of a name.
    pub fn of(&self, household: &Household, name: &str) -> Arc<Notify> {
        let mut signals = lock(&self.0);
        Arc::clone(signals.entry(household.clone()).or_default().entry(name.to_owned()).or_default())
    }

    /// Something was stored. A task that does not wait just now is told when it does.
    pub fn notify(&self, household: &Household, name: &str) {
        if let Some(signal) = lock(&self.0).get(household).and_then(|signals| signals.get(name)) {
            signal.notify_one();
        }
    }
}
