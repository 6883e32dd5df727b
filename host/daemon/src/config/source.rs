//! The keys of `[sources.NAME]` that are not settings of its plugin.

use std::time::Duration;

use playrelay_plugin_host::http::Trust;
use playrelay_util::secret::Secret;

use crate::config::section::Section;

/// How far back a server's own history is read at most, where nothing else is said.
const CATCH_UP: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The keys of a source that are not its plugin's.
pub const KEYS: [&str; 7] =
    ["plugin", "webhook_token", "enabled", "mode", "catch_up", "tls_fingerprint", "tls_insecure"];

/// The keys of a source that are not settings of its plugin.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceOptions {
    /// The token in the address of its webhook.
    pub webhook_token: Option<Secret>,
    /// Whether anything is taken from it.
    pub enabled: bool,
    /// How it is heard; where nothing is said, in every way that is open.
    pub mode: ListenMode,
    /// How far back its own history is read after an outage; nothing where that is switched off.
    pub catch_up: Option<Duration>,
    /// Whose certificates are believed.
    pub trust: Trust,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            webhook_token: None,
            enabled: true,
            mode: ListenMode::Both,
            catch_up: Some(CATCH_UP),
            trust: Trust::SystemRoots,
        }
    }
}

/// How a source reports: by webhooks, a connection, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListenMode {
    /// Playrelay holds a connection to it.
    Watch,
    /// It sends webhooks.
    Webhook,
    /// Both; each play counts once.
    #[default]
    Both,
}

impl ListenMode {
    /// Whether a connection is held.
    pub fn uses_realtime(self) -> bool {
        self != Self::Webhook
    }

    /// Whether webhooks are taken.
    pub fn takes_webhooks(self) -> bool {
        self != Self::Watch
    }
}

/// Reads the keys.
pub(crate) fn read(section: &mut Section<'_>, within: &str) -> SourceOptions {
    let webhook_token = section.text("webhook_token").map(Secret::new);
    let enabled = section.boolean("enabled").unwrap_or(true);
    let place = section.location("mode");
    let mode = match section.text("mode").as_deref() {
        None | Some("both") => ListenMode::Both,
        Some("watch") => ListenMode::Watch,
        Some("webhook") => ListenMode::Webhook,
        Some(other) => {
            let text =
                format!("`mode` in {within} is {other:?}; expected \"watch\", \"webhook\" or \"both\"");
            section.error(place, text);
            ListenMode::Both
        }
    };
    let catch_up = match section.duration_or_off("catch_up") {
        None => Some(CATCH_UP),
        Some(set) => set.filter(|duration| !duration.is_zero()),
    };
    SourceOptions { webhook_token, enabled, mode, catch_up, trust: trust(section, within) }
}

fn trust(section: &mut Section<'_>, within: &str) -> Trust {
    let place = section.location("tls_fingerprint");
    let insecure = section.boolean("tls_insecure").unwrap_or(false);
    let Some(fingerprint) = section.text("tls_fingerprint") else {
        return if insecure { Trust::Anybody } else { Trust::SystemRoots };
    };
    if insecure {
        let text = format!(
            "{within} has `tls_fingerprint` and `tls_insecure`; expected one of them, and the fingerprint is the safer one"
        );
        section.error(place.clone(), text);
    }
    Trust::fingerprint(&fingerprint).unwrap_or_else(|| {
        let text = format!(
            "`tls_fingerprint` in {within} is {fingerprint:?}; expected the SHA-256 of the certificate as 64 hexadecimal digits"
        );
        section.error(place, text);
        Trust::SystemRoots
    })
}
