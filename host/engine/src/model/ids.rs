//! External ids, kept apart by what they name.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

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
    pub(super) values: BTreeMap<String, String>,
    #[serde(skip)]
    kind: PhantomData<fn() -> Kind>,
}

impl<Kind> Ids<Kind> {
    /// Adds an id. Empty values and the "0" that some agents write for "unknown" are left out. Of two in one namespace the older one
    /// stays, the lower number, in whatever order they come: catalogues merge the newer entry into the older one.
    pub fn insert(&mut self, namespace: &str, value: &str) {
        let value = value.trim();
        if value.is_empty() || value == "0" {
            return;
        }
        let age = |value: &str| (value.len(), value.to_owned());
        self.values
            .entry(namespace.trim().to_lowercase())
            .and_modify(|known| {
                if age(value) < age(known) {
                    value.clone_into(known);
                }
            })
            .or_insert_with(|| value.to_owned());
    }

    /// The id in a namespace.
    pub fn get(&self, namespace: &str) -> Option<&str> {
        self.values.get(namespace).map(String::as_str)
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no id.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether there is an id in one of some namespaces.
    pub fn has_any(&self, namespaces: &[String]) -> bool {
        namespaces.iter().any(|namespace| self.values.contains_key(namespace))
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
