//! Nodes and leases, in the tables of PostgreSQL. A file has none of them: its one node owns it for good.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::leases::{ATTEMPT_GRACE, Claim, LEASE_DURATION, LeaseStore, Node, OwnedLease};
use crate::sql::{Connection, Fence, OptionalExtension, params};
use crate::sql_store::SqlStore;
use crate::{StoreError, sql};

/// The time of the server, which all nodes share.
const NOW: &str = "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT";

/// A node that was not seen for this long is forgotten.
const NODE_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

#[async_trait]
impl LeaseStore for SqlStore {
    async fn renew(&self, node: &Node) -> Result<(), StoreError> {
        let Some(server) = self.server() else { return Ok(()) };
        let node = node.clone();
        self.write_apart(server, move |connection| renew(connection, &node)).await
    }

    async fn claim(&self, node: &Node, now: Timestamp) -> Result<Claim, StoreError> {
        let Some(server) = self.server() else { return Ok(Claim::Owned(Arc::new(self.clone()))) };
        let node = node.clone();
        let result = self.write_apart(server, move |connection| claim(connection, &node, now)).await?;
        Ok(match result {
            Ok(fence) => Claim::Owned(Arc::new(self.fenced(fence))),
            Err(owner) => Claim::Standby { owner },
        })
    }
}

#[async_trait]
impl OwnedLease for SqlStore {
    async fn is_held(&self) -> Result<bool, StoreError> {
        let Some(fence) = self.fence() else { return Ok(true) };
        let held = self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT 1 FROM leases WHERE household = household() AND node = ?1 AND epoch = ?2",
                )?
                .exists(params![fence.node, fence.epoch])
        });
        let is_held = held.await?;
        if !is_held {
            self.give_up_ownership();
        }
        Ok(is_held)
    }

    fn lost(&self) -> watch::Receiver<bool> {
        self.lease_lost()
    }

    async fn release(&self) -> Result<(), StoreError> {
        let Some(fence) = self.fence() else { return Ok(()) };
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE leases SET node = NULL WHERE household = household() AND node = ?1 AND epoch = ?2",
                )?
                .execute(params![fence.node, fence.epoch])
                .map(drop)
        })
        .await?;
        self.give_up_ownership();
        Ok(())
    }
}

/// A node goes on. One that had been given up begins anew.
fn renew(connection: &Connection, node: &Node) -> sql::Result<()> {
    let duration = duration_ms(LEASE_DURATION);
    connection
        .prepare_cached(&format!(
            "INSERT INTO nodes (id, name, steady_since, expires_at) VALUES (?1, ?2, {NOW}, {NOW} + ?3)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, expires_at = excluded.expires_at,
                 steady_since = CASE WHEN nodes.expires_at < {NOW} THEN excluded.steady_since ELSE nodes.steady_since END"
        ))?
        .execute(params![node.id, node.name, duration])
        .map(drop)
}

/// The fence of the new owner, or the name of the one that stays.
fn claim(connection: &Connection, node: &Node, now: Timestamp) -> sql::Result<Result<Fence, Option<String>>> {
    renew(connection, node)?;
    connection
        .prepare_cached(
            "INSERT INTO leases (household, epoch) VALUES (household(), 0) ON CONFLICT DO NOTHING",
        )?
        .execute(params![])?;
    // A lease whose owner is writing just now is skipped: it is alive.
    let last: Option<Option<String>> = connection
        .prepare_cached(&format!(
            "SELECT node FROM leases WHERE household = household() AND (node IS NULL OR node = ?1 OR (
                 NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = leases.node AND nodes.expires_at >= {NOW})
                 AND EXISTS (SELECT 1 FROM nodes WHERE nodes.id = ?1 AND nodes.steady_since <= {NOW} - ?2)))
             FOR UPDATE SKIP LOCKED"
        ))?
        .query_row(params![node.id, duration_ms(LEASE_DURATION)], |row| row.get(0))
        .optional()?;
    let Some(last) = last else { return owner(connection).map(Err) };
    let epoch = connection
        .prepare_cached(
            "UPDATE leases SET node = ?1, epoch = epoch + 1 WHERE household = household() RETURNING epoch",
        )?
        .query_row(params![node.id], |row| row.get(0))?;
    if last.is_some_and(|last| *last != *node.id) {
        leave_attempts_alone(connection, now)?;
    }
    forget_old_nodes(connection)?;
    Ok(Ok(Fence { node: Arc::clone(&node.id), epoch }))
}

/// An attempt of the last owner may still be on its way.
fn leave_attempts_alone(connection: &Connection, now: Timestamp) -> sql::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET next_at = GREATEST(next_at, ?1)
             WHERE household = household() AND state = 'waiting' AND uncertain = 1",
        )?
        .execute(params![now.as_millisecond().saturating_add(duration_ms(ATTEMPT_GRACE))])
        .map(drop)
}

/// Nodes that will not come back.
fn forget_old_nodes(connection: &Connection) -> sql::Result<()> {
    connection
        .prepare_cached(&format!("DELETE FROM nodes WHERE expires_at < {NOW} - ?1"))?
        .execute(params![duration_ms(NODE_RETENTION)])
        .map(drop)
}

/// The name of the node that owns the household, as long as it works.
fn owner(connection: &Connection) -> sql::Result<Option<String>> {
    connection
        .prepare_cached(&format!(
            "SELECT name FROM nodes JOIN leases ON leases.node = nodes.id
             WHERE leases.household = household() AND nodes.expires_at >= {NOW}"
        ))?
        .query_row(params![], |row| row.get(0))
        .optional()
}

fn duration_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
