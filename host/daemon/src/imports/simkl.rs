//! A backup of SIMKL: `SimklBackup.json`, which has the answer of its API; or its table, which has less.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use playrelay_engine::library::import::{Entry, RowState, WatchedTime};
use playrelay_engine::model::Item;
use serde_json::Value;

use crate::imports::item::{Named, time, timestamp};
use crate::imports::row::{ImportedRow, Rows};
use crate::imports::table::{Row, Table};

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    if name.to_lowercase().ends_with(".csv") {
        return read_table(name, bytes);
    }
    let backup: Value = serde_json::from_slice(bytes)
        .map_err(|error| format!("it is no JSON: {error}; download the backup again"))?;
    if !["movies", "shows", "anime"].iter().any(|list| backup[*list].is_array()) {
        return Err("it has none of the lists movies, shows and anime; expected a backup of SIMKL".to_owned());
    }
    let mut rows = Rows::of(name);
    let mut number = 0;
    for list in ["movies", "shows", "anime"] {
        for entry in backup[list].as_array().into_iter().flatten() {
            number += 1;
            match &entry["movie"] {
                Value::Null => read_show(&mut rows, number, entry),
                movie => read_movie(&mut rows, number, entry, &Named::of_json(movie).movie()),
            }
        }
    }
    Ok(rows.finish())
}

fn read_movie(rows: &mut Rows, number: usize, entry: &Value, movie: &Item) {
    let is_watched = entry["status"] == "completed";
    if is_watched {
        let at = entry["last_watched_at"].as_str().and_then(timestamp);
        rows.add(number, movie, Entry::Watch(at.map_or(WatchedTime::Unknown, WatchedTime::At)));
    }
    read_rest(rows, number, entry, movie, is_watched);
}

fn read_show(rows: &mut Rows, number: usize, entry: &Value) {
    let show = Named::of_json(&entry["show"]);
    let mut is_watched = false;
    for season in entry["seasons"].as_array().into_iter().flatten() {
        for episode in season["episodes"].as_array().into_iter().flatten() {
            let place = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
            let item = show.episode(place(&season["number"]), place(&episode["number"]), &Named::default());
            let at = episode["watched_at"].as_str().and_then(timestamp);
            rows.add(number, &item, Entry::Watch(at.map_or(WatchedTime::Unknown, WatchedTime::At)));
            is_watched = true;
        }
    }
    read_rest(rows, number, entry, &show.show(), is_watched);
}

/// The rating and the watchlist, which films and shows have alike.
fn read_rest(rows: &mut Rows, number: usize, entry: &Value, title: &Item, mut is_taken: bool) {
    if let Some(stars) = entry["user_rating"].as_f64() {
        let at = entry["user_rated_at"].as_str().and_then(timestamp);
        rows.add(number, title, Entry::Rating { stars, at });
        is_taken = true;
    }
    let status = entry["status"].as_str().unwrap_or("without a status");
    if status == "plantowatch" {
        let since = entry["added_to_watchlist_at"].as_str().and_then(timestamp);
        rows.add(number, title, Entry::Listed { since });
    } else if !is_taken {
        rows.not_for_us(number, &title.to_string(), format!("nothing of it was watched; it is {status:?}"));
    }
}

fn read_table(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    let table = Table::read(bytes)?;
    if !table.has("SIMKL_ID") || !table.has("Type") {
        return Err(
            "the table has no columns SIMKL_ID and Type; expected the table of SIMKL's export".to_owned()
        );
    }
    let mut rows = Rows::of(name);
    for (number, row) in table.rows() {
        let named = named(row);
        let is_movie = row.text("Type").eq_ignore_ascii_case("movie");
        let title = if is_movie { named.movie() } else { named.show() };
        let status = row.text("Watchlist").to_lowercase();
        let mut is_taken = false;
        if is_movie && status == "completed" {
            rows.add(number, &title, Entry::Watch(watched(row.text("WatchedDate"))));
            is_taken = true;
        } else if let Some((season, last)) = place(row.text("LastEpWatched")).filter(|_| !is_movie) {
            // Of earlier seasons the table does not say how many episodes they have.
            for episode in 1..=last {
                let item = named.episode(Some(season), Some(episode), &Named::default());
                rows.add(number, &item, Entry::Watch(WatchedTime::Unknown));
            }
            if season > 1 {
                let reason = format!(
                    "episodes of the seasons before season {season} are not in the table; import SimklBackup.json, which has each of them"
                );
                rows.leave(number, &named.title, RowState::Unclear, reason);
            }
            is_taken = true;
        }
        if let Some(stars) = row.decimal("Rating").filter(|stars| (1.0..=10.0).contains(stars)) {
            rows.add(number, &title, Entry::Rating { stars, at: None });
            is_taken = true;
        }
        if status == "plantowatch" || status == "plan to watch" {
            rows.add(number, &title, Entry::Listed { since: None });
        } else if !is_taken {
            rows.not_for_us(
                number,
                &title.to_string(),
                format!("nothing of it was watched; it is {status:?}"),
            );
        }
    }
    Ok(rows.finish())
}

fn named(row: Row<'_>) -> Named {
    let ids = [("imdb", "IMDB"), ("tmdb", "TMDB"), ("tvdb", "TVDB"), ("simkl", "SIMKL_ID")];
    let ids = ids.into_iter().map(|(namespace, column)| (namespace, row.text(column).to_owned()));
    Named {
        title: row.text("Title").to_owned(),
        year: row.number("Year").and_then(|year| year.try_into().ok()),
        ids: ids.filter(|(_, id)| !id.is_empty() && id != "0").collect(),
    }
}

/// `S03E07`.
fn place(text: &str) -> Option<(u32, u32)> {
    let (season, episode) = text.trim().strip_prefix(['S', 's'])?.split_once(['E', 'e'])?;
    Some((season.parse().ok()?, episode.parse().ok()?))
}

/// `31-12-2024 20:15:00`, or a time as others write it.
fn watched(text: &str) -> WatchedTime {
    let european = || -> Option<Timestamp> {
        let local = DateTime::strptime("%d-%m-%Y %H:%M:%S", text.trim()).ok()?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    european().map(WatchedTime::At).or_else(|| time(text)).unwrap_or(WatchedTime::Unknown)
}
