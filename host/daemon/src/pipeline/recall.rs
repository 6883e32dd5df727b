//! Plays that are forgotten in memory, recalled for reports of the past.

use std::collections::HashMap;

use playrelay_engine::model::Report;
use playrelay_engine::play::Play;
use playrelay_store::StoreError;

use crate::inbox::STORE_RETRY_DELAY;
use crate::inbox::input::InputOrigin;
use crate::pipeline::committer::CommitterTask;
use crate::pipeline::parsed_input::ParsedInput;

impl CommitterTask {
    /// The plays that reports of a server's history may speak of, by their inputs. They may be long forgotten here.
    pub(crate) async fn load_past_plays(&self, batch: &[ParsedInput]) -> HashMap<i64, Vec<Play>> {
        let mut past: HashMap<i64, Vec<Play>> = HashMap::new();
        for parsed in batch {
            for report in parsed.result.iter().flatten() {
                let plays = loop {
                    match self.past_plays_for(report, parsed.heard_by).await {
                        Ok(plays) => break plays,
                        Err(error) => tracing::error!("stored plays cannot be read: {error}"),
                    }
                    tokio::time::sleep(STORE_RETRY_DELAY).await;
                };
                if let Some(plays) = plays {
                    past.entry(parsed.row.id).or_default().extend(plays);
                }
            }
        }
        past
    }

    /// The stored plays that a report may speak of, where it speaks of a past that may be forgotten here.
    pub(crate) async fn past_plays_for(
        &self,
        report: &Report,
        heard_by: Option<InputOrigin>,
    ) -> Result<Option<Vec<Play>>, StoreError> {
        let store = &self.context.store;
        match (report, heard_by) {
            (Report::Playback(row), Some(InputOrigin::History)) => store.plays_for(row).await.map(Some),
            (Report::Marked(marked), _) => match &marked.item.server_ref {
                Some(item) => store.plays_of_item(&marked.server.id, item).await.map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }
}
