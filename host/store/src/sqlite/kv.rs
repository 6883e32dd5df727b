//! The small stores of plugins.

use async_trait::async_trait;
use playrelay_util::clock;
use rusqlite::{Connection, OptionalExtension, params};

use super::Sqlite;
use crate::{KeyValueStore, StoreError};

/// Keys of one owner.
const KEYS_LIMIT: usize = 1_000;
/// Keys and values of one owner. Bytes.
const BYTES_LIMIT: usize = 256 << 10;

#[async_trait]
impl KeyValueStore for Sqlite {
    async fn get(&self, account: &str, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (account, key, now) = (account.to_owned(), key.to_owned(), clock::now().as_millisecond());
        let found = self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT value FROM plugin_values
                     WHERE account = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)",
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
        let stored = self.writer.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM plugin_values WHERE account = ?1 AND expires_at <= ?2")?
                .execute(params![account, now])?;
            let (keys, bytes) = used(connection, &account, &key)?;
            if keys >= KEYS_LIMIT || bytes + key.len() + value.len() > BYTES_LIMIT {
                return Ok(false);
            }
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO plugin_values (account, key, value, expires_at) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![account, key, value, expires])?;
            Ok(true)
        });
        stored.await
    }

    async fn delete(&self, account: &str, key: &str) -> Result<(), StoreError> {
        let (account, key) = (account.to_owned(), key.to_owned());
        let deleted = self.writer.write(move |connection| {
            connection
                .prepare_cached("DELETE FROM plugin_values WHERE account = ?1 AND key = ?2")?
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
             FROM plugin_values WHERE account = ?1 AND key <> ?2",
        )?
        .query_row(params![account, except], |row| Ok((whole(row.get(0)?), whole(row.get(1)?))))
}
