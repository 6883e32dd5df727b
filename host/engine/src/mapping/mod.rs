//! Mappings: what a server calls a title, and what catalogues call it.
//!
//! - this file: what a person keeps for a title — its right ids, the order of its numbers, shifts of seasons, specials that are films
//! - [`anime`]: ids of anime catalogues, by a file of mappings
//! - [`notation`]: shifts and films, each in a line
//! - [`numbering`]: when the numbers of an episode are of another order than that of catalogues

pub mod anime;
pub mod notation;
pub mod numbering;

use std::collections::BTreeMap;

use numbering::Order;
use serde::{Deserialize, Serialize};

use crate::model::{Episode, Ids, Item, ItemKind, Movie, Show, normalize};

/// The kind of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TitleKind {
    /// A film.
    Movie,
    /// A series.
    Show,
}

/// A title as a server told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldTitle {
    /// Film or series.
    pub kind: TitleKind,
    /// The title.
    pub title: String,
    /// The year; absent if the server gave none.
    pub year: Option<u16>,
    /// The ids, by catalogue. One that is shared decides; without any the title and the year do.
    #[serde(default)]
    pub ids: BTreeMap<String, String>,
}

impl ToldTitle {
    /// The title of an item: of the series, where it is a part of one.
    pub fn of(item: &Item) -> Self {
        fn ids<Kind>(ids: &Ids<Kind>) -> BTreeMap<String, String> {
            ids.iter().map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
        }
        let show = |show: &Show| Self {
            kind: TitleKind::Show,
            title: show.title.clone(),
            year: show.year,
            ids: ids(&show.ids),
        };
        match &item.kind {
            ItemKind::Movie(movie) => Self {
                kind: TitleKind::Movie,
                title: movie.title.clone(),
                year: movie.year,
                ids: ids(&movie.ids),
            },
            ItemKind::Episode(episode) => show(&episode.show),
            ItemKind::Season(season) => show(&season.show),
            ItemKind::Show(it) => show(it),
        }
    }

    /// Whether an item is of this title.
    pub fn matches(&self, item: &Item) -> bool {
        let other = Self::of(item);
        if self.kind != other.kind {
            return false;
        }
        let shared = self.ids.iter().filter_map(|(name, id)| Some(other.ids.get(name)? == id));
        let agrees: Vec<bool> = shared.collect();
        if !agrees.is_empty() {
            return agrees.contains(&true);
        }
        let same_year = self.year.is_none() || other.year.is_none() || self.year == other.year;
        !self.title.is_empty() && normalize(&self.title) == normalize(&other.title) && same_year
    }

    /// Whether both are one title, so that there is one mapping for them.
    pub fn is_same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.ids == other.ids
            && normalize(&self.title) == normalize(&other.title)
            && self.year == other.year
    }
}

/// Episodes of a season that have other numbers in catalogues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeasonShift {
    /// The season as the server tells it.
    pub season: u32,
    /// The first episode that is shifted.
    #[serde(default = "first_episode")]
    pub first: u32,
    /// The last one; absent where all later ones are.
    #[serde(default)]
    pub last: Option<u32>,
    /// The season in catalogues.
    pub to_season: u32,
    /// What is added to the number.
    #[serde(default)]
    pub offset: i32,
}

fn first_episode() -> u32 {
    1
}

impl SeasonShift {
    fn shifted(&self, season: u32, number: u32) -> Option<u32> {
        let is_in =
            season == self.season && number >= self.first && self.last.is_none_or(|last| number <= last);
        is_in.then(|| number.checked_add_signed(self.offset)).flatten().filter(|number| *number > 0)
    }
}

/// An episode that catalogues hold as a film.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeFilm {
    /// The season as the server tells it: 0 of a special.
    #[serde(default)]
    pub season: u32,
    /// The number.
    pub number: u32,
    /// Ids of the film, by catalogue.
    pub ids: BTreeMap<String, String>,
}

/// What is kept for a title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TitleMapping {
    /// The title as a server told it.
    pub told: ToldTitle,
    /// The ids of what it is; empty where those that are told are right.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<String, String>,
    /// The order of the numbers that are told; absent where it is that of catalogues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// Episodes with other numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<SeasonShift>,
    /// Episodes that are films.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub films: Vec<EpisodeFilm>,
}

impl TitleMapping {
    /// The mapping that follows from what a person said of one item; absent where nothing follows for others of its title.
    pub fn from_correction(told: &Item, corrected: &Item) -> Option<Self> {
        let (title, right) = (ToldTitle::of(told), ToldTitle::of(corrected));
        let mut mapping =
            Self { ids: BTreeMap::new(), order: None, shifts: Vec::new(), films: Vec::new(), told: title };
        if right.ids != mapping.told.ids {
            mapping.ids = right.ids;
        }
        if let (ItemKind::Episode(told), ItemKind::Episode(corrected)) = (&told.kind, &corrected.kind) {
            mapping.shifts.extend(shift_between(told, corrected));
        }
        (!mapping.is_empty()).then_some(mapping)
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.order.is_none() && self.shifts.is_empty() && self.films.is_empty()
    }

