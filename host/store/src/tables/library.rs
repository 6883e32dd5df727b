//! What people keep.

use async_trait::async_trait;
use jiff::Timestamp;
use playrelay_engine::code::Code;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::library::import::{KnownHistory, part_of};
use playrelay_engine::library::person::SeenViewer;
use playrelay_engine::library::statistics::Watch;
use playrelay_engine::library::title::KnownTitle;
use playrelay_engine::model::Item;
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::timeline::Stage;
use playrelay_engine::transition::Rating;

use crate::StoreError;
use crate::library::{
    KeptPlay, LibraryPage, LibraryStore, LibraryTitle, ListedTitle, TitleFilter, TitleOrder,
};
use crate::sql;
use crate::sql::{Connection, OptionalExtension, ToSql, params};
use crate::sql_store::SqlStore;
use crate::tables::rows::{add_step, json, time};
use crate::tables::{outbox, outbox_commands, titles};

/// Viewers of a household that are listed.
const MAX_VIEWERS: usize = 10_000;

#[async_trait]
impl LibraryStore for SqlStore {
    async fn viewers(&self) -> Result<Vec<SeenViewer>, StoreError> {
        self.read(viewers).await
    }

    async fn titles_like(&self, item: &Item) -> Result<Vec<KnownTitle>, StoreError> {
        let item = item.clone();
        self.read(move |connection| titles::like(connection, &item)).await
    }

    async fn title(&self, id: i64) -> Result<Option<KnownTitle>, StoreError> {
        self.read(move |connection| titles::find(connection, id)).await
    }

    async fn titles(&self, ids: Vec<i64>) -> Result<Vec<KnownTitle>, StoreError> {
        self.read(move |connection| {
            ids.iter().filter_map(|id| titles::find(connection, *id).transpose()).collect()
        })
        .await
    }

    async fn titles_to_refresh(&self, before: Timestamp, limit: u32) -> Result<Vec<KnownTitle>, StoreError> {
        self.read(move |connection| titles::to_refresh(connection, before.as_millisecond(), limit)).await
    }

    async fn refresh_title(
        &self,
        id: i64,
        item: Option<Item>,
        genres: Vec<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            titles::refresh(connection, id, item.as_ref(), &genres, now.as_millisecond())
        })
        .await
    }

    async fn genres(&self) -> Result<Vec<(i64, String)>, StoreError> {
        self.read(titles::genres).await
    }

    async fn known_history(
        &self,
        person: &str,
        viewers: Vec<Viewer>,
        title: i64,
    ) -> Result<KnownHistory, StoreError> {
        let person = person.to_owned();
        self.read(move |connection| known_history(connection, &person, &viewers, title)).await
    }

    async fn watches(&self, viewers: Vec<Viewer>, since: Timestamp) -> Result<Vec<Watch>, StoreError> {
        self.read(move |connection| watches(connection, &viewers, since)).await
    }

    async fn library(&self, viewers: Vec<Viewer>, filter: TitleFilter) -> Result<LibraryPage, StoreError> {
        self.read(move |connection| library(connection, &viewers, &filter)).await
    }

    async fn plays_of_title(
        &self,
        viewers: Vec<Viewer>,
        title: i64,
        limit: u32,
    ) -> Result<Vec<KeptPlay>, StoreError> {
        self.read(move |connection| plays_of_title(connection, &viewers, title, limit)).await
    }

    async fn ratings_of_title(&self, viewers: Vec<Viewer>, title: i64) -> Result<Vec<Rating>, StoreError> {
        self.read(move |connection| ratings_of_title(connection, &viewers, title)).await
    }

    async fn remove_play(
        &self,
        id: &str,
        events: Vec<(i64, TrackerEvent)>,
        now: Timestamp,
    ) -> Result<Option<Play>, StoreError> {
        let id = id.to_owned();
        self.command(move |connection| remove_play(connection, &id, &events, now)).await
    }

    async fn watchlist(
        &self,
        person: &str,
        viewers: Vec<Viewer>,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<ListedTitle>, StoreError> {
        let person = person.to_owned();
        self.read(move |connection| watchlist(connection, &person, &viewers, offset, limit)).await
    }

    async fn count_watchlist(&self, person: &str) -> Result<u32, StoreError> {
        let person = person.to_owned();
        self.read(move |connection| {
            connection
                .prepare_cached(
                    "SELECT COUNT(*) FROM watchlist WHERE household = household() AND person = ?1",
                )?
                .query_row([person], |row| row.get(0))
        })
        .await
    }

    async fn remove_from_watchlist(&self, person: &str, title: i64) -> Result<bool, StoreError> {
        let person = person.to_owned();
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM watchlist WHERE household = household() AND person = ?1 AND title = ?2",
                )?
                .execute(params![person, title])
                .map(|removed| removed > 0)
        })
        .await
    }
}

