//! What was watched and rated, in the form of an export of Trakt: `watched-history-1.json`, `ratings-movies.json` and so on. Many services import it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use playrelay_engine::model::{Episode, Ids, Item, ItemKind, Season, Show};
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::exports::history::folder::Folder;
use crate::exports::history::writer::{HistoryWriter, watched_at, whole_rating};

/// Plays of one file.
const MAX_PLAYS: u64 = 1_000;
/// The id of a play is a number that a program with floating-point numbers keeps exactly. Bytes of the digest that it comes from.
const ID_BYTES: usize = 6;

#[derive(Default)]
pub(super) struct TraktExport {
    /// The file that plays go to now.
    history: Option<List>,
    /// Files of plays that were begun.
    history_files: u64,
    ratings: BTreeMap<&'static str, List>,
}

impl HistoryWriter for TraktExport {
    fn rating(&mut self, folder: &mut Folder, rating: &Rating) -> io::Result<()> {
        let Some(stars) = whole_rating(rating) else { return Ok(()) };
        let item = &rating.rated.item;
        let (kind, file) = match &item.kind {
            ItemKind::Movie(_) => ("movie", "ratings-movies.json"),
            ItemKind::Show(_) => ("show", "ratings-shows.json"),
            ItemKind::Season(_) => ("season", "ratings-seasons.json"),
            ItemKind::Episode(_) => ("episode", "ratings-episodes.json"),
        };
        for fields in titles(item) {
            let mut entry = Map::new();
            entry.insert("rated_at".to_owned(), json!(rating.rated.at));
            entry.insert("rating".to_owned(), json!(stars));
            entry.insert("type".to_owned(), json!(kind));
            entry.extend(fields);
            if !self.ratings.contains_key(file) {
                self.ratings.insert(file, List::new(folder, file.to_owned())?);
            }
            if let Some(list) = self.ratings.get_mut(file) {
                list.write(&entry)?;
            }
        }
        Ok(())
    }

    fn play(&mut self, folder: &mut Folder, play: &Play) -> io::Result<()> {
        let Some(at) = watched_at(play) else { return Ok(()) };
        let kind = if matches!(play.item.kind, ItemKind::Movie(_)) { "movie" } else { "episode" };
        for (part, fields) in titles(&play.item).into_iter().enumerate() {
            let mut entry = Map::new();
            entry.insert("id".to_owned(), json!(number(&format!("{}/{part}", play.id.0))));
            entry.insert("watched_at".to_owned(), json!(at));
            entry.insert("action".to_owned(), json!("scrobble"));
            entry.insert("type".to_owned(), json!(kind));
            entry.extend(fields);
            self.history(folder)?.write(&entry)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, folder: &mut Folder) -> io::Result<()> {
        let lists = self.history.take().into_iter().chain(std::mem::take(&mut self.ratings).into_values());
        lists.into_iter().try_for_each(|list| list.close(folder))
    }
}

impl TraktExport {
    /// The file for the next play: another one where the one before is full.
    fn history(&mut self, folder: &mut Folder) -> io::Result<&mut List> {
        if let Some(full) = self.history.take_if(|list| list.rows >= MAX_PLAYS) {
            full.close(folder)?;
        }
        let list = match self.history.take() {
            Some(list) => list,
            None => {
                self.history_files += 1;
                List::new(folder, format!("watched-history-{}.json", self.history_files))?
            }
        };
        Ok(self.history.insert(list))
    }
}

/// The fields that name a title, for each entry of an item: a file with several episodes has several entries. An episode without a number and
/// without an id has no entry, since no service could tell which episode it is.
fn titles(item: &Item) -> Vec<Map<String, Value>> {
    let entry = |fields: Value| match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    match &item.kind {
        ItemKind::Movie(movie) => {
            let fields = json!({ "title": movie.title, "year": movie.year, "ids": ids(&movie.ids) });
            vec![entry(json!({ "movie": fields }))]
        }
        ItemKind::Show(show) => vec![entry(json!({ "show": show_fields(show) }))],
        ItemKind::Season(Season { show, number, ids: season }) => {
            vec![entry(
                json!({ "season": { "number": number, "ids": ids(season) }, "show": show_fields(show) }),
            )]
        }
        ItemKind::Episode(episode) => episodes(episode)
            .into_iter()
            .map(|of| entry(json!({ "episode": of, "show": show_fields(&episode.show) })))
            .collect(),
    }
}

fn episodes(episode: &Episode) -> Vec<Value> {
    let Episode { season, numbers, title, ids: own, .. } = episode;
    let first = numbers.first().copied();
    if first.is_none() && own.is_empty() {
        return Vec::new();
    }
    // Title and ids are those of the first one.
    let mut all = vec![json!({ "season": season, "number": first, "title": title, "ids": ids(own) })];
    let others = numbers.iter().skip(1);
    all.extend(others.map(|number| json!({ "season": season, "number": number, "title": null, "ids": {} })));
    all
}

fn show_fields(show: &Show) -> Value {
    json!({ "title": show.title, "year": show.year, "ids": ids(&show.ids) })
}

/// Ids, as numbers where Trakt has numbers.
fn ids<Kind>(ids: &Ids<Kind>) -> Map<String, Value> {
    let value = |(namespace, text): (&str, &str)| {
        let number = text.parse::<u64>().ok().filter(|_| namespace != "imdb");
        (namespace.to_owned(), number.map_or_else(|| json!(text), |number| json!(number)))
    };
    ids.iter().map(value).collect()
}

/// A number that stands for a text, the same each time.
fn number(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(ID_BYTES).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// A file with a list.
struct List {
    name: String,
    file: BufWriter<File>,
    rows: u64,
}

impl List {
    fn new(folder: &Folder, name: String) -> io::Result<Self> {
        Ok(Self { file: folder.file(&name)?, name, rows: 0 })
    }

    fn write(&mut self, entry: &Map<String, Value>) -> io::Result<()> {
        self.file.write_all(if self.rows == 0 { b"[\n" } else { b",\n" })?;
        self.rows += 1;
        Ok(serde_json::to_writer(&mut self.file, entry)?)
    }

    fn close(mut self, folder: &mut Folder) -> io::Result<()> {
        self.file.write_all(b"\n]\n")?;
        folder.close(&self.name, self.file, self.rows)
    }
}
