//! Deviations that are known and harmless: `deviations.toml`.

use anyhow::Result;
use serde::Deserialize;

use crate::contracts::Finding;

/// All of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviations {
    #[serde(default)]
    allowed: Vec<Deviation>,
    /// Texts in the code of plugins that look like paths of requests, each with what it is.
    not_a_path: std::collections::BTreeMap<String, String>,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    service: String,
    /// `POST /sync/history`; `*` at its end stands for anything.
    endpoint: String,
    part: String,
    /// A part of what the check says; empty for all of it.
    #[serde(default)]
    says: String,
    /// Why it is harmless, and who says so.
    reason: String,
}

impl Deviations {
    /// Those of this project.
    pub fn read() -> Result<Self> {
        Ok(toml::from_str(include_str!("deviations.toml"))?)
    }

    /// The place of the one that allows a finding.
    pub fn place_of(&self, finding: &Finding) -> Option<usize> {
        self.allowed.iter().position(|it| {
            let is_endpoint = match it.endpoint.strip_suffix('*') {
                Some(beginning) => finding.endpoint.starts_with(beginning),
                None => finding.endpoint == it.endpoint,
            };
            it.service == finding.service
                && is_endpoint
                && it.part == finding.part
                && finding.what.contains(&it.says)
        })
    }

    /// Those that were not needed, in words: each place that `used` does not have.
    pub fn needless(&self, used: &[usize]) -> Vec<String> {
        let rest = self.allowed.iter().enumerate().filter(|(place, _)| !used.contains(place));
        rest.map(|(_, it)| format!("{} {} {}: {} ({})", it.service, it.endpoint, it.part, it.says, it.reason))
            .collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.allowed.len()
    }

    /// Whether a text in a plugin's code is no path.
    pub fn is_no_path(&self, text: &str) -> bool {
        self.not_a_path.contains_key(text)
    }
}
