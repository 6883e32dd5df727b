//! Rows of a file or of a service's list, held against what is known: each is new, known, or cannot be taken, with a reason and a remedy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::library::title::{TitleFacts, TitleMatch, title_of};
use crate::model::{Item, ItemKind};

/// The time of a watch whose day is unknown.
pub const UNKNOWN_TIME: Timestamp = Timestamp::UNIX_EPOCH;
/// The time of day of a watch with a known day only: far from midnight, so that the day stays the same in zones near by.
const NOON: Time = Time::constant(12, 0, 0, 0);
/// Two services write down one watch at its beginning, at its end, or when they heard of it.
const SAME_WATCH: SignedDuration = SignedDuration::from_hours(3);

/// When something was watched, as exactly as a row says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WatchedTime {
    /// To the second, UTC.
    At(Timestamp),
    /// On a day of the person's own zone.
    On(Date),
    /// At some time.
    Unknown,
}

impl WatchedTime {
    /// The time that a play gets.
    pub fn timestamp(self, zone: &TimeZone) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::On(day) => {
                let noon = zone.to_ambiguous_zoned(day.to_datetime(NOON)).compatible();
                noon.map_or(UNKNOWN_TIME, |noon| noon.timestamp())
            }
            Self::Unknown => UNKNOWN_TIME,
        }
    }

    /// Whether a watch at a time may be this one.
    fn may_be(self, at: Timestamp, zone: &TimeZone) -> bool {
        match self {
            Self::At(own) => own.duration_since(at).abs() <= SAME_WATCH,
            Self::On(day) => at.to_zoned(zone.clone()).date() == day,
            Self::Unknown => true,
        }
    }
}

/// Whether a watch that was imported, with the time that it got then, may be one of which a server tells. A row with a day only got the noon of that day.
pub fn is_same_watch(imported: Timestamp, told: Timestamp, zone: &TimeZone) -> bool {
    let local = imported.to_zoned(zone.clone());
    let time = match local.time() == NOON {
        true => WatchedTime::On(local.date()),
        false => WatchedTime::At(imported),
    };
    imported != UNKNOWN_TIME && time.may_be(told, zone)
}

/// The facts that a row has about a title.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// It was watched.
    Watch(WatchedTime),
    /// It was rated.
    Rating {
        /// From 0 to 10.
        stars: f64,
        /// When, UTC; absent if the row does not say.
        at: Option<Timestamp>,
    },
    /// It stands on the watchlist.
    Listed {
        /// Since when, UTC; absent if the row does not say.
        since: Option<Timestamp>,
    },
}

/// A row that could be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// What it is about.
    pub item: Item,
    /// What it tells.
    pub entry: Entry,
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowState {
    /// It is taken.
    New,
    /// The same is there already.
    Known,
    /// The same stands earlier in the file.
    Repeated,
    /// It may be one of several titles.
    Unclear,
    /// Nothing in it says which title it is.
    NoIdentity,
    /// It is about something that is not kept: a game, a book, an episode that was not watched.
    NotForUs,
}

impl RowState {
    /// All of them, in the order in which a preview counts them.
    pub const ALL: [Self; 6] =
        [Self::New, Self::Known, Self::Repeated, Self::Unclear, Self::NoIdentity, Self::NotForUs];

    /// The word for the store and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Known => "known",
            Self::Repeated => "repeated",
            Self::Unclear => "unclear",
            Self::NoIdentity => "no-identity",
            Self::NotForUs => "not-for-us",
        }
    }

    /// The state of a word; absent for any other.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The judgement over a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What becomes of it.
    pub state: RowState,
    /// Why, and what to do where it is not taken; empty for a row that is taken.
    pub reason: String,
}

impl Judgement {
    fn new(state: RowState, reason: impl Into<String>) -> Self {
        Self { state, reason: reason.into() }
    }
}

/// What is known of a person and the title of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownHistory {
    /// When each part of the title was watched, UTC: the part as [`part_of`] names it, and the play's id.
    pub watches: Vec<(String, Timestamp, String)>,
    /// The rating of each part, from 0 to 10.
    pub ratings: Vec<(String, f64)>,
    /// Whether the title stands on the person's watchlist.
    pub is_listed: bool,
}

/// The part of its title that an item is: empty for a film and a show, `S1`, `S1E2`, or the episode's name where it has no number.
pub fn part_of(item: &Item) -> String {
    match &item.kind {
        ItemKind::Movie(_) | ItemKind::Show(_) => String::new(),
        ItemKind::Season(season) => format!("S{}", season.number),
        ItemKind::Episode(episode) => match (episode.season, episode.numbers.first()) {
            (Some(season), Some(number)) => format!("S{season}E{number}"),
            (None, Some(number)) => format!("E{number}"),
            _ => match (episode.ids.iter().next(), &episode.title) {
                (Some((namespace, id)), _) => format!("{namespace}:{id}"),
                (None, title) => title.as_deref().unwrap_or_default().to_lowercase(),
            },
        },
    }
}

