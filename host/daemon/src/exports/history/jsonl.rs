//! A line of JSON for each row.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::exports::history::folder::Folder;
use crate::exports::history::row::Row;
use crate::exports::history::whole::RowFile;

/// A file of lines.
pub(super) struct JsonLines {
    name: String,
    file: BufWriter<File>,
    rows: u64,
}

impl RowFile for JsonLines {
    const EXTENSION: &str = "jsonl";

    fn create(folder: &Folder, name: String) -> io::Result<Self> {
        Ok(Self { file: folder.file(&name)?, name, rows: 0 })
    }

    fn write(&mut self, row: &Row) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, row)?;
        self.rows += 1;
        self.file.write_all(b"\n")
    }

    fn close(self, folder: &mut Folder) -> io::Result<()> {
        folder.close(&self.name, self.file, self.rows)
    }
}
