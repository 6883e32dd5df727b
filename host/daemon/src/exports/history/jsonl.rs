//! `plays.jsonl` and `ratings.jsonl`: everything, a line of JSON each.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;

use crate::exports::history::folder::Folder;
use crate::exports::history::row::Row;
use crate::exports::history::writer::HistoryWriter;

pub(super) struct JsonLines {
    plays: Lines,
    ratings: Lines,
}

impl JsonLines {
    pub(super) fn new(folder: &mut Folder) -> io::Result<Self> {
        Ok(Self { plays: Lines::new(folder, "plays.jsonl")?, ratings: Lines::new(folder, "ratings.jsonl")? })
    }
}

impl HistoryWriter for JsonLines {
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

/// A file of lines.
struct Lines {
    name: &'static str,
    file: BufWriter<File>,
    rows: u64,
}

impl Lines {
    fn new(folder: &mut Folder, name: &'static str) -> io::Result<Self> {
        Ok(Self { name, file: folder.file(name)?, rows: 0 })
    }

    fn write(&mut self, row: &Row) -> io::Result<()> {
        serde_json::to_writer(&mut self.file, row)?;
        self.rows += 1;
        self.file.write_all(b"\n")
    }

    fn close(self, folder: &mut Folder) -> io::Result<()> {
        folder.close(self.name, self.file, self.rows)
    }
}
