//! Asks a catalogue for the ids of items that lack usable ids.
//!
//! A title is never guessed: where two come into question, the item goes on with a doubt, and what would be told of it for
//! good waits until a person says what it is.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::code::Code;
use playrelay_engine::model::{Item, ItemKind};
use playrelay_engine::timeline::{Stage, Step};
use playrelay_plugin_host::call_error::{self, CallError};
use playrelay_plugin_host::capabilities::Find;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::SharedStore;
use playrelay_util::clock;
use playrelay_util::cooldown::Cooldown;

/// The field of a title with a genre. It may stand there several times.
pub const GENRE: &str = "genre";
/// After a failure the catalogue is not asked for this long.
const COOLDOWN: Duration = Duration::from_secs(60);
/// The least confidence of a candidate that is taken, if no other candidate is about as likely.
const MIN_CONFIDENCE: f64 = 0.85;
/// How much less likely the next one must be.
const MIN_LEAD: f64 = 0.05;
/// How long it is kept what an item is: six months are the most that catalogues allow.
const FOUND_TTL: SignedDuration = SignedDuration::from_hours(180 * 24);
/// How long it is kept that nothing, or too much, was found.
const AMBIGUOUS_TTL: SignedDuration = SignedDuration::from_hours(24);

/// A catalogue in use.
#[derive(Clone)]
pub struct MetadataResolver {
    plugin: Arc<Plugin>,
    target: CallTarget,
    store: SharedStore,
    silence: Arc<Cooldown>,
}

impl MetadataResolver {
    /// A catalogue; absent where the plugin finds nothing.
    pub fn new(plugin: Arc<Plugin>, target: CallTarget, store: SharedStore) -> Option<Self> {
        plugin.manifest.provides.metadata.is_some().then(|| Self {
            plugin,
            target,
            store,
            silence: Arc::default(),
        })
    }

    /// Whether an item comes without an id that would do.
    pub fn needs_ids(&self, item: &Item) -> bool {
        let facts = self.plugin.manifest.provides.metadata.as_ref();
        facts.is_some_and(|facts| match &item.kind {
            ItemKind::Movie(movie) => !movie.ids.has_any(&facts.movie_ids),
            ItemKind::Episode(episode) => !episode.show.ids.has_any(&facts.show_ids),
            ItemKind::Season(season) => !season.show.ids.has_any(&facts.show_ids),
            ItemKind::Show(show) => !show.ids.has_any(&facts.show_ids),
        })
    }

    /// The stored answer for an item, however old; absent before the first.
    pub async fn cached(&self, item: &Item) -> Option<Item> {
        let kept =
            self.store.cached_lookup(&self.cache_namespace(), &item.catalogue_key(), Timestamp::MIN).await;
        kept.ok().flatten()
    }

