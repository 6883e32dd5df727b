//! How fast, and how often a day, an account may send requests.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use playrelay_util::clock;
use playrelay_util::lock::lock;
use tokio::sync::{Mutex, MutexGuard};

use crate::http::message::{HttpError, Response};
use crate::manifest::{Counted, Quota, Rate};
use crate::ports::{QuotaStore, QuotaUsage, UsageRule};

/// Below this share of the day's requests only what must not be lost is sent.
const RESERVED_PERCENT: u32 = 10;

/// Keeps writes apart. Also the first one waits: another process may have written a moment ago, and died.
pub struct WriteRateLimiter {
    interval: SignedDuration,
    next: Mutex<Timestamp>,
}

impl WriteRateLimiter {
    /// A pace in ms.
    pub fn new(interval_ms: u32) -> Self {
        let interval = SignedDuration::from_millis(interval_ms.into());
        Self { interval, next: Mutex::new(after(clock::now(), interval)) }
    }

    /// Begins anew: another process may have written until now.
    pub fn restart(&self) {
        // Whose turn it is counts the interval anyway.
        if let Ok(mut next) = self.next.try_lock() {
            *next = after(clock::now(), self.interval);
        }
    }

    /// Waits until a write may be sent. It is this one's turn until what this gives is dropped: the interval is counted from the
    /// answer, since a network delays some requests more than others.
    pub async fn turn(&self) -> Permit<'_> {
        let next = self.next.lock().await;
        // A clock that was set back must not hold writes up for longer than the interval.
        let left = next.duration_since(clock::now()).clamp(SignedDuration::ZERO, self.interval);
        clock::sleep(left.unsigned_abs()).await;
        Permit { next, interval: self.interval }
    }
}

/// The turn of one write.
pub struct Permit<'a> {
    next: MutexGuard<'a, Timestamp>,
    interval: SignedDuration,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.next = after(clock::now(), self.interval);
    }
}

fn after(now: Timestamp, interval: SignedDuration) -> Timestamp {
    now.saturating_add(interval).unwrap_or(now)
}

/// Keeps the requests of an account within a rate of the manifest. What another process has sent is not known here: the service's own
/// answer tells.
pub struct RateLimit {
    rate: Rate,
    sent: std::sync::Mutex<VecDeque<Timestamp>>,
}

impl RateLimit {
    /// Nothing has been sent yet.
    pub fn new(rate: Rate) -> Self {
        Self { rate, sent: std::sync::Mutex::default() }
    }

    /// Whether a request with this method is counted.
    pub fn counts(&self, method: &reqwest::Method) -> bool {
        (self.rate.of == Counted::Reads) == (method == reqwest::Method::GET)
    }

    /// Takes one request, at this moment.
    ///
    /// # Errors
    ///
    /// The limit is reached; the error says until when.
    pub fn take(&self, now: Timestamp) -> Result<(), HttpError> {
        let span = SignedDuration::from_secs(self.rate.seconds.into());
        let mut sent = lock(&self.sent);
        // A clock that was set back must not keep what is in the future.
        sent.retain(|at| *at <= now && now.duration_since(*at) < span);
        if let Some(first) = sent.front()
            && sent.len() >= self.rate.requests as usize
        {
            let until = after(*first, span);
            let Rate { requests, seconds, of } = self.rate;
            let of = of.as_str();
            let reason = format!(
                "the {requests} {of} that may be sent in {seconds} s are used up; there are new ones at {until}"
            );
            return Err(HttpError::Quota { until, reason });
        }
        sent.push_back(now);
        Ok(())
    }
}

/// Counts an account's requests of the day, and stops them where the quota is used up. The count is kept before a request is
/// sent: a program that is killed does not begin anew, and two that serve one account share it.
pub struct DailyQuota {
    account: String,
    quota: Quota,
    counts: Arc<dyn QuotaStore>,
}

impl DailyQuota {
    /// A meter for an account.
    pub fn new(account: &str, quota: Quota, counts: Arc<dyn QuotaStore>) -> Self {
        Self { account: account.to_owned(), quota, counts }
    }

    /// The rules.
    pub fn quota(&self) -> &Quota {
        &self.quota
    }

