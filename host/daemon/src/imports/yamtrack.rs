//! A table of Yamtrack or Floppy. The id of a season and of an episode is that of its show.

use playrelay_engine::library::import::{Entry, RowState, WatchedTime};

use crate::imports::item::{Named, time};
use crate::imports::row::{ImportedRow, Rows};
use crate::imports::table::{Row, Table};

pub(super) fn read(name: &str, bytes: &[u8]) -> Result<Vec<ImportedRow>, String> {
    let table = Table::read(bytes)?;
    if !table.has("media_id") || !table.has("media_type") {
        return Err(
            "the table has no columns media_id and media_type; expected the export of Yamtrack".to_owned()
        );
    }
    let mut rows = Rows::of(name);
    for (number, row) in table.rows() {
        // Floppy has rows of its own lists between those of titles.
        let kind = row.text("row_type");
        if !kind.is_empty() && kind != "media" {
            rows.not_for_us(
                number,
                row.text("title"),
                format!("a row of the type {kind:?} is about no title"),
            );
            continue;
        }
        read_row(&mut rows, number, row);
    }
    Ok(rows.finish())
}

fn read_row(rows: &mut Rows, number: usize, row: Row<'_>) {
    let (named, media_type) = (named(row), row.text("media_type"));
    let (season, episode) = (row.number("season_number"), row.number("episode_number"));
    let item = match (media_type, season, episode) {
        ("movie", ..) => named.movie(),
        ("tv" | "anime", ..) => named.show(),
        ("season", Some(season), _) => named.season(season),
        ("episode", season, Some(episode)) => named.episode(season, Some(episode), &Named::default()),
        ("season" | "episode", ..) => {
            let reason = "the row does not say which one it is; it needs season_number and episode_number";
            return rows.leave(number, &named.title, RowState::NoIdentity, reason);
        }
        (other, ..) => {
            return rows.not_for_us(number, &named.title, format!("{other:?} is neither film nor series"));
        }
    };
    let status = row.text("status");
    let is_single = matches!(media_type, "movie" | "episode");
    let mut is_taken = false;
    if is_single && (status == "Completed" || media_type == "episode" && status.is_empty()) {
        let when = [row.text("end_date"), row.text("watch_date"), row.text("progressed_at")];
        let time = when.into_iter().find_map(time).unwrap_or(WatchedTime::Unknown);
        rows.add(number, &item, Entry::Watch(time));
        is_taken = true;
    }
    if let Some(stars) = row.decimal("score").filter(|stars| (0.1..=10.0).contains(stars)) {
        rows.add(number, &item, Entry::Rating { stars, at: None });
        is_taken = true;
    }
    if status == "Planning" && matches!(media_type, "movie" | "tv" | "anime") {
        rows.add(number, &item, Entry::Listed { since: None });
    } else if !is_taken {
        let reason = match is_single {
            true => format!("it was not watched; it is {status:?}"),
            false => "what was watched of it stands in the rows of its episodes".to_owned(),
        };
        rows.not_for_us(number, &item.to_string(), reason);
    }
}

fn named(row: Row<'_>) -> Named {
    let id = row.text("media_id").to_owned();
    let namespace = match row.text("source") {
        "tmdb" => Some("tmdb"),
        "mal" => Some("mal"),
        "tvdb" => Some("tvdb"),
        "imdb" => Some("imdb"),
        _ => None,
    };
    let year = row.number("year").and_then(|year| year.try_into().ok());
    let ids = namespace.filter(|_| !id.is_empty()).map(|namespace| (namespace, id));
    Named { title: row.text("title").to_owned(), year, ids: ids.into_iter().collect() }
}
