//! Maps titles before anything is decided about them: by what a person keeps, by the file of anime, and by a catalogue that knows other
//! orders of episodes.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use playrelay_engine::code::Code;
use playrelay_engine::mapping::Mappings;
use playrelay_engine::mapping::numbering::{AIR_DATE, Order, evident_order};
use playrelay_engine::model::{Item, ItemKind};
use playrelay_engine::timeline::{Stage, Step};
use playrelay_plugin_host::call_error;
use playrelay_plugin_host::capabilities::{Locate, LocateInput};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::{SharedStore, StoreError};
use playrelay_util::clock;
use playrelay_util::cooldown::Cooldown;
use playrelay_util::lock::lock;

use crate::imports::anime::CATALOGUES;
use crate::metadata::anime::AnimeMappings;

/// Between two looks at whether mappings have changed.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// After a failure the catalogue is not asked for this long.
const COOLDOWN: Duration = Duration::from_secs(60);
/// The waits between attempts of one question.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];
/// How long an answer of a catalogue is kept.
const FOUND_TTL: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long it is kept that the catalogue does not know.
const UNKNOWN_TTL: SignedDuration = SignedDuration::from_hours(24);

/// Maps titles.
#[derive(Clone)]
pub struct TitleMapper {
    store: SharedStore,
    kept: Arc<Mutex<KeptMappings>>,
    anime: Option<AnimeMappings>,
    numbering: Option<Numbering>,
}

#[derive(Default)]
struct KeptMappings {
    looked: Option<Instant>,
    version: Option<i64>,
    mappings: Arc<Mappings>,
}

impl TitleMapper {
    /// A mapper by the mappings of a store, a file of anime where there is one, and a catalogue that knows orders of episodes where there
    /// is one.
    pub fn new(
        store: SharedStore,
        anime: Option<AnimeMappings>,
        catalogue: Option<(Arc<Plugin>, CallTarget)>,
    ) -> Self {
        let numbering =
            catalogue.map(|(plugin, target)| Numbering { plugin, target, silence: Arc::default() });
        Self { store, kept: Arc::default(), anime, numbering }
    }

    /// Whether something may be mapped of an item.
    pub async fn concerns(&self, item: &Item) -> bool {
        (self.anime.is_some() && CATALOGUES.concern(item))
            || (self.numbering.is_some() && evident_order(item).is_some())
            || self.mappings().await.matches(item)
    }

    /// Maps an item by the file of anime and by what is kept. Gives the steps, and the order of its numbers where that is another one than
    /// that of catalogues.
    pub async fn apply(&self, item: &mut Item) -> (Vec<Step>, Option<Order>) {
        let mut words = Vec::new();
        if let Some(anime) = self.anime.clone().filter(|_| CATALOGUES.concern(item)) {
            // A file of some megabytes is read here, once.
            let index = tokio::task::spawn_blocking(move || anime.index()).await;
            words.extend(index.ok().and_then(|index| index.apply(item)));
        }
        let mapped = self.mappings().await.apply(item);
        words.extend(mapped.words);
        let steps = words.into_iter().map(|text| Step::new(Stage::Enriched, Code::Mapped, text)).collect();
        (steps, mapped.order)
    }

    /// Asks a catalogue for the numbers of an episode whose own numbers are of another order: of `kept` by a mapping, or by its own facts.
    pub async fn renumber(&self, item: &mut Item, kept: Option<Order>) -> Option<Step> {
        let order = order_of(item, kept)?;
        let found = match &self.numbering {
            Some(numbering) => numbering.locate(&self.store, item, order).await,
            None if kept.is_none() => return None,
            None => Err("no catalogue is configured that knows orders of episodes".to_owned()),
        };
        Some(take_numbers(item, order, kept.is_some(), found))
    }

    /// The same by what the catalogue has said before, however long ago.
    pub async fn renumber_from_cache(&self, item: &mut Item, kept: Option<Order>) -> Option<Step> {
        let order = order_of(item, kept)?;
        let found = self.numbering.as_ref()?.cached(&self.store, item, order, Timestamp::MIN).await?;
        Some(take_numbers(item, order, kept.is_some(), found))
    }

    /// What is kept, as it is now or was a moment ago.
    async fn mappings(&self) -> Arc<Mappings> {
        let (version, mappings) = {
            let mut kept = lock(&self.kept);
            if kept.looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
                return Arc::clone(&kept.mappings);
            }
            kept.looked = Some(Instant::now());
            (kept.version, Arc::clone(&kept.mappings))
        };
        match self.read_newer(version).await {
            Ok(None) => mappings,
            Ok(Some((version, newer))) => {
                let mut kept = lock(&self.kept);
                (kept.version, kept.mappings) = (Some(version), Arc::new(newer));
                Arc::clone(&kept.mappings)
            }
            Err(error) => {
                tracing::warn!("the mappings of titles cannot be read: {error}");
                mappings
            }
        }
    }

    async fn read_newer(&self, known: Option<i64>) -> Result<Option<(i64, Mappings)>, StoreError> {
        let version = self.store.mappings_version().await?;
        if known == Some(version) {
            return Ok(None);
        }
        let mappings = self.store.mappings().await?.into_iter().map(|stored| stored.mapping);
        Ok(Some((version, Mappings::new(mappings.collect()))))
    }
}

