//! What the host notes of a source: times, in the small store that plugins have as well. No plugin has such a name.

use jiff::Timestamp;

use crate::state::SharedStore;

/// When the source was listened to for the very first time.
pub const FIRST_HEARD: &str = "heard-first";
/// Until when it was heard.
pub const HEARD_UNTIL: &str = "heard-until";
/// When somebody last came with a webhook's token that was replaced.
pub const OLD_TOKEN_USED: &str = "old-token-used-at";

/// When the daemon was started last. Of no source: under [`DAEMON`].
pub const STARTED: &str = "started-at";
/// When a plugin was last approved or revoked. Under [`DAEMON`].
pub const PLUGINS_CHANGED: &str = "plugins-changed-at";
/// Stands for a source where something is noted of the daemon. No source has such a name.
pub const DAEMON: &str = "";

fn owner(source: &str) -> String {
    format!("host:{source}")
}

/// The time of a note; absent where there is none.
pub async fn read(store: &SharedStore, source: &str, note: &str) -> Result<Option<Timestamp>, String> {
    let noted = store.get(&owner(source), note).await?;
    Ok(noted.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.parse().ok()))
}

/// Takes a note back.
pub async fn erase(store: &SharedStore, source: &str, note: &str) -> Result<(), String> {
    store.delete(&owner(source), note).await
}

/// Notes a time, in place of the one before.
pub async fn write(store: &SharedStore, source: &str, note: &str, at: Timestamp) -> Result<(), String> {
    match store.set(&owner(source), note, at.to_string().into_bytes(), None).await? {
        true => Ok(()),
        false => Err("the notes have no room left".to_owned()),
    }
}
