//! What a row of a file tells, or why it tells nothing.

use playrelay_engine::library::import::{Entry, Record, RowState};
use playrelay_engine::model::Item;

/// A row of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedRow {
    /// Where it stands: `diary.csv, row 12`.
    pub place: String,
    /// What it tells; or what it is about in words, with why it is not taken.
    pub told: Result<Record, Untold>,
}

/// Why a row tells nothing that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// What it is about, in words.
    pub what: String,
    /// What becomes of it.
    pub state: RowState,
    /// Why, and what to do.
    pub reason: String,
}

/// The rows of a file that is being read.
pub(super) struct Rows {
    file: String,
    rows: Vec<ImportedRow>,
}

impl Rows {
    /// None yet.
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), rows: Vec::new() }
    }

    /// Adds what a row tells. `number` counts from 1.
    pub(super) fn add(&mut self, number: usize, item: &Item, entry: Entry) {
        let told = Ok(Record { item: item.clone(), entry });
        self.rows.push(ImportedRow { place: self.place(number), told });
    }

    /// Adds a row that tells nothing.
    pub(super) fn leave(&mut self, number: usize, what: &str, state: RowState, reason: impl Into<String>) {
        let told = Err(Untold { what: what.to_owned(), state, reason: reason.into() });
        self.rows.push(ImportedRow { place: self.place(number), told });
    }

    /// Adds a row about something that is not kept.
    pub(super) fn not_for_us(&mut self, number: usize, what: &str, reason: impl Into<String>) {
        self.leave(number, what, RowState::NotForUs, reason);
    }

    /// All of them.
    pub(super) fn finish(self) -> Vec<ImportedRow> {
        self.rows
    }

    fn place(&self, number: usize) -> String {
        format!("{}, row {number}", self.file)
    }
}
