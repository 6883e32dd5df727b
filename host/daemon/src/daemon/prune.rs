//! Deletes inputs that are old.

use std::time::Duration;

use playrelay_engine::retention;
use playrelay_store::SharedOwner;
use playrelay_util::clock;

/// Between two rounds.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// Deletes what the retention rules say, once an hour. `keep`: how long the user keeps inputs.
pub(crate) async fn prune(store: SharedOwner, keep: Duration) {
    loop {
        let now = clock::now();
        loop {
            match store.prune(retention::rules(now, keep).to_vec(), now).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!("old events cannot be deleted: {error}");
                    break;
                }
            }
        }
        tokio::time::sleep(PRUNE_INTERVAL).await;
    }
}
