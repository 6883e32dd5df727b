//! A second, lenient reading of JSON that a template has printed.
//!
//! Templates print texts without knowing JSON: line breaks stay raw, backslashes escape nothing, booleans are those of .NET or
//! Python, and what is missing leaves a comma. What such a text means is plain in most cases; where it is not, it stays malformed.

/// Longer texts are not read a second time: a parser has little time. Bytes.
const MAX_BYTES: usize = 1 << 20;

/// The errors that were overlooked, and the place of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// In words: "a line break inside a text".
    pub what: &'static str,
    /// From 1.
    pub line: usize,
    /// From 1, in letters.
    pub column: usize,
}

/// The text as strict JSON, and the first thing that had to be overlooked. Absent where it ends in the middle of something, or
/// where nothing helps.
pub fn repair(text: &str) -> Option<(String, Repair)> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut reader = Reader {
        letters: text.char_indices().peekable(),
        text,
        out: String::with_capacity(text.len() + 64),
        depth: 0,
        first: None,
        last: Last::Nothing,
    };
    reader.read()?;
    let (what, at) = reader.first?;
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((reader.out, Repair { what, line, column }))
}

/// The last token, outside of texts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    /// `{` or `[`
    Open,
    /// A value, or the name of one.
    Value,
    Comma,
    Colon,
}

struct Reader<'a> {
    letters: std::iter::Peekable<std::str::CharIndices<'a>>,
    text: &'a str,
    out: String,
    depth: usize,
    first: Option<(&'static str, usize)>,
    last: Last,
}

impl Reader<'_> {
    fn overlook(&mut self, what: &'static str, at: usize) {
        self.first.get_or_insert((what, at));
    }

    fn read(&mut self) -> Option<()> {
        while let Some((at, letter)) = self.letters.next() {
            match letter {
                letter if letter.is_whitespace() => self.out.push(letter),
                '"' => {
                    self.string()?;
                    self.last = Last::Value;
                }
                '{' | '[' => {
                    self.depth += 1;
                    self.put(letter, Last::Open);
                }
                '}' | ']' => {
                    self.end_of_value(at);
                    self.depth = self.depth.checked_sub(1)?;
                    self.put(letter, Last::Value);
                }
                ':' => self.put(letter, Last::Colon),
                ',' => {
                    if self.last == Last::Colon {
                        self.end_of_value(at);
                    }
                    if matches!(self.last, Last::Comma | Last::Open) {
                        self.overlook("a comma too many", at);
                    } else {
                        self.put(letter, Last::Comma);
                    }
                }
                _ => self.word(at)?,
            }
        }
        (self.depth == 0).then_some(())
    }

    fn put(&mut self, letter: char, last: Last) {
        self.out.push(letter);
        self.last = last;
    }

    /// Something ends: a comma in front of that is one too many, and a colon without a value means that there is none.
    fn end_of_value(&mut self, at: usize) {
        match self.last {
            Last::Comma => {
                if let Some(comma) = self.out.rfind(',') {
                    self.out.remove(comma);
                }
                self.overlook("a comma too many", at);
            }
            Last::Colon => {
                self.out.push_str("null");
                self.last = Last::Value;
                self.overlook("a value that is missing", at);
            }
            Last::Nothing | Last::Open | Last::Value => {}
        }
    }

    /// The rest of a text whose first quote was read.
    fn string(&mut self) -> Option<()> {
        self.out.push('"');
        loop {
            let (at, letter) = self.letters.next()?;
            match letter {
                '"' if self.closes(at) => {
                    self.out.push('"');
                    return Some(());
                }
                '"' => {
                    self.overlook("a quote inside a text", at);
                    self.out.push_str("\\\"");
                }
                '\\' => self.escape(at)?,
                letter if letter.is_control() => {
                    let what = if matches!(letter, '\n' | '\r') {
                        "a line break inside a text"
                    } else {
                        "a control character inside a text"
                    };
                    self.overlook(what, at);
                    self.out.push_str(&format!("\\u{:04x}", u32::from(letter)));
                }
                letter => self.out.push(letter),
            }
        }
    }

    /// Whether a quote ends its text: what follows can only follow a text.
    fn closes(&self, at: usize) -> bool {
        let rest = self.text[at + 1..].trim_start();
        rest.is_empty() || rest.starts_with([',', '}', ']', ':'])
    }

    /// A backslash that escapes nothing stands for itself.
    fn escape(&mut self, at: usize) -> Option<()> {
        let rest = &self.text[at + 1..];
        let is_code = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_escape = match rest.chars().next()? {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => true,
            'u' => rest.get(1..5).is_some_and(is_code),
            _ => false,
        };
        if is_escape {
            let (_, escaped) = self.letters.next()?;
            self.out.extend(['\\', escaped]);
        } else {
            self.overlook("a backslash that escapes nothing", at);
            self.out.push_str("\\\\");
        }
        Some(())
    }

    /// A word without quotes: a number, a flag, or what a template has printed without them.
    fn word(&mut self, at: usize) -> Option<()> {
        // A text that is nothing but words is no message.
        if self.depth == 0 {
            return None;
        }
        let rest = &self.text[at..];
        let is_end = |letter: char| matches!(letter, ',' | '}' | ']' | ':' | '"' | '\n' | '\r');
        let word = rest.split(is_end).next().unwrap_or_default().trim_end();
        for _ in word.chars().skip(1) {
            self.letters.next();
        }
        let is_strict = matches!(word, "true" | "false" | "null") || is_number(word);
        if is_strict {
            self.out.push_str(word);
        } else {
            self.overlook("a word without quotes", at);
            match word.to_ascii_lowercase().as_str() {
                "true" => self.out.push_str("true"),
                "false" => self.out.push_str("false"),
                "none" | "null" | "undefined" | "nan" => self.out.push_str("null"),
                _ => self.out.push_str(&serde_json::Value::from(word).to_string()),
            }
        }
        self.last = Last::Value;
        Some(())
    }
}

