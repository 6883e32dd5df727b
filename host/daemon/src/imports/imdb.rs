//! A table of IMDb: ratings, or the watchlist. Which one it is, its columns say.

use playrelay_engine::library::import::Entry;
use playrelay_engine::model::Item;

use crate::imports::item::{Named, since};
use crate::imports::row::{ImportedRow, Rows};
use crate::imports::table::{Row, Table};

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    let table = Table::read(bytes)?;
    if !table.has("Const") {
        return Err("the table has no column Const; expected ratings or a watchlist of IMDb".to_owned());
    }
    // Both tables have a column of ratings; only a list has places.
    let is_list = table.has("Position");
    let mut rows = Rows::of(name);
    for (number, row) in table.rows() {
        let title = row.text("Title");
        let Some(item) = item(row) else {
            let kind = row.text("Title Type");
            rows.not_for_us(number, title, format!("{kind:?} is neither film nor series"));
            continue;
        };
        let stars = row.decimal("Your Rating").filter(|stars| (1.0..=10.0).contains(stars));
        if is_list {
            rows.add(number, &item, Entry::Listed { since: since(row.text("Created")) });
        }
        match stars {
            Some(stars) => {
                rows.add(number, &item, Entry::Rating { stars, at: since(row.text("Date Rated")) });
            }
            None if !is_list => rows.not_for_us(number, title, "the row has no rating"),
            None => {}
        }
    }
    Ok(rows.finish())
}

/// The title of a row; absent for a game, a podcast or a music video.
fn item(row: Row<'_>) -> Option<Item> {
    let kind: String =
        row.text("Title Type").to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect();
    let ids = vec![("imdb", row.text("Const").to_owned())];
    let year = row.number("Year").and_then(|year| year.try_into().ok());
    let title = row.text("Title");
    let named = Named { title: title.to_owned(), year, ids };
    match kind.as_str() {
        "movie" | "tvmovie" | "short" | "tvshort" | "video" | "tvspecial" | "documentary" => {
            Some(named.movie())
        }
        "tvseries" | "tvminiseries" => Some(named.show()),
        "tvepisode" => {
            // `Show: Episode`. The id is that of the episode.
            let (show, episode) = title.split_once(": ").unwrap_or((title, ""));
            let show = Named { title: show.to_owned(), ..Named::default() };
            Some(show.episode(None, None, &Named { title: episode.to_owned(), ..named }))
        }
        _ => None,
    }
}
