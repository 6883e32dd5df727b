//! An event that removes a title from a watchlist.

use std::sync::Arc;

use playrelay_engine::event::ReceiptOutcome;
use playrelay_engine::model::{Item, ItemKind};
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::watchlist;
use playrelay_plugin_host::call_error;
use playrelay_plugin_host::call_state::CallTrace;
use playrelay_plugin_host::capabilities::{LastAired, RemoveWatchlist};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::StoreError;
use playrelay_util::clock;

use crate::delivery::outcome::CallOutcome;
use crate::exports::watchlist_removals::RemovalLog;

/// The result of a removal.
pub(crate) enum RemovalOutcome {
    /// It is not known yet whether to ask.
    Later(String),
    /// Nothing was asked of the tracker, and why.
    Skipped(String),
    /// It was asked.
    Asked(CallOutcome, CallTrace),
}

/// The last episode of a show that has aired.
enum LastAiredOutcome {
    /// It is known.
    Known(Item),
    /// Nobody knows it.
    Unknown,
    /// The tracker does not answer, which is a matter of its lane.
    TrackerFails(CallOutcome, CallTrace),
    /// The catalogue does not answer: the worker goes on.
    CatalogueFails(String),
}

/// Removes titles from the watchlist of one tracker account.
pub(crate) struct WatchlistRemover<'a> {
    /// The tracker's plugin.
    pub plugin: &'a Arc<Plugin>,
    /// The account of the plugin.
    pub target: &'a CallTarget,
    /// Removals that were done before.
    pub removals: &'a RemovalLog,
    /// A catalogue, for what the tracker does not know.
    pub catalogue: Option<&'a (Arc<Plugin>, CallTarget)>,
}

impl WatchlistRemover<'_> {
    /// Removes a movie that was watched, or a show whose last aired episode was watched.
    pub async fn remove(&self, row: &OutboxRow) -> Result<RemovalOutcome, StoreError> {
        let watched = &row.event.item;
        let Some(title) = watchlist::title(watched) else {
            return Ok(RemovalOutcome::Skipped("only movies and shows stand on watchlists".to_owned()));
        };
        let facts = self.plugin.manifest.provides.watchlist.as_ref();
        let order = facts.map(|facts| facts.export_ids.as_slice()).unwrap_or_default();
        let key = watchlist::key(&self.plugin.manifest.plugin.id, &self.target.account.name, order, &title);
        if self.removals.is_recent(&key, clock::now()).await? {
            return Ok(RemovalOutcome::Skipped("it was taken off a moment ago".to_owned()));
        }
        if matches!(watched.kind, ItemKind::Episode(_)) {
            match self.last_aired(title.clone()).await {
                LastAiredOutcome::Known(last) if watchlist::is_last(watched, &last) => {}
                LastAiredOutcome::Known(last) => {
                    return Ok(RemovalOutcome::Skipped(format!(
                        "the show stays on the list: the last to air was {last}"
                    )));
                }
                LastAiredOutcome::Unknown => {
                    let note = "neither the tracker nor a catalogue knows the last aired episode; add a section [catalogues.…]";
                    return Ok(RemovalOutcome::Skipped(note.to_owned()));
                }
                LastAiredOutcome::CatalogueFails(reason) => return Ok(RemovalOutcome::Later(reason)),
                LastAiredOutcome::TrackerFails(answer, trace) => {
                    return Ok(RemovalOutcome::Asked(answer, trace));
                }
            }
        }
        let (answer, trace) = self.plugin.call::<RemoveWatchlist>(self.target, title).await;
        if matches!(&answer, Ok(Ok(receipt)) if receipt.outcome == ReceiptOutcome::Accepted) {
            self.removals.append(key, clock::now()).await?;
        }
        Ok(RemovalOutcome::Asked(answer, trace))
    }

    /// Asks the tracker, or the catalogue, for the last episode of a show that has aired.
    async fn last_aired(&self, show: Item) -> LastAiredOutcome {
        let knows = |plugin: &Plugin| plugin.manifest.provides.airing.is_some();
        if knows(self.plugin) {
            match self.plugin.call::<LastAired>(self.target, show.clone()).await {
                (Ok(Ok(Some(last))), _) => return LastAiredOutcome::Known(last),
                (Ok(Ok(None)), _) => {}
                (Ok(Err(failure)), trace) => return LastAiredOutcome::TrackerFails(Ok(Err(failure)), trace),
                (Err(fault), trace) => return LastAiredOutcome::TrackerFails(Err(fault), trace),
            }
        }
        let Some((plugin, target)) = self.catalogue.filter(|(plugin, _)| knows(plugin)) else {
            return LastAiredOutcome::Unknown;
        };
        match call_error::value(plugin.call::<LastAired>(target, show).await.0) {
            Ok(Some(last)) => LastAiredOutcome::Known(last),
            Ok(None) => LastAiredOutcome::Unknown,
            Err(error) => LastAiredOutcome::CatalogueFails(error.to_string()),
        }
    }
}
