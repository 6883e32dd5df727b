//! Jobs.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::StoreError;
use crate::jobs::{Job, JobProgress, JobRow, JobState, JobStore, JobWrites, NewJob, Undone};
use crate::sql;
use crate::sql::{Connection, OptionalExtension, Row, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::{parse_enum, time};
use crate::tables::{job_writes, outbox_commands, play_rows};

const COLUMNS: &str = "id, kind, person, about, spec, state, created_at, started_at, ended_at, next_at, attempts, done, total, checkpoint, \
                       message, stopping, confirmed";

#[async_trait]
impl JobStore for SqlStore {
    async fn add_job(&self, job: NewJob, at: Timestamp) -> Result<i64, StoreError> {
        self.write(move |connection| add(connection, &job, at)).await
    }

    async fn jobs(
        &self,
        person: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let person = person.map(str::to_owned);
        self.read(move |connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM jobs
                     WHERE household = household() AND (folded(person) = folded(?1) OR ?1 IS NULL) AND id < ?2 ORDER BY id DESC LIMIT ?3"
                ))?
                .query_map(params![person, before.unwrap_or(i64::MAX), limit], read)?
                .collect()
        })
        .await
    }

    async fn job(&self, id: i64) -> Result<Option<Job>, StoreError> {
        self.read(move |connection| find(connection, id)).await
    }

    async fn next_job_at(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT MIN(next_at) FROM jobs INDEXED BY jobs_waiting WHERE household = household() AND state = 'waiting'",
                )?
                .query_row(params![], |row| Ok(row.get::<Option<i64>>(0)?.map(time)))
        })
        .await
    }

    async fn last_job_at(
        &self,
        kind: &str,
        person: &str,
        about: &str,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (kind, person, about) = (kind.to_owned(), person.to_owned(), about.to_owned());
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT MAX(created_at) FROM jobs INDEXED BY jobs_person
                     WHERE household = household() AND person = ?1 AND kind = ?2 AND about = ?3",
                )?
                .query_row([person, kind, about], |row| Ok(row.get::<Option<i64>>(0)?.map(time)))
        })
        .await
    }

    async fn start_job(&self, id: i64, now: Timestamp) -> Result<Option<Job>, StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_at = COALESCE(started_at, ?2)
                     WHERE id = ?1 AND household = household() AND state = 'waiting' RETURNING {COLUMNS}"
                ))?
                .query_row(params![id, now.as_millisecond()], read)
                .optional()
        })
        .await
    }

    async fn start_next_job(&self, now: Timestamp) -> Result<Option<Job>, StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached(&format!(
                    "UPDATE jobs SET state = 'running', attempts = attempts + 1, started_at = COALESCE(started_at, ?1)
                     WHERE id = (SELECT id FROM jobs WHERE household = household() AND state = 'waiting' AND next_at <= ?1
                                 ORDER BY next_at, id LIMIT 1)
                     RETURNING {COLUMNS}"
                ))?
                .query_row([now.as_millisecond()], read)
                .optional()
        })
        .await
    }

    async fn resume_jobs(&self) -> Result<u64, StoreError> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "UPDATE jobs SET state = 'waiting' WHERE household = household() AND state = 'running'",
                )?
                .execute(params![])
                .map(|resumed| resumed as u64)
        })
        .await
    }

    async fn save_progress(&self, id: i64, progress: JobProgress) -> Result<bool, StoreError> {
        self.write(move |connection| save(connection, id, &progress)).await
    }

    async fn write_job(
        &self,
        job: &Job,
        writes: JobWrites,
        progress: JobProgress,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let job = job.clone();
        self.command(move |connection| {
            job_writes::write(connection, &job, &writes, now)?;
            save(connection, job.id, &progress)
        })
        .await
    }

    async fn end_job(
        &self,
        id: i64,
        state: JobState,
        message: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (message, ended_at) =
            (message.to_owned(), (state != JobState::Ready).then_some(now.as_millisecond()));
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE jobs SET state = ?2, message = ?3, ended_at = ?4, stopping = 0, attempts = 0
                     WHERE id = ?1 AND household = household()",
                )?
                .execute(params![id, state.as_str(), message, ended_at])
                .map(drop)
        })
        .await
    }

    async fn postpone_job(
        &self,
        id: i64,
        until: Timestamp,
        message: &str,
        is_failure: bool,
    ) -> Result<(), StoreError> {
        let message = message.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE jobs SET state = 'waiting', next_at = ?2, message = ?3, attempts = CASE WHEN ?4 OR attempts = 0 THEN attempts ELSE attempts - 1 END
                     WHERE id = ?1 AND household = household() AND state = 'running'",
                )?
                .execute(params![id, until.as_millisecond(), message, is_failure])
                .map(drop)
        })
        .await
    }

    async fn cancel_job(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let ended = connection
                .prepare_cached(
                    "UPDATE jobs SET state = 'cancelled', ended_at = ?2, message = 'cancelled before it went on'
                     WHERE id = ?1 AND household = household() AND state IN ('waiting', 'ready')",
                )?
                .execute(params![id, now.as_millisecond()])?;
            let stopping = connection
                .prepare_cached("UPDATE jobs SET stopping = 1 WHERE id = ?1 AND household = household() AND state = 'running'")?
                .execute([id])?;
            Ok(ended + stopping > 0)
        })
        .await
    }

    async fn continue_job(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        self.write(move |connection| {
            // Another one of its kind may be under way.
            connection
                .prepare_cached(
                    "UPDATE jobs SET state = 'waiting', next_at = ?2, ended_at = NULL, attempts = 0, message = NULL, stopping = 0,
                         confirmed = CASE WHEN state = 'ready' THEN 1 ELSE confirmed END
                     WHERE id = ?1 AND household = household() AND state IN ('ready', 'failed', 'cancelled') AND NOT EXISTS (
                         SELECT 1 FROM jobs AS other
                         WHERE other.household = jobs.household AND other.kind = jobs.kind AND other.person = jobs.person
                           AND other.about = jobs.about AND other.state IN ('waiting', 'running'))",
                )?
                .execute(params![id, now.as_millisecond()])
                .map(|continued| continued > 0)
        })
        .await
    }

    async fn undo_job(&self, id: i64, now: Timestamp) -> Result<Option<Undone>, StoreError> {
        self.command(move |connection| undo(connection, id, now)).await
    }

    async fn change_job_row(
        &self,
        job: &Job,
        row: JobRow,
        writes: JobWrites,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let job = job.clone();
        self.command(move |connection| {
            job_writes::write(connection, &job, &writes, now)?;
            put_rows(connection, job.id, std::slice::from_ref(&row))
        })
        .await
    }

    async fn job_rows(
        &self,
        id: i64,
        state: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<JobRow>, StoreError> {
        let state = state.map(str::to_owned);
        let after = after.map_or(-1, i64::from);
        self.read(move |connection| {
            // Two queries: with one the planner would read all rows of the job for a state that few of them have.
            let of_state = if state.is_some() { "AND state = ?4" } else { "AND CAST(?4 AS TEXT) IS NULL" };
            connection
                .prepare_cached(&format!(
                    "SELECT number, state, what, reason, body FROM job_rows
                     WHERE job = (SELECT id FROM jobs WHERE id = ?1 AND household = household()) AND number > ?2 {of_state}
                     ORDER BY number LIMIT ?3"
                ))?
                .query_map(params![id, after, limit, state], read_row)?
                .collect()
        })
        .await
    }

    async fn count_job_rows(&self, id: i64) -> Result<BTreeMap<String, u64>, StoreError> {
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT state, COUNT(*) FROM job_rows
                     WHERE job = (SELECT id FROM jobs WHERE id = ?1 AND household = household()) GROUP BY state",
                )?
                .query_map([id], |row| Ok((row.get(0)?, row.get::<u32>(1)?.into())))?
                .collect()
        })
        .await
    }

    async fn prune_jobs(&self, ended_before: Timestamp, ready_before: Timestamp) -> Result<u64, StoreError> {
        self.write(move |connection| prune(connection, ended_before, ready_before)).await
    }
}

