//! Titles, as the API shows them.

use std::collections::BTreeMap;

use playrelay_engine::model::{Ids, Item, ItemKind, Show};
use serde::Serialize;
use utoipa::ToSchema;

/// What was watched or rated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Title {
    /// `movie`, `episode`, `season` or `show`.
    #[schema(example = "episode")]
    pub kind: &'static str,
    /// In words, with year or season and episode.
    #[schema(example = "Night Train (2011)")]
    pub text: String,
    /// Of the movie, or of the show.
    #[schema(example = "Night Train")]
    pub title: String,
    /// Of the movie, or of the show; absent if unknown.
    #[schema(example = 2011)]
    pub year: Option<u16>,
    /// The season of an episode; absent for others.
    pub season: Option<u32>,
    /// The numbers of an episode: several where a file holds several.
    pub episodes: Vec<u32>,
    /// The title of an episode; absent if unknown.
    pub episode_title: Option<String>,
    /// Ids by catalogue.
    pub ids: BTreeMap<String, String>,
    /// Ids of the show of an episode or season, by catalogue.
    pub show_ids: BTreeMap<String, String>,
    /// The runtime; absent if unknown.
    pub runtime_ms: Option<u32>,
}

impl From<&Item> for Title {
    fn from(item: &Item) -> Self {
        let common = Self { text: item.to_string(), runtime_ms: item.runtime_ms, ..Self::default() };
        let of_show = |show: &Show, kind| Self {
            kind,
            title: show.title.clone(),
            year: show.year,
            show_ids: ids(&show.ids),
            ..common.clone()
        };
        match &item.kind {
            ItemKind::Movie(movie) => Self {
                kind: "movie",
                title: movie.title.clone(),
                year: movie.year,
                ids: ids(&movie.ids),
                ..common
            },
            ItemKind::Show(show) => {
                Self { ids: ids(&show.ids), show_ids: BTreeMap::new(), ..of_show(show, "show") }
            }
            ItemKind::Season(season) => {
                Self { season: Some(season.number), ids: ids(&season.ids), ..of_show(&season.show, "season") }
            }
            ItemKind::Episode(episode) => Self {
                season: episode.season,
                episodes: episode.numbers.clone(),
                episode_title: episode.title.clone(),
                ids: ids(&episode.ids),
                ..of_show(&episode.show, "episode")
            },
        }
    }
}

fn ids<Kind>(ids: &Ids<Kind>) -> BTreeMap<String, String> {
    ids.iter().map(|(name, id)| (name.to_owned(), id.to_owned())).collect()
}
