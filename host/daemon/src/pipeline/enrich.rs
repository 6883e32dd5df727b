//! The second look at the server: what a message left out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use playrelay_engine::code::Code;
use playrelay_engine::model::{Item, ItemContext, Playback, Report, User};
use playrelay_engine::timeline::{Stage, Step};
use playrelay_plugin_host::capabilities::{Enrich, Identify};
use playrelay_plugin_host::failure::Failure;
use playrelay_plugin_host::fault::FaultKind;
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::SharedOwner;
use playrelay_util::clock;
use playrelay_util::cooldown::Cooldown;
use playrelay_util::lock::lock;

use crate::metadata::TitleLookup;
use crate::metadata::mapper::TitleMapper;
use crate::metadata::resolver::MetadataResolver;
use crate::pipeline::options::PipelineOptions;
use crate::pipeline::parsed_input::ParsedInput;

/// The name under which a look-up gives the library.
const LIBRARY: &str = "library";
/// The name under which a look-up gives a file.
const PATH: &str = "path";
/// The name under which a look-up gives where the closing credits begin.
const CREDITS: &str = "credits-start-ms";
/// How long a refusal is kept. Seconds.
const REFUSAL_TTL_S: u32 = 600;
/// How long a server that does not answer is left alone.
const COOLDOWN: Duration = Duration::from_secs(60);
/// How long it is taken for granted whose a session is.
const IDENTIFIED_TTL: Duration = Duration::from_secs(120);
/// Sessions of which that is remembered.
const MAX_IDENTIFIED: usize = 256;
/// The waits between attempts. After the last one the event goes on with what it has.
const RETRY_DELAYS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Asks the server of a source, and the catalogue, for what reports lack.
pub(super) struct Enricher {
    plugin: Arc<Plugin>,
    target: CallTarget,
    store: SharedOwner,
    options: PipelineOptions,
    /// Knows the ids of items that come without; absent if none is configured.
    catalogue: Option<MetadataResolver>,
    mapper: TitleMapper,
    /// The server did not answer a moment ago.
    silence: Cooldown,
    identified: UserCache,
}

impl Enricher {
    pub(super) fn new(
        plugin: &Arc<Plugin>,
        target: &CallTarget,
        store: &SharedOwner,
        options: &PipelineOptions,
        titles: TitleLookup,
    ) -> Self {
        Self {
            plugin: Arc::clone(plugin),
            target: target.clone(),
            store: Arc::clone(store),
            options: options.clone(),
            catalogue: titles.catalogue,
            mapper: titles.mapper,
            silence: Cooldown::default(),
            identified: UserCache::default(),
        }
    }

    fn source(&self) -> &str {
        &self.target.account.name
    }

    /// Whether a look at the server could tell more of anything in there.
    pub(super) async fn needs_look_up(&self, parsed: &mut ParsedInput) -> bool {
        for report in parsed.result.iter_mut().flatten() {
            if self.lacks_user(report) {
                return true;
            }
            for placed in report.items_mut() {
                if self.can_look_up(&placed)
                    || self.asked_of(placed.item).is_some()
                    || self.mapper.concerns(placed.item).await
                {
                    return true;
                }
            }
        }
        false
    }

    /// Looks up what is missing.
    pub(super) async fn look_up(&self, parsed: &mut ParsedInput) {
        let ParsedInput { result: Ok(reports), steps, .. } = parsed else { return };
        for report in reports {
            if self.lacks_user(report)
                && let Report::Playback(playback) = report
            {
                steps.push(self.identify(playback).await);
            }
            for mut placed in report.items_mut() {
                if self.can_look_up(&placed) {
                    steps.push(self.look_up_item(placed.item).await);
                }
                let (mapped, order) = self.mapper.apply(placed.item).await;
                steps.extend(mapped);
                if let Some(catalogue) = self.asked_of(placed.item) {
                    steps.push(catalogue.resolve(placed.item).await);
                }
                steps.extend(self.mapper.renumber(placed.item, order).await);
                move_lookup_fields(&mut placed);
            }
        }
    }

    /// Without an id on its server an item cannot be looked up there; of one that is gone the show may still be there.
    fn can_look_up(&self, placed: &ItemContext<'_>) -> bool {
        let Some(facts) = &self.plugin.manifest.provides.enrich else { return false };
        let misses_place = placed.library.is_none() || placed.paths.is_empty();
        let misses_credits = placed.credits_start_ms.as_ref().is_some_and(|credits| credits.is_none());
        // Marks and ratings are of one episode, whatever else its file holds.
        let may_hold_more = facts.files && placed.credits_start_ms.is_some() && placed.item.is_one_episode();
        let is_there = placed.item.server_ref.is_some() || placed.item.server_show_ref.is_some();
        is_there
            && (placed.item.is_incomplete()
                || may_hold_more
                || (self.options.needs_place && misses_place)
                || (self.options.needs_credits && facts.credits && misses_credits))
    }

    /// The catalogue, where there is one and it may know more of an item.
    fn asked_of(&self, item: &Item) -> Option<&MetadataResolver> {
        self.catalogue.as_ref().filter(|catalogue| catalogue.needs_ids(item))
    }

    /// Whether the server may know whose a playback is that does not say so.
    fn lacks_user(&self, report: &Report) -> bool {
        matches!(report, Report::Playback(it) if it.user.name.is_none())
            && self.plugin.manifest.provides.identify.is_some()
    }