    /// Fills in the ids of an item, or a doubt.
    pub async fn resolve(&self, item: &mut Item) -> Step {
        let key = item.catalogue_key();
        match self.store.cached_lookup(&self.cache_namespace(), &key, clock::now()).await {
            Ok(Some(known)) => {
                item.fill_from(&known);
                let text = format!("{item}: {}, as the catalogue said before", self.failure_text(item));
                return Step::new(Stage::Enriched, Code::FoundBefore, text);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!("cached look-ups cannot be read: {error}"),
        }
        if let Some(left) = self.silence.remaining() {
            return self
                .not_asked(item, &format!("it did not answer; it is asked again in {} s", left.as_secs()));
        }
        let candidates = match self.plugin.call::<Find>(&self.target, item.clone()).await.0 {
            Ok(Ok(candidates)) => candidates,
            Ok(Err(failure)) => {
                self.silence.start(COOLDOWN);
                return self.not_asked(item, failure.reason());
            }
            Err(fault) => {
                self.silence.start(COOLDOWN);
                return self.not_asked(item, &fault.to_string());
            }
        };
        let (found, kept_for, code) = match choose(&candidates) {
            Choice::Found(found) => (found.clone(), FOUND_TTL, Code::Found),
            Choice::Doubt(text) => (item.with_ambiguity(text), AMBIGUOUS_TTL, Code::Ambiguous),
            Choice::Nothing => (item.clone(), AMBIGUOUS_TTL, Code::NotFound),
        };
        item.fill_from(&found);
        let until = clock::after(kept_for);
        // What one server says of its file is no other server's business.
        let kept = item.without_server_refs();
        if let Err(error) = self.store.cache_lookup(&self.cache_namespace(), &key, &kept, until).await {
            tracing::warn!("the answer of the catalogue cannot be cached: {error}");
        }
        Step::new(Stage::Enriched, code, format!("{item}: {}", self.failure_text(item)))
    }

    /// The title as the catalogue knows it, with its genres in the field [`GENRE`]; absent where it is not clear which one it is, or the catalogue does not know it.
    ///
    /// # Errors
    ///
    /// Fails where the catalogue does not answer.
    pub async fn describe(&self, title: &Item) -> Result<Option<Item>, CallError> {
        let answer = self.plugin.call::<Find>(&self.target, title.clone()).await.0;
        let candidates = call_error::value(answer)?;
        Ok(match choose(&candidates) {
            Choice::Found(found) => Some(found.clone()),
            Choice::Doubt(_) | Choice::Nothing => None,
        })
    }

    /// What the catalogue has for words of a person, the likeliest first. An error says why it cannot be asked.
    ///
    /// # Errors
    ///
    /// Fails where the catalogue does not answer, or did not a moment ago.
    pub async fn search(&self, item: Item) -> Result<Vec<Item>, String> {
        if let Some(left) = self.silence.remaining() {
            return Err(format!("the catalogue did not answer; it is asked again in {} s", left.as_secs()));
        }
        let answer = self.plugin.call::<Find>(&self.target, item).await.0;
        let mut candidates = call_error::value(answer).map_err(|error| error.to_string())?;
        candidates.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Ok(candidates.into_iter().map(|(item, _)| item).collect())
    }

    fn not_asked(&self, item: &Item, reason: &str) -> Step {
        let text =
            format!("{item}: goes on without ids, because {}: {reason}", self.plugin.manifest.plugin.name);
        Step::new(Stage::Enriched, Code::NotFound, text)
    }

    fn failure_text(&self, item: &Item) -> String {
        match (item.ambiguity(), self.needs_ids(item)) {
            (Some(doubt), _) => format!("it is not clear which one it is: {doubt}"),
            (None, false) => format!("it is {}", item.describe_ids()),
            (None, true) => "no catalogue knows it".to_owned(),
        }
    }

    /// Where its answers are kept, apart from those of servers.
    fn cache_namespace(&self) -> String {
        format!("catalogue:{}", self.target.account.name)
    }
}

enum Choice<'a> {
    Found(&'a Item),
    Doubt(String),
    Nothing,
}

/// One that stands clearly above the others, or none.
fn choose(candidates: &[(Item, f64)]) -> Choice<'_> {
    let mut likely: Vec<&(Item, f64)> =
        candidates.iter().filter(|(_, confidence)| *confidence >= MIN_CONFIDENCE).collect();
    likely.sort_by(|one, other| other.1.total_cmp(&one.1));
    match likely.as_slice() {
        [] => Choice::Nothing,
        [(item, _)] => Choice::Found(item),
        [(item, best), (_, second), ..] if best - second >= MIN_LEAD => Choice::Found(item),
        several => {
            let names: Vec<_> =
                several.iter().map(|(item, _)| format!("{item} ({})", item.describe_ids())).collect();
            Choice::Doubt(names.join(", or "))
        }
    }
}

#[cfg(test)]
mod tests {
    use playrelay_engine::model::Movie;

    use super::*;

    fn candidate(id: &str, confidence: f64) -> (Item, f64) {
        let ids = [("imdb", id)].into_iter().collect();
        let kind = ItemKind::Movie(Movie { title: "Mirror".to_owned(), ids, ..Movie::default() });
        (Item::of(kind), confidence)
    }

    #[test]
    fn what_is_not_clear_is_not_taken() {
        let chosen = |confidences: &[f64]| {
            let candidates: Vec<_> = confidences
                .iter()
                .enumerate()
                .map(|(index, it)| candidate(&format!("{}", index + 1), *it))
                .collect();
            match choose(&candidates) {
                Choice::Found(item) => item.describe_ids(),
                Choice::Doubt(text) => format!("doubt: {text}"),
                Choice::Nothing => "nothing".to_owned(),
            }
        };
        assert_eq!(chosen(&[0.95, 0.3]), "imdb:1");
        assert_eq!(chosen(&[0.85, 0.95]), "imdb:2");
        assert_eq!(chosen(&[0.95, 0.95]), "doubt: Mirror (imdb:1), or Mirror (imdb:2)");
        assert_eq!(chosen(&[0.8, 0.2]), "nothing");
        assert_eq!(chosen(&[]), "nothing");
    }
}
