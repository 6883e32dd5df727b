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

/// A GUID in one form, whatever a template made of it: without dashes, in lower case. What is no GUID stays as it is.
pub fn guid(value: &Value) -> Option<String> {
    let text = json::text(value)?;
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let is_guid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(if is_guid { digits.to_ascii_lowercase() } else { text })
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
    }

    #[test]
    fn quotes_are_unescaped() {
        assert_eq!(text(&json!("Dead \\\"Mike\\\"")), Some("Dead \"Mike\"".to_owned()));
    }
}
