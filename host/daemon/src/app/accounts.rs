//! Accounts: made from the configuration and from logins, and kept as long as nothing of them changes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use playrelay_engine::policy::Heartbeat;
use playrelay_plugin_host::account::{Account, Settings};
use playrelay_plugin_host::artifact::Digest;
use playrelay_plugin_host::http::OutboundDeps;
use playrelay_plugin_host::manifest::{Login, Manifest};
use playrelay_plugin_host::registry::Status;
use playrelay_store::StoreError;
use playrelay_store::vault::VaultError;
use playrelay_util::secret::Secret;

use crate::app::adapters::PluginStore;
use crate::app::known_plugins;
use crate::app::{AccountSpec, App};
use crate::config;
use crate::config::clients::Clients;
use crate::config::{AccountConfig, ConfigError, Role};
use crate::webhooks::{private_address, registration};

/// Under which name the secrets of an account lie in the vault that were entered on a page.
fn stored_settings_key(name: &str) -> String {
    format!("settings:{name}")
}

impl App {
    pub(crate) async fn add_all_accounts(&mut self, before: Option<&Self>) {
        for role in Role::ALL {
            for (name, configured) in &self.config.accounts(role).clone() {
                if let Err(problem) = self.add_account(name, configured, role, before).await {
                    self.problems.push(problem);
                }
            }
        }
        self.check_routes();
        self.problems.sort();
    }

    /// A route leads to somebody who can be told, and takes off lists of those who keep one.
    pub(crate) fn check_routes(&mut self) {
        self.check_heartbeats();
        let routes = &self.config.routes;
        for (name, tracker) in &self.config.trackers {
            let Some(account) = self.accounts.get(name) else { continue };
            let provides = &account.manifest.provides;
            let mut complain = |text| self.problems.push(ConfigError { place: tracker.place.clone(), text });
            if provides.sink.is_none() && provides.watchlist.is_none() {
                // It is no tracker at all, which was said.
                continue;
            }
            if provides.sink.is_none() && routes.iter().any(|route| route.tracker == *name) {
                complain(format!(
                    "a route leads to [trackers.{name}], which only keeps a watchlist; expected it in `watchlist_remove_from` of a \
                     route to another tracker"
                ));
            }
            let mut removals =
                routes.iter().map(|route| &route.removal).filter(|removal| removal.movies || removal.shows);
            if provides.watchlist.is_none() && removals.any(|removal| removal.accounts.contains(name)) {
                complain(format!(
                    "a route takes titles off the watchlist of [trackers.{name}], which keeps none"
                ));
            }
        }
    }

    /// A heartbeat that is set is not shorter than the tracker's plugin allows.
    pub(crate) fn check_heartbeats(&mut self) {
        for (name, tracker) in &self.config.trackers {
            let sink = self.accounts.get(name).and_then(|account| account.manifest.provides.sink.as_ref());
            let Some(least) = sink.and_then(|facts| facts.heartbeat_ms) else { continue };
            let least = Duration::from_millis(least.into());
            let routes = self.config.routes.iter().filter(|route| route.tracker == *name);
            let too_short = routes.filter_map(|route| match route.policy.heartbeat {
                Heartbeat::Every(interval) if interval < least => Some(interval),
                _ => None,
            });
            if let Some(interval) = too_short.min() {
                let text = format!(
                    "`heartbeat` of a route to [trackers.{name}] is {} s; expected at least {} s, which plugin {:?} allows, or false",
                    interval.as_secs(),
                    least.as_secs(),
                    tracker.plugin
                );
                self.problems.push(ConfigError { place: tracker.place.clone(), text });
            }
        }
    }

