//! The vocabulary of the core, mirroring the contract in `wit/types.wit` and `wit/reports.wit`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::BitOr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

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

    /// Whether both name the same thing: by the first namespace that both have; absent where there is none.
    pub fn agrees_with(&self, other: &Self) -> Option<bool> {
        self.iter().find_map(|(namespace, value)| Some(other.get(namespace)? == value))
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

    /// Whether this and another item of one server are the same thing. Its id there decides where both have one; else
    /// what the reports say of it, since not every form of a webhook carries that id.
    pub fn is_same(&self, other: &Self) -> bool {
        if let (Some(mine), Some(theirs)) = (&self.server_ref, &other.server_ref) {
            return mine == theirs;
        }
        match (&self.kind, &other.kind) {
            (ItemKind::Movie(mine), ItemKind::Movie(theirs)) => {
                mine.ids.agrees_with(&theirs.ids).unwrap_or_else(|| {
                    same_words(&mine.title, &theirs.title)
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

    /// Takes from `other` what is still missing here. Both must be the same kind of thing, else nothing is taken.
    pub fn fill_from(&mut self, other: &Self) {
        match (&mut self.kind, &other.kind) {
            (ItemKind::Movie(mine), ItemKind::Movie(theirs)) => {
                mine.ids.fill_from(&theirs.ids);
                if mine.title.is_empty() {
                    mine.title.clone_from(&theirs.title);
                }
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
        for (name, value) in &other.ext {
            if self.ext(name).is_none() {
                self.ext.push((name.clone(), value.clone()));
            }
        }
    }

    /// What stands under a name in the open-ended part.
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
        same_words(&mine.show.title, &theirs.show.title) && agree(mine.show.year, theirs.show.year)
    });
    let numbered = !mine.numbers.is_empty() && !theirs.numbers.is_empty();
    show && if numbered {
        agree(mine.season, theirs.season) && mine.numbers.first() == theirs.numbers.first()
    } else {
        matches!((&mine.title, &theirs.title), (Some(mine), Some(theirs)) if same_words(mine, theirs))
    }
}

/// Whether two values are the same as far as both are known.
fn agree<T: PartialEq>(mine: Option<T>, theirs: Option<T>) -> bool {
    mine.is_none() || theirs.is_none() || mine == theirs
}

fn same_words(mine: &str, theirs: &str) -> bool {
    fold(mine) == fold(theirs)
}

/// Text in a form in which letters that look the same are the same, whatever their case and however they are composed.
pub fn fold(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).collect()
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

/// Somebody who watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Stable across renames.
    pub id: Option<String>,
    /// As shown.
    pub name: Option<String>,
    /// A second stable id, where the server has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
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

/// A media server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Stable; the source's name where the server gives none.
    pub id: String,
    /// As shown.
    pub name: Option<String>,
    /// The source, by its name in the configuration, that speaks of it.
    pub source: String,
}

/// One session at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    /// Where.
    pub server: Server,
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
    /// Where.
    pub server: Server,
    /// Who.
    pub user: User,
    /// What.
    pub item: Item,
    /// From 0 to 10; absent where it was cleared.
    pub rating: Option<f64>,
    /// The library's name.
    pub library: Option<String>,
    /// The item's files.
    pub paths: Vec<String>,
    /// When.
    pub at: Timestamp,
}

/// A user ticked an item by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marked {
    /// Where.
    pub server: Server,
    /// Who.
    pub user: User,
    /// What.
    pub item: Item,
    /// As watched, or as unwatched.
    pub watched: bool,
    /// The library's name.
    pub library: Option<String>,
    /// The item's files.
    pub paths: Vec<String>,
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
    /// The items that the report speaks of, each with what is known of its place: its library's name and its files.
    pub fn items_mut(&mut self) -> Vec<Placed<'_>> {
        match self {
            Self::Playback(it) => vec![it.placed()],
            Self::Snapshot { sessions, .. } => sessions.iter_mut().map(Playback::placed).collect(),
            Self::Rated(it) => {
                vec![Placed { item: &mut it.item, library: &mut it.library, paths: &mut it.paths }]
            }
            Self::Marked(it) => {
                vec![Placed { item: &mut it.item, library: &mut it.library, paths: &mut it.paths }]
            }
            Self::Ignored { .. } => Vec::new(),
        }
    }
}

/// An item, and where it lies.
pub struct Placed<'a> {
    /// What.
    pub item: &'a mut Item,
    /// The library's name.
    pub library: &'a mut Option<String>,
    /// The files.
    pub paths: &'a mut Vec<String>,
}

impl Playback {
    fn placed(&mut self) -> Placed<'_> {
        Placed { item: &mut self.item, library: &mut self.library, paths: &mut self.paths }
    }
}
