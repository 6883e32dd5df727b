//! The vocabulary of the core, mirroring the contract in `wit/types.wit` and `wit/reports.wit`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Marks ids that name a movie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfMovie {}
/// Marks ids that name a show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfShow {}
/// Marks ids that name a season.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfSeason {}
/// Marks ids that name an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfEpisode {}

/// External ids of one kind of thing, by namespace (`imdb`, `tvdb`, …).
///
/// The kind is part of the type because the same number names a movie in one list and a show in another:
/// mixing them up is how scrobblers mark the wrong title.
#[derive(Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Ids<Kind> {
    values: BTreeMap<String, String>,
    #[serde(skip)]
    kind: PhantomData<fn() -> Kind>,
}

impl<Kind> Ids<Kind> {
    /// Adds an id. Empty values and the "0" that some agents write for "unknown" are left out.
    pub fn insert(&mut self, namespace: &str, value: &str) {
        let value = value.trim();
        if !value.is_empty() && value != "0" {
            self.values.insert(namespace.trim().to_lowercase(), value.to_owned());
        }
    }

    /// The id in a namespace.
    pub fn get(&self, namespace: &str) -> Option<&str> {
        self.values.get(namespace).map(String::as_str)
    }

    /// Whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The ids as (namespace, value), sorted by namespace.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(namespace, value)| (namespace.as_str(), value.as_str()))
    }

    /// Adds the ids of `other` in namespaces that are still empty here.
    pub fn fill_from(&mut self, other: &Self) {
        for (namespace, value) in other.iter() {
            self.values.entry(namespace.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
}

impl<Kind, N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Ids<Kind> {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(iter: I) -> Self {
        let mut ids = Self::default();
        for (namespace, value) in iter {
            ids.insert(namespace.as_ref(), value.as_ref());
        }
        ids
    }
}

impl<Kind> Default for Ids<Kind> {
    fn default() -> Self {
        Self { values: BTreeMap::new(), kind: PhantomData }
    }
}

impl<Kind> Clone for Ids<Kind> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), kind: PhantomData }
    }
}

impl<Kind> PartialEq for Ids<Kind> {
    fn eq(&self, other: &Self) -> bool {
        self.values == other.values
    }
}

impl<Kind> fmt::Debug for Ids<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.values.fmt(f)
    }
}

impl<Kind> fmt::Display for Ids<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no ids");
        }
        let ids: Vec<_> = self.iter().map(|(namespace, value)| format!("{namespace}:{value}")).collect();
        f.write_str(&ids.join(" "))
    }
}

/// A film.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Movie {
    /// As the server calls it.
    pub title: String,
    /// In its own language.
    pub original_title: Option<String>,
    /// Of release.
    pub year: Option<u16>,
    /// Of the movie.
    pub ids: Ids<OfMovie>,
}

/// A series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Show {
    /// Without a year suffix.
    pub title: String,
    /// In its own language.
    pub original_title: Option<String>,
    /// In which it began.
    pub year: Option<u16>,
    /// Of the show.
    pub ids: Ids<OfShow>,
}

/// A season of a series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Season {
    /// The series.
    pub show: Show,
    /// 0 holds the specials.
    pub number: u32,
    /// Of the season.
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
    /// Of the episode.
    pub title: Option<String>,
    /// In which it was first shown.
    pub year: Option<u16>,
    /// Of the first episode.
    pub ids: Ids<OfEpisode>,
}

/// What an item is.
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
    /// What it is.
    #[serde(flatten)]
    pub kind: ItemKind,
    /// Its id on its media server.
    pub server_ref: Option<String>,
    /// Its show's id on its media server.
    pub server_show_ref: Option<String>,
    /// Its length in ms.
    pub runtime_ms: Option<u32>,
    /// What the contract has no field for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ext: Vec<(String, String)>,
}

impl Item {
    /// What tells this item from others on the same server: its id there, else its external ids, else its names.
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

    /// Takes from `other` what is still missing here. Both must be the same kind of thing, else nothing is taken.
    pub fn fill_from(&mut self, other: &Self) {
        match (&mut self.kind, &other.kind) {
            (ItemKind::Movie(mine), ItemKind::Movie(theirs)) => {
                mine.ids.fill_from(&theirs.ids);
                mine.year = mine.year.or(theirs.year);
            }
            (ItemKind::Episode(mine), ItemKind::Episode(theirs)) => {
                mine.ids.fill_from(&theirs.ids);
                mine.year = mine.year.or(theirs.year);
                mine.season = mine.season.or(theirs.season);
                mine.absolute_number = mine.absolute_number.or(theirs.absolute_number);
                if mine.numbers.is_empty() {
                    mine.numbers.clone_from(&theirs.numbers);
                }
                fill_show(&mut mine.show, &theirs.show);
            }
            (ItemKind::Season(mine), ItemKind::Season(theirs)) => {
                mine.ids.fill_from(&theirs.ids);
                fill_show(&mut mine.show, &theirs.show);
            }
            (ItemKind::Show(mine), ItemKind::Show(theirs)) => fill_show(mine, theirs),
            _ => return,
        }
        self.runtime_ms = self.runtime_ms.or(other.runtime_ms);
    }
}

