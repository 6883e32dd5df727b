//! `plays.csv` and `ratings.csv`: everything, as tables.

use std::fs::File;
use std::io::{self, BufWriter};

use csv::Writer;
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;

use crate::exports::history::folder::Folder;
use crate::exports::history::row::Row;
use crate::exports::history::writer::HistoryWriter;

pub(super) struct Tables {
    plays: Table,
    ratings: Table,
}

impl Tables {
    pub(super) fn new(folder: &mut Folder) -> io::Result<Self> {
        Ok(Self { plays: Table::new(folder, "plays.csv")?, ratings: Table::new(folder, "ratings.csv")? })
    }
}

impl HistoryWriter for Tables {
    fn rating(&mut self, _: &mut Folder, rating: &Rating) -> io::Result<()> {
        self.ratings.write(&Row::of_rating(rating))
    }

    fn play(&mut self, _: &mut Folder, play: &Play) -> io::Result<()> {
        self.plays.write(&Row::of_play(play))
    }

    fn finish(self: Box<Self>, folder: &mut Folder) -> io::Result<()> {
        self.plays.close(folder)?;
        self.ratings.close(folder)
    }
}

/// A table, with the names of its columns above it.
struct Table {
    name: &'static str,
    file: Writer<BufWriter<File>>,
    rows: u64,
}

impl Table {
    fn new(folder: &mut Folder, name: &'static str) -> io::Result<Self> {
        Ok(Self { name, file: Writer::from_writer(folder.file(name)?), rows: 0 })
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
        folder.close(self.name, file, self.rows)
    }
}