    /// Takes over what a newer mapping of the same title says.
    pub fn merge(&mut self, newer: Self) {
        if !newer.ids.is_empty() {
            self.ids = newer.ids;
        }
        self.order = newer.order.or(self.order);
        for shift in newer.shifts {
            self.shifts.retain(|known| (known.season, known.first) != (shift.season, shift.first));
            self.shifts.push(shift);
        }
        for film in newer.films {
            self.films.retain(|known| (known.season, known.number) != (film.season, film.number));
            self.films.push(film);
        }
    }

    /// The item as catalogues call it, and what was mapped, in words; absent where the mapping says nothing of it.
    pub fn apply(&self, item: &Item) -> Option<(Item, String)> {
        if !self.told.matches(item) {
            return None;
        }
        let mut mapped = item.clone();
        if let ItemKind::Episode(episode) = &mut mapped.kind {
            if let Some(film) = self.film_of(episode) {
                mapped.kind = ItemKind::Movie(film);
                mapped.server_show_ref = None;
            } else if let Some((season, numbers)) = self.shifted(episode) {
                episode.season = Some(season);
                episode.numbers = numbers;
                // These name the episode that the server meant.
                episode.ids = Ids::default();
                episode.absolute_number = None;
            }
        }
        if !self.ids.is_empty()
            && !matches!((&item.kind, &mapped.kind), (ItemKind::Episode(_), ItemKind::Movie(_)))
        {
            pin(&mut mapped, &self.ids);
        }
        if mapped.kind == item.kind {
            return None;
        }
        mapped.clear_ambiguity();
        let words =
            format!("{item} is {mapped} ({}), as a mapping of this title says", mapped.describe_ids());
        Some((mapped, words))
    }

    fn film_of(&self, episode: &Episode) -> Option<Movie> {
        let (season, [number]) = (episode.season?, episode.numbers.as_slice()) else { return None };
        let film = self.films.iter().find(|film| (film.season, film.number) == (season, *number))?;
        let title = episode.title.clone().unwrap_or_else(|| episode.show.title.clone());
        Some(Movie { title, original_title: None, year: None, ids: film.ids.iter().collect() })
    }

    fn shifted(&self, episode: &Episode) -> Option<(u32, Vec<u32>)> {
        let (season, first) = (episode.season?, *episode.numbers.first()?);
        // The narrowest one counts where several say something of an episode.
        let shift = self.shifts.iter().filter(|shift| shift.shifted(season, first).is_some());
        let shift = shift.max_by_key(|shift| shift.first)?;
        let numbers: Option<Vec<u32>> =
            episode.numbers.iter().map(|number| shift.shifted(season, *number)).collect();
        numbers.map(|numbers| (shift.to_season, numbers))
    }
}

/// Why a mapping cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// It names no title.
    #[error("the mapping names no title; expected the title as the server tells it, or an id")]
    NoTitle,
    /// It maps nothing.
    #[error("the mapping maps nothing; expected ids, an order, a shift or a film")]
    Nothing,
    /// It is too large.
    #[error(
        "the mapping is too large; expected at most {MAX_ENTRIES} ids, shifts and films each, and texts of at most {MAX_TEXT} letters"
    )]
    TooLarge,
    /// A shift of a season leads nowhere.
    #[error(
        "the shift {0} leads nowhere; expected numbers from 1, and a last one that is not before the first"
    )]
    Shift(SeasonShift),
    /// Only series have episodes.
    #[error("a film has no episodes; expected ids")]
    Movie,
}

/// The most ids, shifts and films of a mapping, of each.
const MAX_ENTRIES: usize = 100;
/// Letters of a title or an id.
const MAX_TEXT: usize = 300;

impl TitleMapping {
    /// Whether it can be kept.
    ///
    /// # Errors
    ///
    /// It names no title, maps nothing, is too large, or has a shift that leads nowhere.
    pub fn validate(&self) -> Result<(), MappingError> {
        let texts = self.ids.iter().chain(&self.told.ids).chain(self.films.iter().flat_map(|film| &film.ids));
        let longest = texts.map(|(name, id)| name.len().max(id.len())).chain([self.told.title.len()]).max();
        let films = self.films.iter().map(|film| film.ids.len());
        let most = [self.ids.len(), self.told.ids.len(), self.shifts.len(), self.films.len()]
            .into_iter()
            .chain(films)
            .max();
        if longest > Some(MAX_TEXT) || most > Some(MAX_ENTRIES) {
            return Err(MappingError::TooLarge);
        }
        if self.told.title.trim().is_empty() && self.told.ids.is_empty() {
            return Err(MappingError::NoTitle);
        }
        if self.is_empty() {
            return Err(MappingError::Nothing);
        }
        let has_episodes = self.order.is_some() || !self.shifts.is_empty() || !self.films.is_empty();
        if self.told.kind == TitleKind::Movie && has_episodes {
            return Err(MappingError::Movie);
        }
        let leads = |shift: &&SeasonShift| {
            let lands = shift.first.checked_add_signed(shift.offset).is_some_and(|number| number > 0);
            shift.first == 0 || !lands || shift.last.is_some_and(|last| last < shift.first)
        };
        self.shifts.iter().find(leads).map_or(Ok(()), |shift| Err(MappingError::Shift(*shift)))
    }

