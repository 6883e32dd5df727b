//! Shifts and films in one line each, as commands and pages take and show them: `S2E1-E12=S1E13`, `S0E4=imdb:tt0000040`.

use std::fmt;
use std::str::FromStr;

use crate::mapping::{EpisodeFilm, SeasonShift};

/// Why a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotationError {
    /// It is no shift.
    #[error("{0:?} is no shift; expected S2E1-E12=S1E13, or S2=S1E13 for the whole season")]
    Shift(String),
    /// It is no film.
    #[error("{0:?} is no episode that is a film; expected S0E4=imdb:tt0000040")]
    Film(String),
}

impl fmt::Display for SeasonShift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S{}", self.season)?;
        match self.last {
            Some(last) => write!(f, "E{}-E{last}", self.first)?,
            None if self.first > 1 => write!(f, "E{}", self.first)?,
            None => {}
        }
        write!(f, "=S{}E{}", self.to_season, i64::from(self.first) + i64::from(self.offset))
    }
}

impl FromStr for SeasonShift {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let read = || {
            let upper = text.trim().to_ascii_uppercase();
            let (from, to) = upper.split_once('=')?;
            let (season, episodes) = split_season(from)?;
            let (first, last) = match episodes.split_once('-') {
                _ if episodes.is_empty() => (1, None),
                None => (number_after('E', episodes)?, None),
                Some((first, last)) => (number_after('E', first)?, Some(number_after('E', last)?)),
            };
            let (to_season, number) = split_season(to)?;
            let number = if number.is_empty() { first } else { number_after('E', number)? };
            let offset = i32::try_from(i64::from(number) - i64::from(first)).ok()?;
            let is_range = first > 0 && number > 0 && last.is_none_or(|last| last >= first);
            is_range.then_some(Self { season, first, last, to_season, offset })
        };
        read().ok_or_else(|| NotationError::Shift(text.to_owned()))
    }
}

impl fmt::Display for EpisodeFilm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<String> = self.ids.iter().map(|(name, id)| format!("{name}:{id}")).collect();
        write!(f, "S{}E{}={}", self.season, self.number, ids.join(","))
    }
}

impl FromStr for EpisodeFilm {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Self, NotationError> {
        let read = || {
            let (episode, ids) = text.trim().split_once('=')?;
            let upper = episode.to_ascii_uppercase();
            let (season, number) = split_season(&upper)?;
            let number = number_after('E', number)?;
            let ids = ids.split(',').map(|id| {
                let (name, id) = id.trim().split_once(':')?;
                let is_id = !name.trim().is_empty() && !id.trim().is_empty();
                is_id.then(|| (name.trim().to_lowercase(), id.trim().to_owned()))
            });
            Some(Self { season, number, ids: ids.collect::<Option<_>>()? })
        };
        read().ok_or_else(|| NotationError::Film(text.to_owned()))
    }
}

/// The number of a season, and what follows.
fn split_season(text: &str) -> Option<(u32, &str)> {
    let rest = text.trim().strip_prefix('S')?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    Some((rest[..end].parse().ok()?, &rest[end..]))
}

fn number_after(letter: char, text: &str) -> Option<u32> {
    text.trim().strip_prefix(letter)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_read() {
        for text in ["S2=S1E13", "S2E1-E12=S1E13", "S2E5=S3E1", "S0E4-E4=S1E4"] {
            assert_eq!(text.parse::<SeasonShift>().unwrap().to_string(), text);
        }
        for text in ["S0E4=imdb:40", "S1E4=imdb:tt4,tvdb:40"] {
            assert_eq!(text.parse::<EpisodeFilm>().unwrap().to_string(), text);
        }
        assert_eq!(" s02e05 = s03 ".parse::<SeasonShift>().unwrap().to_string(), "S2E5=S3E5");
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for text in [
            "",
            "S2",
            "S2=",
            "2=1",
            "S2E0=S1E1",
            "S2E5-E4=S1E1",
            "S2E1=S1E0",
            "S2E1-12=S1E1",
            "S-1=S1E1",
            "S99999999999=S1",
        ] {
            assert!(text.parse::<SeasonShift>().is_err(), "{text}");
        }
        for text in ["", "S0E4", "S0=imdb:4", "S0E4=", "S0E4=imdb", "S0E4=:4", "S0E4=imdb:4,"] {
            assert!(text.parse::<EpisodeFilm>().is_err(), "{text}");
        }
    }
}
