//! `[limits]`

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far a service's clock may be from ours.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(120);

/// Rates of a manifest.
const MAX_RATES: usize = 8;
/// Requests that a rate may count: the time of each is remembered.
const MAX_RATE_REQUESTS: u32 = 10_000;
/// The longest span of a rate.
const LONGEST_SPAN_S: u32 = 60 * 60;

/// `[limits]`: requests for more, or promises of less, than the defaults. The host caps them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Limits {
    /// MiB of memory; 32 where absent, 64 at most.
    pub memory_mib: Option<u32>,
    /// MiB of an answer; 2 where absent, 8 at most.
    pub response_mib: Option<u32>,
    /// The least time between two requests that write, per account, in ms.
    pub write_interval_ms: Option<u32>,
    /// Requests within a span of time, per account.
    #[serde(default)]
    pub rate: Vec<Rate>,
    /// Requests a day, per account.
    pub quota: Option<Quota>,
}

/// `[[limits.rate]]`: so many requests within a span that slides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rate {
    /// The number of requests.
    pub requests: u32,
    /// The span, from 1 s to 1 h.
    pub seconds: u32,
    /// Which requests are counted.
    pub of: Counted,
}

/// Which requests a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// GET.
    Reads,
    /// Everything else.
    Writes,
}

impl Counted {
    /// Its name in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
        }
    }
}

impl Limits {
    /// The limits of its requests, for people.
    pub(crate) fn in_words(&self) -> Vec<String> {
        let answer = self.response_mib.map(|mib| format!("answers of {mib} MiB"));
        let pace = self.write_interval_ms.map(|ms| format!("{ms} ms between two requests that write"));
        let rates = self.rate.iter().map(|rate| {
            format!("{} {} in {} s for each account", rate.requests, rate.of.as_str(), rate.seconds)
        });
        let quota =
            self.quota.as_ref().map(|quota| format!("{} requests a day for each account", quota.requests));
        answer.into_iter().chain(pace).chain(rates).chain(quota).collect()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        if self.rate.len() > MAX_RATES {
            return Err(format!("limits.rate has {} entries; expected {MAX_RATES} at most", self.rate.len()));
        }
        for rate in &self.rate {
            if !(1..=MAX_RATE_REQUESTS).contains(&rate.requests)
                || !(1..=LONGEST_SPAN_S).contains(&rate.seconds)
            {
                return Err(format!(
                    "limits.rate has {} requests in {} s; expected 1 to {MAX_RATE_REQUESTS} requests in 1 to {LONGEST_SPAN_S} s",
                    rate.requests, rate.seconds
                ));
            }
        }
        self.quota.as_ref().map_or(Ok(()), Quota::check)
    }
}

/// `[limits.quota]`: so many requests a day. The service's own headers say more where an account has more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quota {
    /// The requests a day of the smallest plan.
    pub requests: u32,
    /// The time zone in which its days begin: `UTC`, or a POSIX TZ string (no database of time zones is needed for one).
    pub day: String,
    /// The header that says how many requests there are a day.
    pub limit_header: Option<String>,
    /// The header that says how many are left.
    pub remaining_header: Option<String>,
}

impl Quota {
    fn check(&self) -> Result<(), String> {
        if self.requests == 0 {
            return Err("limits.quota.requests = 0; expected 1 or more".to_owned());
        }
        self.zone().map(drop).ok_or_else(|| {
            format!("limits.quota.day = {:?}; expected \"UTC\" or a POSIX TZ string such as \"EST5EDT,M3.2.0,M11.1.0\"", self.day)
        })
    }

    fn zone(&self) -> Option<TimeZone> {
        if self.day == "UTC" { Some(TimeZone::UTC) } else { TimeZone::posix(&self.day).ok() }
    }

    /// The day of a moment, as it is counted by: `2026-11-21`.
    pub fn day_of(&self, now: Timestamp) -> String {
        self.local(now).date().to_string()
    }

    /// When the next day of the quota begins, UTC.
    pub fn next_day(&self, now: Timestamp) -> Timestamp {
        let tomorrow = self.local(now).tomorrow().and_then(|tomorrow| tomorrow.start_of_day());
        // The calendar ends in the year 9999.
        tomorrow.map_or_else(
            |_| now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX),
            |start| start.timestamp(),
        )
    }

    /// When there are new requests for certain: a little into the next day, since clocks differ.
    pub fn next_day_at(&self, now: Timestamp) -> Timestamp {
        let next = self.next_day(now);
        next.saturating_add(CLOCKS_APART).unwrap_or(next)
    }

    /// Whether the day of a moment has only just begun: by the service's clock it may be the day before.
    pub fn has_just_begun(&self, now: Timestamp) -> bool {
        now.saturating_sub(CLOCKS_APART).is_ok_and(|before| self.day_of(before) != self.day_of(now))
    }

    fn local(&self, now: Timestamp) -> Zoned {
        now.to_zoned(self.zone().unwrap_or(TimeZone::UTC))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_service_lives() {
        let quota = |day: &str| Quota {
            requests: 1,
            day: day.to_owned(),
            limit_header: None,
            remaining_header: None,
        };
        let new_york = quota("EST5EDT,M3.2.0,M11.1.0");
        for (now, day, next) in [
            ("2026-11-21T04:59:59Z", "2026-11-20", "2026-11-21T05:00:00Z"),
            ("2026-11-21T05:00:00Z", "2026-11-21", "2026-11-22T05:00:00Z"),
            // In summer it is an hour earlier.
            ("2026-07-01T03:59:00Z", "2026-06-30", "2026-07-01T04:00:00Z"),
        ] {
            let now: Timestamp = now.parse().unwrap();
            assert_eq!(new_york.day_of(now), day);
            assert_eq!(new_york.next_day(now).to_string(), next);
        }
        assert!(quota("UTC").check().is_ok() && quota("Mars/Olympus").check().is_err());
    }
}