    /// Takes one request from the day's.
    ///
    /// # Errors
    ///
    /// The limit is reached; the error says until when.
    pub async fn take(&self) -> Result<(), HttpError> {
        let now = clock::now();
        let (day, requests) = (self.quota.day_of(now), self.quota.requests);
        let rule: UsageRule = Box::new(move |kept| {
            let count = today(kept, &day, requests);
            (count.used < count.allowed).then(|| QuotaUsage { used: count.used + 1, ..count })
        });
        let taken = self.counts.change_usage(&self.account, rule).await.map_err(HttpError::Unreachable)?;
        if taken.is_some() {
            return Ok(());
        }
        let (_, allowed) = self.remaining().await?;
        let until = self.quota.next_day_at(now);
        let reason = format!("the {allowed} requests of today are used up; there are new ones at {until}");
        Err(HttpError::Quota { until, reason })
    }

    /// Learns from an answer what the service counts. Others may use the same account.
    ///
    /// # Errors
    ///
    /// The count cannot be stored.
    pub async fn update_from_response(&self, answer: &Response) -> Result<(), HttpError> {
        let number = |name: &Option<String>| answer.header(name.as_deref()?)?.trim().parse::<u32>().ok();
        let (limit, left) = (number(&self.quota.limit_header), number(&self.quota.remaining_header));
        if limit.is_none() && left.is_none() {
            return Ok(());
        }
        let now = clock::now();
        let (day, has_just_begun) = (self.quota.day_of(now), self.quota.has_just_begun(now));
        let rule: UsageRule = Box::new(move |kept| {
            let kept = kept?;
            let mut count = kept.clone();
            count.allowed = limit.filter(|limit| *limit > 0).unwrap_or(count.allowed);
            let counted = left.map(|left| count.allowed.saturating_sub(left));
            // The service may still count the day before.
            let is_of_today = count.day == day && !has_just_begun;
            count.used = counted.filter(|counted| is_of_today || *counted < count.used).unwrap_or(count.used);
            Some(count).filter(|count| *count != kept)
        });
        let changed = self.counts.change_usage(&self.account, rule).await;
        changed.map(drop).map_err(HttpError::Unreachable)
    }

    /// Requests that are left today, and those that there are a day.
    ///
    /// # Errors
    ///
    /// The count cannot be read.
    pub async fn remaining(&self) -> Result<(u32, u32), HttpError> {
        let kept = self.counts.usage(&self.account).await.map_err(HttpError::Unreachable)?;
        let count = today(kept, &self.quota.day_of(clock::now()), self.quota.requests);
        Ok((count.allowed.saturating_sub(count.used), count.allowed))
    }

    /// Whether what is left today should be kept for what must not be lost.
    ///
    /// # Errors
    ///
    /// The count cannot be read.
    pub async fn is_scarce(&self) -> Result<bool, HttpError> {
        self.remaining().await.map(|(left, allowed)| left <= allowed / RESERVED_PERCENT)
    }
}

/// The usage of a day. What an account may do is known from the day before; a plan that has become smaller is in the next answer.
fn today(kept: Option<QuotaUsage>, day: &str, requests: u32) -> QuotaUsage {
    let allowed = kept.as_ref().map_or(requests, |count| count.allowed);
    let of_today = kept.filter(|count| count.day == day);
    of_today.unwrap_or_else(|| QuotaUsage { day: day.to_owned(), used: 0, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_over_a_span_that_slides() {
        let limit = RateLimit::new(Rate { requests: 3, seconds: 300, of: Counted::Writes });
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        assert!(limit.counts(&reqwest::Method::POST) && !limit.counts(&reqwest::Method::GET));
        for second in [0, 10, 20] {
            limit.take(at(second)).unwrap();
        }
        let Err(HttpError::Quota { until, reason }) = limit.take(at(299)) else { panic!("it is used up") };
        assert_eq!(until, at(300));
        assert!(reason.starts_with("the 3 writes that may be sent in 300 s are used up"), "{reason}");
        limit.take(at(300)).unwrap();
        assert!(limit.take(at(309)).is_err() && limit.take(at(310)).is_ok());
        // A clock that was set back begins anew.
        assert!(limit.take(at(-1_000)).is_ok());
    }
}
