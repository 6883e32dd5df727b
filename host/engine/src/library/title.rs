//! A film or a show, and when two of them are the same one.

use crate::model::{Ids, Item, ItemKind, normalize};

/// The film of an item, or the show that it belongs to, without what only its server knows.
pub fn title_of(item: &Item) -> Item {
    Item::of(match &item.kind {
        ItemKind::Movie(movie) => ItemKind::Movie(movie.clone()),
        ItemKind::Show(show) => ItemKind::Show(show.clone()),
        ItemKind::Season(season) => ItemKind::Show(season.show.clone()),
        ItemKind::Episode(episode) => ItemKind::Show(episode.show.clone()),
    })
}

/// The parts of a title that tell it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TitleFacts {
    /// `movie` or `show`.
    pub kind: &'static str,
    /// The name, as people write it.
    pub name: String,
    /// The year of release, or in which the show began; absent if unknown.
    pub year: Option<u16>,
    /// The ids, each with its namespace.
    ids: Vec<(String, String)>,
}

impl TitleFacts {
    /// The facts of the film or the show of an item.
    pub fn of(item: &Item) -> Self {
        fn ids<Kind>(ids: &Ids<Kind>) -> Vec<(String, String)> {
            ids.iter().map(|(namespace, id)| (namespace.to_owned(), id.to_owned())).collect()
        }
        let of_show = |show: &crate::model::Show| ("show", show.title.clone(), show.year, ids(&show.ids));
        let (kind, name, year, ids) = match &item.kind {
            ItemKind::Movie(movie) => ("movie", movie.title.clone(), movie.year, ids(&movie.ids)),
            ItemKind::Show(show) => of_show(show),
            ItemKind::Season(season) => of_show(&season.show),
            ItemKind::Episode(episode) => of_show(&episode.show),
        };
        Self { kind, name, year, ids }
    }

    /// Whether a service could find the title.
    pub fn has_ids(&self) -> bool {
        !self.ids.is_empty()
    }

    /// Whether nothing tells this title from others: it has neither an id nor a name.
    pub fn is_nameless(&self) -> bool {
        self.ids.is_empty() && normalize(&self.name).is_empty()
    }

    /// The keys by which the title is found: one for each id, and one for the name.
    pub fn keys(&self) -> Vec<String> {
        let ids = self.ids.iter().map(|(namespace, id)| format!("{}:{namespace}:{id}", self.kind));
        let name = normalize(&self.name);
        let by_name = (!name.is_empty()).then(|| format!("{}:name:{name}", self.kind));
        ids.chain(by_name).collect()
    }

    /// Whether both have an id in one namespace, and it is the same one; absent where they share no namespace.
    fn agrees_with(&self, other: &Self) -> Option<bool> {
        let theirs = |namespace: &str| other.ids.iter().find(|(known, _)| known == namespace);
        self.ids.iter().find_map(|(namespace, id)| Some(theirs(namespace)?.1 == *id))
    }

    fn has_name_of(&self, other: &Self) -> bool {
        let years_agree = self.year.is_none() || other.year.is_none() || self.year == other.year;
        let name = normalize(&self.name);
        !name.is_empty() && name == normalize(&other.name) && years_agree
    }
}

/// A title that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownTitle {
    /// Its number in the store.
    pub id: i64,
    /// The film or the show.
    pub item: Item,
}

/// Which of the titles that are kept an item belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TitleMatch {
    /// To this one. The others turn out to be the same title: an item has named ids of each.
    One {
        /// The oldest of them.
        id: i64,
        /// The others.
        merged: Vec<i64>,
    },
    /// To none: it is another title.
    New,
    /// Its name is that of several, and it has no id that says which.
    Unclear(Vec<i64>),
}

