//! Items: everything that can be watched or rated.

use std::fmt;
use std::ops::BitOr;

use serde::{Deserialize, Serialize};

use crate::model::ids::{Ids, OfEpisode, OfMovie, OfSeason, OfShow};
use crate::model::text::normalize;

/// The name, in an item's open-ended part, of what it may be.
const AMBIGUITY: &str = "doubt";

/// A film.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Movie {
    /// As the server calls it.
    pub title: String,
    /// The title in its own language; absent if unknown.
    pub original_title: Option<String>,
    /// The year of release; absent if unknown.
    pub year: Option<u16>,
    /// Ids of the movie.
    pub ids: Ids<OfMovie>,
}

/// A series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Show {
    /// Without a year suffix.
    pub title: String,
    /// The title in its own language; absent if unknown.
    pub original_title: Option<String>,
    /// The year in which it began; absent if unknown.
    pub year: Option<u16>,
    /// Ids of the show.
    pub ids: Ids<OfShow>,
}

/// A season of a series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Season {
    /// The series.
    pub show: Show,
    /// 0 holds the specials.
    pub number: u32,
    /// Ids of the season.
    pub ids: Ids<OfSeason>,
}

/// An episode, or several in one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The series.
    pub show: Show,
    /// 0 holds the specials.
    pub season: Option<u32>,
    /// More than one where a file holds several.
    pub numbers: Vec<u32>,
    /// Counted through all seasons.
    pub absolute_number: Option<u32>,
    /// The title of the episode; absent if unknown.
    pub title: Option<String>,
    /// The year in which it was first shown; absent if unknown.
    pub year: Option<u16>,
    /// Ids of the first episode.
    pub ids: Ids<OfEpisode>,
}

/// The kind of an item, with its names and ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ItemKind {
    /// A film.
    Movie(Movie),
    /// An episode.
    Episode(Episode),
    /// A season.
    Season(Season),
    /// A series.
    Show(Show),
}

/// Something that can be watched or rated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The kind, with names and ids.
    #[serde(flatten)]
    pub kind: ItemKind,
    /// Its id on its media server; absent if it has none.
    pub server_ref: Option<String>,
    /// Its show's id on its media server.
    pub server_show_ref: Option<String>,
    /// Its length in ms; absent if unknown.
    pub runtime_ms: Option<u32>,
    /// Named values for which the contract has no field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ext: Vec<(String, String)>,
}

impl Item {
    /// A thing that stands on no server that we know of.
    pub fn of(kind: ItemKind) -> Self {
        Self { kind, server_ref: None, server_show_ref: None, runtime_ms: None, ext: Vec::new() }
    }

    /// The key of this item on its server: its id there, else its external ids, else its names.
    pub fn key(&self) -> String {
        if let Some(server_ref) = &self.server_ref {
            return format!("ref:{server_ref}");
        }
        match &self.kind {
            ItemKind::Movie(movie) => match movie.ids.iter().next() {
                Some((namespace, value)) => format!("movie:{namespace}:{value}"),
                None => format!("movie:{}:{}", movie.title.to_lowercase(), movie.year.unwrap_or(0)),
            },
            ItemKind::Show(show) => format!("show:{}", show_key(show)),
            ItemKind::Season(season) => format!("season:{}:{}", show_key(&season.show), season.number),
            ItemKind::Episode(episode) => match episode.ids.iter().next() {
                Some((namespace, value)) => format!("episode:{namespace}:{value}"),
                None => format!(
                    "episode:{}:{:?}:{:?}:{}",
                    show_key(&episode.show),
                    episode.season,
                    episode.numbers,
                    episode.title.as_deref().unwrap_or("").to_lowercase()
                ),
            },
        }
    }

    /// Whether this and another item of one server are the same thing. Its id there decides where both have one; else
    /// what the reports say of it, since not every form of a webhook carries that id.
    pub fn is_same(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (&self.server_ref, &other.server_ref) {
            return mine == theirs;
        }
        match (&self.kind, &other.kind) {
            (ItemKind::Movie(mine), ItemKind::Movie(theirs)) => {
                mine.ids.agrees_with(&theirs.ids).unwrap_or_else(|| {
                    same_title(&mine.title, &theirs.title)
                        && !mine.title.is_empty()
                        && agree(mine.year, theirs.year)
                })
            }
            (ItemKind::Episode(mine), ItemKind::Episode(theirs)) => {
                mine.ids.agrees_with(&theirs.ids).unwrap_or_else(|| is_same_episode(mine, theirs))
            }
            _ => false,
        }
        .bitor(self.key() == other.key())
    }

