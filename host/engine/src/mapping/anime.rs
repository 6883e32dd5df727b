//! Ids of anime catalogues. These catalogues count each season as a title of its own. A file of mappings names the series of each.

use std::collections::HashMap;

use crate::model::{Episode, Ids, Item, ItemKind, Movie, OfShow, Show};

/// The season by which the file says that a series is counted through.
const COUNTED_THROUGH: i32 = -1;

/// What a file of mappings says of one anime.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnimeEntry {
    /// Its ids in anime catalogues, by catalogue.
    pub anime: Vec<(&'static str, String)>,
    /// The ids of the series that it is a part of; empty where it is of none.
    pub series: Vec<(&'static str, String)>,
    /// The season of it that this anime is; -1 where the series is counted through. Absent if unknown.
    pub season: Option<i32>,
    /// What is added to its numbers there.
    pub offset: i32,
    /// The ids of the film that it is; empty where it is none.
    pub film: Vec<(&'static str, String)>,
}

/// The catalogues that a form of files is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnimeCatalogues {
    /// Those of anime, in the order in which an entry is looked for.
    pub anime: &'static [&'static str],
    /// Those that trackers know well. An item with one of their ids needs no mapping.
    pub general: &'static [&'static str],
}

impl AnimeCatalogues {
    /// Whether an item has ids of anime catalogues only.
    pub fn concern(&self, item: &Item) -> bool {
        match &item.kind {
            ItemKind::Movie(movie) => self.are_only(&movie.ids),
            ItemKind::Episode(episode) => self.are_only(&episode.show.ids),
            ItemKind::Season(_) | ItemKind::Show(_) => false,
        }
    }

    fn are_only<Kind>(&self, ids: &Ids<Kind>) -> bool {
        self.anime.iter().any(|name| ids.get(name).is_some())
            && self.general.iter().all(|name| ids.get(name).is_none())
    }
}

/// A file of mappings, by the ids of anime catalogues.
#[derive(Clone, Debug)]
pub struct AnimeIndex {
    catalogues: AnimeCatalogues,
    entries: Vec<AnimeEntry>,
    by_id: HashMap<(&'static str, String), usize>,
}

impl AnimeIndex {
    /// These entries. Of several with one id the first counts.
    pub fn new(catalogues: AnimeCatalogues, entries: Vec<AnimeEntry>) -> Self {
        let mut by_id = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            for id in &entry.anime {
                by_id.entry(id.clone()).or_insert(index);
            }
        }
        Self { catalogues, entries, by_id }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Maps an item with ids of anime catalogues only, and says how; absent where the file says nothing of it.
    pub fn apply(&self, item: &mut Item) -> Option<String> {
        if !self.catalogues.concern(item) {
            return None;
        }
        let before = item.to_string();
        let ids = item.describe_ids();
        let mapped = match &item.kind {
            ItemKind::Movie(movie) => {
                let entry = self.entry(&movie.ids)?;
                let mut movie = movie.clone();
                movie.ids.fill_from(&film_ids(entry)?);
                ItemKind::Movie(movie)
            }
            ItemKind::Episode(episode) => self.episode(episode)?,
            ItemKind::Season(_) | ItemKind::Show(_) => return None,
        };
        item.kind = mapped;
        Some(format!("{before} ({ids}) is {item} ({}), by the mapping file of anime", item.describe_ids()))
    }

    fn episode(&self, episode: &Episode) -> Option<ItemKind> {
        let entry = self.entry(&episode.show.ids)?;
        let series: Ids<OfShow> = entry.series.iter().map(|(name, id)| (*name, id)).collect();
        if series.is_empty() {
            // A film that a library holds as a series of one episode.
            let is_first = episode.season.is_none_or(|season| season == 1) && episode.numbers == [1];
            let ids = film_ids(entry).filter(|_| is_first)?;
            let title = episode.show.title.clone();
            return Some(ItemKind::Movie(Movie {
                title,
                original_title: None,
                year: episode.show.year,
                ids,
            }));
        }
        let mut mapped = episode.clone();
        // The title and the year are those of one season, and the id of the episode is one of an anime catalogue.
        mapped.show =
            Show { title: episode.show.title.clone(), original_title: None, year: None, ids: series };
        mapped.ids = Ids::default();
        // The file counts regular episodes only.
        if episode.season.is_some_and(|season| season != 1) || episode.numbers.is_empty() {
            return None;
        }
        let shifted = |number: &u32| number.checked_add_signed(entry.offset).filter(|number| *number > 0);
        let numbers: Vec<u32> = episode.numbers.iter().map(shifted).collect::<Option<_>>()?;
        match entry.season {
            Some(COUNTED_THROUGH) => {
                mapped.absolute_number = numbers.first().copied();
                (mapped.season, mapped.numbers) = (None, Vec::new());
            }
            season => {
                mapped.season = Some(u32::try_from(season.unwrap_or(1)).ok()?);
                mapped.numbers = numbers;
                mapped.absolute_number = None;
            }
        }
        Some(ItemKind::Episode(mapped))
    }

    fn entry<Kind>(&self, ids: &Ids<Kind>) -> Option<&AnimeEntry> {
        let index = self
            .catalogues
            .anime
            .iter()
            .find_map(|name| self.by_id.get(&(*name, ids.get(name)?.to_owned())))?;
        self.entries.get(*index)
    }
}

fn film_ids<Kind>(entry: &AnimeEntry) -> Option<Ids<Kind>> {
    let ids: Ids<Kind> = entry.film.iter().map(|(name, id)| (*name, id)).collect();
    (!ids.is_empty()).then_some(ids)
}