    pub(crate) async fn add_account(
        &mut self,
        name: &str,
        configured: &AccountConfig,
        role: Role,
        before: Option<&Self>,
    ) -> Result<(), ConfigError> {
        let within = format!("[{}.{name}]", role.section());
        let problem = |text: String| ConfigError { place: configured.place.clone(), text };
        let Some(entry) = self.plugins.find(&configured.plugin) else {
            let id = &configured.plugin;
            let is_known = async || {
                known_plugins::is_known(&self.store, id).await.unwrap_or_else(|error| {
                    tracing::warn!("whether plugin {id} was approved once cannot be read: {error}");
                    true
                })
            };
            if self.plugins.was_approved(id) || is_known().await {
                // What it would send waits.
                self.waiting.push(format!(
                    "account {name}: the file of plugin {id} is gone from the plugin directory; put it back, or remove {within}"
                ));
                return Ok(());
            }
            if !self.plugins.has_bundled() {
                let text = "this build has no bundled plugins: build it with `cargo xtask build`, or put plugins into the \
                            plugin directory";
                return Err(problem(text.to_owned()));
            }
            let fits = |id: &String| self.plugins.manifest(id).is_none_or(|manifest| role.fits(&manifest));
            let known: Vec<String> =
                self.plugins.entries().iter().map(|entry| entry.id()).filter(fits).collect();
            return Err(problem(config::unknown_key_message("plugin", &configured.plugin, &within, &known)));
        };
        let plugin = match &entry.status {
            Status::Active(plugin) => plugin,
            Status::Compiling(_) => {
                let text = format!(
                    "account {name}: plugin {} is compiled first; what comes meanwhile is kept",
                    entry.id()
                );
                self.waiting.push(text);
                return Ok(());
            }
            Status::Pending => {
                let id = entry.id();
                let text = format!("account {name}: plugin {id} waits for `playrelay plugin approve {id}`");
                self.waiting.push(text);
                return Ok(());
            }
            Status::Broken(reason) => {
                self.waiting.push(format!("account {name}: plugin {} is broken: {reason}", entry.id()));
                return Ok(());
            }
        };
        let manifest = Arc::clone(&plugin.manifest);
        let stored = self.stored_secrets(name).await;
        let built_in = self.built_in_settings(&configured.plugin);
        let mut settings =
            config::settings(name, configured, &manifest, role, &stored, built_in, &mut self.problems);
        let login = self.fill_from_login(name, &manifest, &mut settings).await;
        let facts = AccountSpec {
            login,
            plugin: configured.plugin.clone(),
            version: self.plugins.active_digest(&configured.plugin).cloned(),
            settings: settings.clone(),
            source: configured.source.clone(),
        };
        let same = before.filter(|before| before.facts.get(name) == Some(&facts));
        let account = match same.and_then(|before| before.accounts.get(name)) {
            Some(account) => Arc::clone(account),
            None => {
                let wire = self.wire.with_trust(&configured.source.trust).map_err(problem)?;
                let (logins, counts) =
                    (Arc::clone(&self.credentials), Arc::new(PluginStore(self.store.clone())));
                let instance = self.instance.clone();
                let common = OutboundDeps { wire, logins, counts, instance };
                Account::new(name, manifest, settings, common)
                    .map(Arc::new)
                    .map_err(|error| problem(format!("an address in {within} cannot be used: {error}")))?
            }
        };
        self.accounts.insert(name.to_owned(), account);
        self.facts.insert(name.to_owned(), facts);
        Ok(())
    }

