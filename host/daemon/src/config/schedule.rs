//! When something is done again and again: an interval, or a cron expression.

use std::time::Duration;

use cronexpr::Crontab;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::section::duration;

/// The shortest interval: services count requests.
const MIN_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// When something is done again and again.
#[derive(Clone, Debug)]
pub struct Schedule {
    text: String,
    rule: Rule,
}

#[derive(Clone, Debug)]
enum Rule {
    Every(SignedDuration),
    At(Box<Crontab>),
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Schedule {
    /// Reads an interval, `6h`, or a cron expression of five fields, whose times are those of a zone.
    ///
    /// # Errors
    ///
    /// Says in words what is wrong with it.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let text = text.trim();
        if let Some(interval) = duration(text) {
            if interval < MIN_INTERVAL {
                return Err(format!("it is shorter than {} minutes", MIN_INTERVAL.as_secs() / 60));
            }
            let interval = SignedDuration::try_from(interval).map_err(|_| "it is too long".to_owned())?;
            return Ok(Self { text: text.to_owned(), rule: Rule::Every(interval) });
        }
        // A zone without a name is that of a machine that has none.
        let named = format!("{text} {}", zone.iana_name().unwrap_or("UTC"));
        let crontab = cronexpr::parse_crontab(&named).map_err(|error| {
            let text = error.to_string();
            text.lines().last().unwrap_or_default().trim_start_matches(['^', ' ']).to_owned()
        })?;
        Ok(Self { text: named, rule: Rule::At(Box::new(crontab)) })
    }

    /// The next time after the last one; absent if the schedule has no further time.
    pub fn next_after(&self, last: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            Rule::Every(interval) => last.checked_add(*interval).ok(),
            Rule::At(crontab) => Some(crontab.find_next(last).ok()?.timestamp()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(schedule: &str, last: &str) -> String {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let schedule = Schedule::parse(schedule, &zone).unwrap();
        schedule.next_after(last.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn an_interval_and_a_time_of_day_come_again() {
        assert_eq!(next("6h", "2026-03-28T20:00:00Z"), "2026-03-29T02:00:00Z");
        // In the night of the change of clocks four o'clock is an hour nearer.
        assert_eq!(next("0 4 * * *", "2026-03-28T20:00:00Z"), "2026-03-29T02:00:00Z");
        assert_eq!(next("0 4 * * *", "2026-03-29T20:00:00Z"), "2026-03-30T02:00:00Z");
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in ["", "soon", "1m", "0 25 * * *", "* * *"] {
            assert!(Schedule::parse(text, &TimeZone::UTC).is_err(), "{text}");
        }
    }
}
