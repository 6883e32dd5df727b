//! Where a page of plays ends: the beginning and the id of its last play.

use jiff::Timestamp;
use playrelay_engine::play::{Play, PlayId};

/// The cursor behind a play.
pub(in crate::web) fn write(play: &Play) -> String {
    format!("{}-{}", play.started_at.as_millisecond(), play.id.0)
}

/// The play behind which a page begins; absent for any other text.
pub(in crate::web) fn read(text: &str) -> Option<(Timestamp, PlayId)> {
    let (at, id) = text.split_once('-')?;
    Some((Timestamp::from_millisecond(at.parse().ok()?).ok()?, PlayId(id.to_owned())))
}
