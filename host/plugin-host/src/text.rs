//! Texts from guests: cut to a size, and without anything that could pretend to be something else.
//!
//! What is kept of a guest's words is kept for months, several times over, and shown on terminals. A call's own limits bound one
//! call; these bound what it leaves behind.

/// A code: stable, and compared.
pub const CODE: usize = 64;
/// A text for people: a detail, a note, a reason.
pub const WORDS: usize = 2 << 10;
/// A title, or a name.
pub const NAME: usize = 1 << 10;
/// The key of something at its server or tracker.
pub const KEY: usize = 512;
/// An external id.
pub const ID: usize = 128;
/// The path of a file.
pub const PATH: usize = 4 << 10;
/// Entries of a list that belongs to one item: ids, numbers, files, open-ended fields.
pub const ENTRIES: usize = 64;

/// Cut to so many bytes, between two letters, with control characters and changes of direction blanked.
pub fn cut(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].chars().map(|letter| if is_odd(letter) { ' ' } else { letter }).collect()
}

/// A key or an id; absent where it is too long: half of it would be another one's.
pub fn whole(text: String, most: usize) -> Option<String> {
    (text.len() <= most && !text.chars().any(is_odd)).then_some(text)
}

/// Whether a letter moves a cursor, ends a line, or turns the direction in which text is read.
pub fn is_odd(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_plain() {
        assert_eq!(cut("a\u{1b}[2J\r\nb", WORDS), "a [2J  b");
        assert_eq!(cut("äöü", 3), "ä");
        assert_eq!(cut("\u{202e}gpj", WORDS), " gpj");
        assert_eq!(whole("x".repeat(ID), ID).map(|id| id.len()), Some(ID));
        assert_eq!((whole("x".repeat(ID + 1), ID), whole("a\nb".to_owned(), ID)), (None, None));
    }
}
