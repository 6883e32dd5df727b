//! The identity of a play.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The identity of a play: the same for everything that reports it, and the same when its reports are read again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlayId(pub String);

impl PlayId {
    /// The identity of a play by the keys of its server, user and item; `ordinal` counts those that began at the same moment.
    pub(crate) fn new(server: &str, user: &str, item: &str, start: Timestamp, ordinal: u32) -> Self {
        let mut hash = Sha256::new();
        for part in [server, user, item, &start.to_string()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.update(ordinal.to_le_bytes());
        let hash = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        // Those that begin together lie together in an index. Before 1970 and after 2106 the order is another.
        Self(format!("{:08x}{hash}", start.as_second() & 0xffff_ffff))
    }
}