    /// What it maps, in words.
    pub fn summary(&self) -> String {
        let pairs = |ids: &BTreeMap<String, String>| {
            ids.iter().map(|(name, id)| format!("{name}:{id}")).collect::<Vec<_>>().join(" ")
        };
        let mut parts = Vec::new();
        if !self.ids.is_empty() {
            parts.push(format!("is {}", pairs(&self.ids)));
        }
        parts.extend(self.order.map(|order| format!("order {}", order.as_str())));
        parts.extend(self.shifts.iter().map(ToString::to_string));
        parts.extend(self.films.iter().map(ToString::to_string));
        parts.join(", ")
    }
}

/// All mappings that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mappings(Vec<TitleMapping>);

impl Mappings {
    /// These ones.
    pub fn new(mappings: Vec<TitleMapping>) -> Self {
        Self(mappings)
    }

    /// Whether one is of the title of an item.
    pub fn matches(&self, item: &Item) -> bool {
        self.0.iter().any(|mapping| mapping.told.matches(item))
    }

    /// Maps an item, and says how. A mapping may lead to a title that has one of its own; each is used once.
    pub fn apply(&self, item: &mut Item) -> Mapped {
        let mut mapped = Mapped::default();
        let mut unused: Vec<&TitleMapping> = self.0.iter().collect();
        while let Some(index) = unused.iter().position(|mapping| mapping.told.matches(item)) {
            let mapping = unused.swap_remove(index);
            mapped.order = mapping.order.or(mapped.order);
            if let Some((as_mapped, words)) = mapping.apply(item) {
                *item = as_mapped;
                mapped.words.push(words);
            }
        }
        mapped
    }
}

/// What mappings have made of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// What was mapped, in words.
    pub words: Vec<String>,
    /// The order of its numbers, which a catalogue has to map; absent where they are those of catalogues.
    pub order: Option<Order>,
}

/// The ids of an item become these. The year and the original title were those of what it is not.
fn pin(item: &mut Item, ids: &BTreeMap<String, String>) {
    /// Whether it was another show.
    fn pin_show(show: &mut Show, ids: &BTreeMap<String, String>) -> bool {
        let ids: Ids<_> = ids.iter().collect();
        if takes(&mut show.ids, &ids) {
            return false;
        }
        *show = Show { title: std::mem::take(&mut show.title), original_title: None, year: None, ids };
        true
    }
    match &mut item.kind {
        ItemKind::Movie(movie) => {
            let ids: Ids<_> = ids.iter().collect();
            if !takes(&mut movie.ids, &ids) {
                *movie =
                    Movie { title: std::mem::take(&mut movie.title), original_title: None, year: None, ids };
            }
        }
        ItemKind::Episode(episode) => {
            if pin_show(&mut episode.show, ids) {
                episode.ids = Ids::default();
            }
        }
        ItemKind::Season(season) => {
            if pin_show(&mut season.show, ids) {
                season.ids = Ids::default();
            }
        }
        ItemKind::Show(show) => {
            pin_show(show, ids);
        }
    }
}

/// Whether ids that are known name what the right ones name: then they take over what is missing, and are left as they are otherwise.
fn takes<Kind>(known: &mut Ids<Kind>, right: &Ids<Kind>) -> bool {
    let shared: Vec<bool> = right.iter().filter_map(|(name, id)| Some(known.get(name)? == id)).collect();
    let is_same = !shared.is_empty() && shared.iter().all(|agrees| *agrees);
    if is_same {
        known.fill_from(right);
    }
    is_same
}

/// The shift of a whole season that makes one episode the other.
fn shift_between(told: &Episode, corrected: &Episode) -> Option<SeasonShift> {
    let (season, number) = (told.season?, *told.numbers.first()?);
    let (to_season, to_number) = (corrected.season?, *corrected.numbers.first()?);
    let offset = i32::try_from(i64::from(to_number) - i64::from(number)).ok()?;
    let is_shift = (season, number) != (to_season, to_number);
    is_shift.then_some(SeasonShift { season, first: first_episode(), last: None, to_season, offset })
}

#[cfg(test)]
mod tests;
