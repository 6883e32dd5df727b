//! An account: a plugin in use, under a name and with settings of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

use playrelay_util::lock::{read, write};
use playrelay_util::secret::Secret;

use crate::http::{Origin, OriginError, Outbound, OutboundDeps, Reach};
use crate::manifest::Manifest;

/// The settings of an account, checked against its plugin's manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// With the defaults where the user set nothing.
    pub plain: BTreeMap<String, String>,
    /// Never given to the plugin.
    pub secret: BTreeMap<String, Secret>,
    /// The keys that the user set, or that a login found.
    pub user_set: BTreeSet<String>,
    /// Those that a login found.
    pub discovered: BTreeSet<String>,
    /// Whether the user has put the service itself, which is elsewhere by default, on this machine. Then the servers that it knows may
    /// be here too.
    pub is_service_here: bool,
}

impl Settings {
    /// How far the address in a setting may lead: anywhere where the user typed it, there or for another setting.
    fn reach(&self, key: &str) -> Reach {
        let origin = |key: &String| self.plain.get(key).and_then(|address| Origin::parse(address).ok());
        let was_typed = |key: &String| self.user_set.contains(key) && !self.discovered.contains(key);
        let key = key.to_owned();
        match (self.user_set.contains(&key), self.discovered.contains(&key)) {
            (false, _) => Reach::Public,
            (true, false) => Reach::Anywhere,
            // By its address alone: where a name leads is decided by others.
            (true, true)
                if self.is_service_here && self.plain.get(&key).is_some_and(|it| names_loopback(it)) =>
            {
                Reach::Anywhere
            }
            (true, true) => {
                let mut typed = self.plain.keys().filter(|other| was_typed(other)).filter_map(origin);
                let found = origin(&key);
                if typed.any(|typed| Some(typed) == found) { Reach::Anywhere } else { Reach::Home }
            }
        }
    }
}

/// Whether an address is written as one of this machine: `localhost`, `127.0.0.1`, `[::1]`.
pub fn names_loopback(address: &str) -> bool {
    let Ok(url) = url::Url::parse(address) else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// All accounts whose plugins serve, by name. Clones are the same; a changed configuration replaces what is in there.
#[derive(Clone, Default)]
pub struct Accounts(Arc<RwLock<BTreeMap<String, Arc<Account>>>>);

impl Accounts {
    /// One of them.
    pub fn get(&self, name: &str) -> Option<Arc<Account>> {
        read(&self.0).get(name).cloned()
    }

    /// All of them, as they are now.
    pub fn all(&self) -> BTreeMap<String, Arc<Account>> {
        read(&self.0).clone()
    }

    /// Puts these in their place.
    pub fn replace(&self, accounts: BTreeMap<String, Arc<Account>>) {
        *write(&self.0) = accounts;
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
    /// Sends its requests.
    pub outbound: Outbound,
    inputs: (Settings, OutboundDeps),
}

impl Account {
    /// Puts an account together. Fails where an address among its settings is none.
    ///
    /// # Errors
    ///
    /// An address among the settings is not valid.
    pub fn new(
        name: &str,
        manifest: Arc<Manifest>,
        settings: Settings,
        common: OutboundDeps,
    ) -> Result<Self, OriginError> {
        let made_of = (settings.clone(), common.clone());
        let reach = |key: &str| made_of.0.reach(key);
        let Settings { plain, secret, .. } = settings;
        let secrets = secret.keys().cloned().collect();
        let outbound = Outbound::new(name, common, &manifest, plain.clone(), secret, &reach)?;
        Ok(Self { name: name.to_owned(), manifest, settings: plain, secrets, outbound, inputs: made_of })
    }

    /// The same account with some more settings that are no secrets, as if the user had typed them.
    ///
    /// # Errors
    ///
    /// An address among the settings is not valid.
    pub fn with(&self, more: &BTreeMap<String, String>) -> Result<Self, OriginError> {
        let (mut settings, common) = self.inputs.clone();
        settings.user_set.extend(more.keys().cloned());
        settings.discovered.extend(more.keys().cloned());
        settings.plain.extend(more.clone());
        Self::new(&self.name, Arc::clone(&self.manifest), settings, common)
    }

    /// How far an address may lead that a login has found for a setting: to this machine alone only where the user has typed the very
    /// same one, or has said that it may.
    pub fn reach_of_found(&self, key: &str, address: &str) -> Reach {
        let mut settings = self.inputs.0.clone();
        settings.plain.insert(key.to_owned(), address.to_owned());
        settings.user_set.insert(key.to_owned());
        settings.discovered.insert(key.to_owned());
        settings.reach(key)
    }

    /// The settings that a login has found, with their values.
    pub fn found(&self) -> impl Iterator<Item = (&str, &str)> {
        let value = |key: &String| self.settings.get_key_value(key);
        self.inputs.0.discovered.iter().filter_map(value).map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether the user set a setting, with no login in between.
    pub fn is_user_set(&self, key: &str) -> bool {
        self.inputs.0.user_set.contains(key) && !self.inputs.0.discovered.contains(key)
    }

    /// Whether somebody has to log in: the plugin has a login, and no setting that stands in its place is set.
    pub fn needs_login(&self) -> bool {
        let in_its_place = |key: &String| {
            self.secrets.contains(key) || self.settings.get(key).is_some_and(|value| !value.is_empty())
        };
        self.manifest.login.as_ref().is_some_and(|login| !login.unless().is_some_and(in_its_place))
    }
}
