//! Two texts, compared line by line.

use similar::TextDiff;

/// Lines around a difference that are shown with it.
const CONTEXT: usize = 2;

/// The differences of two texts: `-` is the one before, `+` the one after.
pub(super) fn difference(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(CONTEXT).to_string()
}