    /// Whether a second look at the server could tell more: an id or the runtime is missing.
    pub fn is_incomplete(&self) -> bool {
        let lacks_ids = match &self.kind {
            ItemKind::Movie(movie) => movie.ids.is_empty(),
            ItemKind::Episode(episode) => episode.ids.is_empty() || episode.show.ids.is_empty(),
            ItemKind::Season(season) => season.show.ids.is_empty(),
            ItemKind::Show(show) => show.ids.is_empty(),
        };
        lacks_ids || self.runtime_ms.is_none()
    }

    /// Whether it is an episode that stands for itself, as far as is known.
    pub fn is_one_episode(&self) -> bool {
        matches!(&self.kind, ItemKind::Episode(episode) if episode.numbers.len() == 1)
    }

    /// The key of a question to a catalogue: everything by which it could tell this item from others.
    pub fn catalogue_key(&self) -> String {
        let show =
            |show: &Show| format!("{}:{}:{}", normalize(&show.title), show.year.unwrap_or(0), show.ids);
        match &self.kind {
            ItemKind::Movie(movie) => {
                format!("movie:{}:{}:{}", normalize(&movie.title), movie.year.unwrap_or(0), movie.ids)
            }
            ItemKind::Show(it) => format!("show:{}", show(it)),
            ItemKind::Season(season) => format!("season:{}:{}", show(&season.show), season.number),
            ItemKind::Episode(episode) => {
                format!(
                    "episode:{}:{:?}:{:?}:{}",
                    show(&episode.show),
                    episode.season,
                    episode.numbers,
                    episode.ids
                )
            }
        }
    }

    /// The ids by which trackers would look for it: those of the movie or the show.
    pub fn describe_ids(&self) -> String {
        match &self.kind {
            ItemKind::Movie(movie) => movie.ids.to_string(),
            ItemKind::Episode(episode) => episode.show.ids.to_string(),
            ItemKind::Season(season) => season.show.ids.to_string(),
            ItemKind::Show(show) => show.ids.to_string(),
        }
    }

    /// The number of ids of the movie or show.
    fn title_ids(&self) -> usize {
        match &self.kind {
            ItemKind::Movie(movie) => movie.ids.len(),
            ItemKind::Episode(episode) => episode.show.ids.len(),
            ItemKind::Season(season) => season.show.ids.len(),
            ItemKind::Show(show) => show.ids.len(),
        }
    }

    /// Which titles it may be, where that is not clear and ids do not say it.
    pub fn ambiguity(&self) -> Option<&str> {
        self.ext(AMBIGUITY)
    }

    /// The same item, of which it is not clear what it is.
    pub fn with_ambiguity(&self, doubt: String) -> Self {
        let mut item = self.clone();
        item.clear_ambiguity();
        item.ext.push((AMBIGUITY.to_owned(), doubt));
        item
    }

    /// The item without the server's facts: its ids there, its length, its place.
    pub fn without_server_refs(&self) -> Self {
        let doubt = self.ambiguity().map(|doubt| (AMBIGUITY.to_owned(), doubt.to_owned()));
        Self { ext: doubt.into_iter().collect(), ..Self::of(self.kind.clone()) }
    }

    /// It is clear now what it is.
    pub fn clear_ambiguity(&mut self) {
        self.take_ext(AMBIGUITY);
    }

