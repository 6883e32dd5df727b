//! The household that a connection serves, as the SQL function `household()`.
//!
//! Every statement that reads or writes data of a household has `household()` in it, so that no caller can leave it out or mix it up:
//! outside of [`within`] the function fails, and the statement with it. A piece of work runs on one thread from its start to its end,
//! so the household of a thread is that of its work.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use crate::Household;

thread_local! {
    static CURRENT: RefCell<Option<Household>> = const { RefCell::new(None) };
}

/// Does some work for a household.
pub fn within<T>(household: &Household, work: impl FnOnce() -> T) -> T {
    /// Ends the work's household, also where the work panics.
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
    CURRENT.set(Some(household.clone()));
    let _reset = Reset;
    work()
}

/// Gives a connection the function. It is constant within a statement: SQLite calls it once, and uses indexes for it.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("household", 0, flags, |_| {
        CURRENT
            .with_borrow(|current| current.as_ref().map(|household| household.as_str().to_owned()))
            .ok_or_else(|| rusqlite::Error::UserFunctionError("a statement runs for no household".into()))
    })
}
