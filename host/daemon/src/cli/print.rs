//! Prints without control characters, laid out for the terminal, and without a failure when the reader is gone.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _, stdout};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use playrelay_plugin_host::text::is_odd;
use playrelay_util::clock;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::cli::error::CliError;

/// Columns below which nothing is laid out.
const NARROWEST: usize = 40;
/// The least letters of a cell that is cut.
const LEAST_CELL: usize = 8;
/// Between two columns.
const GAP: &str = "  ";

/// Prints text. Names and titles come from strangers: what moves a cursor or turns the direction of text is blanked.
pub fn out(text: &str) -> Result<(), CliError> {
    write(clean(text).as_bytes())
}

/// Prints an address as a QR code. One that is too long for a code is left out: it stands above anyway.
pub fn qr(url: &str) -> Result<(), CliError> {
    if let Ok(code) = QrCode::new(url) {
        // Dark on light, whatever the terminal's colours: readers want a light margin.
        let image = code.render::<Dense1x2>().dark_color(Dense1x2::Dark).light_color(Dense1x2::Light).build();
        out(&(image + "\n"))?;
    }
    Ok(())
}

/// Prints JSON, with escapes in those places: a reader gets what was there.
pub fn json(text: &str) -> Result<(), CliError> {
    let mut escaped = String::with_capacity(text.len() + 1);
    for letter in text.chars() {
        if letter != '\n' && is_odd(letter) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                // Writing to a text cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(letter);
        }
    }
    escaped.push('\n');
    write(escaped.as_bytes())
}

fn write(bytes: &[u8]) -> Result<(), CliError> {
    let written = stdout().write_all(bytes).and_then(|()| stdout().flush());
    written.map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => CliError::Unread,
        _ => CliError::Other(format!("the output cannot be written: {error}")),
    })
}

/// Text without control characters, but with its lines.
pub fn clean(text: &str) -> Cow<'_, str> {
    let is_bad = |letter: char| letter != '\n' && is_odd(letter);
    match text.contains(is_bad) {
        true => text.chars().map(|letter| if is_bad(letter) { ' ' } else { letter }).collect(),
        false => text.into(),
    }
}

/// Text on one line, for a cell or a sentence.
pub fn one_line(text: &str) -> String {
    text.chars().map(|letter| if is_odd(letter) { ' ' } else { letter }).collect()
}

/// The terminal's columns: those of `COLUMNS`, or what the terminal says. Absent where the output goes elsewhere.
pub fn columns() -> Option<usize> {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let found = || {
        let size = rustix::termios::tcgetwinsize(stdout()).ok()?;
        Some(usize::from(size.ws_col))
    };
    let columns = said.or_else(|| found().filter(|_| stdout().is_terminal()));
    columns.filter(|columns| *columns >= NARROWEST)
}

/// Text with at most so many letters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.trim_end().to_owned() + "\u{2026}"
}

/// Text broken between words; each line after the first begins with `indent` blanks.
pub fn wrap(text: &str, indent: usize, columns: Option<usize>) -> String {
    broken("", text, indent, columns)
}

/// A head, and text behind it that is broken between words: its further lines stand below its first, where there is room.
pub fn hang(head: &str, text: &str, columns: Option<usize>) -> String {
    let width = head.chars().count();
    let has_room = columns.is_none_or(|columns| width * 2 <= columns);
    broken(head, text, if has_room { width } else { 8 }, columns)
}

fn broken(head: &str, text: &str, indent: usize, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return head.to_owned() + text };
    let (mut lines, mut used, mut is_first) = (head.to_owned(), head.chars().count(), true);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !is_first && used + 1 + length > columns || is_first && used + length > columns && used > indent {
            lines.truncate(lines.trim_end().len());
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            used = indent;
        } else if !is_first {
            lines.push(' ');
            used += 1;
        }
        lines.push_str(word);
        used += length;
        is_first = false;
    }
    lines.truncate(lines.trim_end().len());
    lines
}

/// A time as people here read it: of today the hour, else the day too.
pub fn when(at: Timestamp) -> String {
    when_in(at, clock::now(), &TimeZone::system())
}

