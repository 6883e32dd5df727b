//! External ids, checked.

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
