//! A connection that is cut.

use std::sync::Arc;

use tokio::sync::Notify;

/// Cuts the connection of a request off, without an answer. Found in a request's extensions.
#[derive(Clone, Debug, Default)]
pub struct Disconnect(pub(crate) Arc<Notify>);

impl Disconnect {
    /// Cuts the connection; the caller should never answer.
    pub async fn now(&self) -> ! {
        self.0.notify_one();
        std::future::pending().await
    }
}
