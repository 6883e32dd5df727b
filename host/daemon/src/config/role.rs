//! What an account is for.

use playrelay_plugin_host::manifest::Manifest;

use crate::config::source;

/// What an account is for. Each role has a section of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Plays come from there.
    Source,
    /// Plays go there.
    Tracker,
    /// It knows ids, pictures and dates of titles.
    Catalogue,
    /// It shows notifications to people.
    Notifier,
}

impl Role {
    /// All of them, in the order in which a configuration is read.
    pub const ALL: [Self; 4] = [Self::Source, Self::Tracker, Self::Catalogue, Self::Notifier];

    /// The section of the configuration.
    pub fn section(self) -> &'static str {
        match self {
            Self::Source => "sources",
            Self::Tracker => "trackers",
            Self::Catalogue => "catalogues",
            Self::Notifier => "notifiers",
        }
    }

    /// The role of a section; absent for another section.
    pub fn parse(section: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.section() == section)
    }

    /// The account's plugin exports at least one of these interfaces.
    pub fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Source => &["webhook", "realtime"],
            Self::Tracker => &["sink", "watchlist"],
            Self::Catalogue => &["metadata", "airing", "numbering"],
            Self::Notifier => &["notify"],
        }
    }

    /// Whether a plugin can serve in this role.
    pub fn fits(self, manifest: &Manifest) -> bool {
        let provided = manifest.provides.names();
        self.interfaces().iter().any(|needed| provided.contains(*needed))
    }

    /// The keys of the section that are not the plugin's.
    pub fn own_keys(self) -> &'static [&'static str] {
        match self {
            Self::Source => &source::KEYS,
            Self::Tracker | Self::Catalogue | Self::Notifier => &["plugin"],
        }
    }
}