fn when_in(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at, now) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    let form = match (at.date() == now.date(), at.year() == now.year()) {
        (true, _) => "%H:%M",
        (false, true) => "%b %d %H:%M",
        (false, false) => "%Y-%m-%d",
    };
    at.strftime(form).to_string()
}

/// So many of something: `1 event`, `2 events`.
pub fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Rows of cells below each other. The last two columns share what a narrow terminal has left.
#[derive(Default)]
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    /// The rows as text.
    pub fn text(&self, columns: Option<usize>) -> String {
        let count = self.0.iter().map(Vec::len).max().unwrap_or_default();
        let widest = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let mut widths: Vec<usize> = (0..count).map(widest).collect();
        if let (Some(columns), true) = (columns, count >= 2) {
            let fixed: usize = widths[..count - 2].iter().sum::<usize>() + GAP.len() * (count - 1);
            let left = columns.saturating_sub(fixed).max(20);
            let (one, other) = (widths[count - 2], widths[count - 1]);
            if one + other > left {
                // Each has half, and what the other does not need.
                let half = left / 2;
                widths[count - 2] = one.min(half.max(left.saturating_sub(other)));
                widths[count - 1] = left - widths[count - 2];
            }
        }
        // Where even the others are too wide, the widest of them gives way.
        if let Some(columns) = columns {
            let total =
                |widths: &[usize]| widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
            while total(&widths) > columns
                && let Some(widest) = widths.iter_mut().max().filter(|widest| **widest > LEAST_CELL)
            {
                *widest -= 1;
            }
        }
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let width = widths[column];
                let cell = if columns.is_some() { cut(cell, width) } else { cell.clone() };
                if column > 0 {
                    line.push_str(GAP);
                }
                // Writing to a text cannot fail.
                let _ = write!(line, "{cell:<width$}");
            }
            line.truncate(line.trim_end().len());
            line + "\n"
        };
        self.0.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_write_on_the_terminal() {
        assert_eq!(clean("mia\u{1b}]0;x\u{7}\r\u{202e}\u{9b}2J\nnext"), "mia ]0;x    2J\nnext");
        assert_eq!(one_line("a\r\n7  queued"), "a  7  queued");
    }

    #[test]
    fn tables_fit_the_terminal() {
        let mut table = Table::default();
        table.row(
            [
                "4",
                "20:33",
                "mia \u{b7} The Hitchhiker's Guide to the Galaxy (2005)",
                "queued: playing \u{2192} bob",
            ]
            .map(str::to_owned),
        );
        table.row(["12", "20:35", "mia \u{b7} Up (2009)", "filtered"].map(str::to_owned));
        let text = table.text(Some(60));
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        assert!(text.contains('\u{2026}') && text.contains("playing \u{2192} bob"), "{text}");
        let wide = table.text(None);
        assert!(wide.lines().next().is_some_and(|line| line.contains("(2005)")), "{wide}");
        let starts: Vec<_> = wide.lines().map(|line| line.find("mia")).collect();
        assert_eq!(starts[0], starts[1]);
    }

    #[test]
    fn text_is_broken_between_words() {
        let text = wrap("the words that follow are broken between two of them", 4, Some(26));
        assert_eq!(text, "the words that follow are\n    broken between two of\n    them");
        assert_eq!(wrap("never broken where nobody looks", 4, None), "never broken where nobody looks");
    }

    #[test]
    fn text_stands_below_its_first_line() {
        let text = hang("ok     home  ", "words that are long enough for two lines", Some(40));
        assert_eq!(text, "ok     home  words that are long enough\n             for two lines");
        assert_eq!(hang("ok  ", "as it is", None), "ok  as it is");
        let narrow = hang("a head that takes more than half  ", "of the line it has", Some(40));
        assert_eq!(narrow, "a head that takes more than half  of the\n        line it has");
    }

    #[test]
    fn times_are_those_of_this_place() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let now = time("2026-11-28T20:00:00Z");
        for (at, shown) in [
            ("2026-11-28T18:33:30Z", "20:33"),
            ("2026-11-27T22:30:00Z", "00:30"),
            ("2026-11-27T20:00:00Z", "Nov 27 22:00"),
            ("2025-11-27T20:00:00Z", "2025-11-27"),
        ] {
            assert_eq!(when_in(time(at), now, &zone), shown, "{at}");
        }
    }
}
