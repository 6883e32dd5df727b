//! Removals from watchlists: their names in the log of removals, and when a show has ended.

use crate::model::{Episode, Ids, Item, ItemKind};

/// The title that goes off a list with a watch: the movie, or the show of an episode.
pub fn title(item: &Item) -> Option<Item> {
    let kind = match &item.kind {
        ItemKind::Movie(movie) => ItemKind::Movie(movie.clone()),
        ItemKind::Episode(episode) => ItemKind::Show(episode.show.clone()),
        ItemKind::Season(_) | ItemKind::Show(_) => return None,
    };
    Some(Item::of(kind))
}

/// How the log names a title on the list of an account: `plugin:account|movie|imdb:tt0133093`, with the ids in an order that
/// the plugin gives.
pub fn key(plugin: &str, account: &str, order: &[String], title: &Item) -> String {
    let named = Named(order);
    let (kind, ids) = match &title.kind {
        ItemKind::Movie(movie) => ("movie", named.by(&movie.ids)),
        ItemKind::Show(show) => ("show", named.by(&show.ids)),
        ItemKind::Season(season) => ("season", named.by(&season.show.ids)),
        ItemKind::Episode(episode) => ("episode", named.by(&episode.ids)),
    };
    let ids = if ids.is_empty() { format!("|{title}") } else { ids };
    format!("{plugin}:{account}|{kind}{ids}")
}

struct Named<'a>(&'a [String]);

impl Named<'_> {
    fn by<Kind>(&self, ids: &Ids<Kind>) -> String {
        self.0.iter().filter_map(|name| Some(format!("|{name}:{}", ids.get(name)?))).collect()
    }
}

/// Whether a watched episode, or one of several in its file, is the last that has aired.
pub fn is_last(watched: &Item, last_aired: &Item) -> bool {
    match (&watched.kind, &last_aired.kind) {
        (ItemKind::Episode(watched), ItemKind::Episode(last)) => {
            let number = |episode: &Episode| Some((episode.season?, *episode.numbers.iter().max()?));
            // Catalogues count seasons in different ways: only within the same one do numbers say which is the last.
            number(watched)
                .zip(number(last))
                .is_some_and(|(watched, last)| watched.0 == last.0 && watched.1 >= last.1)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Movie, Show};

    fn episode(season: u32, numbers: &[u32]) -> Item {
        let show =
            Show { ids: [("tvdb", "81189"), ("imdb", "tt0903747")].into_iter().collect(), ..Show::default() };
        Item::of(ItemKind::Episode(Episode {
            show,
            season: Some(season),
            numbers: numbers.to_vec(),
            ..Episode::default()
        }))
    }

    #[test]
    fn titles_are_named_as_other_programs_name_them() {
        let ids = [("imdb", "tt0133093"), ("tvdb", "603")].into_iter().collect();
        let movie = Item::of(ItemKind::Movie(Movie { ids, ..Movie::default() }));
        let order = ["tvdb", "imdb"].map(str::to_owned);
        assert_eq!(key("x", "bob", &order, &title(&movie).unwrap()), "x:bob|movie|tvdb:603|imdb:tt0133093");
        let show = title(&episode(5, &[16])).unwrap();
        assert_eq!(key("y", "tv", &order[..1], &show), "y:tv|show|tvdb:81189");
    }

    #[test]
    fn a_show_ends_with_its_last_episode() {
        let last = episode(5, &[16]);
        for (watched, ends) in [
            (episode(5, &[16]), true),
            (episode(5, &[15, 16]), true),
            (episode(5, &[15]), false),
            (episode(6, &[1]), false),
            (episode(1, &[16]), false),
        ] {
            assert_eq!(is_last(&watched, &last), ends, "{watched}");
        }
    }
}
