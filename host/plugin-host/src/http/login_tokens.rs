//! A login, as it is used.

use std::collections::BTreeMap;

use playrelay_util::secret::Secret;

use crate::manifest::part;

/// A login as it is used: named secrets such as `access_token`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginTokens(pub BTreeMap<String, Secret>);

impl LoginTokens {
    /// A login that a plugin was given.
    pub fn for_plugin(plugin: &str, mut parts: BTreeMap<String, Secret>) -> Self {
        parts.insert(part::PLUGIN.to_owned(), Secret::new(plugin));
        Self(parts)
    }

    /// A part that may be sent: all but the private key.
    pub(crate) fn sendable(&self, name: &str) -> Option<&Secret> {
        self.0.get(name).filter(|_| name != part::DEVICE_KEY)
    }

    /// Whether a plugin was given it: the account's name may have been another's before.
    pub fn belongs_to(&self, plugin: &str) -> bool {
        self.0.get(part::PLUGIN).is_some_and(|of| of.expose() == plugin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_private_key_of_a_login_fills_no_template() {
        let secret = |name: &str| (name.to_owned(), Secret::new("x"));
        let login = LoginTokens([secret(part::ACCESS), secret(part::DEVICE_KEY)].into());
        assert!(login.sendable(part::ACCESS).is_some() && login.sendable(part::DEVICE_KEY).is_none());
    }
}
