//! The one place where the engine runs and its decisions are stored.
//!
//! What waits is settled together in one transaction. The engine's state in memory runs ahead of the store by that one
//! transaction; should it fail, the state is read anew and the same requests are settled again.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Notify, mpsc};

use super::Parsed;
use crate::clock;
use crate::dispatch::model::Report;
use crate::dispatch::policy::Policy;
use crate::dispatch::route::{Route, TrackerEvent, plan, plan_rating};
use crate::dispatch::session::Sessions;
use crate::dispatch::verdict::{Outcome, Stage, Step, Verdict};
use crate::state::{Settlement, SharedStore, StoreError};

/// Requests in one transaction.
const BATCH: usize = 128;
/// Ended plays are remembered for this long, to tell a repeated finish and a rewatch.
const MEMORY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Between two attempts at a store that fails.
const PATIENCE: Duration = Duration::from_secs(1);

/// The way to the settler.
#[derive(Clone)]
pub struct Settler(mpsc::Sender<Parsed>);

impl Settler {
    /// Reads the engine's state and starts the settler.
    pub async fn start(
        store: SharedStore,
        policy: Policy,
        routes: Vec<Route>,
        lanes: Vec<(String, Arc<Notify>)>,
    ) -> Result<Self, StoreError> {
        let sessions = remembered(&store).await?;
        let (sender, queue) = mpsc::channel(BATCH);
        tokio::spawn(Work { store, policy, routes, lanes, sessions }.run(queue));
        Ok(Self(sender))
    }

    /// Hands a request over. Waits while too many are in front of it.
    pub async fn settle(&self, parsed: Parsed) {
        // The settler ends only with the program, and then the request comes again at the next start.
        let _ = self.0.send(parsed).await;
    }
}

async fn remembered(store: &SharedStore) -> Result<Sessions, StoreError> {
    let since = clock::now().saturating_sub(MEMORY).unwrap_or(jiff::Timestamp::MIN);
    Ok(Sessions::restore(store.plays_since(since).await?))
}

struct Work {
    store: SharedStore,
    policy: Policy,
    routes: Vec<Route>,
    lanes: Vec<(String, Arc<Notify>)>,
    sessions: Sessions,
}

impl Work {
    async fn run(mut self, mut queue: mpsc::Receiver<Parsed>) {
        let mut batch = Vec::new();
        while queue.recv_many(&mut batch, BATCH).await > 0 {
            let settlements = loop {
                let settlements: Vec<_> = batch.iter().map(|parsed| self.decide(parsed)).collect();
                match self.store.settle(settlements.clone()).await {
                    Ok(()) => break settlements,
                    Err(error) => tracing::error!("decisions cannot be stored and are made again: {error}"),
                }
                self.recover().await;
            };
            batch.clear();
            let events = settlements.iter().flat_map(|settlement| &settlement.events);
            let told: Vec<_> = events.map(|event| event.tracker.as_str()).collect();
            for (_, lane) in self.lanes.iter().filter(|(tracker, _)| told.contains(&tracker.as_str())) {
                lane.notify_one();
            }
        }
    }

    /// Waits, and goes back to what is stored.
    async fn recover(&mut self) {
        loop {
            tokio::time::sleep(PATIENCE).await;
            match remembered(&self.store).await {
                Ok(sessions) => {
                    self.sessions = sessions;
                    return;
                }
                Err(error) => tracing::error!("stored plays cannot be read: {error}"),
            }
        }
    }

    fn decide(&mut self, parsed: &Parsed) -> Settlement {
        let mut settlement = Settlement {
            inbox: parsed.row.id,
            at: clock::now(),
            verdict: Verdict::new(Outcome::Ignored, "nothing", "the message reports nothing"),
            steps: parsed.steps.clone(),
            plays: Vec::new(),
            events: Vec::new(),
        };
        match &parsed.result {
            Err(verdict) => settlement.verdict = verdict.clone(),
            Ok(reports) => {
                for report in reports {
                    self.decide_report(&parsed.row.received.source, report, &mut settlement);
                }
            }
        }
        settlement
    }

    fn decide_report(&mut self, source: &str, report: &Report, settlement: &mut Settlement) {
        let routes = self.routes.iter().filter(|route| route.source == source);
        let mut advance = self.sessions.advance(report, &self.policy);
        let mut events = plan(&mut advance, routes.clone());
        if let Report::Rated(rated) = report {
            events = plan_rating(rated, routes);
            if !events.is_empty() {
                advance.verdict = Verdict::new(Outcome::Queued, "rating", told(&events));
                advance.steps.push(Step::new(Stage::Route, "rating", told(&events)));
            }
        }
        self.sessions.absorb(advance.plays.iter().cloned());
        settlement.plays.append(&mut advance.plays);
        settlement.steps.append(&mut advance.steps);
        settlement.events.append(&mut events);
        let first = settlement.verdict.code == "nothing";
        if first || advance.verdict.outcome > settlement.verdict.outcome {
            settlement.verdict = advance.verdict;
        }
    }
}

fn told(events: &[TrackerEvent]) -> String {
    let words: Vec<_> =
        events.iter().map(|event| format!("{} for {}", event.action.name(), event.tracker)).collect();
    words.join(", ")
}