    async fn identify(&self, playback: &mut Playback) -> Step {
        let found = match (self.identified.get(playback), self.silence.remaining()) {
            (Some(user), _) => Ok(user),
            (None, Some(_)) => Err("the server did not answer a moment ago".to_owned()),
            (None, None) => match self.plugin.call::<Identify>(&self.target, playback.clone()).await.0 {
                Ok(Ok(user)) => {
                    self.identified.keep(playback, user.clone());
                    Ok(user)
                }
                Ok(Err(failure)) => {
                    if matches!(failure, Failure::Retry { .. }) {
                        self.silence.start(COOLDOWN);
                    }
                    Err(failure.reason().to_owned())
                }
                Err(fault) => Err(fault.to_string()),
            },
        };
        match found {
            Ok(user) => {
                playback.user = User { uuid: playback.user.uuid.take(), ..user };
                let text = format!("the server says that {} plays it", playback.user);
                Step::new(Stage::Enriched, Code::UserLookedUp, text)
            }
            Err(reason) => {
                let text = format!("it goes on without a user's name: {reason}");
                Step::new(Stage::Enriched, Code::UserNotLookedUp, text)
            }
        }
    }

    async fn look_up_item(&self, item: &mut Item) -> Step {
        let key = item.key();
        match self.store.cached_lookup(self.source(), &key, clock::now()).await {
            Ok(Some(known)) => {
                item.fill_from(&known);
                return Step::new(
                    Stage::Enriched,
                    Code::LookedUpBefore,
                    format!("{item}: known from before"),
                );
            }
            Ok(None) => {}
            Err(error) => tracing::warn!("cached look-ups cannot be read: {error}"),
        }
        let asked = match self.silence.remaining() {
            Some(left) => Err(LookupError::Unreachable(format!(
                "the server did not answer; it is asked again in {} s",
                left.as_secs()
            ))),
            None => self.ask_server(item).await,
        };
        let reason = match asked {
            Ok(found) => {
                item.fill_from(&found);
                let kept =
                    self.plugin.manifest.provides.enrich.as_ref().map_or(0, |facts| facts.keep_seconds);
                self.keep(&key, item, kept).await;
                return Step::new(
                    Stage::Enriched,
                    Code::LookedUp,
                    format!("{item}: looked up at the server"),
                );
            }
            // It would say the same of the next report of this item, and there may be one every second.
            Err(LookupError::ForGood(reason)) => {
                self.keep(&key, item, REFUSAL_TTL_S).await;
                reason
            }
            Err(LookupError::Unreachable(reason)) => reason,
        };
        let text = format!("{item}: goes on as it came, because {reason}");
        Step::new(Stage::Enriched, Code::NotLookedUp, text)
    }

    async fn ask_server(&self, item: &Item) -> Result<Item, LookupError> {
        let mut waits = RETRY_DELAYS.iter();
        loop {
            let (answer, _) = self.plugin.call::<Enrich>(&self.target, item.clone()).await;
            let reason = match answer {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(Failure::Retry { reason, .. })) => reason,
                Ok(Err(failure)) => return Err(LookupError::ForGood(failure.reason().to_owned())),
                // The plugin's host is busy, or the plugin paused: that says nothing of the item.
                Err(fault) if matches!(fault.kind, FaultKind::Paused | FaultKind::Host | FaultKind::Wall) => {
                    if fault.kind == FaultKind::Wall {
                        // A server that takes so long is as good as silent.
                        self.silence.start(COOLDOWN);
                    }
                    return Err(LookupError::Unreachable(fault.to_string()));
                }
                Err(fault) => return Err(LookupError::ForGood(fault.to_string())),
            };
            match waits.next() {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => {
                    self.silence.start(COOLDOWN);
                    return Err(LookupError::Unreachable(reason));
                }
            }
        }
    }

    async fn keep(&self, key: &str, item: &Item, seconds: u32) {
        let until = clock::after(SignedDuration::from_secs(seconds.into()));
        if let Err(error) = self.store.cache_lookup(self.source(), key, item, until).await {
            tracing::warn!("a look-up cannot be cached: {error}");
        }
    }
}

/// Moves library, files and credits from the item to the report. Trackers do not need them.
pub fn move_lookup_fields(placed: &mut ItemContext<'_>) {
    let library = placed.item.take_ext(LIBRARY).pop();
    *placed.library = placed.library.take().or(library);
    let paths = placed.item.take_ext(PATH);
    if placed.paths.is_empty() {
        *placed.paths = paths;
    }
    let credits = placed.item.take_ext(CREDITS).pop().and_then(|ms| ms.parse().ok());
    if let Some(known) = &mut placed.credits_start_ms {
        **known = known.or(credits);
    }
}

/// The reason why nothing was looked up.
enum LookupError {
    /// The server will not say.
    ForGood(String),
    /// The server does not answer.
    Unreachable(String),
}

/// Whose the sessions are that were asked about: there may be a report of each every second.
#[derive(Default)]
struct UserCache(Mutex<HashMap<String, (User, Instant)>>);

impl UserCache {
    /// Messages that say nothing of a session are asked about each time: another may play the same by now.
    fn get(&self, playback: &Playback) -> Option<User> {
        let known = lock(&self.0);
        let (user, until) = known.get(&question(playback)?)?;
        (*until > Instant::now()).then(|| user.clone())
    }

    fn keep(&self, playback: &Playback, user: User) {
        let Some(question) = question(playback) else { return };
        let mut known = lock(&self.0);
        let now = Instant::now();
        known.retain(|_, (_, until)| *until > now);
        if known.len() < MAX_IDENTIFIED {
            known.insert(question, (user, now + IDENTIFIED_TTL));
        }
    }
}

/// The key of a playback whose user was looked up; absent if the message has no session.
fn question(playback: &Playback) -> Option<String> {
    let (user, player, session) = (&playback.user.id, &playback.player.id, &playback.session);
    let says_something = user.is_some() || player.is_some() || session.is_some();
    says_something.then(|| format!("{user:?} {player:?} {session:?} {}", playback.item.key()))
}
