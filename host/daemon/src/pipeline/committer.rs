//! The one place where the engine runs and its decisions are stored.
//!
//! The committer stores all inputs that wait in one transaction. The state in memory is ahead of the store by that one
//! transaction. If it fails, the committer loads the state again and decides the same inputs again. Between inputs it
//! closes plays whose source fell silent, and applies decisions about users.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use playrelay_engine::code::Code;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::heartbeat::Heartbeats;
use playrelay_engine::library::person::Person;
use playrelay_engine::model::Report;
use playrelay_engine::now_playing::{SourceInfo, watching};
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::users::UserAssignments;
use playrelay_engine::routing::{Plan, Routing};
use playrelay_engine::state::{RATING_REPEAT_INTERVAL, SessionState};
use playrelay_engine::timeline::{Outcome, Verdict, Verdicts};
use playrelay_engine::transition::{Rating, Transition};
use playrelay_plugin_host::text;
use playrelay_store::{ProcessedInput, SharedOwner, StoreError};
use playrelay_util::clock;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use crate::exports::now_playing::NowPlaying;
use crate::inbox::STORE_RETRY_DELAY;
use crate::live::{Change, LiveBus};
use crate::metrics::Metrics;
use crate::pipeline::batch::{COMMIT_INTERVAL, MAX_BATCH, gather};
use crate::pipeline::parsed_input::ParsedInput;
use crate::pipeline::past_plays::PastPlays;
use crate::pipeline::summary::{about, changes, empty, within_budget};

/// Ended plays are remembered for this long, to tell a repeated finish and a rewatch.
const ENDED_PLAY_RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// More than a look may be late. What is beyond is time in which the machine slept, or by which its clock was set.
const CLOCK_JUMP: SignedDuration = SignedDuration::from_secs(60);
/// Between two looks at the clock and the list of people.
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// The same with the clock of a test.
const SIMULATED_TICK_INTERVAL: Duration = Duration::from_millis(50);

/// The least time between two writes of the file of current playback, also under many reports.
const MIN_EXPORT_INTERVAL: Duration = Duration::from_millis(40);
/// …and for so many times as long as it takes to show.
const EXPORT_COST_FACTOR: u32 = 20;

/// The way to the committer.
#[derive(Clone)]
pub struct Committer {
    parsed: mpsc::Sender<ParsedInput>,
    desks: mpsc::Sender<(EngineContext, oneshot::Sender<()>)>,
    board: Arc<NowPlaying>,
}

/// The options of the committer.
pub struct EngineContext {
    /// The store of decisions.
    pub store: SharedOwner,
    /// `[scrobble]`, with whatever any route switches on.
    pub policy: Policy,
    /// The routes. The people are read from the store.
    pub routing: Routing,
    /// The trackers that are delivered to.
    pub trackers: Vec<String>,
    /// How often trackers want to hear that something still plays, those that do.
    pub heartbeats: BTreeMap<String, Duration>,
    /// The display of current playback.
    pub board: Arc<NowPlaying>,
    /// The facts of sources for the file of current playback.
    pub sources: BTreeMap<String, SourceInfo>,
    /// Receives every change that was stored.
    pub live: LiveBus,
    /// Counts inputs.
    pub metrics: Metrics,
    /// Whose imports may have what a server's history tells.
    pub people: Vec<Person>,
}

impl Committer {
    /// Reads the engine's state and starts the committer.
    ///
    /// # Errors
    ///
    /// Fails where the database cannot be read.
    pub async fn start(context: EngineContext) -> Result<Self, StoreError> {
        let sessions = load_state(&context.store).await?;
        let mut context = context;
        context.routing.people = UserAssignments::new(context.store.users().await?);
        let (parsed, queue) = mpsc::channel(MAX_BATCH);
        let (desks, new_desks) = mpsc::channel(1);
        let board = Arc::clone(&context.board);
        let work = CommitterTask {
            context,
            sessions,
            heeded: UserAssignments::default(),
            people_version: None,
            heart: Heartbeats::default(),
            announced: HashSet::new(),
            ends: Vec::new(),
            looked: (clock::now(), Instant::now()),
        };
        tokio::spawn(work.run(queue, new_desks));
        Ok(Self { parsed, desks, board })
    }

    /// The display of current playback.
    pub fn board(&self) -> Arc<NowPlaying> {
        Arc::clone(&self.board)
    }

