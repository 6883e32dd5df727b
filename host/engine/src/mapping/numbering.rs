//! Orders of episodes: the same episode has other numbers in another one.

use serde::{Deserialize, Serialize};

use crate::model::{Item, ItemKind};

/// The name, in an item's open-ended part, of the day on which an episode was first shown: `2026-11-30`.
pub const AIR_DATE: &str = "air-date";
/// A season from here on is a year: no show has so many seasons.
const FIRST_YEAR: u32 = 1900;

/// An order of episodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// As they were first shown.
    Aired,
    /// Counted through all seasons.
    Absolute,
    /// As on discs.
    Dvd,
    /// As shops sell them.
    Digital,
    /// By story.
    StoryArc,
    /// As they were made.
    Production,
    /// As a later broadcaster showed them.
    Broadcast,
    /// No numbers at all: the day on which it was first shown says which episode it is.
    AirDate,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Aired,
        Self::Absolute,
        Self::Dvd,
        Self::Digital,
        Self::StoryArc,
        Self::Production,
        Self::Broadcast,
        Self::AirDate,
    ];

    /// The word, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aired => "aired",
            Self::Absolute => "absolute",
            Self::Dvd => "dvd",
            Self::Digital => "digital",
            Self::StoryArc => "story-arc",
            Self::Production => "production",
            Self::Broadcast => "broadcast",
            Self::AirDate => "air-date",
        }
    }

    /// The order of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.as_str() == word)
    }
}

/// The order in which an episode has to be looked for, where its own facts say that its numbers are not those of catalogues: it is only
/// counted through all seasons, it has a day and no numbers, or its season is a year.
pub fn evident_order(item: &Item) -> Option<Order> {
    let ItemKind::Episode(episode) = &item.kind else { return None };
    let has_day = item.ext(AIR_DATE).is_some();
    let is_numbered = !episode.numbers.is_empty();
    match episode.season {
        Some(season) if season >= FIRST_YEAR => has_day.then_some(Order::AirDate),
        Some(_) if is_numbered => None,
        _ if episode.absolute_number.is_some() => Some(Order::Absolute),
        _ => has_day.then_some(Order::AirDate),
    }
}
