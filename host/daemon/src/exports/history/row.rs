//! The columns of a play and of a rating, in the forms that have everything.

use playrelay_engine::model::{Episode, Ids, Item, ItemKind, Movie, Season, Show};
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::exports::history::writer::watched_at;

/// The catalogues whose ids are written.
const NAMESPACES: [&str; 3] = ["imdb", "tmdb", "tvdb"];

/// Named cells, in the order of their columns. Every row of a kind has the same names; what is not known is null.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row(Vec<(&'static str, Value)>);

impl Row {
    /// A play. Times are UTC; `watched_at` is null where it does not count as watched.
    pub(super) fn of_play(play: &Play) -> Self {
        let server = play.origin.server_name.as_ref().unwrap_or(&play.viewer.server);
        let mut cells = vec![
            ("id", json!(play.id.0)),
            ("user", json!(play.viewer.name(&play.user))),
            ("server", json!(server)),
            ("device", json!(play.player.name)),
        ];
        cells.extend(item_cells(&play.item));
        cells.extend([
            ("started_at", json!(play.started_at)),
            ("ended_at", json!(play.ended_at)),
            ("watched_at", json!(watched_at(play))),
            ("position_ms", json!(play.position.ms)),
            ("trackers", json!(play.routing.sent_to)),
        ]);
        Self(cells)
    }

    /// A rating, from 0 to 10; null where it was cleared.
    pub(super) fn of_rating(rating: &Rating) -> Self {
        let rated = &rating.rated;
        let server = rated.server.name.as_ref().unwrap_or(&rating.viewer.server);
        let mut cells = vec![("user", json!(rating.viewer.name(&rated.user))), ("server", json!(server))];
        cells.extend(item_cells(&rated.item));
        cells.extend([("rating", json!(rated.rating)), ("rated_at", json!(rated.at))]);
        Self(cells)
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    /// The cells as a table has them: lists with commas between, and nothing for what is not known.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> {
        fn text(value: &Value) -> String {
            match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(","),
                value => value.to_string(),
            }
        }
        self.0.iter().map(|(_, value)| text(value))
    }
}

impl Serialize for Row {
    /// An object in the order of the columns, without what is not known.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name, value)),
        )
    }
}

/// What is known of an item: `title` and `year` are those of the film or the show, the first ids those of the film or the episode.
fn item_cells(item: &Item) -> Vec<(&'static str, Value)> {
    const NONE: [Value; 3] = [Value::Null, Value::Null, Value::Null];
    let of_show = |show: &Show| (show.title.clone(), show.year, ids(&show.ids));
    let (kind, (title, year, show), [season, episodes, episode_title], own) = match &item.kind {
        ItemKind::Movie(Movie { title, year, ids: own, .. }) => {
            ("movie", (title.clone(), *year, NONE), NONE, ids(own))
        }
        ItemKind::Episode(Episode { show, season, numbers, title, ids: own, .. }) => {
            ("episode", of_show(show), [json!(season), json!(numbers), json!(title)], ids(own))
        }
        ItemKind::Season(Season { show, number, ids: own }) => {
            ("season", of_show(show), [json!(number), Value::Null, Value::Null], ids(own))
        }
        ItemKind::Show(show) => ("show", of_show(show), NONE, NONE),
    };
    let mut cells = vec![
        ("kind", json!(kind)),
        ("title", json!(title)),
        ("year", json!(year)),
        ("season", season),
        ("episodes", episodes),
        ("episode_title", episode_title),
    ];
    cells.extend(NAMESPACES.into_iter().zip(own));
    cells.extend(["show_imdb", "show_tmdb", "show_tvdb"].into_iter().zip(show));
    cells.push(("runtime_ms", json!(item.runtime_ms)));
    cells
}

fn ids<Kind>(ids: &Ids<Kind>) -> [Value; 3] {
    NAMESPACES.map(|namespace| json!(ids.get(namespace)))
}
