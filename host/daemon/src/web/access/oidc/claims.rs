//! What an OpenID provider says of a user.

use std::collections::BTreeMap;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Letters of a name.
const MAX_NAME: usize = 64;

/// All claims that OpenID Connect does not name, as the provider has them.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct OtherClaims(BTreeMap<String, Value>);

impl AdditionalClaims for OtherClaims {}

/// Claims by name.
pub(super) fn as_map(claims: &impl Serialize) -> BTreeMap<String, Value> {
    match serde_json::to_value(claims) {
        Ok(Value::Object(map)) => map.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => BTreeMap::new(),
    }
}

/// What a provider says of a user.
pub(super) struct Claims {
    /// Who it is, for good.
    pub(super) subject: String,
    /// All claims by name.
    pub(super) values: BTreeMap<String, Value>,
}

impl Claims {
    /// The user's name; absent where the provider gives none that can be used.
    pub(super) fn name(&self, claim: &str) -> Option<String> {
        let is_verified = claim != "email" || self.values.get("email_verified") == Some(&Value::Bool(true));
        let name = self.values.get(claim)?.as_str()?.trim();
        let is_name =
            !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
        (is_verified && is_name).then(|| name.to_owned())
    }

    /// The user's groups; providers write one as text.
    pub(super) fn groups(&self, claim: &str) -> Vec<String> {
        match self.values.get(claim) {
            Some(Value::Array(groups)) => {
                groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::String(group)) => vec![group.clone()],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(values: Value) -> Claims {
        Claims { subject: "1".to_owned(), values: as_map(&values) }
    }

    #[test]
    fn an_address_counts_as_a_name_only_if_it_is_verified() {
        let address = json!({ "email": "ada@example.com", "email_verified": true });
        assert_eq!(claims(address).name("email").as_deref(), Some("ada@example.com"));
        assert_eq!(claims(json!({ "email": "ada@example.com" })).name("email"), None);
        assert_eq!(claims(json!({ "email": "a@b", "email_verified": "true" })).name("email"), None);
    }

    #[test]
    fn a_name_is_a_short_text() {
        let named = |name: Value| claims(json!({ "preferred_username": name })).name("preferred_username");
        assert_eq!(named(json!(" ada ")).as_deref(), Some("ada"));
        for name in [json!(""), json!(7), json!("a\nb"), json!("x".repeat(65)), Value::Null] {
            assert_eq!(named(name), None);
        }
    }

    #[test]
    fn groups_are_a_list_or_one() {
        assert_eq!(claims(json!({ "groups": ["a", 1, "b"] })).groups("groups"), ["a", "b"]);
        assert_eq!(claims(json!({ "groups": "a" })).groups("groups"), ["a"]);
        assert!(claims(json!({ "groups": { "a": 1 } })).groups("groups").is_empty());
    }
}
