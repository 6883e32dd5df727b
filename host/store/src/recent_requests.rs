//! Requests that this process has just stored, kept for the pipeline that reads them next.
//!
//! A pipeline asks for what came after the last request that it has read. Where this process has stored all of that, the answer is
//! here, and the database is not asked. Another process that writes into the same file ends that: [`RecentRequests::forget`].

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use playrelay_util::lock::lock;

use crate::{Household, InboxRow};

/// Bytes that are kept in all.
const MAX_BYTES: usize = 4 << 20;
/// What a row takes beside its text. Bytes.
const ROW_BYTES: usize = 256;

/// Requests that this process has just stored.
#[derive(Debug, Default)]
pub struct RecentRequests(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    households: HashMap<Household, OfHousehold>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct OfHousehold {
    sources: HashMap<String, OfSource>,
    /// Of each row that is kept.
    source_of: HashMap<i64, String>,
}

/// The requests of one source.
#[derive(Debug)]
struct OfSource {
    /// All requests with a higher id that are not settled are in `rows`.
    complete_after: i64,
    /// By their ids.
    rows: VecDeque<InboxRow>,
}

impl RecentRequests {
    /// Keeps a request that was stored. Must be called in the order of the commits.
    pub fn add(&self, household: &Household, row: InboxRow) {
        let mut inner = lock(&self.0);
        let Inner { households, bytes } = &mut *inner;
        let of_household = match households.get_mut(household) {
            Some(known) => known,
            None => households.entry(household.clone()).or_default(),
        };
        let OfHousehold { sources, source_of } = of_household;
        let of_source = match sources.get_mut(&row.received.source) {
            Some(known) => known,
            None => sources
                .entry(row.received.source.clone())
                .or_insert_with(|| OfSource { complete_after: row.id - 1, rows: VecDeque::new() }),
        };
        *bytes += size(&row);
        source_of.insert(row.id, row.received.source.clone());
        of_source.rows.push_back(row);
        while *bytes > MAX_BYTES
            && let Some(oldest) = of_source.rows.pop_front()
        {
            *bytes -= size(&oldest);
            source_of.remove(&oldest.id);
            of_source.complete_after = oldest.id;
        }
    }

    /// Requests were settled.
    pub fn settle(&self, household: &Household, ids: &[i64]) {
        let mut inner = lock(&self.0);
        let Inner { households, bytes } = &mut *inner;
        let Some(OfHousehold { sources, source_of }) = households.get_mut(household) else { return };
        for id in ids {
            let Some(of_source) = source_of.remove(id).and_then(|source| sources.get_mut(&source)) else {
                continue;
            };
            let place = of_source.rows.binary_search_by_key(id, |row| row.id);
            if let Some(row) = place.ok().and_then(|place| of_source.rows.remove(place)) {
                *bytes -= size(&row);
            }
        }
    }

    /// The requests of a source after one that are not settled; absent where the database must be asked.
    pub fn after(
        &self,
        household: &Household,
        source: &str,
        after: i64,
        limit: u32,
        max_bytes: usize,
    ) -> Option<Vec<InboxRow>> {
        let inner = lock(&self.0);
        let of_source = inner.households.get(household)?.sources.get(source)?;
        if after < of_source.complete_after {
            return None;
        }
        let mut taken = 0;
        let fits = |row: &&InboxRow| {
            let is_first = taken == 0;
            taken += size(row);
            is_first || taken <= max_bytes
        };
        let first = of_source.rows.partition_point(|row| row.id <= after);
        Some(of_source.rows.range(first..).take(limit as usize).take_while(fits).cloned().collect())
    }

    /// Keeps nothing any more: others may have stored requests between these.
    pub fn forget(&self) {
        *lock(&self.0) = Inner::default();
    }
}

fn size(row: &InboxRow) -> usize {
    ROW_BYTES + row.received.request.len()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::Received;

    fn row(id: i64, source: &str, bytes: usize) -> InboxRow {
        let received = Received {
            source: source.to_owned(),
            at: Timestamp::UNIX_EPOCH,
            request: vec![b'x'; bytes],
            person: None,
        };
        InboxRow { id, received }
    }

    fn ids(recent: &RecentRequests, after: i64) -> Option<Vec<i64>> {
        let rows = recent.after(&Household::home(), "home", after, 100, usize::MAX);
        rows.map(|rows| rows.iter().map(|row| row.id).collect())
    }

    #[test]
    fn what_follows_the_last_stored_request_is_known() {
        let recent = RecentRequests::default();
        assert_eq!(ids(&recent, 0), None);
        for (id, source) in [(4, "home"), (5, "attic"), (7, "home")] {
            recent.add(&Household::home(), row(id, source, 10));
        }
        assert_eq!(ids(&recent, 2), None, "an older request may wait in the database");
        assert_eq!(ids(&recent, 3), Some(vec![4, 7]));
        assert_eq!(ids(&recent, 4), Some(vec![7]));
        recent.settle(&Household::home(), &[7, 5, 6]);
        assert_eq!(ids(&recent, 3), Some(vec![4]));
        recent.add(&Household::home(), row(9, "home", 10));
        assert_eq!(ids(&recent, 4), Some(vec![9]));
        assert_eq!(ids(&recent, 9), Some(vec![]));
        recent.forget();
        assert_eq!(ids(&recent, 7), None);
    }

    #[test]
    fn what_does_not_fit_is_read_from_the_database() {
        let recent = RecentRequests::default();
        for id in 1..=5 {
            recent.add(&Household::home(), row(id, "home", MAX_BYTES / 4));
        }
        assert_eq!(ids(&recent, 0), None);
        assert_eq!(ids(&recent, 2), Some(vec![3, 4, 5]));
        recent.settle(&Household::home(), &[3]);
        let rows = recent.after(&Household::home(), "home", 2, 100, MAX_BYTES / 2);
        assert_eq!(rows.map(|rows| rows.len()), Some(1), "a page has so many bytes");
        recent.add(&Household::home(), row(6, "home", MAX_BYTES * 2));
        assert_eq!(ids(&recent, 5), None);
        assert_eq!(ids(&recent, 6), Some(vec![]));
    }
}
