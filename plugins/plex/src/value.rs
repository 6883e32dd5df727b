//! Lenient reading of JSON: servers and proxies write numbers as text and text as numbers. What has another type
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

/// Whether a flag is set: `true`, 1 or "1".
pub fn flag(value: &Value) -> bool {
    value.as_bool().unwrap_or(false) || whole::<u8>(value) == Some(1)
}
