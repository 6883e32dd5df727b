//! An input once more, dry: what its plugin says of it, what the engine and the routes make of that, and how that differs
//! from what happened. Nothing is sent, asked or stored.
//!
//! The meaning of an input depends on those before it, so the source's inputs of the hours before are read again too, from an
//! empty engine. What the server said when it was asked is taken from what was kept of its answers.

mod calls;
mod comparison;
mod difference;
mod event_calls;

use std::sync::Arc;

pub use calls::{CallComparison, CallDifference, compare_calls};
pub use comparison::{MessageDifference, compare_messages};
pub use event_calls::event_calls;
use jiff::{SignedDuration, Timestamp};
use playrelay_engine::code::Code;
use playrelay_engine::event::{Action, TrackerEvent};
use playrelay_engine::model::{ItemKind, Report};
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::Routing;
use playrelay_engine::routing::users::UserAssignments;
use playrelay_engine::state::SessionState;
use playrelay_engine::timeline::{Outcome, Stage, Step, Verdict};
use playrelay_engine::transition::Transition;
use playrelay_plugin_host::capabilities::{Webhook, WebhookInput, WebhookRequest};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_store::{EventDetail, SharedStore, StoreError};
use playrelay_util::clock;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::app::App;
use crate::config::PersonConfig;
use crate::inbox::input;
use crate::inbox::input::{Input, InputOrigin};
use crate::metadata::TitleLookup;
use crate::pipeline;

/// How far back the inputs before are read.
const CONTEXT: SignedDuration = SignedDuration::from_hours(12);
/// At most so many of them.
const CONTEXT_INPUTS: u32 = 20_000;

/// The reason why an input cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is none.
    #[error("there is no event {0}; `playrelay events` lists them")]
    Unknown(i64),
    /// Its source has no plugin that serves.
    #[error("source {0:?} has no plugin that serves; `playrelay check` says why, or name one with --plugin")]
    NoPlugin(String),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The result that an input would have now.
#[derive(Debug, Serialize)]
pub struct Replayer {
    /// The source.
    pub source: String,
    /// When it was received, UTC.
    pub received_at: Timestamp,
    /// The plugin that read it, with its version.
    pub plugin: String,
    /// Earlier inputs that were read again before it.
    pub context: usize,
    /// The reports of the plugin.
    pub reports: Vec<Report>,
    /// The steps after the plugin.
    pub steps: Vec<Step>,
    /// The verdict.
    pub verdict: Verdict,
    /// The events that each tracker would get.
    pub events: Vec<TrackerEvent>,
    /// The differences to the stored result; absent if the input was never processed.
    pub differences: Option<Vec<String>>,
}

/// Replays a recorded input, with the source's own plugin or another one.
///
/// # Errors
///
/// Fails where there is no such event, its source has no plugin that serves, or the database cannot be read.
pub async fn replay_recorded(
    app: &App,
    id: i64,
    plugin: Option<Arc<Plugin>>,
) -> Result<Replayer, ReplayError> {
    let row = app.store.request(id).await?.ok_or(ReplayError::Unknown(id))?;
    let since = row.received.at.saturating_sub(CONTEXT).unwrap_or(Timestamp::MIN);
    let before = app.store.requests_before(&row, since, CONTEXT_INPUTS).await?;
    let mut stage = ReplayRun::new(app, &row.received.source, plugin).await?;
    for earlier in &before {
        stage.play(earlier.received.at, earlier.received.person.as_deref(), input::stored(earlier)).await;
    }
    let person = row.received.person.as_deref();
    let mut replay = stage.play(row.received.at, person, input::stored(&row)).await;
    replay.context = before.len();
    let story = app.store.event(id).await?;
    replay.differences = story.map(|story| differences(&story, &replay));
    Ok(replay)
}

/// Replays an input that was never received, as if nothing had been before it.
///
/// # Errors
///
/// Fails where the source has no plugin that serves, or the database cannot be read.
pub async fn replay_message(
    app: &App,
    source: &str,
    request: WebhookRequest,
    plugin: Option<Arc<Plugin>>,
) -> Result<Replayer, ReplayError> {
    let mut stage = ReplayRun::new(app, source, plugin).await?;
    Ok(stage.play(clock::now(), None, Ok(Input::Webhook(request))).await)
}

/// An engine of its own, for one source.
struct ReplayRun {
    plugin: Arc<Plugin>,
    target: CallTarget,
    store: SharedStore,
    titles: TitleLookup,
    policy: Policy,
    routing: Routing,
    sessions: SessionState,
    /// Whose own addresses there are, and what they record.
    people: BTreeMap<String, PersonConfig>,
}

impl ReplayRun {
    async fn new(app: &App, source: &str, plugin: Option<Arc<Plugin>>) -> Result<Self, ReplayError> {
        let no_plugin = || ReplayError::NoPlugin(source.to_owned());
        let (own, target) = app.plugin(source).ok_or_else(no_plugin)?;
        Ok(Self {
            plugin: plugin.unwrap_or(own),
            target,
            store: Arc::clone(&app.store),
            titles: app.title_lookup(),
            policy: app.config.engine_policy(),
            routing: Routing {
                routes: app.config.routes.clone(),
                people: UserAssignments::new(app.store.users().await?),
            },
            sessions: SessionState::default(),
            people: app.config.people.clone(),
        })
    }

    fn source(&self) -> &str {
        &self.target.account.name
    }

