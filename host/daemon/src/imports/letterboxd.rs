//! An export of Letterboxd: `ratings.csv`, `diary.csv`, `watched.csv`, `watchlist.csv`. It has no ids, and days without a time.

use playrelay_engine::library::import::{Entry, RowState, WatchedTime};

use crate::imports::item::Named;
use crate::imports::row::{ImportedRow, Rows};
use crate::imports::table::Table;

/// The diary comes before the films that were watched, which has all of the diary once more; a rating that counts now before older ones. Lists,
/// reviews and what was deleted are left out.
pub(super) fn order(name: &str) -> Option<u32> {
    const LEFT_OUT: [&str; 4] = ["deleted/", "orphaned/", "lists/", "likes/"];
    if LEFT_OUT.iter().any(|folder| name.contains(folder)) {
        return None;
    }
    match name.rsplit('/').next()? {
        "ratings.csv" => Some(0),
        "diary.csv" => Some(1),
        "watched.csv" => Some(2),
        "watchlist.csv" => Some(3),
        _ => None,
    }
}

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    let table = Table::read(bytes)?;
    if !table.has("Name") || !table.has("Date") {
        return Err(
            "the table has no columns Name and Date; expected a table of Letterboxd's export".to_owned()
        );
    }
    let mut rows = Rows::of(name);
    for (number, row) in table.rows() {
        let year = row.number("Year").and_then(|year| year.try_into().ok());
        let film = Named { title: row.text("Name").to_owned(), year, ids: Vec::new() }.movie();
        let day = |column: &str| row.text(column).parse().map_or(WatchedTime::Unknown, WatchedTime::On);
        // Half stars, of five.
        let stars =
            row.decimal("Rating").map(|stars| stars * 2.0).filter(|stars| (0.0..=10.0).contains(stars));
        match name.to_lowercase().as_str() {
            "diary.csv" => {
                rows.add(number, &film, Entry::Watch(day("Watched Date")));
                if let Some(stars) = stars {
                    rows.add(number, &film, Entry::Rating { stars, at: None });
                }
            }
            // The date is that of the entry, not that of a watch.
            "watched.csv" => rows.add(number, &film, Entry::Watch(WatchedTime::Unknown)),
            "watchlist.csv" => rows.add(number, &film, Entry::Listed { since: None }),
            _ => match stars {
                Some(stars) => rows.add(number, &film, Entry::Rating { stars, at: None }),
                None => rows.leave(number, &film.to_string(), RowState::NoIdentity, "the row has no rating"),
            },
        }
    }
    Ok(rows.finish())
}
