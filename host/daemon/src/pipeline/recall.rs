//! Plays that are forgotten in memory, recalled for reports of the past.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use playrelay_engine::code::Code;
use playrelay_engine::library::import::{is_same_watch, part_of};
use playrelay_engine::library::person::{SeenViewer, everybody};
use playrelay_engine::library::title::{TitleMatch, match_title};
use playrelay_engine::model::{Playback, Report};
use playrelay_engine::outbox::DeliveryState;
use playrelay_engine::play::{Play, PlayId, Viewer};
use playrelay_engine::timeline::{Outcome, Verdict};
use playrelay_engine::transition::Transition;
use playrelay_store::{ProcessedInput, StoreError};

use crate::inbox::STORE_RETRY_DELAY;
use crate::inbox::input::InputOrigin;
use crate::pipeline::committer::CommitterTask;
use crate::pipeline::parsed_input::ParsedInput;
use crate::pipeline::past_plays::ImportedPlays;

/// Plays of one title that are looked at for one row.
const MAX_IMPORTED: u32 = 500;

impl CommitterTask {
    /// Takes over what a row of a server's history changes. A watch that an import has as well takes the import's place; where a tracker was told of it by
    /// the import, nothing changes: it would be told twice.
    pub(crate) fn apply_history(
        &mut self,
        row: &Playback,
        transition: Transition,
        imported: Option<&ImportedPlays>,
        settlement: &mut ProcessedInput,
    ) -> (Option<String>, Verdict) {
        let is_watch = transition.plays.iter().any(|play| play.watched_at.is_some());
        match imported.filter(|_| is_watch) {
            Some(imported) if imported.is_told => {
                let text = format!("an import has {} at that time, and a tracker was told of it", row.item);
                (Some(row.user.to_string()), Verdict::new(Outcome::Merged, Code::ImportedBefore, text))
            }
            Some(imported) => {
                settlement.replaced.clone_from(&imported.plays);
                self.apply(transition, settlement)
            }
            None => self.apply(transition, settlement),
        }
    }

    /// The plays of imports that rows of a server's history are, by their inputs.
    pub(crate) async fn load_imported_plays(&self, batch: &[ParsedInput]) -> HashMap<i64, ImportedPlays> {
        let mut found = HashMap::new();
        for parsed in batch.iter().filter(|parsed| parsed.heard_by == Some(InputOrigin::History)) {
            for report in parsed.result.iter().flatten() {
                let Report::Playback(row) = report else { continue };
                let imported = loop {
                    match self.imported_plays_of(row, &parsed.row.received.source).await {
                        Ok(imported) => break imported,
                        Err(error) => tracing::error!("stored plays cannot be read: {error}"),
                    }
                    tokio::time::sleep(STORE_RETRY_DELAY).await;
                };
                found.extend(imported.map(|imported| (parsed.row.id, imported)));
            }
        }
        found
    }

    async fn imported_plays_of(
        &self,
        row: &Playback,
        source: &str,
    ) -> Result<Option<ImportedPlays>, StoreError> {
        let store = &self.context.store;
        let TitleMatch::One { id: title, .. } = match_title(&row.item, &store.titles_like(&row.item).await?)
        else {
            return Ok(None);
        };
        let viewer =
            Viewer { server: row.server.id.clone(), user: row.user.key().unwrap_or_default().to_owned() };
        let seen = SeenViewer { viewer, user: row.user.clone(), sources: vec![source.to_owned()] };
        let people = everybody(&self.context.people, std::slice::from_ref(&seen), &TimeZone::system());
        let Some(person) = people.into_iter().find(|person| person.is(&seen)) else { return Ok(None) };
        let part = part_of(&row.item);
        let is_same = |play: &Play| {
            let at = play.watched_at.unwrap_or(play.started_at);
            part_of(&play.item) == part && is_same_watch(at, row.at, &person.zone)
        };
        let kept = store.plays_of_title(vec![person.imported()], title, MAX_IMPORTED).await?;
        let plays: Vec<PlayId> =
            kept.into_iter().filter(|kept| is_same(&kept.play)).map(|kept| kept.play.id).collect();
        if plays.is_empty() {
            return Ok(None);
        }
        let subjects = plays.iter().map(|play| play.0.clone()).collect();
        let told = store.deliveries_of(self.context.trackers.clone(), subjects).await?;
        let is_told = told.iter().any(|row| row.state != DeliveryState::Dropped);
        Ok(Some(ImportedPlays { plays, is_told }))
    }

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
