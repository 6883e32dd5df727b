//! The vocabulary of the core, mirroring the contract in `wit/types.wit` and `wit/reports.wit`.

mod ids;
mod item;
mod report;

pub use ids::{Ids, OfEpisode, OfMovie, OfSeason, OfShow};
pub use item::{Episode, Item, ItemKind, Movie, Season, Show};
pub use report::{
    Completion, Content, ItemContext, Marked, Playback, PlaybackState, Player, Rated, Report, Server, User,
};
use unicode_normalization::UnicodeNormalization;

/// Whether a text is, in that form, one that [`fold`] has given. Most texts are plain, and told apart without making another one.
pub fn folds_to(text: &str, folded: &str) -> bool {
    let text = text.trim();
    match text.is_ascii() {
        true => text.eq_ignore_ascii_case(folded),
        false => normalize(text) == folded,
    }
}

/// Text in a form in which letters that look the same are the same, whatever their case and however they are composed.
pub fn normalize(text: &str) -> String {
    text.trim().nfkc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for (one, other) in
            [("Mia", " mIA "), ("Zo\u{eb}", "ZOE\u{308}"), ("\u{ff2d}ia", "mia"), ("mia", "sean"), ("", " ")]
        {
            assert_eq!(
                folds_to(one, &normalize(other)),
                normalize(one) == normalize(other),
                "{one:?} {other:?}"
            );
            assert_eq!(
                folds_to(other, &normalize(one)),
                normalize(one) == normalize(other),
                "{one:?} {other:?}"
            );
        }
    }
}