    /// Has it work by another configuration, from its next decision on. What plays is told to routes that are new.
    pub async fn reconfigure(&self, context: EngineContext) {
        let (done, is_done) = oneshot::channel();
        // The committer ends only with the program.
        let _ = self.desks.send((context, done)).await;
        let _ = is_done.await;
    }

    /// Hands a request over. Waits while too many are in front of it.
    pub async fn submit(&self, parsed: ParsedInput) {
        // The committer ends only with the program, and then the request comes again at the next start.
        let _ = self.parsed.send(parsed).await;
    }
}

async fn load_state(store: &SharedOwner) -> Result<SessionState, StoreError> {
    let now = clock::now();
    let since = |ago| now.saturating_sub(ago).unwrap_or(jiff::Timestamp::MIN);
    let plays = store.plays_since(since(ENDED_PLAY_RETENTION)).await?;
    let mut sessions =
        SessionState::restore(plays, store.ratings_since(since(RATING_REPEAT_INTERVAL)).await?);
    // Whatever was on a list has not been heard meanwhile.
    sessions.mark_all_disconnected();
    Ok(sessions)
}

pub(crate) struct CommitterTask {
    pub(crate) context: EngineContext,
    pub(crate) sessions: SessionState,
    /// The people as they were when what was held for them was last looked for.
    pub(crate) heeded: UserAssignments,
    /// The version of the list that they are of.
    pub(crate) people_version: Option<i64>,
    pub(crate) heart: Heartbeats,
    /// Who was logged as held: once is enough.
    pub(crate) announced: HashSet<(String, Viewer)>,
    /// How the inputs ended that were stored last, in their order.
    pub(crate) ends: Vec<Option<(Outcome, Code)>>,
    /// When it last looked around: by the clock, and by one that is never set.
    pub(crate) looked: (jiff::Timestamp, Instant),
}

impl CommitterTask {
    async fn run(
        mut self,
        mut queue: mpsc::Receiver<ParsedInput>,
        mut desks: mpsc::Receiver<(EngineContext, oneshot::Sender<()>)>,
    ) {
        let mut batch = Vec::new();
        let look = if clock::is_simulated() { SIMULATED_TICK_INTERVAL } else { TICK_INTERVAL };
        let mut looks = tokio::time::interval(look);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.export_now_playing();
        let mut show_at = Instant::now();
        let mut next_commit = Instant::now();
        loop {
            tokio::select! {
                received = queue.recv_many(&mut batch, MAX_BATCH) => {
                    if received == 0 {
                        return;
                    }
                    gather(&mut queue, &mut batch, next_commit).await;
                    next_commit = Instant::now() + COMMIT_INTERVAL;
                    let past = self.load_past_plays(&batch).await;
                    let imported = self.load_imported_plays(&batch).await;
                    let past = PastPlays { known: past, imported };
                    while !self.store(|work| batch.iter().map(|parsed| work.decide(parsed, &past)).collect()).await {}
                    self.count(&batch);
                    batch.clear();
                }
                Some((context, done)) = desks.recv() => {
                    self.replace_context(context).await;
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
                _ = looks.tick() => {
                    if let Err(error) = self.tick().await {
                        tracing::error!("the database cannot be read: {error}");
                    }
                }
            }
            if Instant::now() >= show_at {
                let start = Instant::now();
                self.export_now_playing();
                // A home has a few streams; where there are thousands, showing them must not be all that is done.
                show_at = start + MIN_EXPORT_INTERVAL.max(start.elapsed() * EXPORT_COST_FACTOR);
            }
        }
    }

    /// Works at another desk from here on. What plays is told to trackers to which no route led before.
    async fn replace_context(&mut self, context: EngineContext) {
        let people = self.context.routing.people.clone();
        let before = std::mem::replace(&mut self.context, context);
        self.context.routing.people = people;
        // A route may have come to name somebody for whom plays are held.
        (self.heeded, self.people_version) = (UserAssignments::default(), None);
        while !self.store(|work| work.announce_to_new_routes(&before.routing)).await {}
    }

    fn announce_to_new_routes(&mut self, before: &Routing) -> Vec<ProcessedInput> {
        let open: Vec<Play> = self.sessions.open().cloned().collect();
        let mut settlements = Vec::new();
        for play in open {
            let Some(mut transition) = self.context.routing.announce_to_new_routes(before, &play) else {
                continue;
            };
            let mut settlement = ProcessedInput { later: true, ..empty(play.routing.reported_by) };
            let plan = self.context.routing.only_new(before, &play).plan(&mut transition);
            let is_news = !plan.events.is_empty();
            let verdict = self.record(transition, plan, &mut settlement);
            settlement.verdict = is_news.then_some(verdict);
            settlements.push(settlement);
        }
        settlements
    }

    /// Shows what plays now, as far as some route carries it.
    fn export_now_playing(&self) {
        let carried = self.sessions.open().filter(|play| self.context.routing.accepts(play));
        self.context.board.set(watching(carried, &self.context.sources));
    }

    /// The work without an input: plays that expired, users that were assigned.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let now = clock::now();
        if self.clock_jumped(now) {
            self.sessions.mark_all_disconnected();
        }
        // What was received before now and is not settled yet may be the news that a play waits for.
        let pending = self.context.store.oldest_pending().await?;
        let as_of = |play: &Play| {
            let waiting = play.origin.sources.iter().filter_map(|source| pending.get(source)).min();
            waiting.map_or(now, |at| now.min(*at))
        };
        let policy = &self.context.policy;
        if self.sessions.open().any(|play| play.expires_at(policy).is_some_and(|end| end < as_of(play))) {
            // Once more at the next look where it could not be stored.
            self.store(|work| work.close_overdue(&as_of)).await;
        }
        if !self.context.heartbeats.is_empty() {
            // What cannot be stored is told an interval later.
            self.store(|work| work.send_heartbeats(now)).await;
        }
        // The list is long where many watch, and changes seldom.
        let version = self.context.store.users_version().await?;
        if self.people_version == Some(version) {
            return Ok(());
        }
        let people = UserAssignments::new(self.context.store.users().await?);
        self.apply_user_decisions(people).await?;
        self.people_version = Some(version);
        Ok(())
    }

