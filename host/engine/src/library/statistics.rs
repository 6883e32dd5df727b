//! Counts over what a person watched, in the days of their own time zone.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::library::import::UNKNOWN_TIME;

/// One watch, as statistics count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// When it counted, UTC.
    pub at: Timestamp,
    /// The number of the film or the show.
    pub title: i64,
    /// Whether it was a film; an episode otherwise.
    pub is_movie: bool,
    /// The length of what was watched, in ms; absent if unknown.
    pub runtime_ms: Option<u32>,
}

/// The counts of a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Films that were watched, each as often as it was.
    pub movies: u32,
    /// Episodes that were watched.
    pub episodes: u32,
    /// Their lengths together, as far as they are known. Ms.
    pub runtime_ms: u64,
    /// Watches without a known day. The sums include them; the counts by time do not.
    pub undated: u32,
    /// Watches by the first day of their month, without gaps from the first to the last.
    pub months: BTreeMap<Date, u32>,
    /// Watches by the day of the week, from Monday on.
    pub weekdays: [u32; 7],
    /// Watches by the hour of the day, from midnight on.
    pub hours: [u32; 24],
    /// The same by both: a row for each day of the week.
    pub week: [[u32; 24]; 7],
    /// Watches by title.
    pub titles: BTreeMap<i64, u32>,
    /// Days on which something was watched.
    pub days: u32,
    /// The most days in a row on which something was watched.
    pub longest_streak: u32,
    /// Such days in a row up to today or yesterday.
    pub current_streak: u32,
}

impl Statistics {
    /// Counts watches, in any order. `today` ends the current streak.
    pub fn count(watches: impl IntoIterator<Item = Watch>, zone: &TimeZone, today: Date) -> Self {
        let mut counts = Self::default();
        let mut days: BTreeMap<Date, u32> = BTreeMap::new();
        for watch in watches {
            counts.add(&watch);
            if watch.at == UNKNOWN_TIME {
                counts.undated += 1;
                continue;
            }
            let local = watch.at.to_zoned(zone.clone());
            let (weekday, hour) = (place_in_week(local.weekday()), usize::from(local.hour().unsigned_abs()));
            *counts.months.entry(local.date().first_of_month()).or_default() += 1;
            counts.weekdays[weekday] += 1;
            counts.hours[hour] += 1;
            counts.week[weekday][hour] += 1;
            *days.entry(local.date()).or_default() += 1;
        }
        counts.fill_months();
        counts.days = u32::try_from(days.len()).unwrap_or(u32::MAX);
        counts.count_streaks(days.keys().copied(), today);
        counts
    }

    /// All watches.
    pub fn total(&self) -> u32 {
        self.movies + self.episodes
    }

    fn add(&mut self, watch: &Watch) {
        match watch.is_movie {
            true => self.movies += 1,
            false => self.episodes += 1,
        }
        self.runtime_ms += u64::from(watch.runtime_ms.unwrap_or(0));
        *self.titles.entry(watch.title).or_default() += 1;
    }

    /// A month in which nothing was watched has its place in a plot.
    fn fill_months(&mut self) {
        let span = self.months.keys().next().copied().zip(self.months.keys().next_back().copied());
        let Some((mut month, last)) = span else { return };
        while month < last {
            self.months.entry(month).or_default();
            match month.checked_add(1.month()) {
                Ok(next) => month = next,
                Err(_) => return,
            }
        }
    }

    fn count_streaks(&mut self, days: impl Iterator<Item = Date>, today: Date) {
        let (mut streak, mut last): (u32, Option<Date>) = (0, None);
        for day in days {
            let follows = last.is_some_and(|last| last.tomorrow().is_ok_and(|next| next == day));
            streak = if follows { streak + 1 } else { 1 };
            self.longest_streak = self.longest_streak.max(streak);
            last = Some(day);
        }
        // Who has not watched anything yet today has not broken it.
        let goes_on =
            last.is_some_and(|last| last >= today || last.tomorrow().is_ok_and(|next| next == today));
        self.current_streak = if goes_on { streak } else { 0 };
    }
}

/// Watches by genre, the most first: one of a title with several genres counts for each.
pub fn count_genres(titles: &BTreeMap<i64, u32>, genres: &[(i64, String)]) -> Vec<(String, u32)> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (title, genre) in genres {
        if let Some(watches) = titles.get(title) {
            *counts.entry(genre).or_default() += watches;
        }
    }
    let mut counts: Vec<(String, u32)> =
        counts.into_iter().map(|(genre, count)| (genre.to_owned(), count)).collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// The place of a day in a week that begins on Monday.
fn place_in_week(day: Weekday) -> usize {
    usize::from(day.to_monday_zero_offset().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Watch {
        Watch { at: text.parse().unwrap(), title: 1, is_movie: true, runtime_ms: Some(60_000) }
    }

    fn count(times: &[&str], zone: &TimeZone, today: &str) -> Statistics {
        Statistics::count(times.iter().map(|text| at(text)), zone, today.parse().unwrap())
    }

    /// Two hours behind UTC: the evening of the day before.
    #[test]
    fn days_are_those_of_the_person() {
        let west = TimeZone::fixed(jiff::tz::offset(-2));
        let counts = count(&["2024-03-01T01:30:00Z"], &west, "2024-02-29");
        assert_eq!(counts.months.keys().next().unwrap().to_string(), "2024-02-01");
        assert_eq!((counts.weekdays[3], counts.hours[23], counts.current_streak), (1, 1, 1));
    }

    #[test]
    fn a_streak_goes_on_until_a_day_is_over_without_a_watch() {
        let days =
            ["2024-02-27T10:00:00Z", "2024-02-28T10:00:00Z", "2024-02-29T10:00:00Z", "2024-03-01T10:00:00Z"];
        let streaks = |today| {
            let counts = count(&days, &TimeZone::UTC, today);
            (counts.longest_streak, counts.current_streak)
        };
        assert_eq!(streaks("2024-03-01"), (4, 4));
        assert_eq!(streaks("2024-03-02"), (4, 4));
        assert_eq!(streaks("2024-03-03"), (4, 0));
    }

    #[test]
    fn a_watch_counts_for_each_genre_of_its_title() {
        let titles = BTreeMap::from([(1, 2), (2, 1)]);
        let genres =
            [(1, "Drama"), (1, "War"), (2, "Drama"), (3, "Comedy")].map(|(id, genre)| (id, genre.to_owned()));
        assert_eq!(count_genres(&titles, &genres), [("Drama".to_owned(), 3), ("War".to_owned(), 2)]);
    }

    #[test]
    fn months_without_a_watch_have_their_place() {
        let counts = count(&["2023-11-30T10:00:00Z", "2024-02-01T10:00:00Z"], &TimeZone::UTC, "2024-02-01");
        let months: Vec<_> = counts.months.iter().map(|(month, count)| (month.to_string(), *count)).collect();
        assert_eq!(
            months,
            [
                ("2023-11-01".to_owned(), 1),
                ("2023-12-01".to_owned(), 0),
                ("2024-01-01".to_owned(), 0),
                ("2024-02-01".to_owned(), 1)
            ]
        );
        assert_eq!((counts.total(), counts.runtime_ms, counts.days), (2, 120_000, 2));
    }
}
