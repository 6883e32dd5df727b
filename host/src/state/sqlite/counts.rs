//! Requests of the day.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::Sqlite;
use crate::plugins::http::RequestCounts;
use crate::plugins::http::pace::Count;

#[async_trait]
impl RequestCounts for Sqlite {
    async fn counted(&self, account: &str) -> Result<Option<Count>, String> {
        let account = account.to_owned();
        let found = self.read(move |connection| {
            connection
                .prepare_cached("SELECT day, used, allowed FROM request_counts WHERE account = ?1")?
                .query_row(params![account], |row| {
                    Ok(Count { day: row.get(0)?, used: row.get(1)?, allowed: row.get(2)? })
                })
                .optional()
        });
        found.await.map_err(|error| error.to_string())
    }

    async fn keep_count(&self, account: &str, count: Count) -> Result<(), String> {
        let account = account.to_owned();
        let kept = self.writer.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO request_counts (account, day, used, allowed) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![account, count.day, count.used, count.allowed])
                .map(drop)
        });
        kept.await.map_err(|error| error.to_string())
    }
}
