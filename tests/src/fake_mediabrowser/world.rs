//! What a Jellyfin or Emby keeps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::Value;

use crate::clock::Clock;
use crate::fake_mediabrowser::family::Family;
use crate::fake_mediabrowser::listed::Listed;
use crate::fake_playback::Person;
use crate::faults::Faults;
use crate::sockets::Sockets;

/// The API key that it takes.
pub const TOKEN: &str = "media-browser-key-0123456789";

/// What the server keeps of a user and an item.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) user: Person,
    pub(super) dto: Value,
    pub(super) at: Timestamp,
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) family: Family,
    pub(super) items: Arc<Mutex<HashMap<String, Value>>>,
    pub(super) sessions: Arc<Mutex<Vec<Listed>>>,
    /// Whose the token is, and whether they administrate the server; a key is nobody's.
    pub(super) asker: Arc<Mutex<Option<(Person, bool)>>>,
    pub(super) played: Arc<Mutex<Vec<Played>>>,
    /// The closing credits of items: from and to, in ms.
    pub(super) segments: Arc<Mutex<HashMap<String, (u64, u64)>>>,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
    pub(super) token: Arc<Mutex<String>>,
    pub(super) password: Arc<Mutex<String>>,
    pub(super) version: Arc<Mutex<String>>,
    pub(super) faults: Faults,
    pub(super) sockets: Sockets,
    pub(super) clock: Clock,
    /// The configuration of the webhook plugin, or the notifications.
    pub(super) webhooks: Arc<Mutex<Value>>,
}
