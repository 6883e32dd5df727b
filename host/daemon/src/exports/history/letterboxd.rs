//! Films that were watched or rated, as the import of Letterboxd takes them: `letterboxd-1.csv`, with a thousand rows at most.

use std::collections::BTreeMap;
use std::io;

use csv::Writer;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use playrelay_engine::model::{Item, ItemKind, Movie};
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;

use crate::exports::history::folder::Folder;
use crate::exports::history::writer::{HistoryWriter, watched_at, whole_rating};

/// Rows of one file: Letterboxd takes a megabyte at once.
const MAX_ROWS: usize = 1_000;
/// The columns that are written (letterboxd.com/about/importing-data).
const COLUMNS: [&str; 7] = ["tmdbID", "imdbID", "Title", "Year", "WatchedDate", "Rating10", "Rewatch"];

pub(super) struct LetterboxdImport {
    /// In which days are counted: those of the person, not those of UTC.
    zone: TimeZone,
    films: BTreeMap<String, Film>,
}

/// What somebody has done with a film.
struct Film {
    movie: Movie,
    watched: Vec<Timestamp>,
    rating: Option<u8>,
}

impl LetterboxdImport {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, films: BTreeMap::new() }
    }

    /// The film of an item; absent for anything else.
    fn film(&mut self, item: &Item) -> Option<&mut Film> {
        let ItemKind::Movie(movie) = &item.kind else { return None };
        // The same film on another server has another key there.
        let key = Item::of(ItemKind::Movie(movie.clone())).key();
        let new = || Film { movie: movie.clone(), watched: Vec::new(), rating: None };
        Some(self.films.entry(key).or_insert_with(new))
    }
}

impl HistoryWriter for LetterboxdImport {
    fn rating(&mut self, _: &mut Folder, rating: &Rating) -> io::Result<()> {
        if let (Some(film), Some(stars)) = (self.film(&rating.rated.item), whole_rating(rating)) {
            film.rating = Some(stars);
        }
        Ok(())
    }

    fn play(&mut self, _: &mut Folder, play: &Play) -> io::Result<()> {
        if let (Some(at), Some(film)) = (watched_at(play), self.film(&play.item)) {
            film.watched.push(at);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, folder: &mut Folder) -> io::Result<()> {
        let mut rows: Vec<(Option<Timestamp>, Vec<String>)> =
            self.films.into_values().flat_map(|film| rows(film, &self.zone)).collect();
        rows.sort_by_key(|(at, _)| *at);
        for (index, part) in rows.chunks(MAX_ROWS).enumerate() {
            let name = format!("letterboxd-{}.csv", index + 1);
            let mut file = Writer::from_writer(folder.file(&name)?);
            file.write_record(COLUMNS)?;
            for (_, row) in part {
                file.write_record(row)?;
            }
            let file = file.into_inner().map_err(|error| error.into_error())?;
            folder.close(&name, file, part.len() as u64)?;
        }
        Ok(())
    }
}

/// The rows of a film: one for each watch, with the rating beside the last one. One that was only rated has a row without a date.
fn rows(film: Film, zone: &TimeZone) -> Vec<(Option<Timestamp>, Vec<String>)> {
    let Film { movie, mut watched, rating } = film;
    watched.sort();
    let stars = rating.map(|stars| stars.to_string()).unwrap_or_default();
    let row = |at: Option<Timestamp>, stars: String, is_again: bool| {
        let date = at.map(|at| at.to_zoned(zone.clone()).date().to_string()).unwrap_or_default();
        let id = |namespace| movie.ids.get(namespace).unwrap_or_default().to_owned();
        let year = movie.year.map(|year| year.to_string()).unwrap_or_default();
        let cells =
            vec![id("tmdb"), id("imdb"), movie.title.clone(), year, date, stars, is_again.to_string()];
        (at, cells)
    };
    let last = watched.len().saturating_sub(1);
    match watched.is_empty() {
        true => rating.map(|_| row(None, stars, false)).into_iter().collect(),
        false => watched
            .iter()
            .enumerate()
            .map(|(index, at)| {
                row(Some(*at), if index == last { stars.clone() } else { String::new() }, index > 0)
            })
            .collect(),
    }
}
