//! Levels: `info`, or for a part of the program, `warn,plugin=debug`.

use tracing_subscriber::EnvFilter;

/// The levels, from none to all.
pub const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
/// Letters of a filter.
const MAX_LETTERS: usize = 1_000;

/// A text is no filter.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FilterError(pub String);

/// Reads a filter. A word that is no level would silently be taken for the name of a part, and everything else left out.
///
/// # Errors
///
/// Says what was expected.
pub fn parse(text: &str) -> Result<EnvFilter, FilterError> {
    let is_level = |word: &str| LEVELS.iter().any(|level| word.trim().eq_ignore_ascii_case(level));
    let is_known =
        |directive: &str| is_level(directive.rsplit_once('=').map_or(directive, |(_, level)| level));
    let wrong = || {
        FilterError(format!(
            "the filter of the log is {text:?}; expected one of {}, alone or for a part: \"warn,plugin=debug\"",
            LEVELS.join(", ")
        ))
    };
    match text.len() <= MAX_LETTERS && text.split(',').all(is_known) {
        true => EnvFilter::try_new(text.replace(' ', "")).map_err(|_| wrong()),
        false => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_filter_has_levels() {
        for text in ["info", "WARN", "warn,plugin=debug", "playrelay::watch=trace, info", "off"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["verbose", "trace2", "plugin", "warn,plugin=loud", ",", &"info,".repeat(500)] {
            assert!(parse(text).is_err_and(|error| error.to_string().contains("expected one of")), "{text}");
        }
    }
}
