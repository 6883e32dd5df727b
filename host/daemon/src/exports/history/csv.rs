//! A table with a line for each row, below the names of the columns.

use std::fs::File;
use std::io::{self, BufWriter};

use csv::Writer;

use crate::exports::history::folder::Folder;
use crate::exports::history::row::Row;
use crate::exports::history::whole::RowFile;

/// A file with a table.
pub(super) struct Table {
    name: String,
    file: Writer<BufWriter<File>>,
    rows: u64,
}

impl RowFile for Table {
    const EXTENSION: &str = "csv";

    fn create(folder: &Folder, name: String) -> io::Result<Self> {
        Ok(Self { file: Writer::from_writer(folder.file(&name)?), name, rows: 0 })
    }

    fn write(&mut self, row: &Row) -> io::Result<()> {
        if self.rows == 0 {
            self.file.write_record(row.names())?;
        }
        self.rows += 1;
        Ok(self.file.write_record(row.texts())?)
    }

    fn close(self, folder: &mut Folder) -> io::Result<()> {
        let file = self.file.into_inner().map_err(|error| error.into_error())?;
        folder.close(&self.name, file, self.rows)
    }
}
