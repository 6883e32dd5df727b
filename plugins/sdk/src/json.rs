//! Lenient reading of JSON: media servers and proxies write numbers as text and text as numbers. What has another type
//! is as good as absent.

use serde_json::Value;

/// Text that is not empty; a number counts as text.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, also one written as text.
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number: &f64| number.is_finite())
}

/// A whole number that fits, also one written as text.
pub fn whole<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    let number = number(value).filter(|number| number.fract() == 0.0 && number.abs() < 1e15)?;
    // In this range a cast is exact.
    T::try_from(number as i64).ok()
}

/// Whether a flag is set: `true`, 1, "1", or "True" as templates of .NET write it. Absent where it is none of the two.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        other => match whole::<u8>(other) {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
    }
}

/// Whether a flag is set. One that is missing is not.
pub fn flag(value: &Value) -> bool {
    boolean(value).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_read_leniently() {
        assert_eq!(text(&json!(" a ")), Some("a".to_owned()));
        assert_eq!(text(&json!(7)), Some("7".to_owned()));
        assert_eq!((text(&json!("  ")), text(&json!(null)), text(&json!([1]))), (None, None, None));
        assert_eq!(
            (number(&json!("7.5")), number(&json!("NaN")), number(&json!(true))),
            (Some(7.5), None, None)
        );
        assert_eq!(
            (whole::<u8>(&json!("300")), whole::<u16>(&json!(300.0)), whole::<u16>(&json!(0.5))),
            (None, Some(300), None)
        );
        for (value, expected) in [
            (json!("True"), Some(true)),
            (json!("false"), Some(false)),
            (json!(1), Some(true)),
            (json!(""), None),
        ] {
            assert_eq!(boolean(&value), expected, "{value}");
        }
    }
}
