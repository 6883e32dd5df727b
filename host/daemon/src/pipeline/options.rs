//! Options for the inputs of a source.

use std::collections::BTreeMap;

use playrelay_engine::code::Code;
use playrelay_engine::timeline::{Outcome, Verdict};

use crate::config::PersonConfig;
use crate::config::source::ListenMode;
use crate::inbox::input::InputOrigin;

/// Options for the inputs of a source.
#[derive(Clone, Debug)]
pub struct PipelineOptions {
    /// Whether some route asks for the library or the files.
    pub needs_place: bool,
    /// Whether some route asks for the credits.
    pub needs_credits: bool,
    /// Whether anything is taken from it.
    pub enabled: bool,
    /// How the source reports.
    pub mode: ListenMode,
    /// Whose own addresses there are, and what they record.
    pub people: BTreeMap<String, PersonConfig>,
}

impl PipelineOptions {
    /// Why an input is left alone, where it is.
    pub(super) fn refuse(&self, source: &str, heard_by: Option<InputOrigin>) -> Option<Verdict> {
        if !self.enabled {
            let text = format!("[sources.{source}] has `enabled = false`");
            return Some(Verdict::new(Outcome::Filtered, Code::SourceOff, text));
        }
        if heard_by.is_none() && !self.mode.takes_webhooks() {
            let text = format!("[sources.{source}] has `mode = \"watch\"`: its webhooks are not taken");
            return Some(Verdict::new(Outcome::Filtered, Code::WebhooksOff, text));
        }
        None
    }
}
