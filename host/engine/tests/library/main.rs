//! The library: statistics agree with the plays, day for day, in the person's own zone.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use playrelay_engine::library::statistics::{Statistics, Watch};
use proptest::prelude::*;

/// Zones whose clocks change at other times: by an hour, by half an hour, never, and across the date line.
const ZONES: [&str; 5] =
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"];

/// Times around what is hard: a change of daylight saving, a leap day, the turn of a year, the day that Samoa left out.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let hard = prop_oneof![
        Just("2024-03-31T01:00:00Z"),
        Just("2024-10-27T01:00:00Z"),
        Just("2024-11-03T06:00:00Z"),
        Just("2024-02-29T12:00:00Z"),
        Just("2023-12-31T23:30:00Z"),
        Just("2011-12-30T10:00:00Z"),
    ];
    (hard, -200_000..200_000_i64).prop_map(|(near, seconds)| {
        near.parse::<Timestamp>().unwrap().checked_add(SignedDuration::from_secs(seconds)).unwrap()
    })
}

fn any_watch() -> impl Strategy<Value = Watch> {
    (any_time(), 1..5_i64, any::<bool>(), prop::option::of(1..9_000_000_u32))
        .prop_map(|(at, title, is_movie, runtime_ms)| Watch { at, title, is_movie, runtime_ms })
}

/// The most days in a row, counted the slow way: from each day on.
fn longest_streak(days: &BTreeSet<Date>) -> u32 {
    let run = |first: &Date| {
        let mut day = *first;
        let mut length = 1;
        while let Ok(next) = day.tomorrow()
            && days.contains(&next)
        {
            (day, length) = (next, length + 1);
        }
        length
    };
    days.iter().map(run).max().unwrap_or(0)
}

proptest! {
    #[test]
    fn numbers_are_those_counted_from_the_plays(
        watches in prop::collection::vec(any_watch(), 0..60),
        zone in prop::sample::select(&ZONES[..]),
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let today = "2024-12-31".parse().unwrap();
        let counts = Statistics::count(watches.clone(), &zone, today);
        let local = |watch: &Watch| watch.at.to_zoned(zone.clone());
        let days: BTreeSet<Date> = watches.iter().map(|watch| local(watch).date()).collect();
        prop_assert_eq!(counts.total() as usize, watches.len());
        prop_assert_eq!(counts.days as usize, days.len());
        prop_assert_eq!(counts.longest_streak, longest_streak(&days));
        let mut months: BTreeMap<Date, u32> = BTreeMap::new();
        for watch in &watches {
            *months.entry(local(watch).date().first_of_month()).or_default() += 1;
        }
        let told: BTreeMap<Date, u32> =
            counts.months.iter().filter(|(_, count)| **count > 0).map(|(month, count)| (*month, *count)).collect();
        prop_assert_eq!(told, months);
        // Each count is of all watches, whichever way they are divided.
        let total = counts.total();
        prop_assert_eq!(counts.months.values().sum::<u32>(), total);
        prop_assert_eq!(counts.weekdays.iter().sum::<u32>(), total);
        prop_assert_eq!(counts.hours.iter().sum::<u32>(), total);
        prop_assert_eq!(counts.titles.values().sum::<u32>(), total);
        for (hour, count) in counts.hours.iter().enumerate() {
            let counted = watches.iter().filter(|watch| local(watch).hour() as usize == hour).count();
            prop_assert_eq!(*count as usize, counted);
            prop_assert_eq!(*count, counts.week.iter().map(|day| day[hour]).sum::<u32>());
        }
        // The order in which plays come is no matter.
        let mut turned = watches;
        turned.reverse();
        prop_assert_eq!(Statistics::count(turned, &zone, today), counts);
    }
}
