//! Tables whose columns are found by their names, in any order and case.

use std::collections::HashMap;

use csv::{ReaderBuilder, StringRecord};

/// A table.
pub(super) struct Table {
    columns: HashMap<String, usize>,
    rows: Vec<StringRecord>,
}

impl Table {
    /// Reads a table with names of columns in its first row.
    ///
    /// # Errors
    ///
    /// Says in words which row cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        // Some programs put a mark in front that says that it is UTF-8.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(bytes);
        let failed =
            |error: csv::Error| format!("the table cannot be read: {error}; export it again, as UTF-8");
        let headers = reader.headers().map_err(failed)?.clone();
        let columns = headers.iter().enumerate().map(|(place, name)| (key(name), place)).collect();
        let rows = reader.records().collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { columns, rows })
    }

    /// Whether it has a column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.columns.contains_key(&key(column))
    }

    /// The rows, counted from 1.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, Row<'_>)> {
        self.rows.iter().enumerate().map(|(place, record)| (place + 1, Row { table: self, record }))
    }
}

/// A row of a table.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    table: &'a Table,
    record: &'a StringRecord,
}

impl<'a> Row<'a> {
    /// A cell without blanks around it; empty where there is no such column.
    pub(super) fn text(self, column: &str) -> &'a str {
        let place = self.table.columns.get(&key(column));
        place.and_then(|place| self.record.get(*place)).unwrap_or_default().trim()
    }

    /// A cell as a whole number; absent if it has other text.
    pub(super) fn number(self, column: &str) -> Option<u32> {
        let text = self.text(column);
        text.parse().ok().or_else(|| text.strip_suffix(".0")?.parse().ok())
    }

    /// A cell as a number; absent if it has other text.
    pub(super) fn decimal(self, column: &str) -> Option<f64> {
        self.text(column).replace(',', ".").parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// The name of a column, in whatever way it is written.
fn key(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_however_they_are_written() {
        let table = Table::read(b"\xef\xbb\xbfWatched Date,tmdbId\n 2024-05-01 ,949\nshort\n").unwrap();
        assert!(table.has("watched_date") && table.has("TMDB ID") && !table.has("date"));
        let rows: Vec<_> = table
            .rows()
            .map(|(number, row)| (number, row.text("Watched Date"), row.number("tmdbid")))
            .collect();
        assert_eq!(rows, [(1, "2024-05-01", Some(949)), (2, "short", None)]);
    }
}
