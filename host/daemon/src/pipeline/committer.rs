//! The one place where the engine runs and its decisions are stored.
//!
//! What waits is settled together in one transaction. The engine's state in memory runs ahead of the store by that one
//! transaction; should it fail, the state is read anew and the same is settled again. Between requests it looks at the
//! clock, for plays of which nothing more is heard, and at the list of people, for what somebody has said of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use playrelay_engine::event::TrackerEvent;
use playrelay_engine::heartbeat::Heartbeats;
use playrelay_engine::model::Report;
use playrelay_engine::now_playing::{SourceInfo, watching};
use playrelay_engine::play::{Play, Viewer};
use playrelay_engine::policy::Policy;
use playrelay_engine::routing::users::{KnownUser, UserAssignments, UserDecision};
use playrelay_engine::routing::{Plan, Routing};
use playrelay_engine::state::{RATING_REPEAT_INTERVAL, SessionState};
use playrelay_engine::timeline::{Outcome, Stage, Step, Verdict, Verdicts};
use playrelay_engine::transition::{Rating, Transition};
use playrelay_plugin_host::text;
use playrelay_store::{ProcessedInput, SharedOwner, StoreError};
use playrelay_util::clock;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use crate::exports::now_playing::NowPlaying;
use crate::inbox::input::InputOrigin;
use crate::pipeline::ParsedInput;

/// Requests in one transaction.
const BATCH: usize = 128;
/// Ended plays are remembered for this long, to tell a repeated finish and a rewatch.
const ENDED_PLAY_RETENTION: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Between two attempts at a store that fails.
const STORE_RETRY_DELAY: Duration = Duration::from_secs(1);
/// More than a look may be late. What is beyond is time in which the machine slept, or by which its clock was set.
const CLOCK_JUMP: SignedDuration = SignedDuration::from_secs(60);
/// Between two looks at the clock and the list of people.
const TICK_INTERVAL: Duration = Duration::from_secs(1);
/// The same where the clock is a test's.
const SIMULATED_TICK_INTERVAL: Duration = Duration::from_millis(50);

/// Users and items that a list names of one request.
const MOST_NAMED: usize = 8;
/// Steps of one request's story…
const STORY_STEPS: usize = 200;
/// …and their texts. Bytes.
const STORY_BYTES: usize = 64 << 10;

/// What is shown of what plays stands for at least this long: a storm of reports is no reason to write a file each time.
const MIN_EXPORT_INTERVAL: Duration = Duration::from_millis(40);
/// …and for so many times as long as it takes to show.
const EXPORT_COST_FACTOR: u32 = 20;

/// The way to the settler.
#[derive(Clone)]
pub struct Committer {
    parsed: mpsc::Sender<ParsedInput>,
    desks: mpsc::Sender<(EngineContext, oneshot::Sender<()>)>,
    board: Arc<NowPlaying>,
}

/// What the settler works with.
pub struct EngineContext {
    /// Where decisions are stored.
    pub store: SharedOwner,
    /// `[scrobble]`, with whatever any route switches on.
    pub policy: Policy,
    /// The routes. The people are read from the store.
    pub routing: Routing,
    /// The bells of the trackers' lanes.
    pub lanes: Vec<(String, Arc<Notify>)>,
    /// How often trackers want to hear that something still plays, those that do.
    pub heartbeats: BTreeMap<String, Duration>,
    /// Where it is shown what plays.
    pub board: Arc<NowPlaying>,
    /// What the board says of sources.
    pub sources: BTreeMap<String, SourceInfo>,
}

impl Committer {
    /// Reads the engine's state and starts the settler.
    pub async fn start(desk: EngineContext) -> Result<Self, StoreError> {
        let sessions = load_state(&desk.store).await?;
        let mut desk = desk;
        desk.routing.people = UserAssignments::new(desk.store.users().await?);
        let (parsed, queue) = mpsc::channel(BATCH);
        let (desks, new_desks) = mpsc::channel(1);
        let board = Arc::clone(&desk.board);
        let work = CommitterTask {
            desk,
            sessions,
            heeded: UserAssignments::default(),
            people_version: None,
            heart: Heartbeats::default(),
            announced: HashSet::new(),
            looked: (clock::now(), Instant::now()),
        };
        tokio::spawn(work.run(queue, new_desks));
        Ok(Self { parsed, desks, board })
    }

    /// Where it is shown what plays.
    pub fn board(&self) -> Arc<NowPlaying> {
        Arc::clone(&self.board)
    }

    /// Has it work by another configuration, from its next decision on. What plays is told to routes that are new.
    pub async fn reconfigure(&self, desk: EngineContext) {
        let (done, is_done) = oneshot::channel();
        // The settler ends only with the program.
        let _ = self.desks.send((desk, done)).await;
        let _ = is_done.await;
    }