/// Everybody who has a play or a rating: one step of an index each, however many plays there are.
fn viewers(connection: &Connection) -> sql::Result<Vec<SeenViewer>> {
    let mut seen: Vec<SeenViewer> = Vec::new();
    // Two steps: where one compares both columns at once, SQLite reads all plays of the viewer before.
    let mut next_user = connection.prepare_cached(
        "SELECT server, user FROM plays INDEXED BY plays_viewer
         WHERE household = household() AND server = ?1 AND user > ?2 ORDER BY user LIMIT 1",
    )?;
    let mut next_server = connection.prepare_cached(
        "SELECT server, user FROM plays INDEXED BY plays_viewer
         WHERE household = household() AND server > ?1 ORDER BY server, user LIMIT 1",
    )?;
    let mut newest = connection.prepare_cached(
        "SELECT body FROM plays INDEXED BY plays_viewer
         WHERE household = household() AND server = ?1 AND user = ?2 ORDER BY started_at DESC LIMIT 1",
    )?;
    let (mut server, mut user) = (String::new(), String::new());
    while seen.len() < MAX_VIEWERS {
        let names = |row: &sql::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found = match next_user.query_row(params![server, user], names).optional()? {
            Some(found) => Some(found),
            None => next_server.query_row(params![server], names).optional()?,
        };
        let Some(found) = found else { break };
        (server, user) = found;
        let play: Play = newest.query_row(params![server, user], |row| json(row, 0))?;
        let sources = play.origin.sources.into_iter().collect();
        seen.push(SeenViewer { viewer: play.viewer, user: play.user, sources });
    }
    let mut raters = connection.prepare_cached(
        "SELECT body FROM ratings WHERE household = household() AND at = (
             SELECT MAX(newest.at) FROM ratings AS newest
             WHERE newest.household = ratings.household AND newest.server = ratings.server AND newest.user = ratings.user)",
    )?;
    for rating in raters.query_map(params![], |row| json::<Rating>(row, 0))? {
        let Rating { viewer, rated, .. } = rating?;
        if seen.iter().all(|known| known.viewer != viewer) {
            seen.push(SeenViewer { viewer, user: rated.user, sources: vec![rated.server.source] });
        }
    }
    Ok(seen)
}

/// A condition that holds for rows of some viewers, and its parameters. Without viewers no row fits.
fn of_viewers(viewers: &[Viewer]) -> (String, Vec<Box<dyn ToSql>>) {
    let places = vec!["(?, ?)"; viewers.len()].join(", ");
    let values = viewers.iter().flat_map(|viewer| [viewer.server.clone(), viewer.user.clone()]);
    let values = values.map(|value| Box::new(value) as Box<dyn ToSql>).collect();
    (format!("(server, user) IN (VALUES {places})"), values)
}

/// Parameters, as a statement takes them.
fn references(values: &[Box<dyn ToSql>]) -> Vec<&dyn ToSql> {
    values.iter().map(AsRef::as_ref).collect()
}

