//! A session of the list.

use jiff::Timestamp;
use serde_json::Value;

use crate::fake_mediabrowser::family::Family;
use crate::fake_playback::FakePlayback;

/// A session of the list.
#[derive(Clone, Debug)]
pub(super) enum Listed {
    /// As it stands.
    Raw(Value),
    /// Somebody watches something. Its client said so last then.
    Screening(Box<FakePlayback>, Timestamp),
}

impl Listed {
    pub(super) fn shown(&self, family: Family, now: Timestamp) -> Value {
        match self {
            Self::Raw(session) => session.clone(),
            Self::Screening(screening, check_in) => {
                let (dto, server) = (family.dto(&screening.title), family.server_id());
                // One of the servers moves positions on by itself, the other does not say when it has heard of a client.
                let silent =
                    i64::try_from(now.duration_since(*check_in).as_millis()).expect("no such long test");
                match family {
                    Family::Jellyfin if !screening.paused => {
                        let ahead = u32::try_from(silent.max(0)).expect("no such long test");
                        screening.session(dto, server, screening.position_ms + ahead, Some(*check_in))
                    }
                    Family::Jellyfin => {
                        screening.session(dto, server, screening.position_ms, Some(*check_in))
                    }
                    Family::Emby => screening.session(dto, server, screening.position_ms, None),
                }
            }
        }
    }
}
