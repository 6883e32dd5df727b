//! What the house is asked for by those who live in it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{AccountFacts, House, HouseError};
use crate::artwork::Artwork;
use crate::dispatch::presence::SourceFacts;
use crate::pipeline::catalogue::Catalogue;
use crate::plugins::call::{Caller, Plugin};
use crate::plugins::http::wire::HttpError;

impl House {
    /// How often trackers want to hear that something still plays.
    pub(super) fn heartbeats(&self) -> BTreeMap<String, Duration> {
        let wanted = self.config.trackers.keys().filter_map(|name| {
            let facts = self.accounts.get(name)?.manifest.provides.sink.as_ref()?;
            Some((name.clone(), Duration::from_millis(facts.heartbeat_ms?.into())))
        });
        wanted.collect()
    }

    /// What the files for other programs say of each source.
    pub(super) fn source_facts(&self) -> BTreeMap<String, SourceFacts> {
        let facts = self.config.sources.keys().filter_map(|name| {
            let manifest = &self.accounts.get(name)?.manifest;
            let numeric_ids = manifest.provides.webhook.as_ref().map(|webhook| webhook.numeric_ids.clone());
            let plugin = manifest.plugin.id.clone();
            Some((name.clone(), SourceFacts { plugin, numeric_ids: numeric_ids.unwrap_or_default() }))
        });
        facts.collect()
    }

    fn catalogues(&self) -> impl Iterator<Item = (Arc<Plugin>, Caller)> {
        self.config.catalogues.keys().filter_map(|name| self.plugin_of(name))
    }

    /// The first catalogue that finds titles.
    pub fn catalogue(&self) -> Option<Catalogue> {
        self.catalogues().find_map(|(plugin, caller)| Catalogue::new(plugin, caller, Arc::clone(&self.store)))
    }

    /// The same for its pictures.
    pub(super) fn artwork(&self) -> Option<Artwork> {
        let mut finding = self.catalogues().filter(|(plugin, _)| plugin.manifest.provides.metadata.is_some());
        finding.next().map(|(plugin, caller)| Artwork::new(plugin, caller, &self.config.server.data_dir))
    }

    /// The first catalogue that knows what has aired.
    pub(super) fn airing(&self) -> Option<(Arc<Plugin>, Caller)> {
        self.catalogues().find(|(plugin, _)| plugin.manifest.provides.airing.is_some())
    }

    /// Whether a connection to a source's server is to be held: it is wanted, and there is an address.
    pub(super) fn is_watched(&self, source: &str) -> bool {
        let options = self.facts.get(source).map(|facts| &facts.source);
        options.is_some_and(|it| it.enabled && it.mode.watches()) && self.has_address(source)
    }

    /// Whether a source's server can be asked for its history.
    pub(super) fn has_history(&self, source: &str) -> bool {
        let plugin = self.plugin_of(source).map(|(plugin, _)| plugin);
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
    pub async fn is_ours(&self, url: &url::Url) -> Result<(), HttpError> {
        self.wire.says(url, "ok").await
    }

    /// Whether a daemon lives in the data folder.
    pub fn is_served(&self) -> Result<bool, HouseError> {
        match self.lock() {
            Ok(_) => Ok(false),
            Err(HouseError::Occupied(_)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// What the catalogues are made of.
    pub(super) fn catalogue_facts(&self) -> Vec<AccountFacts> {
        self.config.catalogues.keys().filter_map(|name| self.facts.get(name).cloned()).collect()
    }
}
