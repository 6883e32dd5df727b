//! External ids, checked.

use serde_json::{Map, Value, json};

use crate::host::types::ExternalId;

/// An id, where it can be one: imdb ids are `tt` and digits, the numbered ones are digits. A number may carry
/// leading zeros and spaces; "0" and "" are how agents write "unknown".
pub fn external(namespace: &str, value: &str) -> Option<ExternalId> {
    let namespace = namespace.trim().to_lowercase();
    let value = value.trim();
    let value = match namespace.as_str() {
        "imdb" => {
            let digits = value.strip_prefix("tt").unwrap_or(value);
            let id = (digits.len() >= 7 && is_number(digits)).then(|| format!("tt{digits}"))?;
            return Some(ExternalId { namespace, value: id });
        }
        "tmdb" | "tvdb" | "tvmaze" | "trakt" | "simkl" | "anidb" | "mal" | "anilist" | "kitsu" => {
            Some(value).filter(|value| is_number(value)).map(|value| value.trim_start_matches('0'))?
        }
        _ => return None,
    };
    (!value.is_empty()).then(|| ExternalId { namespace, value: value.to_owned() })
}

/// The value of the id in a namespace.
pub fn find<'a>(ids: &'a [ExternalId], namespace: &str) -> Option<&'a str> {
    ids.iter().find(|id| id.namespace == namespace).map(|id| id.value.as_str())
}

/// Ids as an object of JSON, in the namespaces that somebody knows for this kind of thing; numbers are written as numbers.
pub fn object(ids: &[ExternalId], known: &[&str]) -> Map<String, Value> {
    let known = ids.iter().filter(|id| known.contains(&id.namespace.as_str()));
    known
        .map(|id| {
            let value = id.value.parse::<u64>().map_or_else(|_| json!(id.value), |number| json!(number));
            (id.namespace.clone(), value)
        })
        .collect()
}

/// Whether one of our ids is among theirs. Services write numbers as text and text as numbers.
pub fn share(ours: &[ExternalId], known: &[&str], theirs: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let known = ours.iter().filter(|id| known.contains(&id.namespace.as_str()));
    known.into_iter().any(|id| text(&theirs[id.namespace.as_str()]).is_some_and(|theirs| theirs == id.value))
}

/// Ids that stand in an object of JSON, as text.
pub fn read(object: &Value) -> Vec<ExternalId> {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter_map(|(namespace, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some(ExternalId { namespace: namespace.clone(), value })
        })
        .collect()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_taken() {
        for (namespace, value, taken) in [
            ("imdb", "tt0903747", Some("tt0903747")),
            ("IMDB", " tt0903747 ", Some("tt0903747")),
            ("imdb", "nm0000001", None),
            ("imdb", "tt12", None),
            ("imdb", "0903747", Some("tt0903747")),
            ("tmdb", "1396", Some("1396")),
            ("tvdb", "081189", Some("81189")),
            ("tmdb", "0", None),
            ("tmdb", "", None),
            ("tmdb", "the-movie", None),
            ("tvdbslug", "severance", None),
        ] {
            let id = external(namespace, value);
            assert_eq!(id.as_ref().map(|id| id.value.as_str()), taken, "{namespace}:{value}");
        }
    }
}
