//! Look-ups in the app: accounts, plugins, warnings.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use playrelay_engine::now_playing::SourceInfo;
use playrelay_engine::routing::route::{Route, UnsupportedActions};
use playrelay_plugin_host::http::message::HttpError;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::vault;

use crate::app::{AccountSpec, App, AppError};
use crate::config::source::ListenMode;
use crate::config::{ConfigError, Location};
use crate::metadata::TitleLookup;
use crate::metadata::anime::AnimeMappings;
use crate::metadata::artwork::Artwork;
use crate::metadata::mapper::TitleMapper;
use crate::metadata::resolver::MetadataResolver;

impl App {
    /// How often trackers want to hear that something still plays.
    pub(crate) fn heartbeats(&self) -> BTreeMap<String, Duration> {
        let wanted = self.config.trackers.keys().filter_map(|name| {
            let facts = self.accounts.get(name)?.manifest.provides.sink.as_ref()?;
            Some((name.clone(), Duration::from_millis(facts.heartbeat_ms?.into())))
        });
        wanted.collect()
    }

    /// The facts of each source for the files of other programs.
    pub(crate) fn source_facts(&self) -> BTreeMap<String, SourceInfo> {
        let facts = self.config.sources.keys().filter_map(|name| {
            let manifest = &self.accounts.get(name)?.manifest;
            let numeric_ids = manifest.provides.webhook.as_ref().map(|webhook| webhook.numeric_ids.clone());
            let plugin = manifest.plugin.id.clone();
            Some((name.clone(), SourceInfo { plugin, numeric_ids: numeric_ids.unwrap_or_default() }))
        });
        facts.collect()
    }

    /// The routes, with what their trackers' plugins do not take.
    pub(crate) fn routes(&self) -> Vec<Route> {
        let untaken = |tracker: &str| {
            let sink = self.accounts.get(tracker).and_then(|it| it.manifest.provides.sink.as_ref());
            sink.map(|facts| UnsupportedActions(facts.untaken_presence())).unwrap_or_default()
        };
        let routes = self.config.routes.iter();
        routes.map(|route| Route { untaken: untaken(&route.tracker), ..route.clone() }).collect()
    }

    /// Warnings about the configuration.
    pub fn warnings(&self) -> Vec<ConfigError> {
        let mut warnings = self.config.warnings.clone();
        for (name, source) in &self.config.sources {
            let options = &source.source;
            if options.enabled
                && options.mode == ListenMode::Watch
                && self.accounts.contains_key(name)
                && !self.has_address(name)
            {
                let text = format!(
                    "[sources.{name}] has `mode = \"watch\"` and no address, so it hears nothing; set its address, or run \
                     `playrelay connect {name}`"
                );
                warnings.push(ConfigError { place: source.place.clone(), text });
            }
        }
        if self.config.has_plugin_dir && !self.config.plugin_dir.is_dir() {
            let text = format!("the plugin directory {} is not there", self.config.plugin_dir.display());
            warnings.push(ConfigError { place: Location::Nowhere, text });
        }
        warnings.extend(self.readable_secrets());
        warnings.sort();
        warnings
    }

