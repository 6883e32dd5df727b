//! What TV Time sends on request: `tracking-prod-records*.csv`. Its file of tokens is never read.

use playrelay_engine::library::import::{Entry, WatchedTime};

use crate::imports::item::{Named, timestamp};
use crate::imports::row::{ImportedRow, Rows};
use crate::imports::table::{Row, Table};

/// The files with what was watched, the older ones first.
pub(super) fn order(name: &str) -> Option<u32> {
    let name = name.rsplit('/').next()?;
    let is_ours = name.starts_with("tracking-prod-records") && name.ends_with(".csv");
    is_ours.then(|| u32::from(name.contains("-v2")))
}

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    let table = Table::read(bytes)?;
    if !table.has("type") {
        return Err("the table has no column type; expected tracking-prod-records of TV Time".to_owned());
    }
    let mut rows = Rows::of(name);
    for (number, row) in table.rows() {
        read_row(&mut rows, number, row);
    }
    Ok(rows.finish())
}

fn read_row(rows: &mut Rows, number: usize, row: Row<'_>) {
    let ids = |namespace, column: &str| {
        let id = row.text(column).to_owned();
        if id.is_empty() || id == "0" { Vec::new() } else { vec![(namespace, id)] }
    };
    let (movie, series) = (row.text("movie_name"), row.text("series_name"));
    let show = Named { title: series.to_owned(), ids: ids("tvdb", "series_id"), ..Named::default() };
    let film = Named { title: movie.to_owned(), ..Named::default() };
    let at = timestamp(row.text("created_at"));
    let watched = Entry::Watch(at.map_or(WatchedTime::Unknown, WatchedTime::At));
    let listed = Entry::Listed { since: at };
    match (row.text("type"), movie.is_empty()) {
        ("watch" | "rewatch", false) => rows.add(number, &film.movie(), watched),
        ("watch" | "rewatch", true) => {
            let own = Named { ids: ids("tvdb", "episode_id"), ..Named::default() };
            let item = show.episode(row.number("season_number"), row.number("episode_number"), &own);
            rows.add(number, &item, watched);
        }
        ("towatch", false) => rows.add(number, &film.movie(), listed),
        ("towatch", true) => rows.add(number, &show.show(), listed),
        (other, _) => {
            let what = if movie.is_empty() { series } else { movie };
            rows.not_for_us(
                number,
                what,
                format!("a row of the type {other:?} says nothing of a watch or a list"),
            );
        }
    }
}