fn read(row: &Row<'_>) -> sql::Result<Job> {
    let ms = |column| row.get::<Option<i64>>(column).map(|at| at.map(time));
    let number = |column| row.get::<Option<i64>>(column).map(|it| it.map(i64::unsigned_abs));
    Ok(Job {
        id: row.get(0)?,
        work: NewJob { kind: row.get(1)?, person: row.get(2)?, about: row.get(3)?, spec: row.get(4)? },
        state: parse_enum(row, 5)?,
        created_at: time(row.get(6)?),
        started_at: ms(7)?,
        ended_at: ms(8)?,
        next_at: time(row.get(9)?),
        attempts: row.get(10)?,
        done: number(11)?.unwrap_or_default(),
        total: number(12)?,
        checkpoint: row.get(13)?,
        message: row.get(14)?,
        is_stopping: row.get(15)?,
        is_confirmed: row.get(16)?,
    })
}

fn read_row(row: &Row<'_>) -> sql::Result<JobRow> {
    Ok(JobRow {
        number: row.get(0)?,
        state: row.get(1)?,
        what: row.get(2)?,
        reason: row.get(3)?,
        body: row.get(4)?,
    })
}

fn find(connection: &Connection, id: i64) -> sql::Result<Option<Job>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1 AND household = household()"))?
        .query_row([id], read)
        .optional()
}

