//! Sealed secrets.

use async_trait::async_trait;

use crate::sql::{OptionalExtension, params};
use crate::sql_store::SqlStore;
use crate::{SecretStore, StoreError};

#[async_trait]
impl SecretStore for SqlStore {
    async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT sealed FROM credentials WHERE household = household() AND name = ?1")?
                .query_row(params![name], |row| row.get(0))
                .optional()
        })
        .await
    }

    async fn has_secrets(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM credentials WHERE household = household())")?
                .query_row(params![], |row| row.get(0))
        })
        .await
    }

    async fn put_secret(&self, name: &str, sealed: Vec<u8>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.command(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO credentials (household, name, sealed) VALUES (household(), ?1, ?2)
                     ON CONFLICT (household, name) DO UPDATE SET sealed = excluded.sealed",
                )?
                .execute(params![name, sealed])
                .map(drop)
        })
        .await
    }

    async fn insert_secret(&self, name: &str, sealed: Vec<u8>) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.command(move |connection| {
                connection
                    .prepare_cached("INSERT INTO credentials (household, name, sealed) VALUES (household(), ?1, ?2) ON CONFLICT DO NOTHING")?
                    .execute(params![name, sealed])
                    .map(|rows| rows > 0)
            })
            .await
    }

    async fn replace_secret(&self, name: &str, before: Vec<u8>, sealed: Vec<u8>) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.command(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE credentials SET sealed = ?3 WHERE household = household() AND name = ?1 AND sealed = ?2",
                )?
                .execute(params![name, before, sealed])
                .map(|rows| rows > 0)
        })
        .await
    }

    async fn delete_secret(&self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.command(move |connection| {
            connection
                .prepare_cached("DELETE FROM credentials WHERE household = household() AND name = ?1")?
                .execute(params![name])
                .map(drop)
        })
        .await
    }
}