/// Judges the rows of one file, in their order.
pub struct ImportJudge {
    zone: TimeZone,
    /// What stood earlier in the file, by title and part.
    seen: BTreeMap<(String, String), Vec<Entry>>,
    /// Plays that a row was found to be: a second row is another watch.
    taken: BTreeSet<String>,
}

impl ImportJudge {
    /// A judge of a file of somebody whose days are those of a zone.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone, seen: BTreeMap::new(), taken: BTreeSet::new() }
    }

    /// Judges a row.
    pub fn judge(&mut self, record: &Record, title: &TitleMatch, known: &KnownHistory) -> Judgement {
        let facts = TitleFacts::of(&record.item);
        if facts.is_nameless() {
            let reason = "the row has neither a title nor an id; add one of them";
            return Judgement::new(RowState::NoIdentity, reason);
        }
        let part = part_of(&record.item);
        if matches!(record.item.kind, ItemKind::Episode(_)) && part.is_empty() {
            let reason = "the row does not say which episode it is; add season and number, or an id";
            return Judgement::new(RowState::NoIdentity, reason);
        }
        if let TitleMatch::Unclear(several) = title {
            let reason = format!(
                "{} titles that are known are called {:?}; add the year or an id to the row",
                several.len(),
                facts.name
            );
            return Judgement::new(RowState::Unclear, reason);
        }
        let name = match title {
            TitleMatch::One { id, .. } => format!("#{id}"),
            _ => facts.keys().into_iter().next().unwrap_or_default(),
        };
        let earlier = self.seen.entry((name, part.clone())).or_default();
        if earlier.iter().any(|earlier| says_no_more(&record.entry, earlier, &self.zone)) {
            return Judgement::new(RowState::Repeated, "an earlier row says the same");
        }
        earlier.push(record.entry);
        match record.entry {
            Entry::Watch(time) => self.judge_watch(time, &part, known),
            Entry::Rating { stars, .. } => {
                let same = |(of, rating): &&(String, f64)| *of == part && (rating - stars).abs() < 0.01;
                match known.ratings.iter().find(same) {
                    Some(_) => Judgement::new(RowState::Known, "it has this rating already"),
                    None => Judgement::new(RowState::New, ""),
                }
            }
            Entry::Listed { .. } if known.is_listed => {
                Judgement::new(RowState::Known, "it stands on the watchlist already")
            }
            Entry::Listed { .. } => Judgement::new(RowState::New, ""),
        }
    }

    /// Of the plays that it may be, a row is the nearest that no other row is.
    fn judge_watch(&mut self, time: WatchedTime, part: &str, known: &KnownHistory) -> Judgement {
        let own = time.timestamp(&self.zone);
        let candidates = known.watches.iter().filter(|(of, at, id)| {
            of == part
                && time.may_be(*at, &self.zone)
                && (time == WatchedTime::Unknown || !self.taken.contains(id))
        });
        match candidates.min_by_key(|(_, at, _)| at.duration_since(own).abs()) {
            Some((_, at, id)) => {
                self.taken.insert(id.clone());
                Judgement::new(RowState::Known, format!("a play of {at} is this one"))
            }
            None => Judgement::new(RowState::New, ""),
        }
    }
}

/// Whether an entry adds nothing to an earlier one of the same thing.
fn says_no_more(entry: &Entry, earlier: &Entry, zone: &TimeZone) -> bool {
    match (entry, earlier) {
        (Entry::Watch(WatchedTime::Unknown), Entry::Watch(_)) => true,
        (Entry::Watch(WatchedTime::On(day)), Entry::Watch(WatchedTime::At(at))) => {
            at.to_zoned(zone.clone()).date() == *day
        }
        (Entry::Watch(one), Entry::Watch(other)) => one == other,
        (Entry::Rating { .. }, Entry::Rating { .. }) | (Entry::Listed { .. }, Entry::Listed { .. }) => true,
        _ => false,
    }
}

/// Where titles come on a watchlist that has some already: in front of all of them, in their own order. `front` is the place of the first that is
/// there; absent for an empty list.
pub fn places_in_front(front: Option<i64>, count: usize) -> impl Iterator<Item = i64> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let first = front.unwrap_or(count).saturating_sub(count);
    (0..count).map(move |place| first + place)
}

