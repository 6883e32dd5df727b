//! How accounts stand.

use async_trait::async_trait;

use crate::sql;
use crate::sql::{Connection, OptionalExtension, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::{json, to_json};
use crate::{AccountPause, AccountStore, QuotaRule, QuotaStore, QuotaUsage, StoreError};

#[async_trait]
impl QuotaStore for SqlStore {
    async fn quota_usage(&self, account: &str) -> Result<Option<QuotaUsage>, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| quota_usage(connection, &account)).await
    }

    async fn change_quota_usage(
        &self,
        account: &str,
        rule: QuotaRule,
    ) -> Result<Option<QuotaUsage>, StoreError> {
        let account = account.to_owned();
        let changed = self.write(move |connection| {
            let Some(usage) = rule(quota_usage(connection, &account)?) else { return Ok(None) };
            connection
                .prepare_cached(
                    "INSERT INTO request_counts (household, account, day, used, allowed)
                     VALUES (household(), ?1, ?2, ?3, ?4)
                     ON CONFLICT (household, account) DO UPDATE SET day = excluded.day, used = excluded.used, allowed = excluded.allowed",
                )?
                .execute(params![account, usage.day, usage.used, usage.allowed])?;
            Ok(Some(usage))
        });
        changed.await
    }
}

fn quota_usage(connection: &Connection, account: &str) -> sql::Result<Option<QuotaUsage>> {
    connection
        .prepare_cached(
            "SELECT day, used, allowed FROM request_counts WHERE household = household() AND account = ?1",
        )?
        .query_row(params![account], |row| {
            Ok(QuotaUsage { day: row.get(0)?, used: row.get(1)?, allowed: row.get(2)? })
        })
        .optional()
}

#[async_trait]
impl AccountStore for SqlStore {
    async fn pause(&self, account: &str) -> Result<Option<AccountPause>, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| pause(connection, &account)).await
    }

    async fn set_pause(&self, account: &str, parked: Option<AccountPause>) -> Result<(), StoreError> {
        let account = account.to_owned();
        self.command(move |connection| park(connection, &account, parked.as_ref())).await
    }
}

/// The pause of an account.
pub fn pause(connection: &Connection, account: &str) -> sql::Result<Option<AccountPause>> {
    connection
        .prepare_cached(
            "SELECT parked FROM accounts WHERE household = household() AND name = ?1 AND parked IS NOT NULL",
        )?
        .query_row(params![account], |row| json(row, 0))
        .optional()
}

/// Writes how an account stands.
pub fn park(connection: &Connection, account: &str, parked: Option<&AccountPause>) -> sql::Result<()> {
    let parked = parked.map(to_json).transpose()?;
    connection
        .prepare_cached(
            "INSERT INTO accounts (household, name, parked) VALUES (household(), ?1, ?2)
             ON CONFLICT (household, name) DO UPDATE SET parked = excluded.parked",
        )?
        .execute(params![account, parked])
        .map(drop)
}
