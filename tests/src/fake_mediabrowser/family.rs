//! Which of the two servers it is.

use serde_json::Value;

use crate::fake_playback::Title;
use crate::{emby_webhook, jellyfin_webhook};

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The key comes in `Authorization: MediaBrowser … Token="…"`.
    Jellyfin,
    /// The key comes in `X-Emby-Token`, or in the query; and the API lies below `/emby`.
    Emby,
}

impl Family {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Jellyfin => "jellyfin",
            Self::Emby => "emby",
        }
    }

    pub(super) fn server_id(self) -> &'static str {
        match self {
            Self::Jellyfin => jellyfin_webhook::SERVER_ID,
            Self::Emby => emby_webhook::SERVER_ID,
        }
    }

    pub(super) fn dto(self, title: &Title) -> Value {
        match self {
            Self::Jellyfin => title.jellyfin(),
            Self::Emby => title.emby(),
        }
    }
}