    /// The settings of a plugin that a distributor has built in: those of a bundled plugin, and of no other of its name.
    pub(crate) fn built_in_settings(&self, plugin: &str) -> Option<&'static BTreeMap<String, Secret>> {
        Clients::built_in().of(plugin).filter(|_| self.plugins.is_bundled(plugin))
    }

    /// A login by the plugin's own code may know settings that the user left open: the server's address. Gives the login's revision.
    pub(crate) async fn fill_from_login(
        &self,
        name: &str,
        manifest: &Manifest,
        settings: &mut Settings,
    ) -> Option<Digest> {
        let Some(Login::Plugin(login)) = &manifest.login else { return None };
        // Before the rest: a login that is stored in between is seen at the next look.
        let revision = match self.revision(name).await {
            Ok(revision) => revision,
            Err(error) => {
                tracing::warn!("account {name}: {error}");
                return None;
            }
        };
        let is_set = |key: &String| settings.plain.contains_key(key) || settings.secret.contains_key(key);
        if login.unless.as_ref().is_some_and(is_set) {
            return revision;
        }
        let kept = match self.credentials.load(name, &manifest.plugin.id).await {
            Ok(Some(kept)) => kept.0,
            Ok(None) => return revision,
            Err(error) => {
                tracing::warn!("account {name}: {error}");
                return revision;
            }
        };
        for (key, _) in manifest.settings.iter().filter(|(_, setting)| !setting.secret) {
            if let (Some(value), false) = (kept.get(key), settings.user_set.contains(key)) {
                settings.plain.insert(key.clone(), value.expose().to_owned());
                settings.user_set.insert(key.clone());
                settings.discovered.insert(key.clone());
            }
        }
        revision
    }

    /// The secrets of an account that were entered on a page. None where they cannot be read: what is missing is complained of.
    async fn stored_secrets(&self, name: &str) -> BTreeMap<String, Secret> {
        let mut secrets = match self.credentials.vault().get(&stored_settings_key(name)).await {
            Ok(secrets) => secrets.unwrap_or_default(),
            Err(error) => {
                tracing::warn!("account {name}: {error}");
                BTreeMap::new()
            }
        };
        secrets.extend(self.entered.get(name).cloned().unwrap_or_default());
        secrets
    }

    /// Stores a secret of an account that was entered on a page, or forgets it.
    pub(crate) async fn store_setting(
        &self,
        name: &str,
        key: &str,
        value: Option<Secret>,
    ) -> Result<(), VaultError> {
        let vault = self.credentials.vault();
        let slot = stored_settings_key(name);
        let mut secrets = match vault.get(&slot).await {
            Ok(secrets) => secrets.unwrap_or_default(),
            // What cannot be opened any more is entered anew.
            Err(VaultError::WrongKey(_)) => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        match value {
            Some(value) => drop(secrets.insert(key.to_owned(), value)),
            None => drop(secrets.remove(key)),
        }
        match secrets.is_empty() {
            true => vault.remove(&slot).await,
            false => vault.put(&slot, &secrets).await,
        }
    }

    /// The keys of secrets of an account that were entered on a page.
    pub(crate) async fn stored_setting_keys(&self, name: &str) -> Vec<String> {
        self.stored_secrets(name).await.into_keys().collect()
    }

    /// A digest of what the vault has under a name; it changes with every change of that.
    pub(crate) async fn revision(&self, name: &str) -> Result<Option<Digest>, StoreError> {
        Ok(self.store.secret(name).await?.map(|sealed| Digest::of(&sealed)))
    }

    /// A digest of the login of each account. It changes when the user logs in or out.
    pub(crate) async fn login_revisions(&self) -> Result<BTreeMap<String, Option<Digest>>, StoreError> {
        let stamps =
            self.uses_plugin_login().map(|name| async { Ok((name.clone(), self.revision(name).await?)) });
        Ok(try_join_all(stamps).await?.into_iter().collect())
    }

    /// The same as it was when the accounts were made.
    pub(crate) fn stored_logins(&self) -> BTreeMap<String, Option<Digest>> {
        let known = |name: &String| self.facts.get(name).and_then(|facts| facts.login.clone());
        self.uses_plugin_login().map(|name| (name.clone(), known(name))).collect()
    }

    /// The accounts that are logged in by their plugin's own code.
    pub(crate) fn uses_plugin_login(&self) -> impl Iterator<Item = &String> {
        let is_guided = |account: &Account| matches!(account.manifest.login, Some(Login::Plugin(_)));
        self.accounts.iter().filter(move |(_, account)| is_guided(account)).map(|(name, _)| name)
    }

    /// The same for the tokens of the webhooks.
    pub(crate) async fn token_revisions(&self) -> Result<Vec<Option<Digest>>, StoreError> {
        let sources = self.config.sources.keys().map(|source| registration::token_key(source));
        let names = sources.chain(self.config.people.keys().map(|person| private_address::key(person)));
        try_join_all(names.map(|name| async move { self.revision(&name).await })).await
    }
}
