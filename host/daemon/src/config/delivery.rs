//! `[delivery]`

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::document::{ConfigError, SpannedValue};
use crate::config::section::Section;

/// The greatest age of an event that is sent as live. An older one would get the wrong time at the tracker, and could not be found again.
const MAX_LIVE_AGE: Duration = Duration::from_secs(90);

/// `[delivery]`
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// A watch that is older than this is entered into the tracker's history with its own time.
    pub late_after: Duration,
    /// The pause after a first failure.
    pub retry_first: Duration,
    /// The longest pause.
    pub retry_longest: Duration,
}

pub(super) fn read(keys: BTreeMap<String, SpannedValue>, problems: &mut Vec<ConfigError>) -> Delivery {
    let mut section = Section::new("[delivery]", keys, problems);
    let place = section.location("late_after");
    let late_after = section.duration("late_after").unwrap_or(Duration::from_secs(60));
    if late_after > MAX_LIVE_AGE {
        let text = "`late_after` in [delivery] is too long; expected at most \"90s\", since trackers enter what is live with \
                    their own time";
        section.error(place, text.to_owned());
    }
    let place = section.location("retry_first");
    let retry_first = section.duration("retry_first").unwrap_or(Duration::from_secs(2));
    if retry_first.is_zero() {
        let text = "`retry_first` in [delivery] is 0; expected a pause such as \"2s\": without one a tracker would be asked all the time";
        section.error(place, text.to_owned());
    }
    let delivery = Delivery {
        late_after,
        retry_first,
        retry_longest: section.duration("retry_longest").unwrap_or(Duration::from_secs(15 * 60)),
    };
    section.finish();
    delivery
}
