//! Finds values where the settings say.

use serde_json::Value;

/// The unit of positions and lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Milliseconds,
}

/// A message, and the settings that say where its values stand.
pub struct Mapping<'a> {
    pub message: &'a Value,
    pub setting: &'a dyn Fn(&str) -> Option<String>,
}

impl Mapping<'_> {
    fn value(&self, setting: &str) -> Option<&Value> {
        self.message.pointer((self.setting)(setting)?.trim())
    }

    /// A text, or a number as one; absent where it is empty or something else.
    pub fn text(&self, setting: &str) -> Option<String> {
        match self.value(setting)? {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A whole number, also in a text; absent where it does not fit.
    pub fn number<N: TryFrom<u64>>(&self, setting: &str) -> Option<N> {
        let number: u64 = match self.value(setting)? {
            Value::String(text) => text.trim().parse().ok()?,
            number => number.as_u64()?,
        };
        number.try_into().ok()
    }

    /// A position or a length in milliseconds: seconds may have fractions.
    pub fn duration(&self, setting: &str, unit: Unit) -> Option<u32> {
        let number: f64 = match self.value(setting)? {
            Value::String(text) => text.trim().parse().ok()?,
            number => number.as_f64()?,
        };
        let milliseconds = match unit {
            Unit::Seconds => number * 1_000.0,
            Unit::Milliseconds => number,
        };
        let fits = milliseconds >= 0.0 && milliseconds <= f64::from(u32::MAX);
        fits.then_some(milliseconds as u32)
    }

    /// Whether a word is among those of a setting, which are separated by commas. Capitals do not count.
    pub fn is_one_of(&self, setting: &str, word: &str) -> bool {
        let words = (self.setting)(setting).unwrap_or_default();
        words.split(',').any(|known| known.trim().eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find<T>(message: &Value, pointer: &str, of: impl Fn(&Mapping<'_>) -> T) -> T {
        of(&Mapping { message, setting: &|_| Some(pointer.to_owned()) })
    }

    #[test]
    fn values_stand_where_the_settings_say() {
        let message = json!({ "a": { "b": [" Mirror ", 1975, "1975", "", null, true] } });
        let text = |pointer: &str| find(&message, pointer, |mapping| mapping.text("any"));
        assert_eq!(text("/a/b/0").as_deref(), Some("Mirror"));
        assert_eq!(text("/a/b/1").as_deref(), Some("1975"));
        for nowhere in ["/a/b/3", "/a/b/4", "/a/b/5", "/a/b/6", "/a", "a", "", "/a/b/-"] {
            assert_eq!(text(nowhere), None, "{nowhere}");
        }
        let number = |pointer: &str| find(&message, pointer, |mapping| mapping.number::<u16>("any"));
        assert_eq!((number("/a/b/1"), number("/a/b/2"), number("/a/b/0")), (Some(1975), Some(1975), None));
    }

    #[test]
    fn a_duration_has_a_unit_and_fits() {
        let message = json!([1.5, "90", -1, 1e300, "NaN", 4_294_968]);
        let duration = |pointer: &str, unit| find(&message, pointer, |mapping| mapping.duration("any", unit));
        assert_eq!(duration("/0", Unit::Seconds), Some(1_500));
        assert_eq!(duration("/1", Unit::Seconds), Some(90_000));
        assert_eq!(duration("/1", Unit::Milliseconds), Some(90));
        for nothing in ["/2", "/3", "/4", "/5"] {
            assert_eq!(duration(nothing, Unit::Seconds), None, "{nothing}");
        }
    }

    #[test]
    fn words_are_separated_by_commas() {
        let message = json!({});
        let is_word = |word: &str| find(&message, "play, Start", |mapping| mapping.is_one_of("any", word));
        assert!(is_word("play") && is_word("START"));
        assert!(!is_word("play, Start") && !is_word("pla"));
    }
}
