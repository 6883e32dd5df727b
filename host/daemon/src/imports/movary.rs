//! A table of Movary: history, ratings or watchlist. Which one it is, its columns say. Films only, and days without a time.

use playrelay_engine::library::import::{Entry, RowState, WatchedTime};

use crate::imports::item::{Named, since};
use crate::imports::row::{ImportedRow, Rows};
use crate::imports::table::{Row, Table};

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    let table = Table::read(bytes)?;
    let mut rows = Rows::of(name);
    for (number, row) in table.rows() {
        let film = film(row).movie();
        if table.has("watchedAt") {
            let time = row.text("watchedAt").parse().map_or(WatchedTime::Unknown, WatchedTime::On);
            rows.add(number, &film, Entry::Watch(time));
        } else if table.has("userRating") {
            match row.decimal("userRating").filter(|stars| (0.0..=10.0).contains(stars)) {
                Some(stars) => rows.add(number, &film, Entry::Rating { stars, at: None }),
                None => rows.leave(number, &film.to_string(), RowState::NoIdentity, "the row has no rating"),
            }
        } else if table.has("addedAt") {
            rows.add(number, &film, Entry::Listed { since: since(row.text("addedAt")) });
        } else {
            return Err("the table has none of the columns watchedAt, userRating and addedAt; expected a table of Movary".to_owned());
        }
    }
    Ok(rows.finish())
}

fn film(row: Row<'_>) -> Named {
    let ids = [("tmdb", row.text("tmdbId")), ("imdb", row.text("imdbId"))];
    Named {
        title: row.text("title").to_owned(),
        year: row.number("year").and_then(|year| year.try_into().ok()),
        ids: ids
            .into_iter()
            .filter(|(_, id)| !id.is_empty())
            .map(|(name, id)| (name, id.to_owned()))
            .collect(),
    }
}
