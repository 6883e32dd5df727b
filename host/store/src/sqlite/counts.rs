//! Requests of the day.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::Sqlite;
use crate::{QuotaStore, QuotaUsage, StoreError};

#[async_trait]
impl QuotaStore for Sqlite {
    async fn quota_usage(&self, account: &str) -> Result<Option<QuotaUsage>, StoreError> {
        let account = account.to_owned();
        let found = self.read(move |connection| {
            connection
                .prepare_cached("SELECT day, used, allowed FROM request_counts WHERE account = ?1")?
                .query_row(params![account], |row| {
                    Ok(QuotaUsage { day: row.get(0)?, used: row.get(1)?, allowed: row.get(2)? })
                })
                .optional()
        });
        found.await
    }

    async fn keep_quota_usage(&self, account: &str, usage: QuotaUsage) -> Result<(), StoreError> {
        let account = account.to_owned();
        let kept = self.writer.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO request_counts (account, day, used, allowed) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![account, usage.day, usage.used, usage.allowed])
                .map(drop)
        });
        kept.await
    }
}
