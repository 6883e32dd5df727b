//! Approvals, small values and cached answers of plugins.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::model::Item;
use playrelay_util::clock;
use rusqlite::{Connection, OptionalExtension, params};

use crate::sqlite::database::SqliteStore;
use crate::sqlite::rows::{json, to_json};
use crate::{Approval, KeyValueStore, LookupStore, PluginStore, StoreError};

/// Keys of one owner.
const KEYS_LIMIT: usize = 1_000;
/// Keys and values of one owner. Bytes.
const BYTES_LIMIT: usize = 256 << 10;

#[async_trait]
impl KeyValueStore for SqliteStore {
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
                    "INSERT OR REPLACE INTO plugin_values (household, account, key, value, expires_at)
                     VALUES (household(), ?1, ?2, ?3, ?4)",
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
fn used(connection: &Connection, account: &str, except: &str) -> rusqlite::Result<(usize, usize)> {
    let whole = |number: u32| number as usize;
    connection
        .prepare_cached(
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(key) + LENGTH(value)), 0)
             FROM plugin_values WHERE household = household() AND account = ?1 AND key <> ?2",
        )?
        .query_row(params![account, except], |row| Ok((whole(row.get(0)?), whole(row.get(1)?))))
}

#[async_trait]
impl PluginStore for SqliteStore {
    async fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT id, digest, permissions FROM approvals")?
                .query_map([], |row| {
                    Ok(Approval { id: row.get(0)?, digest: row.get(1)?, permissions: row.get(2)? })
                })?
                .collect()
        })
        .await
    }

    async fn approve(&self, approval: Approval, shown: String, at: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            let Approval { id, digest, permissions } = &approval;
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO approvals (id, digest, permissions, approved_at, shown)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![id, digest, permissions, at.as_millisecond(), shown])
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
}

#[async_trait]
impl LookupStore for SqliteStore {
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
        let body = to_json(found);
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO look_ups (household, source, item, body, expires_at)
                         VALUES (household(), ?1, ?2, ?3, ?4)",
                )?
                .execute(params![key.0, key.1, body?, until.as_millisecond()])
                .map(drop)
        })
        .await
    }
}
