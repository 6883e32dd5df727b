//! Mappings of titles.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::mapping::TitleMapping;

use crate::sql;
use crate::sql::{Connection, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::{json, time, to_json};
use crate::tables::versions;
use crate::{MappingStore, StoreError, StoredMapping};

/// The most that are kept: each is compared with every title that plays.
const MAX_MAPPINGS: usize = 1000;
/// The name of their version.
const VERSION: &str = "mappings";

#[async_trait]
impl MappingStore for SqlStore {
    async fn mappings(&self) -> Result<Vec<StoredMapping>, StoreError> {
        self.read(list).await
    }

    async fn add_mapping(&self, mapping: TitleMapping, now: Timestamp) -> Result<Option<i64>, StoreError> {
        self.write(move |connection| add(connection, &mapping, now)).await
    }

    async fn replace_mapping(&self, id: i64, mapping: TitleMapping) -> Result<bool, StoreError> {
        self.write(move |connection| replace(connection, id, &mapping)).await
    }

    async fn remove_mapping(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let removed = connection
                .prepare_cached("DELETE FROM title_mappings WHERE household = household() AND id = ?1")?
                .execute([id])?;
            versions::raise(connection, VERSION)?;
            Ok(removed > 0)
        })
        .await
    }

    async fn mappings_version(&self) -> Result<i64, StoreError> {
        self.read(|connection| versions::get(connection, VERSION)).await
    }
}

fn list(connection: &Connection) -> sql::Result<Vec<StoredMapping>> {
    connection
        .prepare_cached(
            "SELECT id, created_at, body FROM title_mappings WHERE household = household() ORDER BY id",
        )?
        .query_map(params![], |row| {
            Ok(StoredMapping { id: row.get(0)?, created_at: time(row.get(1)?), mapping: json(row, 2)? })
        })?
        .collect()
}

fn add(connection: &Connection, mapping: &TitleMapping, now: Timestamp) -> sql::Result<Option<i64>> {
    let known = list(connection)?;
    if let Some(mut same) = known.iter().find(|it| it.mapping.told.is_same(&mapping.told)).cloned() {
        same.mapping.merge(mapping.clone());
        replace(connection, same.id, &same.mapping)?;
        return Ok(Some(same.id));
    }
    if known.len() >= MAX_MAPPINGS {
        return Ok(None);
    }
    let id = connection
        .prepare_cached(
            "INSERT INTO title_mappings (household, created_at, body) VALUES (household(), ?1, ?2) RETURNING id",
        )?
        .insert(params![now.as_millisecond(), to_json(mapping)?])?;
    versions::raise(connection, VERSION)?;
    Ok(Some(id))
}

fn replace(connection: &Connection, id: i64, mapping: &TitleMapping) -> sql::Result<bool> {
    let replaced = connection
        .prepare_cached("UPDATE title_mappings SET body = ?2 WHERE household = household() AND id = ?1")?
        .execute(params![id, to_json(mapping)?])?;
    versions::raise(connection, VERSION)?;
    Ok(replaced > 0)
}
