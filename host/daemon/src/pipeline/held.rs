//! Unrouted users: their plays are held, and released once a person assigns them.

use playrelay_engine::play::Play;
use playrelay_engine::routing::Plan;
use playrelay_engine::routing::users::{KnownUser, UserAssignments, UserDecision};
use playrelay_engine::transition::{Rating, Transition};
use playrelay_store::{ProcessedInput, StoreError};

use crate::pipeline::committer::CommitterTask;
use crate::pipeline::summary::empty;

impl CommitterTask {
    /// Takes over what was said of people, and delivers what was held for them: for those of whom something new was said,
    /// and, once, for those whom a route has come to name.
    pub(crate) async fn apply_user_decisions(&mut self, people: UserAssignments) -> Result<(), StoreError> {
        self.context.routing.people = people.clone();
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
    pub(crate) fn is_routed(&self, person: &KnownUser) -> bool {
        let routes = self.context.routing.routes.iter().filter(|route| route.source == person.source);
        person.decision == UserDecision::Held && routes.into_iter().any(|route| route.names(&person.user))
    }

    pub(crate) async fn release(&mut self, person: &KnownUser) -> Result<(), StoreError> {
        let (mut plays, mut ratings) = self.context.store.unrouted_plays(&person.viewer).await?;
        plays.retain(|play| play.origin.sources.contains(&person.source));
        ratings.retain(|rating| rating.rated.server.source == person.source);
        while !self.store(|work| work.release_held_plays(person, &plays, &ratings)).await {}
        Ok(())
    }

    pub(crate) fn release_held_plays(
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
            let transition = self.context.routing.release(&play, &known);
            let settlement = self.release_one(transition, play.routing.reported_by, is_told(play.ended_at));
            for play in &settlement.plays {
                if let Some(known) = known.iter_mut().find(|known| known.id == play.id) {
                    known.clone_from(play);
                }
            }
            settlements.push(settlement);
        }
        for rating in ratings {
            let transition = self.context.routing.release_rating(rating);
            settlements.push(self.release_one(
                transition,
                rating.reported_by,
                is_told(Some(rating.rated.at)),
            ));
        }
        settlements
    }

    pub(crate) fn release_one(
        &mut self,
        mut transition: Transition,
        inbox: i64,
        is_told: bool,
    ) -> ProcessedInput {
        let mut settlement = ProcessedInput { later: true, ..empty(inbox) };
        let plan = if is_told { self.context.routing.plan(&mut transition) } else { Plan::default() };
        let is_news = !plan.events.is_empty();
        if !is_told {
            transition.steps.clear();
        }
        let verdict = self.record(transition, plan, &mut settlement);
        settlement.verdict = is_news.then_some(verdict);
        settlement
    }
}