/// Whether JSON has such a number: one with zeros in front is none.
fn is_number(word: &str) -> bool {
    word.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<serde_json::Number>(word).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(text: &str) -> Option<Value> {
        serde_json::from_str(&repair(text)?.0).ok()
    }

    #[test]
    fn what_templates_print_is_read_as_it_is_meant() {
        for (text, meant) in [
            ("{\"a\":\"one\ntwo\"}", json!({ "a": "one\ntwo" })),
            ("{\"a\":\"tab\there\"}", json!({ "a": "tab\there" })),
            (
                r#"{"a":"The \&quot;Solaris\&quot; Tapes"}"#,
                json!({ "a": r"The \&quot;Solaris\&quot; Tapes" }),
            ),
            (r#"{"a":"C:\Media\unknown\new"}"#, json!({ "a": "C:\\Media\\unknown\new" })),
            (r#"{"a":1,}"#, json!({ "a": 1 })),
            (r#"{,"a":[1,,2,],}"#, json!({ "a": [1, 2] })),
            (r#"{"a":True,"b":False,"c":None}"#, json!({ "a": true, "b": false, "c": null })),
            (r#"{"a":,"b":}"#, json!({ "a": null, "b": null })),
            (r#"{"a":01,"b":Movie}"#, json!({ "a": "01", "b": "Movie" })),
            (
                r#"{"a":"The "Solaris" Tapes","b":-1.5e3}"#,
                json!({ "a": "The \"Solaris\" Tapes", "b": -1500.0 }),
            ),
            ("{\"a\":\"\u{2028}x\u{7f}\",\"b\":true,}", json!({ "a": "\u{2028}x\u{7f}", "b": true })),
        ] {
            assert_eq!(read(text), Some(meant), "{text}");
        }
    }

    #[test]
    fn what_is_cut_off_or_no_message_stays_malformed() {
        for text in [
            "",
            "{\"a\":\"b",
            "{\"a\":",
            "{\"a\":1",
            "hello",
            "\u{fffd}{\u{0}}}",
            "]",
            "{\"a\" 1,}",
            "GIF89a",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(repair("{\"a\":1}"), None, "nothing had to be overlooked");
        assert_eq!(repair(&"[".repeat(MAX_BYTES + 1)), None);
    }

    #[test]
    fn the_place_of_the_first_repair_is_named() {
        let (_, repair) = repair("{\n \"a\": \"x\",\n \"b\": True,\n}").unwrap();
        assert_eq!(repair, Repair { what: "a word without quotes", line: 3, column: 7 });
    }
}