/// A catalogue that knows orders of episodes.
#[derive(Clone)]
struct Numbering {
    plugin: Arc<Plugin>,
    target: CallTarget,
    silence: Arc<Cooldown>,
}

impl Numbering {
    /// The episode by the catalogue's own numbers.
    ///
    /// # Errors
    ///
    /// Says in words why they are not known.
    async fn locate(&self, store: &SharedStore, item: &Item, order: Order) -> Result<ItemKind, String> {
        if let Some(known) = self.cached(store, item, order, clock::now()).await {
            return known;
        }
        if let Some(left) = self.silence.remaining() {
            return Err(format!("the catalogue did not answer; it is asked again in {} s", left.as_secs()));
        }
        let found = self.ask(item, order).await?;
        let ttl = if found.is_some() { FOUND_TTL } else { UNKNOWN_TTL };
        let kept = found.as_ref().unwrap_or(item).without_server_refs();
        if let Err(error) =
            store.cache_lookup(&self.namespace(), &key(item, order), &kept, clock::after(ttl)).await
        {
            tracing::warn!("the answer of the catalogue cannot be cached: {error}");
        }
        self.answer(item, kept)
    }

    /// What the catalogue has said before, in an answer that was valid at a time; absent where it was not asked.
    async fn cached(
        &self,
        store: &SharedStore,
        item: &Item,
        order: Order,
        at: Timestamp,
    ) -> Option<Result<ItemKind, String>> {
        match store.cached_lookup(&self.namespace(), &key(item, order), at).await {
            Ok(known) => Some(self.answer(item, known?)),
            Err(error) => {
                tracing::warn!("cached look-ups cannot be read: {error}");
                None
            }
        }
    }

    /// An item that is as it was asked for says that the catalogue does not know it.
    fn answer(&self, item: &Item, found: Item) -> Result<ItemKind, String> {
        match found.kind {
            kind @ ItemKind::Episode(_) if kind != item.kind => Ok(kind),
            _ => Err(format!("{} does not know it in that order", self.plugin.manifest.plugin.name)),
        }
    }

    fn namespace(&self) -> String {
        format!("numbering:{}", self.target.account.name)
    }

    async fn ask(&self, item: &Item, order: Order) -> Result<Option<Item>, String> {
        let mut waits = RETRY_DELAYS.iter();
        loop {
            let input = LocateInput { episode: item.clone(), order };
            match call_error::value(self.plugin.call::<Locate>(&self.target, input).await.0) {
                Ok(found) => return Ok(found),
                Err(error) => match waits.next() {
                    Some(wait) => tokio::time::sleep(*wait).await,
                    None => {
                        self.silence.start(COOLDOWN);
                        return Err(error.to_string());
                    }
                },
            }
        }
    }
}

/// The order of an episode's numbers where that is not the one of catalogues: by a mapping, or by its own facts.
fn order_of(item: &Item, kept: Option<Order>) -> Option<Order> {
    let is_episode = matches!(item.kind, ItemKind::Episode(_));
    kept.or_else(|| evident_order(item)).filter(|_| is_episode)
}

/// Takes over what a catalogue has said of the numbers of an item, and says so. Where a mapping says that they are of another order, and they
/// are not mapped, it is in doubt which episode it is: to tell it as it is would mark another one.
fn take_numbers(item: &mut Item, order: Order, is_kept: bool, found: Result<ItemKind, String>) -> Step {
    let (before, order) = (item.to_string(), order.as_str());
    match found {
        Ok(kind) => {
            item.kind = kind;
            let text = format!("{before} is {item}, as the catalogue says of the order {order}");
            Step::new(Stage::Enriched, Code::Mapped, text)
        }
        Err(reason) => {
            if is_kept {
                let doubt =
                    format!("its numbers are of the order {order}, and they are not mapped: {reason}");
                *item = item.with_ambiguity(doubt);
            }
            let text = format!("{before}: its order is {order}, and its numbers stay: {reason}");
            Step::new(Stage::Enriched, Code::NotMapped, text)
        }
    }
}

/// The key of a question to a catalogue.
fn key(item: &Item, order: Order) -> String {
    let absolute = match &item.kind {
        ItemKind::Episode(episode) => episode.absolute_number,
        _ => None,
    };
    let day = item.ext(AIR_DATE).unwrap_or_default();
    format!("{}:{absolute:?}:{day}:{}", order.as_str(), item.catalogue_key())
}
