//! The second look at the server: what a message left out.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Parsed, Pipeline};
use crate::clock;
use crate::dispatch::model::{Item, Report};
use crate::dispatch::verdict::{Stage, Step};
use crate::plugins::capabilities::{Enrich, Failure};

/// The waits between attempts. After the last one the event goes on with what it has.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

impl Pipeline {
    /// Whether a look at the server could tell more of anything in there.
    pub(super) fn needs_look_up(&self, parsed: &Parsed) -> bool {
        self.plugin.manifest.provides.enrich.is_some()
            && parsed.result.iter().flatten().any(|report| match report {
                Report::Playback(it) => worth_a_look(&it.item),
                Report::Rated(it) => worth_a_look(&it.item),
                Report::Marked(it) => worth_a_look(&it.item),
                Report::Snapshot { sessions, .. } => {
                    sessions.iter().any(|session| worth_a_look(&session.item))
                }
                Report::Ignored { .. } => false,
            })
    }

    /// Looks up what is missing.
    pub(super) async fn look_up(&self, parsed: &mut Parsed) {
        let Parsed { result: Ok(reports), steps, .. } = parsed else { return };
        for item in reports.iter_mut().flat_map(Report::items_mut).filter(|item| worth_a_look(item)) {
            steps.push(self.look_up_item(item).await);
        }
    }

    async fn look_up_item(&self, item: &mut Item) -> Step {
        let key = item.key();
        match self.store.looked_up(self.source(), &key, clock::now()).await {
            Ok(Some(known)) => {
                item.fill_from(&known);
                return Step::new(Stage::Enriched, "looked-up-before", format!("{item}: known from before"));
            }
            Ok(None) => {}
            Err(error) => tracing::warn!("kept look-ups cannot be read: {error}"),
        }
        match self.ask_server(item).await {
            Ok(found) => {
                item.fill_from(&found);
                self.keep(&key, item).await;
                Step::new(Stage::Enriched, "looked-up", format!("{item}: looked up at the server"))
            }
            Err(reason) => {
                let text = format!("{item}: goes on as it came, because {reason}");
                Step::new(Stage::Enriched, "not-looked-up", text)
            }
        }
    }

    async fn ask_server(&self, item: &Item) -> Result<Item, String> {
        let mut waits = WAITS.iter();
        loop {
            let (answer, _) = self.plugin.call::<Enrich>(&self.caller, item.clone()).await;
            let reason = match answer {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(Failure::Retry { reason, .. })) => reason,
                Ok(Err(failure)) => return Err(failure.reason().to_owned()),
                Err(fault) => return Err(fault.to_string()),
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => return Err(reason),
            }
        }
    }

    async fn keep(&self, key: &str, item: &Item) {
        let Some(facts) = &self.plugin.manifest.provides.enrich else { return };
        let until = clock::now().saturating_add(SignedDuration::from_secs(facts.keep_seconds.into()));
        let Ok(until) = until else { return };
        if let Err(error) = self.store.keep_look_up(self.source(), key, item, until).await {
            tracing::warn!("a look-up cannot be kept: {error}");
        }
    }
}

/// Without an id on its server an item cannot be looked up there.
fn worth_a_look(item: &Item) -> bool {
    item.server_ref.is_some() && item.is_incomplete()
}
