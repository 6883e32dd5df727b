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

/// Adds a count. Of what was denied, so many are told apart: a plugin decides how many origins it tries. Its manifest bounds what it can contact.
fn add(counted: &mut BTreeMap<AccessKey, PluginAccess>, mut key: AccessKey, mut access: PluginAccess) {
    let is_denied = |key: &AccessKey| matches!(key.1, Access::Denied { .. });
    if is_denied(&key)
        && !counted.contains_key(&key)
        && counted.keys().filter(|key| is_denied(key)).count() >= PLUGIN_ACCESSES
    {
        let others = OTHER_TARGETS.to_owned();
        key.1 = Access::Denied { target: others.clone(), reason: others.clone() };
        (access.target, access.denied) = (others.clone(), Some(others));
    }
    match counted.get_mut(&key) {
        Some(row) => {
            row.count += access.count;
            row.first_at = row.first_at.min(access.first_at);
            row.last_at = row.last_at.max(access.last_at);
        }
        None => drop(counted.insert(key, access)),
    }
}

impl AccessAudit for PluginAudit {
    fn note(&self, plugin: &str, account: &str, access: Access) {
        let now = clock::now();
        let (target, denied) = match &access {
            Access::Contacted(target) => (target.clone(), None),
            Access::Denied { target, reason } => (target.clone(), Some(reason.clone())),
        };
        let account = account.to_owned();
        let row =
            PluginAccess { account: account.clone(), target, denied, count: 1, first_at: now, last_at: now };
        add(lock(&self.0).entry(plugin.to_owned()).or_default(), (account, access), row);
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

    /// Writes the counts since the last write. If the store fails, they wait for the next one.
    pub(crate) async fn write(&self, store: &SharedStore) {
        let counted = std::mem::take(&mut *lock(&self.0));
        for (plugin, accesses) in counted {
            let rows: Vec<PluginAccess> = accesses.values().cloned().collect();
            if let Err(error) = store.count_accesses(&plugin, rows).await {
                tracing::warn!(%plugin, "the audit of the plugin cannot be stored: {error}");
                let mut all = lock(&self.0);
                let counted = all.entry(plugin).or_default();
                accesses.into_iter().for_each(|(key, access)| add(counted, key, access));
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
            let (target, reason) = (format!("https://{origin}.example"), "no".to_owned());
            audit.note("rogue", "diary", Access::Denied { target, reason });
            audit.note("rogue", "diary", Access::Contacted("https://own.example".to_owned()));
        }
        let all = lock(&audit.0);
        let counted = &all["rogue"];
        assert_eq!(counted.len(), PLUGIN_ACCESSES + 2);
        let of = |target: &str| counted.values().find(|row| row.target == target).map(|row| row.count);
        assert_eq!(of(OTHER_TARGETS), Some(PLUGIN_ACCESSES as u64));
        // What it contacted is told, whatever it tried before.
        assert_eq!(of("https://own.example"), Some(2 * PLUGIN_ACCESSES as u64));
    }
}
