//! Counts what plugins reach and what they are denied. Calls only add to a map; a task writes it to the store.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use playrelay_plugin_host::ports::{Access, AccessAudit};
use playrelay_store::plugins::{OTHER_TARGETS, PLUGIN_ACCESSES};
use playrelay_store::{PluginAccess, SharedStore};
use playrelay_util::clock;
use playrelay_util::lock::lock;

/// Between two writes.
const WRITE_INTERVAL: Duration = Duration::from_secs(2);

/// One thing that the plugin of an account did, or was kept from.
type AccessKey = (String, Access);

/// What was counted since the last write, by plugin. A clone counts in the same place.
#[derive(Clone, Debug, Default)]
pub struct PluginAudit(Arc<Mutex<BTreeMap<String, BTreeMap<AccessKey, PluginAccess>>>>);

impl AccessAudit for PluginAudit {
    fn note(&self, plugin: &str, account: &str, access: Access) {
        let mut all = lock(&self.0);
        let counted = all.entry(plugin.to_owned()).or_default();
        let mut key = (account.to_owned(), access);
        if counted.len() >= PLUGIN_ACCESSES && !counted.contains_key(&key) {
            key.1 = match key.1 {
                Access::Contacted(_) => Access::Contacted(OTHER_TARGETS.to_owned()),
                Access::Denied { .. } => {
                    Access::Denied { target: OTHER_TARGETS.to_owned(), reason: OTHER_TARGETS.to_owned() }
                }
            };
        }
        let now = clock::now();
        let row = counted.entry(key.clone()).or_insert_with(|| {
            let (account, access) = key;
            let (target, denied) = match access {
                Access::Contacted(target) => (target, None),
                Access::Denied { target, reason } => (target, Some(reason)),
            };
            PluginAccess { account, target, denied, count: 0, first_at: now, last_at: now }
        });
        row.count += 1;
        row.last_at = now;
    }
}

impl PluginAudit {
    /// Writes what was counted, again and again.
    pub(crate) async fn write_often(self, store: SharedStore) {
        loop {
            tokio::time::sleep(WRITE_INTERVAL).await;
            self.write(&store).await;
        }
    }

    /// Writes what was counted since the last write. What cannot be written is counted on.
    pub(crate) async fn write(&self, store: &SharedStore) {
        let counted = std::mem::take(&mut *lock(&self.0));
        for (plugin, accesses) in counted {
            let rows: Vec<PluginAccess> = accesses.values().cloned().collect();
            if let Err(error) = store.count_accesses(&plugin, rows).await {
                tracing::warn!(%plugin, "it cannot be stored what the plugin reached: {error}");
                self.put_back(plugin, accesses);
            }
        }
    }

    fn put_back(&self, plugin: String, accesses: BTreeMap<AccessKey, PluginAccess>) {
        let mut all = lock(&self.0);
        let counted = all.entry(plugin).or_default();
        for (key, access) in accesses {
            match counted.get_mut(&key) {
                Some(row) => {
                    row.count += access.count;
                    row.first_at = access.first_at;
                }
                None => drop(counted.insert(key, access)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_tries_everything_fills_no_memory() {
        let audit = PluginAudit::default();
        for origin in 0..2 * PLUGIN_ACCESSES {
            audit.note("rogue", "diary", Access::Contacted(format!("https://{origin}.example")));
            audit.note("rogue", "diary", Access::Contacted("https://0.example".to_owned()));
        }
        let all = lock(&audit.0);
        let counted = &all["rogue"];
        assert_eq!(counted.len(), PLUGIN_ACCESSES + 1);
        let of = |target: &str| counted.values().find(|row| row.target == target).map(|row| row.count);
        assert_eq!(of(OTHER_TARGETS), Some(PLUGIN_ACCESSES as u64));
        assert_eq!(of("https://0.example"), Some(2 * PLUGIN_ACCESSES as u64 + 1));
    }
}
