//! Approvals, small values and cached answers of plugins.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::model::Item;
use playrelay_util::clock;

use crate::plugins::{OTHER_TARGETS, PLUGIN_ACCESSES};
use crate::sql;
use crate::sql::{Connection, OptionalExtension, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::{json, time, to_json};
use crate::{Approval, KeyValueStore, LookupStore, PluginAccess, PluginStore, StoreError, StoredApproval};

/// Keys of one owner.
const KEYS_LIMIT: usize = 1_000;
/// Keys and values of one owner. Bytes.
const BYTES_LIMIT: usize = 256 << 10;

#[async_trait]
impl KeyValueStore for SqlStore {
    async fn get(&self, account: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (account, key, now) = (account.to_owned(), key.to_owned(), clock::now().as_millisecond());
        let found = self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT value FROM plugin_values
                     WHERE household = household() AND account = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)",
                )?
                .query_row(params![account, key, now], |row| row.get(0))
                .optional()
        });
        found.await
    }

    async fn set(
        &self,
        account: &str,
        key: &str,
        value: Vec<u8>,
        ttl_s: Option<u32>,
    ) -> Result<bool, StoreError> {
        let (account, key, now) = (account.to_owned(), key.to_owned(), clock::now().as_millisecond());
        let expires = ttl_s.map(|seconds| now.saturating_add(i64::from(seconds) * 1000));
        let stored = self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM plugin_values WHERE household = household() AND account = ?1 AND expires_at <= ?2")?
                .execute(params![account, now])?;
            let (keys, bytes) = used(connection, &account, &key)?;
            if keys >= KEYS_LIMIT || bytes + key.len() + value.len() > BYTES_LIMIT {
                return Ok(false);
            }
            connection
                .prepare_cached(
                    "INSERT INTO plugin_values (household, account, key, value, expires_at)
                     VALUES (household(), ?1, ?2, ?3, ?4)
                     ON CONFLICT (household, account, key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at",
                )?
                .execute(params![account, key, value, expires])?;
            Ok(true)
        });
        stored.await
    }

    async fn delete(&self, account: &str, key: &str) -> Result<(), StoreError> {
        let (account, key) = (account.to_owned(), key.to_owned());
        let deleted = self.write(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM plugin_values WHERE household = household() AND account = ?1 AND key = ?2",
                )?
                .execute(params![account, key])
                .map(drop)
        });
        deleted.await
    }
}

/// Keys and bytes of an account, without those of the key that is to be replaced.
fn used(connection: &Connection, account: &str, except: &str) -> sql::Result<(usize, usize)> {
    let whole = |number: u32| number as usize;
    connection
        .prepare_cached(
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(key) + LENGTH(value)), 0)
             FROM plugin_values WHERE household = household() AND account = ?1 AND key <> ?2",
        )?
        .query_row(params![account, except], |row| Ok((whole(row.get(0)?), whole(row.get(1)?))))
}

#[async_trait]
impl PluginStore for SqlStore {
    async fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        Ok(self.stored_approvals().await?.into_iter().map(|stored| stored.approval).collect())
    }

    async fn stored_approvals(&self) -> Result<Vec<StoredApproval>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, digest, permissions, approved_at, approved_by FROM approvals ORDER BY id",
                )?
                .query_map(params![], |row| {
                    let approval =
                        Approval { id: row.get(0)?, digest: row.get(1)?, permissions: row.get(2)? };
                    Ok(StoredApproval { approval, at: time(row.get(3)?), by: row.get(4)? })
                })?
                .collect()
        })
        .await
    }

    async fn approve(&self, approval: StoredApproval, shown: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            let StoredApproval { approval: Approval { id, digest, permissions }, at, by } = &approval;
            connection
                .prepare_cached(
                    "INSERT INTO approvals (id, digest, permissions, approved_at, approved_by, shown)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, permissions = excluded.permissions,
                         approved_at = excluded.approved_at, approved_by = excluded.approved_by, shown = excluded.shown",
                )?
                .execute(params![id, digest, permissions, at.as_millisecond(), by, shown])
                .map(drop)
        })
        .await
    }

    async fn shown_at_approval(&self, id: &str) -> Result<Option<String>, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT shown FROM approvals WHERE id = ?1")?
                .query_row(params![id], |row| row.get(0))
                .optional()
        })
        .await
        .map(Option::flatten)
    }

    async fn revoke(&self, id: &str) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM approvals WHERE id = ?1")?
                .execute(params![id])
                .map(|count| count > 0)
        })
        .await
    }

    async fn count_accesses(&self, plugin: &str, accesses: Vec<PluginAccess>) -> Result<(), StoreError> {
        let plugin = plugin.to_owned();
        self.write(move |connection| {
            accesses.iter().try_for_each(|access| count_access(connection, &plugin, access))
        })
        .await
    }

    async fn accesses(&self, plugin: &str) -> Result<Vec<PluginAccess>, StoreError> {
        let plugin = plugin.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT account, target, reason, count, first_at, last_at FROM plugin_accesses
                     WHERE household = household() AND plugin = ?1 ORDER BY last_at DESC, account, target, reason",
                )?
                .query_map(params![plugin], |row| {
                    Ok(PluginAccess {
                        account: row.get(0)?,
                        target: row.get(1)?,
                        denied: Some(row.get(2)?).filter(|reason: &String| !reason.is_empty()),
                        count: u64::try_from(row.get::<i64>(3)?).unwrap_or_default(),
                        first_at: time(row.get(4)?),
                        last_at: time(row.get(5)?),
                    })
                })?
                .collect()
        })
        .await
    }
}