    /// Hands a request over. Waits while too many are in front of it.
    pub async fn submit(&self, parsed: ParsedInput) {
        // The settler ends only with the program, and then the request comes again at the next start.
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

struct CommitterTask {
    desk: EngineContext,
    sessions: SessionState,
    /// The people as they were when what was held for them was last looked for.
    heeded: UserAssignments,
    /// The version of the list that they are of.
    people_version: Option<i64>,
    heart: Heartbeats,
    /// Who was logged as held: once is enough.
    announced: HashSet<(String, Viewer)>,
    /// When it last looked around: by the clock, and by one that is never set.
    looked: (jiff::Timestamp, Instant),
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
        loop {
            tokio::select! {
                received = queue.recv_many(&mut batch, BATCH) => {
                    if received == 0 {
                        return;
                    }
                    let past = self.load_past_plays(&batch).await;
                    while !self.store(|work| batch.iter().map(|parsed| work.decide(parsed, &past)).collect()).await {}
                    batch.clear();
                }
                Some((desk, done)) = desks.recv() => {
                    self.replace_context(desk).await;
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
    async fn replace_context(&mut self, desk: EngineContext) {
        let people = self.desk.routing.people.clone();
        let before = std::mem::replace(&mut self.desk, desk);
        self.desk.routing.people = people;
        // A route may have come to name somebody for whom plays are held.
        (self.heeded, self.people_version) = (UserAssignments::default(), None);
        while !self.store(|work| work.announce_to_new_routes(&before.routing)).await {}
    }

    fn announce_to_new_routes(&mut self, before: &Routing) -> Vec<ProcessedInput> {
        let open: Vec<Play> = self.sessions.open().cloned().collect();
        let mut settlements = Vec::new();
        for play in open {
            let Some(mut advance) = self.desk.routing.announce_to_new_routes(before, &play) else { continue };
            let mut settlement = ProcessedInput { later: true, ..empty(play.reported_by) };
            let plan = self.desk.routing.only_new(before, &play).plan(&mut advance);
            let is_news = !plan.events.is_empty();
            let verdict = self.record(advance, plan, &mut settlement);
            settlement.verdict = is_news.then_some(verdict);
            settlements.push(settlement);
        }
        settlements
    }

    /// Shows what plays now, as far as some route carries it.
    fn export_now_playing(&self) {
        let carried = self.sessions.open().filter(|play| self.desk.routing.accepts(play));
        self.desk.board.set(watching(carried, &self.desk.sources));
    }

    /// What happens without a request.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let now = clock::now();
        if self.clock_jumped(now) {
            self.sessions.mark_all_disconnected();
        }
        // What was received before now and is not settled yet may be the news that a play waits for.
        let pending = self.desk.store.oldest_pending().await?;
        let as_of = |play: &Play| {
            let waiting = play.sources.iter().filter_map(|source| pending.get(source)).min();
            waiting.map_or(now, |at| now.min(*at))
        };
        let policy = &self.desk.policy;
        if self.sessions.open().any(|play| play.expires_at(policy).is_some_and(|end| end < as_of(play))) {
            // Once more at the next look where it could not be stored.
            self.store(|work| work.close_overdue(&as_of)).await;
        }
        if !self.desk.heartbeats.is_empty() {
            // What cannot be stored is told an interval later.
            self.store(|work| work.send_heartbeats(now)).await;
        }
        // The list is long where many watch, and changes seldom.
        let version = self.desk.store.users_version().await?;
        if self.people_version == Some(version) {
            return Ok(());
        }
        let people = UserAssignments::new(self.desk.store.users().await?);
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
        let EngineContext { routing, heartbeats, .. } = &self.desk;
        let beats = self.heart.due(self.sessions.open(), routing, heartbeats, now);
        let settle = |(play, event): (&Play, TrackerEvent)| ProcessedInput {
            later: true,
            events: vec![event],
            ..empty(play.reported_by)
        };
        beats.into_iter().map(settle).collect()
    }

    fn close_overdue(&mut self, as_of: &dyn Fn(&Play) -> jiff::Timestamp) -> Vec<ProcessedInput> {
        let advances = self.sessions.close_expired(as_of, &self.desk.policy);
        let settle = |advance: Transition| {
            let inbox = advance.plays.first().map_or(0, |play| play.reported_by);
            let mut settlement = ProcessedInput { later: true, ..empty(inbox) };
            // It had ended before; what came of it later is no other end.
            self.apply(advance, &mut settlement);
            settlement
        };
        advances.into_iter().map(settle).collect()
    }

    /// Takes over what was said of people, and delivers what was held for them: for those of whom something new was said,
    /// and, once, for those whom a route has come to name.
    async fn apply_user_decisions(&mut self, people: UserAssignments) -> Result<(), StoreError> {
        self.desk.routing.people = people.clone();
        let news: Vec<KnownUser> = people.decided_since(&self.heeded).cloned().collect();
        let is_new = |person: &&KnownUser| self.heeded.decision(&person.source, &person.viewer).is_none();
        let named = people.iter().filter(is_new).filter(|person| self.is_routed(person)).cloned();
        for person in news.into_iter().chain(named.collect::<Vec<_>>()) {
            self.release(&person).await?;
        }
        self.heeded = people;
        Ok(())
    }

    /// Whether a route names somebody whom none named before.
    fn is_routed(&self, person: &KnownUser) -> bool {
        let routes = self.desk.routing.routes.iter().filter(|route| route.source == person.source);
        person.decision == UserDecision::Held && routes.into_iter().any(|route| route.names(&person.user))
    }

    async fn release(&mut self, person: &KnownUser) -> Result<(), StoreError> {
        let (mut plays, mut ratings) = self.desk.store.unrouted_plays(&person.viewer).await?;
        plays.retain(|play| play.sources.contains(&person.source));
        ratings.retain(|rating| rating.rated.server.source == person.source);
        while !self.store(|work| work.release_held_plays(person, &plays, &ratings)).await {}
        Ok(())
    }

    fn release_held_plays(
        &mut self,
        person: &KnownUser,
        plays: &[Play],
        ratings: &[Rating],
    ) -> Vec<ProcessedInput> {
        let is_told = |at: Option<jiff::Timestamp>| match &person.decision {
            UserDecision::Held => true,
            UserDecision::Ignored => false,
            UserDecision::Assigned { since, .. } => at >= *since,
        };
        // A play that finishes another is one watch with it, also while it goes on.
        let mut known: Vec<Play> = plays.to_vec();
        let others = self.sessions.all().filter(|play| play.viewer == person.viewer);
        known.extend(others.filter(|play| plays.iter().all(|held| held.id != play.id)).cloned());
        let mut settlements = Vec::new();
        for held in plays {
            let Some(play) = known.iter().find(|play| play.id == held.id).cloned() else { continue };
            let advance = self.desk.routing.release(&play, &known);
            let settlement = self.release_one(advance, play.reported_by, is_told(play.ended_at));
            for play in &settlement.plays {
                if let Some(known) = known.iter_mut().find(|known| known.id == play.id) {
                    known.clone_from(play);
                }
            }
            settlements.push(settlement);
        }
        for rating in ratings {
            let advance = self.desk.routing.release_rating(rating);
            settlements.push(self.release_one(advance, rating.reported_by, is_told(Some(rating.rated.at))));
        }
        settlements
    }

    fn release_one(&mut self, mut advance: Transition, inbox: i64, is_told: bool) -> ProcessedInput {
        let mut settlement = ProcessedInput { later: true, ..empty(inbox) };
        let plan = if is_told { self.desk.routing.plan(&mut advance) } else { Plan::default() };
        let is_news = !plan.events.is_empty();
        if !is_told {
            advance.steps.clear();
        }
        let verdict = self.record(advance, plan, &mut settlement);
        settlement.verdict = is_news.then_some(verdict);
        settlement
    }

    /// Stores what `decide` makes; false where that failed, and the engine stands where it stood.
    async fn store(&mut self, decide: impl FnOnce(&mut Self) -> Vec<ProcessedInput>) -> bool {
        let settlements = decide(self);
        let told: Vec<_> = settlements
            .iter()
            .flat_map(|settlement| &settlement.events)
            .map(|event| event.tracker.clone())
            .collect();
        if let Err(error) = self.desk.store.commit(settlements).await {
            tracing::error!("decisions cannot be stored and are made again: {error}");
            self.reload_after_failure().await;
            return false;
        }
        for (_, lane) in self.desk.lanes.iter().filter(|(tracker, _)| told.contains(tracker)) {
            lane.notify_one();
        }
        true
    }

    /// Waits, and goes back to what is stored.
    async fn reload_after_failure(&mut self) {
        loop {
            tokio::time::sleep(STORE_RETRY_DELAY).await;
            match load_state(&self.desk.store).await {
                Ok(sessions) => {
                    self.sessions = sessions;
                    return;
                }
                Err(error) => tracing::error!("stored plays cannot be read: {error}"),
            }
        }
    }

    /// The plays that reports of a server's history may speak of, by their inputs. They may be long forgotten here.
    async fn load_past_plays(&self, batch: &[ParsedInput]) -> HashMap<i64, Vec<Play>> {
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
    async fn past_plays_for(
        &self,
        report: &Report,
        heard_by: Option<InputOrigin>,
    ) -> Result<Option<Vec<Play>>, StoreError> {
        let store = &self.desk.store;
        match (report, heard_by) {
            (Report::Playback(row), Some(InputOrigin::History)) => store.plays_for(row).await.map(Some),
            (Report::Marked(marked), _) => match &marked.item.server_ref {
                Some(item) => store.plays_of_item(&marked.server.id, item).await.map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn decide(&mut self, parsed: &ParsedInput, past: &HashMap<i64, Vec<Play>>) -> ProcessedInput {
        let mut settlement = empty(parsed.row.id);
        let mut verdicts = Verdicts::default();
        settlement.steps.clone_from(&parsed.steps);
        match &parsed.result {
            Err(verdict) => settlement.verdict = Some(verdict.clone()),
            Ok(reports) => {
                for report in reports {
                    match (past.get(&parsed.row.id), report) {
                        (Some(past), Report::Playback(playback)) => {
                            let known =
                                self.sessions.with_past_plays(&playback.server, &playback.user, past.clone());
                            let advance = known.transition_from_history(playback, &self.desk.policy);
                            verdicts.add(self.apply(advance, &mut settlement));
                        }
                        (Some(past), Report::Marked(marked)) => {
                            let known =
                                self.sessions.with_past_plays(&marked.server, &marked.user, past.clone());
                            let advance = known.transition(report, &self.desk.policy);
                            verdicts.add(self.apply(advance, &mut settlement));
                        }
                        _ => {
                            for part in report.expand() {
                                for advance in self.sessions.transitions(&part, &self.desk.policy) {
                                    verdicts.add(self.apply(advance, &mut settlement));
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
        settlement
            .verdict
            .get_or_insert_with(|| Verdict::new(Outcome::Ignored, "nothing", "the message reports nothing"));
        settlement
    }

    /// Asks the routes, and takes over what the engine has decided. Gives how it ends, and for whom.
    fn apply(
        &mut self,
        mut advance: Transition,
        settlement: &mut ProcessedInput,
    ) -> (Option<String>, Verdict) {
        let plan = self.desk.routing.plan(&mut advance);
        let viewer = advance.plays.last().map(|play| play.user.to_string());
        (viewer, self.record(advance, plan, settlement))
    }

    /// Takes over what the engine and the routes have decided. Gives how it ends.
    fn record(&mut self, advance: Transition, plan: Plan, settlement: &mut ProcessedInput) -> Verdict {
        let Transition { mut plays, mut steps, verdict, rating, .. } = advance;
        for play in plays.iter_mut().filter(|_| !settlement.later) {
            play.reported_by = settlement.inbox;
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
            && self.desk.routing.people.decision(&held.source, &held.viewer).is_none()
        {
            let user = text::cut(&held.user.to_string(), text::NAME);
            tracing::info!(source = %held.source, "no route names {user}: nothing is sent for them; `playrelay users list` shows them");
        }
        settlement.held.extend(plan.held);
        settlement.events.extend(plan.events);
        verdict
    }
}

/// Whom and what reports are about, in words, for lists.
fn about(reports: &[Report]) -> (Option<String>, Option<String>) {
    let (mut users, mut items): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for report in reports {
        let named = match report {
            Report::Playback(it) => vec![(&it.user, &it.item)],
            Report::Snapshot { sessions, .. } => sessions.iter().map(|it| (&it.user, &it.item)).collect(),
            Report::Rated(it) => vec![(&it.user, &it.item)],
            Report::Marked(it) => vec![(&it.user, &it.item)],
            Report::ConnectionLost { .. } | Report::Ignored { .. } => Vec::new(),
        };
        for (user, item) in named {
            let user = user.name.clone().or_else(|| user.key().map(|id| format!("id:{id}")));
            for (list, text) in [(&mut users, user), (&mut items, Some(item.to_string()))] {
                if let Some(text) = text.filter(|text| list.len() < MOST_NAMED && !list.contains(text)) {
                    list.push(text);
                }
            }
        }
    }
    let joined = |list: Vec<String>, separator: &str| (!list.is_empty()).then(|| list.join(separator));
    (joined(users, ", "), joined(items, "; "))
}

/// Steps without those that are beyond a story's budget, with a word on how many those are.
fn within_budget(steps: &mut Vec<Step>) {
    let mut bytes = 0;
    let fits = |step: &&Step| {
        bytes += step.text.len() + step.code.len();
        bytes <= STORY_BYTES
    };
    let kept = steps.iter().take(STORY_STEPS).take_while(fits).count();
    let left_out = steps.len() - kept;
    if left_out > 0 {
        steps.truncate(kept);
        let text = format!("{left_out} further steps are left out");
        steps.push(Step::new(Stage::Engine, "left-out", text));
    }
}

fn empty(inbox: i64) -> ProcessedInput {
    ProcessedInput {
        inbox,
        at: clock::now(),
        later: false,
        verdict: None,
        user: None,
        item: None,
        steps: Vec::new(),
        plays: Vec::new(),
        ratings: Vec::new(),
        held: Vec::new(),
        events: Vec::new(),
    }
}
