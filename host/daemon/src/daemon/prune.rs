//! What is done now and then.

use std::time::Duration;

use jiff::SignedDuration;
use playrelay_store::SharedOwner;
use playrelay_util::clock;

/// How long requests are kept that said nothing new.
const DUPLICATE_RETENTION: Duration = Duration::from_secs(2 * 24 * 60 * 60);
/// Between two removals of old requests.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Forgets old requests, once an hour.
pub(crate) async fn prune(store: SharedOwner, keep: Duration) {
    loop {
        let now = clock::now();
        let before = |keep: Duration| {
            let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
            now.saturating_sub(keep).unwrap_or(jiff::Timestamp::MIN)
        };
        loop {
            match store.prune(before(keep), before(keep.min(DUPLICATE_RETENTION)), now).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!("old events cannot be removed: {error}");
                    break;
                }
            }
        }
        tokio::time::sleep(PRUNE_INTERVAL).await;
    }
}
