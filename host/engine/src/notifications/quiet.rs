//! Hours in which nothing is sent.

use jiff::civil::Time;

/// Hours in which nothing is sent, by the clock on the wall. They may span midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// They begin at this time…
    pub from: Time,
    /// …and end at this one.
    pub until: Time,
}

impl QuietHours {
    /// Reads `22:00-07:00`. Absent where the text is something else, or both times are the same.
    pub fn parse(text: &str) -> Option<Self> {
        let (from, until) = text.split_once('-')?;
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
        let hours = Self { from: time(from)?, until: time(until)? };
        (hours.from != hours.until).then_some(hours)
    }

    /// Whether nothing is sent at a time.
    pub fn contains(self, time: Time) -> bool {
        match self.from < self.until {
            true => (self.from..self.until).contains(&time),
            false => time >= self.from || time < self.until,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn hours_are_read_and_hold() {
        let night = QuietHours::parse("22:00-07:00").unwrap();
        for (at, is_quiet) in [
            (time(21, 59, 59, 0), false),
            (time(22, 0, 0, 0), true),
            (time(0, 0, 0, 0), true),
            (time(6, 59, 59, 0), true),
            (time(7, 0, 0, 0), false),
        ] {
            assert_eq!(night.contains(at), is_quiet, "{at}");
        }
        let noon = QuietHours::parse(" 12:30 - 14:00 ").unwrap();
        assert!(noon.contains(time(13, 0, 0, 0)) && !noon.contains(time(14, 0, 0, 0)));
        for wrong in ["", "22:00", "22-7", "22:00-22:00", "24:00-07:00", "22:00-07:00-08:00"] {
            assert_eq!(QuietHours::parse(wrong), None, "{wrong}");
        }
    }
}