    /// Reads an input; `person` is whose own address it came to, where it did.
    async fn play(
        &mut self,
        received_at: Timestamp,
        person: Option<&str>,
        input: Result<Input, Verdict>,
    ) -> Replayer {
        let facts = &self.plugin.manifest.plugin;
        let mut replay = Replayer {
            source: self.source().to_owned(),
            received_at,
            plugin: format!("{} {}", facts.id, facts.version),
            context: 0,
            reports: Vec::new(),
            steps: Vec::new(),
            verdict: Verdict::new(Outcome::Ignored, Code::Nothing, "the message reports nothing"),
            events: Vec::new(),
            differences: None,
        };
        let mut is_history = false;
        let result = match input {
            Ok(Input::Webhook(request)) => self.read(received_at, request).await,
            Ok(Input::Observed(heard)) => {
                is_history = heard.by == InputOrigin::History;
                Ok(heard.reports)
            }
            Err(verdict) => Err(verdict),
        };
        let result =
            result.and_then(|reports| pipeline::restrict(&self.people, person, self.source(), reports));
        replay.steps.push(pipeline::parsed_step(&result));
        match result {
            Ok(reports) => replay.reports = reports,
            Err(verdict) => {
                replay.verdict = verdict;
                return replay;
            }
        }
        for (index, mut report) in replay.reports.clone().into_iter().enumerate() {
            replay.steps.extend(self.look_up(&mut report).await);
            let is_first = index == 0;
            for part in report.expand() {
                let advances = match part.as_ref() {
                    Report::Playback(playback) if is_history => {
                        vec![self.sessions.transition_from_history(playback, &self.policy)]
                    }
                    part => self.sessions.transitions(part, &self.policy),
                };
                for transition in advances {
                    self.apply(transition, &mut replay, is_first);
                }
            }
        }
        replay
    }

    fn apply(&mut self, mut transition: Transition, replay: &mut Replayer, is_first: bool) {
        let plan = self.routing.plan(&mut transition);
        self.sessions.apply(transition.plays);
        self.sessions.apply_ratings(transition.rating);
        replay.steps.extend(transition.steps);
        replay.events.extend(plan.events);
        let is_nothing_yet = is_first && replay.verdict.code == Code::Nothing;
        if is_nothing_yet || transition.verdict.outcome > replay.verdict.outcome {
            replay.verdict = transition.verdict;
        }
    }

    async fn read(&self, received_at: Timestamp, request: WebhookRequest) -> Result<Vec<Report>, Verdict> {
        let target = CallTarget { received_at, ..self.target.clone() };
        let input = WebhookInput { request, received_at, source: self.source().to_owned() };
        let result = self.plugin.call::<Webhook>(&target, input).await.0;
        pipeline::reports_or_verdict(result, &self.plugin.manifest.plugin.id)
    }

    /// Fills in what the server said when it was asked.
    async fn look_up(&self, report: &mut Report) -> Vec<Step> {
        let mut steps = Vec::new();
        for mut placed in report.items_mut() {
            let kept = self.store.cached_lookup(self.source(), &placed.item.key(), Timestamp::MIN).await;
            if let Ok(Some(known)) = kept {
                placed.item.fill_from(&known);
                let text = format!("{}: known from a look-up that was kept", placed.item);
                steps.push(Step::new(Stage::Enriched, Code::LookedUpBefore, text));
            }
            let (mapped, order) = self.titles.mapper.apply(placed.item).await;
            steps.extend(mapped);
            if let Some(catalogue) =
                self.titles.catalogue.as_ref().filter(|catalogue| catalogue.needs_ids(placed.item))
                && let Some(known) = catalogue.cached(placed.item).await
            {
                placed.item.fill_from(&known);
                let text = format!("{}: known from what the catalogue said", placed.item);
                steps.push(Step::new(Stage::Enriched, Code::FoundBefore, text));
            }
            steps.extend(self.titles.mapper.renumber_from_cache(placed.item, order).await);
            pipeline::move_lookup_fields(&mut placed);
        }
        steps
    }
}

/// The differences between the stored result and the new one.
fn differences(story: &EventDetail, replay: &Replayer) -> Vec<String> {
    let mut differences = Vec::new();
    let verdict = |verdict: &Verdict| format!("{} ({})", verdict.outcome, verdict.code);
    match &story.summary.verdict {
        Some(was) if verdict(was) != verdict(&replay.verdict) => {
            differences.push(format!("- it ended as {}: {}", verdict(was), was.detail));
            differences.push(format!(
                "+ it would end as {}: {}",
                verdict(&replay.verdict),
                replay.verdict.detail
            ));
        }
        _ => {}
    }
    let mut was: Vec<String> = story
        .outbox
        .iter()
        .filter(|row: &&OutboxRow| !row.later)
        .map(|row| describe_event(&row.event))
        .collect();
    for would in replay.events.iter().map(describe_event) {
        match was.iter().position(|was| *was == would) {
            Some(place) => drop(was.remove(place)),
            None => differences.push(format!("+ {would}")),
        }
    }
    differences.extend(was.into_iter().map(|was| format!("- {was}")));
    differences
}

/// An event for a tracker, in one line.
pub fn describe_event(event: &TrackerEvent) -> String {
    let value = match event.action {
        Action::Playing(at) | Action::Paused(at) | Action::Stopped(at) | Action::Watched(at) => {
            format!(" at {at:.1} %")
        }
        Action::Rated(rating) => format!(" with {rating}"),
        Action::Unrated | Action::Unwatched | Action::RemoveFromWatchlist => String::new(),
    };
    let ids = match &event.item.kind {
        ItemKind::Movie(it) => it.ids.to_string(),
        ItemKind::Episode(it) => format!("{}; show: {}", it.ids, it.show.ids),
        ItemKind::Season(it) => format!("{}; show: {}", it.ids, it.show.ids),
        ItemKind::Show(it) => it.ids.to_string(),
    };
    format!("{}: {}{value} {} [{ids}]", event.tracker, event.action.name(), event.item)
}
