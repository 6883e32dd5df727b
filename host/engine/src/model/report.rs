//! Reports of source plugins.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::item::Item;

/// Somebody who watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Stable across renames.
    pub id: Option<String>,
    /// The name, as people see it.
    pub name: Option<String>,
    /// A second stable id, where the server has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Whether the id is one by which only this server knows the user, and not always: then the name counts as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_local_id: bool,
}

impl User {
    /// The key that tells this user from others on the same server; absent if the server names nobody.
    pub fn key(&self) -> Option<&str> {
        self.id.as_deref().or(self.name.as_deref()).filter(|key| !key.is_empty())
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.id) {
            (Some(name), Some(id)) => write!(f, "{name} (id:{id})"),
            (Some(name), None) => f.write_str(name),
            (None, Some(id)) => write!(f, "id:{id}"),
            (None, None) => f.write_str("nobody"),
        }
    }
}

/// The device or app that plays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Player {
    /// The id of the device; absent if the server gives none.
    pub id: Option<String>,
    /// The name, as people see it.
    pub name: Option<String>,
    /// The app.
    pub product: Option<String>,
}

/// The state of a player.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlaybackState {
    /// It plays.
    Playing,
    /// It is paused.
    Paused,
    /// It has stopped.
    Stopped,
}

/// The server's claim of completion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Completion {
    /// Nothing.
    #[default]
    None,
    /// "Played to the end".
    Claimed,
    /// It has counted the play in its own history.
    Counted,
}

/// The kind of content.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A library.
    #[default]
    OnDemand,
    /// Live television.
    LiveTv,
    /// A recording of it.
    Recording,
    /// A trailer, a pre-roll, a theme.
    Extra,
}

/// A media server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Stable; the source's name where the server gives none.
    pub id: String,
    /// The name, as people see it.
    pub name: Option<String>,
    /// The source, by its name in the configuration, that speaks of it.
    pub source: String,
}

/// One session at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    /// The media server.
    pub server: Server,
    /// Who.
    pub user: User,
    /// On what.
    pub player: Player,
    /// The server's key of the session.
    pub session: Option<String>,
    /// The item.
    pub item: Item,
    /// Does what.
    pub state: PlaybackState,
    /// Where, in ms; absent where the server does not say.
    pub position_ms: Option<u32>,
    /// The server's claim of completion.
    pub completion: Completion,
    /// Whether the message itself gives no length: then its server had nothing to hold a completion against.
    #[serde(default)]
    pub is_unmeasured: bool,
    /// Whether it comes from a list of what plays: then it has ended when it is no longer on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_session_list: bool,
    /// Where the closing credits begin, in ms.
    pub credits_start_ms: Option<u32>,
    /// The kind of content.
    pub content: Content,
    /// The library's name.
    pub library: Option<String>,
    /// The item's files.
    pub paths: Vec<String>,
    /// When it happened, UTC.
    pub at: Timestamp,
}

/// A user rated an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rated {
    /// The media server.
    pub server: Server,
    /// Who.
    pub user: User,
    /// The item.
    pub item: Item,
    /// From 0 to 10; absent where it was cleared.
    pub rating: Option<f64>,
    /// The library's name.
    pub library: Option<String>,
    /// The item's files.
    pub paths: Vec<String>,
    /// When it happened, UTC.
    pub at: Timestamp,
}

/// A user ticked an item by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Marked {
    /// The media server.
    pub server: Server,
    /// Who.
    pub user: User,
    /// The item.
    pub item: Item,
    /// As watched, or as unwatched.
    pub watched: bool,
    /// The library's name.
    pub library: Option<String>,
    /// The item's files.
    pub paths: Vec<String>,
    /// When it happened, UTC.
    pub at: Timestamp,
}

/// A report that a source plugin made from a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "lowercase")]
pub enum Report {
    /// One session changed.
    Playback(Playback),
    /// All sessions of a server; one that is absent has stopped.
    Snapshot {
        /// The media server.
        server: Server,
        /// The sessions.
        sessions: Vec<Playback>,
        /// When it happened, UTC.
        at: Timestamp,
    },
    /// The connection to a source's server is lost: what it listed may go on unseen. The host's own; no plugin says it.
    #[serde(rename = "unheard")]
    ConnectionLost {
        /// The source.
        source: String,
        /// When it happened, UTC.
        at: Timestamp,
    },
    /// A rating.
    Rated(Rated),
    /// A tick by hand.
    Marked(Marked),
    /// Nothing of interest.
    Ignored {
        /// A stable reason.
        code: String,
        /// The value that decided.
        detail: String,
    },
}

impl Report {
    /// The items that the report speaks of, each with what is known of its place: its library's name and its files.
    pub fn items_mut(&mut self) -> Vec<ItemContext<'_>> {
        match self {
            Self::Playback(it) => vec![it.placed()],
            Self::Snapshot { sessions, .. } => sessions.iter_mut().map(Playback::placed).collect(),
            Self::Rated(it) => {
                let Rated { item, library, paths, .. } = it;
                vec![ItemContext { item, library, paths, credits_start_ms: None }]
            }
            Self::Marked(it) => {
                let Marked { item, library, paths, .. } = it;
                vec![ItemContext { item, library, paths, credits_start_ms: None }]
            }
            Self::ConnectionLost { .. } | Self::Ignored { .. } => Vec::new(),
        }
    }

    /// The report in its parts, in the order in which they count: of a list of sessions each of these, and then the list.
    pub fn expand(&self) -> Vec<Cow<'_, Self>> {
        let sessions = match self {
            Self::Snapshot { sessions, .. } => sessions.as_slice(),
            _ => &[],
        };
        let playbacks = sessions.iter().map(|session| Cow::Owned(Self::Playback(session.clone())));
        playbacks.chain([Cow::Borrowed(self)]).collect()
    }
}

/// An item, and where it lies.
pub struct ItemContext<'a> {
    /// The item.
    pub item: &'a mut Item,
    /// The library's name.
    pub library: &'a mut Option<String>,
    /// The files.
    pub paths: &'a mut Vec<String>,
    /// Where its closing credits begin, in ms; absent where that is of no interest.
    pub credits_start_ms: Option<&'a mut Option<u32>>,
}

impl Playback {
    fn placed(&mut self) -> ItemContext<'_> {
        ItemContext {
            item: &mut self.item,
            library: &mut self.library,
            paths: &mut self.paths,
            credits_start_ms: Some(&mut self.credits_start_ms),
        }
    }
}
