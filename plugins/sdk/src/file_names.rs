//! What the name of a video file says.

/// The most episodes that one file is believed to hold.
const MOST_EPISODES: u32 = 50;

/// The season and the episodes that a file's name gives: `Show - S01E01-E02.mkv`, `show.s01e01e02.mkv`, `show 1x01-02.mkv`. Absent where
/// it names none.
pub fn episodes(path: &str) -> Option<(u32, Vec<u32>)> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path).to_ascii_lowercase();
    let name = name.as_bytes();
    (0..name.len()).find_map(|start| {
        let is_inside_a_word = start > 0 && name[start - 1].is_ascii_alphanumeric();
        if is_inside_a_word { None } else { read(&name[start..]) }
    })
}

/// Reads `s01e01…` or `1x01…` at the beginning of a text.
fn read(text: &[u8]) -> Option<(u32, Vec<u32>)> {
    let (marker, after) = if text.first() == Some(&b's') { (b'e', &text[1..]) } else { (b'x', text) };
    let (season, mut rest) = number(after, 4)?;
    rest = rest.strip_prefix(&[marker])?;
    let (first, mut rest) = number(rest, 4)?;
    let mut numbers = vec![first];
    while let Some((next, after)) = further(rest, marker, season) {
        let last = *numbers.last()?;
        // A range, or one after the other: `E01-E03`, `E01E02`.
        if next <= last || next - first > MOST_EPISODES {
            break;
        }
        numbers.extend(last + 1..=next);
        rest = after;
    }
    // A number with a letter behind it is part of something else: `1x01080p`.
    let is_whole = rest.first().is_none_or(|letter| !letter.is_ascii_alphanumeric());
    is_whole.then_some((season, numbers))
}

/// One more number of the same season: `e02`, `-e02`, `-02`, `x02`, `-1x02`, `-s01e02`.
fn further(text: &[u8], marker: u8, season: u32) -> Option<(u32, &[u8])> {
    let dashed = text.strip_prefix(b"-");
    let plain = dashed.unwrap_or(text);
    if let Some(rest) = plain.strip_prefix(&[marker]) {
        return number(rest, 4);
    }
    let dashed = dashed?;
    let again = if marker == b'e' { dashed.strip_prefix(b"s").unwrap_or(dashed) } else { dashed };
    let (found, rest) = number(again, 4)?;
    match rest.strip_prefix(&[marker]) {
        Some(rest) if found == season => number(rest, 4),
        Some(_) => None,
        None if again.len() == dashed.len() => Some((found, rest)),
        None => None,
    }
}

fn number(text: &[u8], most_digits: usize) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|letter| letter.is_ascii_digit()).count();
    let is_number = (1..=most_digits).contains(&digits);
    let read = std::str::from_utf8(&text[..digits]).ok()?.parse().ok();
    read.filter(|_| is_number).map(|number| (number, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_give_episodes() {
        for (path, expected) in [
            ("/tv/Heron/Season 1/Heron - S01E01-E02 - Two.mkv", Some((1, vec![1, 2]))),
            ("heron.s01e01e02.mkv", Some((1, vec![1, 2]))),
            ("heron s01e01-03.mkv", Some((1, vec![1, 2, 3]))),
            ("heron s01e01-s01e02.mkv", Some((1, vec![1, 2]))),
            ("heron 1x01-1x02.mkv", Some((1, vec![1, 2]))),
            ("heron 1x01-02.mkv", Some((1, vec![1, 2]))),
            (r"C:\tv\S02\heron.S02E10.1080p.mkv", Some((2, vec![10]))),
            ("heron S01E05-1080p.mkv", Some((1, vec![5]))),
            ("heron S01E05 - S02.mkv", Some((1, vec![5]))),
            ("heron S01E05-S02E06.mkv", Some((1, vec![5]))),
            ("heron 1920x1080.mkv", Some((1920, vec![1080]))),
            ("heron.mkv", None),
            ("heros01e01.mkv", None),
            ("/tv/S01E01/heron.mkv", None),
            ("", None),
        ] {
            assert_eq!(episodes(path), expected, "{path}");
        }
    }
}