fn add(connection: &Connection, job: &NewJob, at: Timestamp) -> sql::Result<i64> {
    let NewJob { kind, person, about, spec } = job;
    let active = connection
        .prepare_cached(
            "SELECT id FROM jobs INDEXED BY jobs_active
             WHERE household = household() AND kind = ?1 AND person = ?2 AND about = ?3 AND state IN ('waiting', 'running')",
        )?
        .query_row(params![kind, person, about], |row| row.get(0))
        .optional()?;
    if let Some(active) = active {
        return Ok(active);
    }
    connection
        .prepare_cached(
            "INSERT INTO jobs (household, kind, person, about, spec, state, created_at, next_at)
             VALUES (household(), ?1, ?2, ?3, ?4, 'waiting', ?5, ?5) RETURNING id",
        )?
        .insert(params![kind, person, about, spec, at.as_millisecond()])
}

fn put_rows(connection: &Connection, id: i64, rows: &[JobRow]) -> sql::Result<()> {
    for JobRow { number, state, what, reason, body } in rows {
        connection
            .prepare_cached(
                "INSERT INTO job_rows (job, number, state, what, reason, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (job, number) DO UPDATE SET
                     state = excluded.state, what = excluded.what, reason = excluded.reason, body = excluded.body",
            )?
            .execute(params![id, number, state, what, reason, body])?;
    }
    Ok(())
}

fn save(connection: &Connection, id: i64, progress: &JobProgress) -> sql::Result<bool> {
    let JobProgress { checkpoint, done, total, rows } = progress;
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    put_rows(connection, id, rows)?;
    let stopping: Option<bool> = connection
        .prepare_cached(
            "UPDATE jobs SET checkpoint = ?2, done = ?3, total = ?4, attempts = 0, message = NULL
             WHERE id = ?1 AND household = household() RETURNING stopping",
        )?
        .query_row(params![id, checkpoint, count(*done), total.map(count)], |row| row.get(0))
        .optional()?;
    Ok(stopping == Some(false))
}

fn undo(connection: &Connection, id: i64, now: Timestamp) -> sql::Result<Option<Undone>> {
    let job = find(connection, id)?.filter(|job| !job.state.is_active() && job.state != JobState::Undone);
    if job.is_none() {
        return Ok(None);
    }
    let is_of_job = |play: &str| {
        connection
            .prepare_cached("SELECT 1 FROM plays WHERE household = household() AND id = ?1 AND job = ?2")?
            .exists(params![play, id])
    };
    outbox_commands::drop_undelivered(connection, is_of_job, now)?;
    let delete =
        |statement| connection.prepare_cached(statement)?.execute([id]).map(|deleted| deleted as u64);
    let plays = delete("DELETE FROM plays WHERE household = household() AND job = ?1")?;
    let listed = delete("DELETE FROM watchlist WHERE household = household() AND job = ?1")?;
    let ratings = play_rows::remove_ratings_of(connection, id)?;
    connection
        .prepare_cached(
            "UPDATE jobs SET state = 'undone', message = NULL WHERE id = ?1 AND household = household()",
        )?
        .execute([id])?;
    Ok(Some(Undone { plays, ratings, listed }))
}

fn prune(connection: &Connection, ended_before: Timestamp, ready_before: Timestamp) -> sql::Result<u64> {
    let stale = connection
        .prepare_cached(
            "UPDATE jobs SET state = 'cancelled', ended_at = ?1, message = 'nobody decided about it in time'
             WHERE household = household() AND state = 'ready' AND created_at < ?1",
        )?
        .execute([ready_before.as_millisecond()])?;
    connection
        .prepare_cached(
            "DELETE FROM job_rows WHERE job IN (SELECT id FROM jobs WHERE household = household() AND ended_at < ?1)",
        )?
        .execute([ended_before.as_millisecond()])?;
    Ok(stale as u64)
}