    /// Whether more time has passed since the last look than we were there for: the machine slept, or its clock was set. That is no
    /// silence of a server.
    fn clock_jumped(&mut self, now: jiff::Timestamp) -> bool {
        let (at, looked) = std::mem::replace(&mut self.looked, (now, Instant::now()));
        let there = SignedDuration::try_from(looked.elapsed()).unwrap_or(SignedDuration::MAX);
        now.duration_since(at) > there.saturating_add(CLOCK_JUMP)
    }

    fn send_heartbeats(&mut self, now: jiff::Timestamp) -> Vec<ProcessedInput> {
        let EngineContext { routing, heartbeats, .. } = &self.context;
        let beats = self.heart.due(self.sessions.open(), routing, heartbeats, now);
        let processed = |(play, event): (&Play, TrackerEvent)| ProcessedInput {
            later: true,
            events: vec![event],
            ..empty(play.routing.reported_by)
        };
        beats.into_iter().map(processed).collect()
    }

    fn close_overdue(&mut self, as_of: &dyn Fn(&Play) -> jiff::Timestamp) -> Vec<ProcessedInput> {
        let advances = self.sessions.close_expired(as_of, &self.context.policy);
        let processed = |transition: Transition| {
            let inbox = transition.plays.first().map_or(0, |play| play.routing.reported_by);
            let mut settlement = ProcessedInput { later: true, ..empty(inbox) };
            // It had ended before; what came of it later is no other end.
            self.apply(transition, &mut settlement);
            settlement
        };
        advances.into_iter().map(processed).collect()
    }

    /// Stores what `decide` makes; false where that failed, and the engine stands where it stood.
    pub(crate) async fn store(&mut self, decide: impl FnOnce(&mut Self) -> Vec<ProcessedInput>) -> bool {
        let settlements = decide(self);
        let changes: Vec<Change> = settlements.iter().flat_map(changes).collect();
        self.ends.clear();
        self.ends.extend(
            settlements
                .iter()
                .map(|settlement| settlement.verdict.as_ref().map(|it| (it.outcome, it.code.clone()))),
        );
        if let Err(error) = self.context.store.commit(settlements).await {
            tracing::error!("decisions cannot be stored and are made again: {error}");
            self.reload_after_failure().await;
            return false;
        }
        changes.into_iter().for_each(|change| self.context.live.publish(change));
        true
    }

    /// Counts the inputs of a batch that was stored.
    fn count(&self, batch: &[ParsedInput]) {
        for (parsed, end) in batch.iter().zip(&self.ends) {
            if let Some((outcome, code)) = end {
                self.context.metrics.event(&parsed.row.received.source, *outcome, code);
            }
        }
    }

