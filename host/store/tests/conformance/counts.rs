//! Counts and limits, while many count at the same time.

use std::sync::Arc;

use playrelay_store::{OwnerStore, QuotaRule, QuotaUsage};

use crate::place::{Place, each_store};

/// Programs that count at the same time.
const PROGRAMS: usize = 4;
/// Requests that are allowed.
const ALLOWED: u32 = 500;
/// Values that an account may keep.
const MAX_VALUES: usize = 1_000;

async fn programs(place: &Place) -> Vec<Arc<dyn OwnerStore>> {
    let mut stores = Vec::new();
    while stores.len() < PROGRAMS {
        stores.push(place.open().await);
    }
    stores
}

fn one_more() -> QuotaRule {
    Box::new(|usage| {
        let count =
            usage.unwrap_or_else(|| QuotaUsage { day: "2026-11-21".to_owned(), used: 0, allowed: ALLOWED });
        (count.used < count.allowed).then(|| QuotaUsage { used: count.used + 1, ..count })
    })
}

/// A thousand requests are wanted, and five hundred are allowed.
async fn no_more_requests_are_taken_than_are_allowed(place: Place) {
    let stores = programs(&place).await;
    let tasks: Vec<_> = (0..1_000)
        .map(|number| {
            let store = Arc::clone(&stores[number % PROGRAMS]);
            tokio::spawn(async move { store.change_quota_usage("bob", one_more()).await.unwrap() })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap().map(|usage| usage.used));
    }
    taken.sort_unstable();
    assert_eq!(taken, (1..=ALLOWED).collect::<Vec<_>>());
    assert_eq!(stores[0].quota_usage("bob").await.unwrap().unwrap().used, ALLOWED);
}

/// A plugin writes more values at the same time than its account may keep.
async fn no_more_values_are_kept_than_are_allowed(place: Place) {
    let stores = programs(&place).await;
    let tasks: Vec<_> = (0..MAX_VALUES + 50)
        .map(|number| {
            let store = Arc::clone(&stores[number % PROGRAMS]);
            tokio::spawn(async move {
                store.set("bob", &format!("key-{number}"), b"value".to_vec(), None).await.unwrap()
            })
        })
        .collect();
    let mut kept = 0;
    for task in tasks {
        kept += usize::from(task.await.unwrap());
    }
    assert_eq!(kept, MAX_VALUES);
}

/// Two nodes renew one login, and one of them stores it.
async fn of_two_who_replace_a_secret_one_wins(place: Place) {
    let (one, two) = (place.open().await, place.open().await);
    assert!(!one.replace_secret("bob", b"old".to_vec(), b"new".to_vec()).await.unwrap(), "nothing is there");
    for round in 0..20_u8 {
        one.put_secret("bob", vec![round]).await.unwrap();
        let (first, second) = tokio::join!(
            one.replace_secret("bob", vec![round], vec![round, 1]),
            two.replace_secret("bob", vec![round], vec![round, 2])
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert!(first != second, "one of two");
        let expected = vec![round, if first { 1 } else { 2 }];
        assert_eq!(one.secret("bob").await.unwrap(), Some(expected));
    }
}

each_store!(
    of_two_who_replace_a_secret_one_wins,
    no_more_requests_are_taken_than_are_allowed,
    no_more_values_are_kept_than_are_allowed
);