/// Finds the title of an item among those that share a key with it. Ids decide; a name decides only where no id contradicts it.
pub fn match_title(item: &Item, candidates: &[KnownTitle]) -> TitleMatch {
    let facts = TitleFacts::of(item);
    let known: Vec<(i64, TitleFacts)> =
        candidates.iter().map(|known| (known.id, TitleFacts::of(&known.item))).collect();
    let known = known.iter().filter(|(_, other)| other.kind == facts.kind);
    let ids = |titles: Vec<&(i64, TitleFacts)>| {
        let mut ids: Vec<i64> = titles.into_iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let by_id = ids(known.clone().filter(|(_, other)| facts.agrees_with(other) == Some(true)).collect());
    if let Some((id, merged)) = by_id.split_first() {
        return TitleMatch::One { id: *id, merged: merged.to_vec() };
    }
    let named = known.filter(|(_, other)| facts.agrees_with(other).is_none() && facts.has_name_of(other));
    let named: Vec<_> = named.collect();
    // Of several with the name, the one of the same year is meant; and of those without ids there is only one.
    let exact = ids(named.iter().copied().filter(|(_, other)| other.year == facts.year).collect());
    let own = ids(named
        .iter()
        .copied()
        .filter(|(_, other)| !other.has_ids() && other.year == facts.year)
        .collect());
    match (ids(named).as_slice(), exact.as_slice(), own.as_slice()) {
        ([], _, _) => TitleMatch::New,
        ([id], _, _) | (_, [id], _) | (_, _, [id]) => TitleMatch::One { id: *id, merged: Vec::new() },
        (several, _, _) => TitleMatch::Unclear(several.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Episode, Movie, Show};

    fn movie(title: &str, year: Option<u16>, ids: &[(&str, &str)]) -> Item {
        let ids = ids.iter().copied().collect();
        Item::of(ItemKind::Movie(Movie { title: title.to_owned(), year, ids, ..Movie::default() }))
    }

    fn known(id: i64, item: Item) -> KnownTitle {
        KnownTitle { id, item }
    }

    fn one(id: i64) -> TitleMatch {
        TitleMatch::One { id, merged: Vec::new() }
    }

    #[test]
    fn ids_decide_and_names_only_where_no_id_contradicts() {
        let heat = movie("Heat", Some(1995), &[("imdb", "tt0113277"), ("tvdb", "949")]);
        let known = [known(1, heat), known(2, movie("Heat", Some(1986), &[("imdb", "tt0093164")]))];
        for (item, expected) in [
            (movie("Hitze", None, &[("tvdb", "949")]), one(1)),
            (movie("heat ", Some(1986), &[]), one(2)),
            (movie("Heat", Some(1995), &[("anidb", "9")]), one(1)),
            (movie("Heat", None, &[]), TitleMatch::Unclear(vec![1, 2])),
            (movie("Heat", Some(1995), &[("imdb", "tt9999999")]), TitleMatch::New),
            (movie("Heat", Some(2013), &[]), TitleMatch::New),
            (movie("", None, &[]), TitleMatch::New),
        ] {
            assert_eq!(match_title(&item, &known), expected, "{item}");
        }
    }

    #[test]
    fn an_item_that_names_both_makes_one_of_two() {
        let known = [
            known(7, movie("Heat", None, &[("imdb", "tt0113277")])),
            known(4, movie("Heat", None, &[("tvdb", "949")])),
        ];
        let both = movie("Heat", Some(1995), &[("imdb", "tt0113277"), ("tvdb", "949")]);
        assert_eq!(match_title(&both, &known), TitleMatch::One { id: 4, merged: vec![7] });
    }

    #[test]
    fn an_episode_belongs_to_its_show_and_no_show_to_a_film() {
        let show = Show {
            title: "Fargo".to_owned(),
            year: Some(2014),
            ids: [("tvdb", "269613")].into_iter().collect(),
            ..Show::default()
        };
        let episode = Item::of(ItemKind::Episode(Episode { show: show.clone(), ..Episode::default() }));
        let known =
            [known(1, movie("Fargo", None, &[("tvdb", "269613")])), known(2, Item::of(ItemKind::Show(show)))];
        assert_eq!(match_title(&episode, &known), one(2));
        assert_eq!(TitleFacts::of(&episode).keys(), ["show:tvdb:269613", "show:name:fargo"]);
    }

    /// A title without ids that is there already takes the next one like it: otherwise each play would make another one.
    #[test]
    fn a_title_without_ids_is_kept_once() {
        let known = [
            known(1, movie("Heat", Some(1995), &[("imdb", "tt0113277")])),
            known(2, movie("Heat", Some(1986), &[("imdb", "tt0093164")])),
            known(3, movie("Heat", None, &[])),
        ];
        assert_eq!(match_title(&movie("Heat", None, &[]), &known), one(3));
    }
}
