//! Values as the servers write them.

use playrelay_sdk::json;
use serde_json::Value;

/// Ticks in a millisecond: a tick is 100 ns.
pub const TICKS_PER_MS: u64 = 10_000;

/// Ticks as milliseconds; absent where they are negative, no number, or beyond 49 days.
pub fn ms(ticks: &Value) -> Option<u32> {
    let ticks: i64 = json::whole(ticks)?;
    u32::try_from(u64::try_from(ticks).ok()? / TICKS_PER_MS).ok()
}

/// The same for lengths, where 0 means unknown.
pub fn length(ticks: &Value) -> Option<u32> {
    ms(ticks).filter(|ms| *ms > 0)
}

/// A time as `hh:mm:ss`, as milliseconds.
pub fn clock(text: &Value) -> Option<u32> {
    let parts: Vec<u32> =
        text.as_str()?.trim().split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts.try_into().ok()?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(60)?.checked_add(seconds)?.checked_mul(1000)
}

/// Text whose quotes a webhook plugin has escaped a second time: `Dead \"Mike\"` is `Dead "Mike"`.
pub fn text(value: &Value) -> Option<String> {
    json::text(value).map(|text| text.replace("\\\"", "\""))
}

/// Text that a template has printed: with entities of HTML in place of quotes, ampersands and whatever is not ASCII.
pub fn printed(value: &Value) -> Option<String> {
    json::text(value).map(|text| unescaped(&text).replace("\\\"", "\""))
}

/// Takes the entities of HTML back that template engines write. What is none of them stays as it is.
fn unescaped(text: &str) -> String {
    /// The longest of them, without `&` and `;`: `#x10ffff`.
    const MAX_DIGITS: usize = 8;
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= MAX_DIGITS);
        match entity.and_then(|(name, after)| Some((letter(name)?, after))) {
            Some((letter, after)) => {
                plain.push(letter);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain + rest
}

/// The letter of an entity.
fn letter(name: &str) -> Option<char> {
    let code = match name.strip_prefix('#') {
        Some(code) => match code.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => code.parse().ok()?,
        },
        None => {
            return Some(match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => '\u{a0}',
                _ => return None,
            });
        }
    };
    char::from_u32(code).filter(|letter| !letter.is_control())
}

/// A GUID in one form, whatever a template made of it: without dashes, in lower case. What is no GUID stays as it is, and the one of
/// zeros is how servers write that there is none.
pub fn guid(value: &Value) -> Option<String> {
    let text = json::text(value)?;
    let digits: String = text.chars().filter(|letter| !matches!(letter, '-' | '{' | '}')).collect();
    let is_guid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let guid = if is_guid { digits.to_ascii_lowercase() } else { text };
    (!(is_guid && guid.bytes().all(|byte| byte == b'0'))).then_some(guid)
}

/// The year at the beginning of a date.
pub fn year(date: &Value) -> Option<u16> {
    date.as_str()?.get(..4)?.parse().ok().filter(|year| *year >= 1870)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ticks_are_numbers_or_text() {
        assert_eq!(ms(&json!(64_274_239_488_u64)), Some(6_427_423));
        assert_eq!(ms(&json!("4549227060")), Some(454_922));
        assert_eq!(
            (ms(&json!(-1)), ms(&json!("")), ms(&json!(1e18)), length(&json!(0))),
            (None, None, None, None)
        );
    }

    #[test]
    fn clocks_are_read() {
        assert_eq!(clock(&json!("01:47:07")), Some(6_427_000));
        for text in ["", "47:07", "1:2:3:4", "a:b:c", "99999999:0:0", "1:2:3.5"] {
            assert_eq!(clock(&json!(text)), None, "{text}");
        }
    }

    #[test]
    fn guids_have_one_form() {
        let plain = Some("2c0d61a793f1a78957bccedd56eea531".to_owned());
        assert_eq!(guid(&json!("2C0D61A7-93f1-a789-57bc-cedd56eea531")), plain);
        assert_eq!(guid(&json!("2c0d61a793f1a78957bccedd56eea531")), plain);
        assert_eq!(guid(&json!("4784184")), Some("4784184".to_owned()));
        for none in ["00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000", ""] {
            assert_eq!(guid(&json!(none)), None, "{none}");
        }
    }

    #[test]
    fn what_templates_print_is_read_as_it_was() {
        for (text, plain) in [
            ("Kim&#39;s Diner", "Kim's Diner"),
            ("Tom &amp; Ann", "Tom & Ann"),
            ("&quot;Solaris&quot; &#x3C;3", "\"Solaris\" <3"),
            ("The \\&quot;Solaris\\&quot; Tapes", "The \"Solaris\" Tapes"),
            ("&#24180;&#x5e74;", "年年"),
            ("AT&T; R&D &unknown; &#0; &", "AT&T; R&D &unknown; &#0; &"),
            ("&amp;#39;", "&#39;"),
        ] {
            assert_eq!(printed(&json!(text)), Some(plain.to_owned()), "{text}");
        }
    }

    #[test]
    fn quotes_are_unescaped() {
        assert_eq!(text(&json!("Dead \\\"Mike\\\"")), Some("Dead \"Mike\"".to_owned()));
    }
}