fn known_history(
    connection: &Connection,
    person: &str,
    viewers: &[Viewer],
    title: i64,
) -> sql::Result<KnownHistory> {
    let plays = plays_of_title(connection, viewers, title, u32::MAX)?;
    let watches = plays.iter().filter_map(|KeptPlay { play, .. }| {
        Some((part_of(&play.item), play.counted_at()?, play.id.0.clone()))
    });
    let mut ratings: Vec<(String, f64)> = Vec::new();
    // The newest of each part first.
    for rating in ratings_of_title(connection, viewers, title)? {
        let part = part_of(&rating.rated.item);
        if let (Some(stars), false) = (rating.rated.rating, ratings.iter().any(|(known, _)| *known == part)) {
            ratings.push((part, stars));
        }
    }
    let is_listed = connection
        .prepare_cached(
            "SELECT 1 FROM watchlist WHERE household = household() AND person = ?1 AND title = ?2",
        )?
        .exists(params![person, title])?;
    Ok(KnownHistory { watches: watches.collect(), ratings, is_listed })
}

fn watches(connection: &Connection, viewers: &[Viewer], since: Timestamp) -> sql::Result<Vec<Watch>> {
    let mut statement = connection.prepare_cached(
        "SELECT counted_at, title, is_movie, runtime_ms FROM plays INDEXED BY plays_counted
         WHERE household = household() AND server = ?1 AND user = ?2 AND counted_at IS NOT NULL AND counted_at >= ?3",
    )?;
    let mut found = Vec::new();
    for viewer in viewers {
        let rows =
            statement.query_map(params![viewer.server, viewer.user, since.as_millisecond()], |row| {
                let title: Option<i64> = row.get(1)?;
                Ok(Watch {
                    at: time(row.get(0)?),
                    title: title.unwrap_or_default(),
                    is_movie: row.get(2)?,
                    runtime_ms: row.get(3)?,
                })
            })?;
        for watch in rows {
            found.push(watch?);
        }
    }
    Ok(found)
}

fn library(connection: &Connection, viewers: &[Viewer], filter: &TitleFilter) -> sql::Result<LibraryPage> {
    if viewers.is_empty() {
        return Ok(LibraryPage::default());
    }
    let (of_viewers, mut values) = of_viewers(viewers);
    let name = filter.name.as_ref().map(|name| name.to_lowercase());
    values.push(Box::new(filter.are_movies));
    values.push(Box::new(name.clone()));
    values.push(Box::new(name));
    values.push(Box::new(filter.year));
    values.push(Box::new(filter.year));
    values.push(Box::new(filter.without_ids));
    let from = format!(
        "FROM (SELECT title, COUNT(*) AS plays, MAX(counted_at) AS last_at FROM plays INDEXED BY plays_counted
               WHERE household = household() AND {of_viewers} AND counted_at IS NOT NULL AND title IS NOT NULL AND is_movie = ?
               GROUP BY title) AS watched
         JOIN titles ON titles.id = watched.title
         WHERE (CAST(? AS TEXT) IS NULL OR instr(folded(titles.name), ?) > 0) AND (CAST(? AS BIGINT) IS NULL OR titles.year = ?)
           AND (NOT ? OR NOT EXISTS (
               SELECT 1 FROM title_keys WHERE title_keys.title = titles.id AND title_keys.key NOT LIKE titles.kind || ':name:%'))"
    );
    let total = connection
        .prepare_cached(&format!("SELECT COUNT(*) {from}"))?
        .query_row(&*references(&values), |row| row.get(0))?;
    let order = match filter.order {
        TitleOrder::LastWatched => "watched.last_at DESC, titles.id",
        TitleOrder::Name => "folded(titles.name), COALESCE(titles.year, 0), titles.id",
        TitleOrder::Plays => "watched.plays DESC, folded(titles.name), titles.id",
        TitleOrder::Year => "COALESCE(titles.year, 0) DESC, folded(titles.name), titles.id",
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT titles.id, titles.body, watched.plays, watched.last_at {from} ORDER BY {order} LIMIT ? OFFSET ?"
    ))?;
    values.push(Box::new(filter.limit));
    values.push(Box::new(filter.offset));
    let rows = statement.query_map(&*references(&values), |row| {
        Ok(LibraryTitle {
            title: titles::read(row)?,
            plays: row.get(2)?,
            last_at: time(row.get(3)?),
            rating: None,
        })
    })?;
    let mut found: Vec<LibraryTitle> = rows.collect::<Result<_, _>>()?;
    for title in &mut found {
        let mut ratings = ratings_of_title(connection, viewers, title.title.id)?.into_iter();
        title.rating =
            ratings.find(|rating| part_of(&rating.rated.item).is_empty()).and_then(|it| it.rated.rating);
    }
    Ok(LibraryPage { titles: found, total })
}