    /// Takes from `other` what is still missing here. Both must be the same kind of thing, else nothing is taken.
    pub fn fill_from(&mut self, other: &Self) {
        let before = self.title_ids();
        match (&mut self.kind, &other.kind) {
            (ItemKind::Movie(mine), ItemKind::Movie(theirs)) => {
                mine.ids.fill_from(&theirs.ids);
                if mine.title.is_empty() {
                    mine.title.clone_from(&theirs.title);
                }
                mine.year = mine.year.or(theirs.year);
                if mine.original_title.is_none() {
                    mine.original_title.clone_from(&theirs.original_title);
                }
            }
            (ItemKind::Episode(mine), ItemKind::Episode(theirs)) => {
                mine.ids.fill_from(&theirs.ids);
                mine.year = mine.year.or(theirs.year);
                mine.season = mine.season.or(theirs.season);
                mine.absolute_number = mine.absolute_number.or(theirs.absolute_number);
                // One that knows what else the file holds knows more.
                if mine.numbers.iter().all(|number| theirs.numbers.contains(number)) {
                    mine.numbers.clone_from(&theirs.numbers);
                }
                if mine.title.is_none() {
                    mine.title.clone_from(&theirs.title);
                }
                fill_show(&mut mine.show, &theirs.show);
                // An id of the show that somebody put on the episode names no episode.
                let show = &mine.show.ids;
                mine.ids.values.retain(|namespace, value| show.get(namespace) != Some(value));
            }
            (ItemKind::Season(mine), ItemKind::Season(theirs)) => {
                mine.ids.fill_from(&theirs.ids);
                fill_show(&mut mine.show, &theirs.show);
            }
            (ItemKind::Show(mine), ItemKind::Show(theirs)) => fill_show(mine, theirs),
            _ => return,
        }
        self.runtime_ms = self.runtime_ms.or(other.runtime_ms);
        if self.server_ref.is_none() {
            self.server_ref.clone_from(&other.server_ref);
        }
        if self.server_show_ref.is_none() {
            self.server_show_ref.clone_from(&other.server_show_ref);
        }
        // A name may stand there several times: an item has files.
        // Somebody else's doubt is none where it is known what this is.
        let is_missing = |name: &str| self.ext(name).is_none() && (name != AMBIGUITY || before == 0);
        let missing = other.ext.iter().filter(|(name, _)| is_missing(name)).cloned();
        let missing: Vec<_> = missing.collect();
        self.ext.extend(missing);
        if self.title_ids() > before {
            self.clear_ambiguity();
        }
    }

    /// The first value of a name in the open-ended part.
    pub fn ext(&self, name: &str) -> Option<&str> {
        self.ext.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Takes everything of a name out of the open-ended part.
    pub fn take_ext(&mut self, name: &str) -> Vec<String> {
        let (taken, left) = std::mem::take(&mut self.ext).into_iter().partition(|(known, _)| known == name);
        self.ext = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }
}

fn is_same_episode(mine: &Episode, theirs: &Episode) -> bool {
    let show = mine.show.ids.agrees_with(&theirs.show.ids).unwrap_or_else(|| {
        same_title(&mine.show.title, &theirs.show.title) && agree(mine.show.year, theirs.show.year)
    });
    let numbered = !mine.numbers.is_empty() && !theirs.numbers.is_empty();
    show && if numbered {
        agree(mine.season, theirs.season) && mine.numbers.first() == theirs.numbers.first()
    } else {
        matches!((&mine.title, &theirs.title), (Some(mine), Some(theirs)) if same_title(mine, theirs))
    }
}

/// Whether two values are the same as far as both are known.
fn agree<T: PartialEq>(mine: Option<T>, theirs: Option<T>) -> bool {
    mine.is_none() || theirs.is_none() || mine == theirs
}

fn same_title(mine: &str, theirs: &str) -> bool {
    normalize(mine) == normalize(theirs)
}

fn show_key(show: &Show) -> String {
    match show.ids.iter().next() {
        Some((namespace, value)) => format!("{namespace}:{value}"),
        None => show.title.to_lowercase(),
    }
}

fn fill_show(mine: &mut Show, theirs: &Show) {
    mine.ids.fill_from(&theirs.ids);
    if mine.original_title.is_none() {
        mine.original_title.clone_from(&theirs.original_title);
    }
    mine.year = mine.year.or(theirs.year);
    if mine.title.is_empty() {
        mine.title.clone_from(&theirs.title);
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = |year: Option<u16>| year.map(|year| format!(" ({year})")).unwrap_or_default();
        match &self.kind {
            ItemKind::Movie(movie) => write!(f, "{}{}", movie.title, year(movie.year)),
            ItemKind::Show(show) => write!(f, "{}{}", show.title, year(show.year)),
            ItemKind::Season(season) => write!(f, "{} season {}", season.show.title, season.number),
            ItemKind::Episode(episode) => {
                let show = if episode.show.title.is_empty() { "unknown show" } else { &episode.show.title };
                f.write_str(show)?;
                match episode.season {
                    Some(season) => write!(f, " S{season:02}")?,
                    None if episode.numbers.is_empty() => {}
                    None => f.write_str(" ")?,
                }
                for number in &episode.numbers {
                    write!(f, "E{number:02}")?;
                }
                match &episode.title {
                    Some(title) => write!(f, " \u{201c}{title}\u{201d}"),
                    None => Ok(()),
                }
            }
        }
    }
}
