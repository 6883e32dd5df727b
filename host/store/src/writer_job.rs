//! Jobs of the thread that writes, and their answers.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::sql::{Connection, Fence};
use crate::{Household, StoreError, sql};

/// Work of a transaction. It may be done several times: what a failed attempt did is taken back.
pub trait Job: Send {
    /// Whose data it is about.
    fn household(&self) -> &Household;

    /// Whether the owner of the household wants it, whose tasks know of it.
    fn is_of_owner(&self) -> bool;

    /// Does the work, and keeps what it gives. Whether it succeeded.
    fn attempt(&mut self, connection: &Connection) -> bool;

    /// Whether the last attempt may succeed where it is made again.
    fn is_transient(&self) -> bool;

    /// Is called once what it did is committed, in the order of the jobs.
    fn committed(&self);

    /// Tells the caller how the transaction ended.
    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A job, with its answer.
pub struct Task<T, W, C> {
    /// Whose data it is about.
    pub household: Household,
    /// The lease of the owner that it is for; absent where any node may do it.
    pub fence: Option<Fence>,
    /// What is done.
    pub work: W,
    /// Is called with what it gave, once that is committed.
    pub on_commit: C,
    /// What the last attempt gave.
    pub result: Option<sql::Result<T>>,
    /// The name of the database in messages.
    pub place: Arc<str>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, W, C> Job for Task<T, W, C>
where
    T: Send,
    W: Fn(&Connection) -> sql::Result<T> + Send,
    C: Fn(&T) + Send,
{
    fn household(&self) -> &Household {
        &self.household
    }

    fn is_of_owner(&self) -> bool {
        self.fence.is_some()
    }

    fn attempt(&mut self, connection: &Connection) -> bool {
        let result = connection.within(&self.household, self.fence.as_ref(), || (self.work)(connection));
        self.result.insert(result).is_ok()
    }

    fn is_transient(&self) -> bool {
        matches!(&self.result, Some(Err(error)) if error.is_transient())
    }

    fn committed(&self) {
        if let Some(Ok(value)) = &self.result {
            (self.on_commit)(value);
        }
    }

    fn acknowledge(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match self.result {
            Some(result) => result.map_err(|error| failed(&self.place, &error)),
            None => Err(StoreError::Closed),
        };
        // A caller that has gone away needs no answer. What failed itself says so, whatever became of the others.
        let _ = self.reply.send(result.and_then(|value| committed.map(|()| value)));
    }
}

/// A failure of the database at a place.
pub fn failed(place: &str, error: &sql::Error) -> StoreError {
    match error {
        sql::Error::LeaseLost => StoreError::LeaseLost,
        error => StoreError::Database { path: place.to_owned(), reason: error.to_string() },
    }
}