fn plays_of_title(
    connection: &Connection,
    viewers: &[Viewer],
    title: i64,
    limit: u32,
) -> sql::Result<Vec<KeptPlay>> {
    if viewers.is_empty() {
        return Ok(Vec::new());
    }
    let (of_viewers, mut values) = of_viewers(viewers);
    values.insert(0, Box::new(title));
    values.push(Box::new(limit));
    connection
        .prepare_cached(&format!(
            "SELECT body, job FROM plays INDEXED BY plays_title
             WHERE household = household() AND title = ? AND {of_viewers} ORDER BY started_at DESC, id DESC LIMIT ?"
        ))?
        .query_map(&*references(&values), |row| {
            Ok(KeptPlay { play: json(row, 0)?, job: row.get(1)? })
        })?
        .collect()
}

fn ratings_of_title(connection: &Connection, viewers: &[Viewer], title: i64) -> sql::Result<Vec<Rating>> {
    if viewers.is_empty() {
        return Ok(Vec::new());
    }
    let (of_viewers, mut values) = of_viewers(viewers);
    values.insert(0, Box::new(title));
    connection
        .prepare_cached(&format!(
            "SELECT body FROM rating_changes WHERE household = household() AND title = ? AND {of_viewers}
             ORDER BY at DESC, id DESC"
        ))?
        .query_map(&*references(&values), |row| json(row, 0))?
        .collect()
}

fn remove_play(
    connection: &Connection,
    id: &str,
    events: &[(i64, TrackerEvent)],
    now: Timestamp,
) -> sql::Result<Option<Play>> {
    let removed: Option<Play> = connection
        .prepare_cached(
            "DELETE FROM plays WHERE household = household() AND id = ?1 AND ended_at IS NOT NULL RETURNING body",
        )?
        .query_row([id], |row| json(row, 0))
        .optional()?;
    let Some(play) = &removed else { return Ok(None) };
    let at = now.as_millisecond();
    add_step(
        connection,
        play.routing.reported_by,
        at,
        Stage::Engine,
        &Code::Undone,
        "somebody took the play back",
    )?;
    outbox_commands::drop_undelivered(connection, |play| Ok(play == id), now)?;
    for (inbox, event) in events {
        let text = format!("the removal of this one play is queued for {}", event.tracker);
        add_step(connection, *inbox, at, Stage::Route, &event.action.code(), &text)?;
        outbox::add(connection, *inbox, event, true, now)?;
    }
    Ok(removed)
}

fn watchlist(
    connection: &Connection,
    person: &str,
    viewers: &[Viewer],
    offset: u32,
    limit: u32,
) -> sql::Result<Vec<ListedTitle>> {
    let rows = connection
        .prepare_cached(
            "SELECT titles.id, titles.body, watchlist.added_at, watchlist.origin
             FROM watchlist INDEXED BY watchlist_order JOIN titles ON titles.id = watchlist.title
             WHERE watchlist.household = household() AND watchlist.person = ?1
             ORDER BY watchlist.place LIMIT ?2 OFFSET ?3",
        )?
        .query_map(params![person, limit, offset], |row| {
            let title = titles::read(row)?;
            Ok(ListedTitle { title, added_at: time(row.get(2)?), origin: row.get(3)?, is_watched: false })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut watched = connection.prepare_cached(
        "SELECT 1 FROM plays INDEXED BY plays_title
         WHERE household = household() AND title = ?1 AND server = ?2 AND user = ?3 AND counted_at IS NOT NULL LIMIT 1",
    )?;
    rows.into_iter()
        .map(|mut listed| {
            for viewer in viewers {
                listed.is_watched |= watched.exists(params![listed.title.id, viewer.server, viewer.user])?;
            }
            Ok(listed)
        })
        .collect()
}
