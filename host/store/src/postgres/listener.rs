//! Hears that other programs have written: they say so on a channel of the server.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio_postgres::AsyncMessage;

use crate::change_counter::ChangeCounter;
use crate::postgres::PostgresServer;
use crate::sql;

/// The channel. A message on it has no content: it says that something has changed.
pub const CHANNEL: &str = "playrelay";
/// Between two attempts to connect.
const RECONNECT_DELAY: Duration = Duration::from_secs(2);

/// Counts the changes that others make, until it is dropped. Without a connection nothing is heard: whoever waits for a change looks by the
/// clock as well.
pub async fn listen(server: PostgresServer, changes: Arc<ChangeCounter>) {
    loop {
        if let Err(error) = listen_once(&server, &changes).await {
            tracing::debug!("what others write is not heard at once: {error}");
        }
        tokio::time::sleep(RECONNECT_DELAY).await;
    }
}

/// Listens on one connection until it ends.
async fn listen_once(server: &PostgresServer, changes: &ChangeCounter) -> sql::Result<()> {
    let (client, mut messages) = server.connect_alone().await?;
    let statement = format!("LISTEN {CHANNEL}");
    let mut listening = pin!(client.batch_execute(&statement));
    let mut is_listening = false;
    loop {
        tokio::select! {
            listened = &mut listening, if !is_listening => {
                listened?;
                is_listening = true;
                // Anything may have happened before.
                changes.increment();
            }
            message = messages.next() => match message {
                Some(Ok(AsyncMessage::Notification(_))) => changes.increment(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Ok(()),
            },
        }
    }
}