    /// Files with secrets that others than their owner may read.
    fn readable_secrets(&self) -> Vec<ConfigError> {
        use std::os::unix::fs::PermissionsExt;
        let has_secret = self.accounts.values().any(|account| !account.secrets.is_empty())
            || self.config.sources.values().any(|source| source.source.webhook_token.is_some())
            || self.config.server.admin_password.is_some();
        let configuration = self.config.file.clone().filter(|_| has_secret);
        let files = [Some(vault::key_path(&self.config.server.data_dir)), configuration];
        let is_open = |file: &PathBuf| {
            std::fs::metadata(file).is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0)
        };
        let open = files.into_iter().flatten().filter(is_open);
        open.map(|file| {
            let text = format!(
                "others than its owner may read it, and it holds secrets; run `chmod 600 {}`",
                file.display()
            );
            ConfigError { place: Location::Line(file.display().to_string(), 1), text }
        })
        .collect()
    }

    /// Accounts at which nobody is logged in though they need it, each with its remedy.
    pub async fn logged_out(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (name, account) in self.accounts.iter().filter(|(_, account)| account.needs_login()) {
            match self.credentials.load(name, &account.manifest.plugin.id).await {
                Ok(Some(_)) => {}
                Ok(None) => found.push((name.clone(), format!("run `playrelay connect {name}`"))),
                Err(error) => found.push((name.clone(), error.to_string())),
            }
        }
        found
    }

    fn catalogues(&self) -> impl Iterator<Item = (Arc<Plugin>, CallTarget)> {
        self.config.catalogues.keys().filter_map(|name| self.plugin(name))
    }

    /// The first catalogue that finds titles.
    pub fn catalogue(&self) -> Option<MetadataResolver> {
        self.catalogues()
            .find_map(|(plugin, target)| MetadataResolver::new(plugin, target, Arc::clone(&self.store)))
    }

    /// What tells which title an item is: mappings, and the first catalogues that find titles and know orders of episodes.
    pub(crate) fn title_lookup(&self) -> TitleLookup {
        let numbering = self.catalogues().find(|(plugin, _)| plugin.manifest.provides.numbering.is_some());
        let has_anime = self.config.mappings.anime.is_some();
        let anime = has_anime.then(|| AnimeMappings::in_folder(&self.config.server.data_dir));
        let mapper = TitleMapper::new(Arc::clone(&self.store), anime, numbering);
        TitleLookup { mapper, catalogue: self.catalogue() }
    }

    /// The same for its pictures.
    pub(crate) fn artwork(&self) -> Option<Artwork> {
        let mut finding = self.catalogues().filter(|(plugin, _)| plugin.manifest.provides.metadata.is_some());
        finding.next().map(|(plugin, target)| Artwork::new(plugin, target, &self.config.server.data_dir))
    }

    /// The first catalogue that knows what has aired.
    pub(crate) fn airing(&self) -> Option<(Arc<Plugin>, CallTarget)> {
        self.catalogues().find(|(plugin, _)| plugin.manifest.provides.airing.is_some())
    }

    /// Whether a connection to a source's server is to be held: it is wanted, and there is an address.
    pub(crate) fn wants_realtime(&self, source: &str) -> bool {
        let options = self.facts.get(source).map(|facts| &facts.source);
        options.is_some_and(|it| it.enabled && it.mode.uses_realtime()) && self.has_address(source)
    }

    /// Whether a source's server can be asked for its history.
    pub(crate) fn has_history(&self, source: &str) -> bool {
        let plugin = self.plugin(source).map(|(plugin, _)| plugin);
        plugin.is_some_and(|plugin| plugin.manifest.provides.server_history.is_some())
            && self.has_address(source)
    }

    /// Whether a source's server can be reached: its address was typed.
    pub fn has_address(&self, source: &str) -> bool {
        let Some(account) = self.accounts.get(source) else { return false };
        let realtime = account.manifest.provides.realtime.as_ref();
        let address = realtime.and_then(|facts| facts.address.only_setting());
        address.is_some_and(|key| account.settings.contains_key(key))
    }

    /// Whether a daemon answers at an address. An error says what else was found.
    ///
    /// # Errors
    ///
    /// Fails where nothing answers there, or something other than Playrelay does.
    pub async fn is_playrelay_at(&self, url: &url::Url) -> Result<(), HttpError> {
        self.wire.probe_body(url, "ok").await
    }

    /// The address at which this machine reaches this daemon; absent where none listens in this process.
    pub fn listening_at(&self) -> Option<SocketAddr> {
        let port = Some(self.wire.own_port.get()).filter(|port| *port != 0)?;
        Some(self.config.server.local_address(port))
    }

    /// Sends a message to an address that should be this daemon's own. Gives the status and the text of the answer.
    ///
    /// # Errors
    ///
    /// Fails where nothing answers there.
    pub async fn send_to_self(
        &self,
        url: &url::Url,
        content_type: &str,
        body: String,
    ) -> Result<(u16, String), HttpError> {
        self.wire.probe_post(url, content_type, body).await
    }

    /// Whether a daemon lives in the data folder.
    ///
    /// # Errors
    ///
    /// Fails where the lock of the data folder cannot be looked at.
    pub fn is_daemon_running(&self) -> Result<bool, AppError> {
        match self.lock() {
            Ok(_) => Ok(false),
            Err(AppError::Occupied(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// The parts of the configuration that the catalogues depend on.
    pub(crate) fn catalogue_specs(&self) -> Vec<AccountSpec> {
        self.config.catalogues.keys().filter_map(|name| self.facts.get(name).cloned()).collect()
    }
}
