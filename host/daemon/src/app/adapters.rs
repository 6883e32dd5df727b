//! The ports of the plugin host, on top of the store.

use async_trait::async_trait;
use playrelay_plugin_host::component_source::BundledPlugin;
use playrelay_plugin_host::http::HostIdentity;
use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::ports::{KeyValue, QuotaUsage, UsageRule};
use playrelay_plugin_host::{ports, registry};
use playrelay_store::{Approval, SharedStore, StoreError};

/// The plugins that are built into this program.
pub static BUNDLED: &[BundledPlugin] = include!(concat!(env!("OUT_DIR"), "/bundled.rs"));

/// The name and version of this program, for the `User-Agent` of its requests.
pub const IDENTITY: HostIdentity =
    HostIdentity { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// The store, as plugins and their quotas use it.
#[derive(Clone)]
pub struct PluginStore(pub SharedStore);

fn text(error: StoreError) -> String {
    error.to_string()
}

#[async_trait]
impl KeyValue for PluginStore {
    async fn get(&self, owner: &str, key: &str) -> Result<Option<Vec<u8>>, String> {
        self.0.get(owner, key).await.map_err(text)
    }

    async fn set(&self, owner: &str, key: &str, value: Vec<u8>, ttl_s: Option<u32>) -> Result<bool, String> {
        self.0.set(owner, key, value, ttl_s).await.map_err(text)
    }

    async fn delete(&self, owner: &str, key: &str) -> Result<(), String> {
        self.0.delete(owner, key).await.map_err(text)
    }
}

#[async_trait]
impl ports::QuotaStore for PluginStore {
    async fn usage(&self, account: &str) -> Result<Option<QuotaUsage>, String> {
        self.0.quota_usage(account).await.map(|usage| usage.map(shown)).map_err(text)
    }

    async fn change_usage(&self, account: &str, rule: UsageRule) -> Result<Option<QuotaUsage>, String> {
        let stored = |QuotaUsage { day, used, allowed }| playrelay_store::QuotaUsage { day, used, allowed };
        let rule =
            Box::new(move |usage: Option<playrelay_store::QuotaUsage>| rule(usage.map(shown)).map(stored));
        self.0.change_quota_usage(account, rule).await.map(|usage| usage.map(shown)).map_err(text)
    }
}

/// A usage, as the plugin host has it.
fn shown(usage: playrelay_store::QuotaUsage) -> QuotaUsage {
    QuotaUsage { day: usage.day, used: usage.used, allowed: usage.allowed }
}

/// The approvals that are stored and those of the configuration, as the plugin host compares them.
pub(crate) fn approvals(stored: Vec<Approval>, configured: &[registry::Approval]) -> Vec<registry::Approval> {
    let stored = stored.into_iter().map(|Approval { id, digest, permissions }| registry::Approval {
        id,
        digest,
        permissions: Some(permissions),
    });
    stored.chain(configured.iter().cloned()).collect()
}

/// The approval of what was inspected, as it is stored.
pub fn approval_of(inspection: &PermissionReport) -> Approval {
    Approval {
        id: inspection.id.clone(),
        digest: inspection.digest.as_str().to_owned(),
        permissions: inspection.permissions.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use playrelay_plugin_host::artifact::Digest;

    use super::*;

    #[test]
    fn the_digests_of_bundled_plugins_are_those_of_their_bytes() {
        for plugin in BUNDLED {
            assert_eq!(plugin.artifact().unwrap().digest, Digest::of(plugin.bytes));
        }
    }
}
