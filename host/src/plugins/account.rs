//! An account: a plugin in use, under a name and with settings of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use super::http::{Common, OriginError, Outbound};
use super::manifest::Manifest;
use crate::secret::Secret;

/// The settings of an account, checked against its plugin's manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// With the defaults where the user set nothing.
    pub plain: BTreeMap<String, String>,
    /// Never given to the plugin.
    pub secret: BTreeMap<String, Secret>,
    /// The keys that the user set, or that a login found.
    pub typed: BTreeSet<String>,
    /// Those that a login found.
    pub found: BTreeSet<String>,
}

/// All accounts whose plugins serve, by name. Clones are the same; a changed configuration replaces what is in there.
#[derive(Clone, Default)]
pub struct Accounts(Arc<RwLock<BTreeMap<String, Arc<Account>>>>);

impl Accounts {
    /// One of them.
    pub fn get(&self, name: &str) -> Option<Arc<Account>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All of them, as they are now.
    pub fn all(&self) -> BTreeMap<String, Arc<Account>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts these in their place.
    pub fn replace(&self, accounts: BTreeMap<String, Arc<Account>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = accounts;
    }
}

/// A source or tracker account.
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// The plugin's manifest.
    pub manifest: Arc<Manifest>,
    /// Settings that are no secrets.
    pub settings: BTreeMap<String, String>,
    /// The secrets that are set, by their keys.
    pub secrets: BTreeSet<String>,
    /// Its way out.
    pub outbound: Outbound,
    made_of: (Settings, Common),
}

impl Account {
    /// Puts an account together. Fails where an address among its settings is none.
    pub fn new(
        name: &str,
        manifest: Arc<Manifest>,
        settings: Settings,
        common: Common,
    ) -> Result<Self, OriginError> {
        let made_of = (settings.clone(), common.clone());
        let Settings { plain, secret, typed, .. } = settings;
        let typed = |key: &str| typed.contains(key);
        let secrets = secret.keys().cloned().collect();
        let outbound = Outbound::new(name, common, &manifest, plain.clone(), secret, &typed)?;
        Ok(Self { name: name.to_owned(), manifest, settings: plain, secrets, outbound, made_of })
    }

    /// The same account with some more settings that are no secrets, as if the user had typed them.
    pub fn with(&self, more: &BTreeMap<String, String>) -> Result<Self, OriginError> {
        let (mut settings, common) = self.made_of.clone();
        settings.typed.extend(more.keys().cloned());
        settings.found.extend(more.keys().cloned());
        settings.plain.extend(more.clone());
        Self::new(&self.name, Arc::clone(&self.manifest), settings, common)
    }

    /// The settings that a login has found, with their values.
    pub fn found(&self) -> impl Iterator<Item = (&str, &str)> {
        let value = |key: &String| self.settings.get_key_value(key);
        self.made_of.0.found.iter().filter_map(value).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether the user set a setting, with no login in between.
    pub fn was_typed(&self, key: &str) -> bool {
        self.made_of.0.typed.contains(key) && !self.made_of.0.found.contains(key)
    }

    /// Whether somebody has to log in: the plugin has a login, and no setting that stands in its place is set.
    pub fn needs_login(&self) -> bool {
        let in_its_place = |key: &String| {
            self.secrets.contains(key) || self.settings.get(key).is_some_and(|value| !value.is_empty())
        };
        self.manifest.login.as_ref().is_some_and(|login| !login.unless().is_some_and(in_its_place))
    }
}