/// Adds to one count of a plugin.
fn count_access(connection: &Connection, plugin: &str, access: &PluginAccess) -> sql::Result<()> {
    let reason = access.denied.as_deref().unwrap_or_default();
    let mut key = (access.account.as_str(), access.target.as_str(), reason);
    let is_known: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM plugin_accesses
             WHERE household = household() AND plugin = ?1 AND account = ?2 AND target = ?3 AND reason = ?4)",
        )?
        .query_row(params![plugin, key.0, key.1, key.2], |row| row.get(0))?;
    let entries: u32 = connection
        .prepare_cached("SELECT COUNT(*) FROM plugin_accesses WHERE household = household() AND plugin = ?1 AND reason <> ''")?
        .query_row(params![plugin], |row| row.get(0))?;
    if !is_known && !reason.is_empty() && entries as usize >= PLUGIN_ACCESSES {
        key = (key.0, OTHER_TARGETS, OTHER_TARGETS);
    }
    connection
        .prepare_cached(
            "INSERT INTO plugin_accesses (household, plugin, account, target, reason, count, first_at, last_at)
             VALUES (household(), ?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (household, plugin, account, target, reason) DO UPDATE SET
                 count = plugin_accesses.count + excluded.count,
                 first_at = CASE WHEN excluded.first_at < plugin_accesses.first_at THEN excluded.first_at ELSE plugin_accesses.first_at END,
                 last_at = CASE WHEN excluded.last_at > plugin_accesses.last_at THEN excluded.last_at ELSE plugin_accesses.last_at END",
        )?
        .execute(params![
            plugin,
            key.0,
            key.1,
            key.2,
            i64::try_from(access.count).unwrap_or(i64::MAX),
            access.first_at.as_millisecond(),
            access.last_at.as_millisecond()
        ])
        .map(drop)
}

#[async_trait]
impl LookupStore for SqlStore {
    async fn cached_lookup(
        &self,
        source: &str,
        item: &str,
        now: Timestamp,
    ) -> Result<Option<Item>, StoreError> {
        let key = (source.to_owned(), item.to_owned());
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT body FROM look_ups
                     WHERE household = household() AND source = ?1 AND item = ?2 AND expires_at > ?3",
                )?
                .query_row(params![key.0, key.1, now.as_millisecond()], |row| json(row, 0))
                .optional()
        })
        .await
    }

    async fn cache_lookup(
        &self,
        source: &str,
        item: &str,
        found: &Item,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let key = (source.to_owned(), item.to_owned());
        let found = found.clone();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO look_ups (household, source, item, body, expires_at)
                         VALUES (household(), ?1, ?2, ?3, ?4)
                     ON CONFLICT (household, source, item) DO UPDATE SET body = excluded.body, expires_at = excluded.expires_at",
                )?
                .execute(params![key.0, key.1, to_json(&found)?, until.as_millisecond()])
                .map(drop)
        })
        .await
    }
}
