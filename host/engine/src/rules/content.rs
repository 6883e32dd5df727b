//! Which reports are of no content that counts, whoever watches it.

use crate::code::Code;
use crate::model::{ItemKind, Playback};
use crate::policy::{self, Policy};
use crate::timeline::{Outcome, Verdict};

/// Lengths are rounded, and files have a tail: a position beyond the end by more than this part of the length is of something else.
const BEYOND_END_DIVISOR: u32 = 4;

/// The position, where it is so far beyond the end that it is of something else: another item, or another unit.
pub fn position_of_something_else(playback: &Playback) -> Option<u32> {
    let (position, runtime) =
        (playback.position_ms?, playback.item.runtime_ms.filter(|runtime| *runtime > 0)?);
    (position.saturating_sub(runtime) > runtime / BEYOND_END_DIVISOR).then_some(position)
}

/// Content that the policy leaves out, whoever watches it.
pub fn reject_content(playback: &Playback, policy: &Policy) -> Option<Verdict> {
    let item = &playback.item;
    if let Some(rejection) = policy::content(playback.content, policy) {
        return Some(Verdict::new(Outcome::Ignored, rejection.code, format!("{item}: {}", rejection.text)));
    }
    if !matches!(item.kind, ItemKind::Movie(_) | ItemKind::Episode(_)) {
        return Some(Verdict::new(
            Outcome::Ignored,
            Code::MediaKind,
            format!("{item} is not a movie or an episode"),
        ));
    }
    let runtime = item.runtime_ms.filter(|runtime| *runtime > 0)?;
    (u128::from(runtime) < policy.min_duration.as_millis()).then(|| {
        Verdict::new(
            Outcome::Filtered,
            Code::TooShort,
            format!(
                "{item} is {} s long; min_duration is {} s",
                runtime / 1000,
                policy.min_duration.as_secs()
            ),
        )
    })
}