/// The title of a row, for a list.
pub fn title_in_words(record: &Record) -> String {
    match record.entry {
        Entry::Listed { .. } => title_of(&record.item).to_string(),
        _ => record.item.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Episode, Movie, Show};

    const ONE: TitleMatch = TitleMatch::One { id: 1, merged: Vec::new() };

    fn heat(entry: Entry) -> Record {
        let movie = Movie { title: "Heat".to_owned(), year: Some(1995), ..Movie::default() };
        Record { item: Item::of(ItemKind::Movie(movie)), entry }
    }

    fn at(text: &str) -> Entry {
        Entry::Watch(WatchedTime::At(text.parse().unwrap()))
    }

    fn on(text: &str) -> Entry {
        Entry::Watch(WatchedTime::On(text.parse().unwrap()))
    }

    fn watched(times: &[&str]) -> KnownHistory {
        let watches = times.iter().map(|text| (String::new(), text.parse().unwrap(), (*text).to_owned()));
        KnownHistory { watches: watches.collect(), ..KnownHistory::default() }
    }

    fn states(entries: &[Entry], title: &TitleMatch, known: &KnownHistory) -> Vec<RowState> {
        let mut judge = ImportJudge::new(TimeZone::fixed(jiff::tz::offset(2)));
        entries.iter().map(|entry| judge.judge(&heat(*entry), title, known).state).collect()
    }

    use RowState::{Known, New, NoIdentity, Repeated, Unclear};

    #[test]
    fn a_play_is_one_row_and_a_second_row_is_another_watch() {
        let known = watched(&["2024-05-01T20:00:00Z"]);
        let rows = [at("2024-05-01T18:10:00Z"), at("2024-05-01T21:30:00Z"), at("2024-05-01T21:30:00Z")];
        assert_eq!(states(&rows, &ONE, &known), [Known, New, Repeated]);
        assert_eq!(states(&[at("2024-05-02T20:00:00Z")], &ONE, &known), [New]);
    }

    /// The day of the person: 22:30 UTC is the next day two hours east.
    #[test]
    fn a_row_with_a_day_alone_is_a_play_of_that_day() {
        let known = watched(&["2024-05-01T22:30:00Z"]);
        assert_eq!(
            states(&[on("2024-05-01"), on("2024-05-02"), on("2024-05-02")], &ONE, &known),
            [New, Known, Repeated]
        );
        let unknown = Entry::Watch(WatchedTime::Unknown);
        assert_eq!(states(&[unknown], &ONE, &known), [Known]);
        assert_eq!(
            states(&[on("2024-06-01"), unknown], &TitleMatch::New, &KnownHistory::default()),
            [New, Repeated]
        );
    }

    #[test]
    fn ratings_and_lists_are_taken_once() {
        let known =
            KnownHistory { ratings: vec![(String::new(), 8.0)], is_listed: true, ..KnownHistory::default() };
        let rating = |stars| Entry::Rating { stars, at: None };
        assert_eq!(states(&[rating(8.0), rating(7.0)], &ONE, &known), [Known, Repeated]);
        assert_eq!(states(&[rating(7.0)], &ONE, &known), [New]);
        let listed = Entry::Listed { since: None };
        assert_eq!(states(&[listed, listed], &ONE, &known), [Known, Repeated]);
        assert_eq!(states(&[listed], &TitleMatch::New, &KnownHistory::default()), [New]);
    }

    #[test]
    fn what_cannot_be_told_from_others_is_not_taken() {
        assert_eq!(
            states(&[on("2024-05-01")], &TitleMatch::Unclear(vec![1, 2]), &KnownHistory::default()),
            [Unclear]
        );
        let mut judge = ImportJudge::new(TimeZone::UTC);
        let show = Show { title: "Fargo".to_owned(), ..Show::default() };
        let episode = Item::of(ItemKind::Episode(Episode { show, ..Episode::default() }));
        let record = Record { item: episode, entry: on("2024-05-01") };
        assert_eq!(judge.judge(&record, &TitleMatch::New, &KnownHistory::default()).state, NoIdentity);
        let record = Record { item: Item::of(ItemKind::Movie(Movie::default())), entry: on("2024-05-01") };
        assert_eq!(judge.judge(&record, &TitleMatch::New, &KnownHistory::default()).state, NoIdentity);
    }

    #[test]
    fn new_titles_come_in_front_in_their_own_order() {
        assert_eq!(places_in_front(Some(10), 3).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(places_in_front(None, 2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(places_in_front(Some(-5), 1).collect::<Vec<_>>(), [-6]);
    }
}
