//! Names, compared as people do.

use unicode_normalization::UnicodeNormalization;

/// Whether a text is, in that form, one that [`normalize`] has given. Most texts are plain, and told apart without making another one.
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