fn show_key(show: &Show) -> String {
    match show.ids.iter().next() {
        Some((namespace, value)) => format!("{namespace}:{value}"),
        None => show.title.to_lowercase(),
    }
}

fn fill_show(mine: &mut Show, theirs: &Show) {
    mine.ids.fill_from(&theirs.ids);
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
                if let Some(season) = episode.season {
                    write!(f, " S{season:02}")?;
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

/// Somebody who watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Stable across renames.
    pub id: Option<String>,
    /// As shown.
    pub name: Option<String>,
}

impl User {
    /// What tells this user from others on the same server; absent where the server names nobody.
    pub fn key(&self) -> Option<&str> {
        self.id.as_deref().or(self.name.as_deref()).filter(|key| !key.is_empty())
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.id) {
            (Some(name), Some(id)) => write!(f, "{name} (id:{id})"),
            (Some(name), None) => f.write_str(name),
            (None, Some(id)) => write!(f, "id:{id}"),
            (None, None) => f.write_str("nobody"),
        }
    }
}

/// What plays it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// Of the device.
    pub id: Option<String>,
    /// As shown.
    pub name: Option<String>,
    /// The app.
    pub product: Option<String>,
}

/// What a player does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaybackState {
    /// It plays.
    Playing,
    /// It is paused.
    Paused,
    /// It has stopped.
    Stopped,
}

/// What the server says of completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// Nothing.
    #[default]
    None,
    /// "Played to the end".
    Claimed,
    /// It has counted the play in its own history.
    Counted,
}

/// Where an item comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A library.
    #[default]
    OnDemand,
    /// Live television.
    LiveTv,
    /// A recording of it.
    Recording,
    /// A trailer, a pre-roll, a theme.
    Extra,
}

/// One session at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    /// The server's stable id.
    pub server: String,
    /// Who.
    pub user: User,
    /// On what.
    pub player: Player,
    /// The server's key of the session.
    pub session: Option<String>,
    /// What.
    pub item: Item,
    /// Does what.
    pub state: PlaybackState,
    /// Where, in ms; absent where the server does not say.
    pub position_ms: Option<u32>,
    /// What the server says of completion.
    pub completion: Completion,
    /// Where the closing credits begin, in ms.
    pub credits_start_ms: Option<u32>,
    /// Where the item comes from.
    pub content: Content,
    /// The library's name.
    pub library: Option<String>,
    /// The item's files.
    pub paths: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// A user rated an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rated {
    /// The server's stable id.
    pub server: String,
    /// Who.
    pub user: User,
    /// What.
    pub item: Item,
    /// From 0 to 10; absent where it was cleared.
    pub rating: Option<f64>,
    /// When.
    pub at: Timestamp,
}

/// A user ticked an item by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marked {
    /// The server's stable id.
    pub server: String,
    /// Who.
    pub user: User,
    /// What.
    pub item: Item,
    /// As watched, or as unwatched.
    pub watched: bool,
    /// When.
    pub at: Timestamp,
}

/// What a source plugin said of one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "lowercase")]
pub enum Report {
    /// One session changed.
    Playback(Playback),
    /// All sessions of a server; one that is absent has stopped.
    Snapshot {
        /// The server's stable id.
        server: String,
        /// What plays.
        sessions: Vec<Playback>,
        /// When.
        at: Timestamp,
    },
    /// A rating.
    Rated(Rated),
    /// A tick by hand.
    Marked(Marked),
    /// Nothing of interest.
    Ignored {
        /// A stable reason.
        code: String,
        /// The value that decided.
        detail: String,
    },
}

impl Report {
    /// The items that the report speaks of.
    pub fn items_mut(&mut self) -> Vec<&mut Item> {
        match self {
            Self::Playback(playback) => vec![&mut playback.item],
            Self::Snapshot { sessions, .. } => {
                sessions.iter_mut().map(|playback| &mut playback.item).collect()
            }
            Self::Rated(rated) => vec![&mut rated.item],
            Self::Marked(marked) => vec![&mut marked.item],
            Self::Ignored { .. } => Vec::new(),
        }
    }
}
