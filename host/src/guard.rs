//! Slows down those who guess tokens and passwords.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens or passwords that a client may send…
const FAILURES: u32 = 10;
/// …within this time.
const WINDOW: Duration = Duration::from_secs(60);
/// Clients that are remembered.
const CLIENTS: usize = 10_000;

/// Counts what is wrong per client. What is right is never refused.
#[derive(Debug, Default)]
pub struct Guard(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl Guard {
    /// Counts a failure; false once there were too many.
    pub fn may_fail(&self, client: IpAddr) -> bool {
        self.may_fail_at(client, Instant::now())
    }

    fn may_fail_at(&self, client: IpAddr, now: Instant) -> bool {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS && !clients.contains_key(&client) {
            clients.retain(|_, (_, since)| now.duration_since(*since) < WINDOW);
            if clients.len() >= CLIENTS {
                return false;
            }
        }
        let (count, since) = clients.entry(client).or_insert((0, now));
        if now.duration_since(*since) >= WINDOW {
            (*count, *since) = (0, now);
        }
        *count = count.saturating_add(1);
        *count <= FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_failures_a_minute_and_client() {
        let guard = Guard::default();
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let now = Instant::now();
        for _ in 0..FAILURES {
            assert!(guard.may_fail_at(one, now));
        }
        assert!(!guard.may_fail_at(one, now));
        assert!(guard.may_fail_at(other, now));
        assert!(guard.may_fail_at(one, now + WINDOW));
    }
}
