//! Slows down those who guess tokens and passwords.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use playrelay_util::lock::lock;

/// Wrong tokens or passwords that a client may send within [`LOCKOUT_WINDOW`].
const MAX_FAILURES: u32 = 10;
/// The time in which failures are counted together.
const LOCKOUT_WINDOW: Duration = Duration::from_secs(60);
/// How long a client is locked out the first time; each further time it is twice as long.
const FIRST_LOCK: Duration = Duration::from_secs(60);
/// The longest that a client is locked out.
const LONGEST_LOCK: Duration = Duration::from_secs(60 * 60);
/// Clients that are remembered.
const MAX_CLIENTS: usize = 10_000;

/// The attempts of a client.
#[derive(Debug)]
struct Client {
    failures: u32,
    /// When its first failure of the window was.
    since: Instant,
    /// The number of times that it was locked out.
    locks: u32,
    locked_until: Option<Instant>,
}

/// Counts what is wrong per client: by its [`network`], or by the name of the account that it guesses at.
#[derive(Debug)]
pub struct AttemptLimiter<Key = IpAddr>(Mutex<HashMap<Key, Client>>);

impl<Key> Default for AttemptLimiter<Key> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Key: Clone + Eq + Hash> AttemptLimiter<Key> {
    /// For how long a client is locked out from now on; absent where it is not.
    pub fn locked(&self, client: &Key) -> Option<Duration> {
        self.locked_at(client, Instant::now())
    }

    /// Counts a failure. Gives for how long the client is locked out, where this was one too many.
    pub fn failed(&self, client: Key) -> Option<Duration> {
        self.failed_at(client, Instant::now())
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<Key, Client>> {
        lock(&self.0)
    }

    fn locked_at(&self, client: &Key, now: Instant) -> Option<Duration> {
        let until = self.clients().get(client)?.locked_until?;
        Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    fn failed_at(&self, client: Key, now: Instant) -> Option<Duration> {
        let mut clients = self.clients();
        if clients.len() >= MAX_CLIENTS && !clients.contains_key(&client) {
            // Whoever was quiet for longest is forgotten, so that many addresses together lock out nobody else.
            let quietest = clients.iter().min_by_key(|(_, known)| known.locked_until.unwrap_or(known.since));
            if let Some(quietest) = quietest.map(|(client, _)| client.clone()) {
                clients.remove(&quietest);
            }
        }
        let known =
            clients.entry(client).or_insert(Client { failures: 0, since: now, locks: 0, locked_until: None });
        if now.duration_since(known.since) >= LOCKOUT_WINDOW
            && known.locked_until.is_none_or(|until| until <= now)
        {
            known.failures = 0;
            if now.duration_since(known.since) >= LONGEST_LOCK * 2 {
                known.locks = 0;
            }
            known.since = now;
        }
        known.failures = known.failures.saturating_add(1);
        if known.failures <= MAX_FAILURES {
            return None;
        }
        let lock = FIRST_LOCK.saturating_mul(1 << known.locks.min(6)).min(LONGEST_LOCK);
        known.locks = known.locks.saturating_add(1);
        known.failures = 0;
        known.locked_until = Some(now + lock);
        Some(lock)
    }
}

/// The key of a client: an IPv4 address, or the /64 network of an IPv6 address, which is what one customer has.
pub fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(guard: &AttemptLimiter, client: IpAddr, now: Instant, times: u32) -> Option<Duration> {
        (0..times).fold(None, |_, _| guard.failed_at(network(client), now))
    }

    #[test]
    fn more_than_ten_failures_lock_a_client_out_and_each_time_for_longer() {
        let guard = AttemptLimiter::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let mut now = Instant::now();
        assert_eq!(fail(&guard, one, now, MAX_FAILURES), None);
        assert_eq!(guard.locked_at(&one, now), None);
        for lock in [60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
            let lock = Duration::from_secs(lock);
            let missing = MAX_FAILURES + 1 - guard.clients()[&one].failures;
            assert_eq!(fail(&guard, one, now, missing), Some(lock), "{lock:?}");
            assert_eq!(guard.locked_at(&one, now), Some(lock));
            assert_eq!(guard.locked_at(&other, now), None);
            now += lock;
            assert_eq!(guard.locked_at(&one, now), None);
            // What was counted before does not count again.
            now += LOCKOUT_WINDOW;
        }
    }

    #[test]
    fn a_customers_network_is_one_client() {
        let guard = AttemptLimiter::default();
        let now = Instant::now();
        for last in 0..=MAX_FAILURES {
            let address = format!("2001:db8:1:2::{last:x}").parse().expect("an address");
            fail(&guard, address, now, 1);
        }
        let locked = |text: &str| guard.locked_at(&network(text.parse().expect("an address")), now).is_some();
        assert!(locked("2001:db8:1:2:ffff::1") && !locked("2001:db8:1:3::1"));
        fail(&guard, "::ffff:10.0.0.1".parse().expect("an address"), now, MAX_FAILURES + 1);
        assert!(locked("10.0.0.1"));
    }

    #[test]
    fn many_addresses_lock_nobody_else_out_and_are_forgotten() {
        let guard = AttemptLimiter::default();
        let now = Instant::now();
        for number in 0..MAX_CLIENTS + 5 {
            let address = IpAddr::from(u32::try_from(number).expect("small").to_be_bytes());
            assert_eq!(guard.failed_at(address, now + Duration::from_micros(number as u64)), None);
        }
        assert_eq!(guard.clients().len(), MAX_CLIENTS);
    }
}