    /// Waits, and goes back to what is stored.
    pub(crate) async fn reload_after_failure(&mut self) {
        loop {
            tokio::time::sleep(STORE_RETRY_DELAY).await;
            match load_state(&self.context.store).await {
                Ok(sessions) => {
                    self.sessions = sessions;
                    return;
                }
                Err(error) => tracing::error!("stored plays cannot be read: {error}"),
            }
        }
    }

    pub(crate) fn decide(&mut self, parsed: &ParsedInput, past: &PastPlays) -> ProcessedInput {
        let mut settlement = empty(parsed.row.id);
        let mut verdicts = Verdicts::default();
        settlement.steps.clone_from(&parsed.steps);
        match &parsed.result {
            Err(verdict) => settlement.verdict = Some(verdict.clone()),
            Ok(reports) => {
                let imported = past.imported.get(&parsed.row.id);
                for report in reports {
                    match (past.known.get(&parsed.row.id), report) {
                        (Some(past), Report::Playback(playback)) => {
                            let known =
                                self.sessions.with_past_plays(&playback.server, &playback.user, past.clone());
                            let transition = known.transition_from_history(playback, &self.context.policy);
                            verdicts.add(self.apply_history(playback, transition, imported, &mut settlement));
                        }
                        (Some(past), Report::Marked(marked)) => {
                            let known =
                                self.sessions.with_past_plays(&marked.server, &marked.user, past.clone());
                            let transition = known.transition(report, &self.context.policy);
                            verdicts.add(self.apply(transition, &mut settlement));
                        }
                        _ => {
                            for part in report.expand() {
                                for transition in self.sessions.transitions(&part, &self.context.policy) {
                                    verdicts.add(self.apply(transition, &mut settlement));
                                }
                            }
                        }
                    }
                }
            }
        }
        if let Ok(reports) = &parsed.result {
            (settlement.user, settlement.item) = about(reports);
            // What has vanished from a list is in no report.
            if let (None, None, Some(play)) = (&settlement.user, &settlement.item, settlement.plays.last()) {
                settlement.user = play.user.name.clone().or_else(|| Some(play.user.to_string()));
                settlement.item = Some(play.item.to_string());
            }
        }
        within_budget(&mut settlement.steps);
        settlement.verdict = settlement.verdict.or_else(|| verdicts.heaviest());
        settlement.verdict.get_or_insert_with(|| {
            Verdict::new(Outcome::Ignored, Code::Nothing, "the message reports nothing")
        });
        settlement
    }

    /// Asks the routes, and takes over what the engine has decided. Gives how it ends, and for whom.
    pub(crate) fn apply(
        &mut self,
        mut transition: Transition,
        settlement: &mut ProcessedInput,
    ) -> (Option<String>, Verdict) {
        let plan = self.context.routing.plan(&mut transition);
        let viewer = transition.plays.last().map(|play| play.user.to_string());
        (viewer, self.record(transition, plan, settlement))
    }

    /// Takes over what the engine and the routes have decided. Gives how it ends.
    pub(crate) fn record(
        &mut self,
        transition: Transition,
        plan: Plan,
        settlement: &mut ProcessedInput,
    ) -> Verdict {
        let Transition { mut plays, mut steps, verdict, rating, .. } = transition;
        for play in plays.iter_mut().filter(|_| !settlement.later) {
            play.routing.reported_by = settlement.inbox;
        }
        let rating = rating.map(|rating| Rating {
            reported_by: if settlement.later { rating.reported_by } else { settlement.inbox },
            ..rating
        });
        self.sessions.apply(plays.iter().cloned());
        self.sessions.apply_ratings(rating.clone());
        settlement.plays.append(&mut plays);
        settlement.steps.append(&mut steps);
        settlement.ratings.extend(rating);
        if let Some(held) = &plan.held
            && self.announced.insert((held.source.clone(), held.viewer.clone()))
            && self.context.routing.people.decision(&held.source, &held.viewer).is_none()
        {
            let user = text::cut(&held.user.to_string(), text::NAME);
            tracing::info!(source = %held.source, "no route names {user}: nothing is sent for them; `playrelay users list` shows them");
        }
        settlement.held.extend(plan.held);
        settlement.events.extend(plan.events);
        verdict
    }
}
