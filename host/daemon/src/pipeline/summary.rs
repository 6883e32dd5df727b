//! The part of an input that its event shows: users, titles and steps, within limits.

use playrelay_engine::code::Code;
use playrelay_engine::model::Report;
use playrelay_engine::outbox::DeliveryState;
use playrelay_engine::timeline::{Stage, Step};
use playrelay_store::ProcessedInput;
use playrelay_util::clock;

use crate::live::Change;

/// Users and items that a list names of one request.
const MAX_NAMED: usize = 8;
/// Steps of one request's story…
const STORY_STEPS: usize = 200;
/// …and their texts. Bytes.
const STORY_BYTES: usize = 64 << 10;

/// Whom and what reports are about, in words, for lists.
pub(crate) fn about(reports: &[Report]) -> (Option<String>, Option<String>) {
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
                if let Some(text) = text.filter(|text| list.len() < MAX_NAMED && !list.contains(text)) {
                    list.push(text);
                }
            }
        }
    }
    let joined = |list: Vec<String>, separator: &str| (!list.is_empty()).then(|| list.join(separator));
    (joined(users, ", "), joined(items, "; "))
}

/// Steps without those that are beyond a story's budget, with a word on how many those are.
pub(crate) fn within_budget(steps: &mut Vec<Step>) {
    let mut bytes = 0;
    let fits = |step: &&Step| {
        bytes += step.text.len() + step.code.as_str().len();
        bytes <= STORY_BYTES
    };
    let kept = steps.iter().take(STORY_STEPS).take_while(fits).count();
    let left_out = steps.len() - kept;
    if left_out > 0 {
        steps.truncate(kept);
        let text = format!("{left_out} further steps are left out");
        steps.push(Step::new(Stage::Engine, Code::LeftOut, text));
    }
}

pub(crate) fn empty(inbox: i64) -> ProcessedInput {
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
        replaced: Vec::new(),
    }
}

/// The changes that listeners receive for an input: how it ended, and what went into the outbox.
pub fn changes(input: &ProcessedInput) -> Vec<Change> {
    let mut changes = Vec::with_capacity(1 + input.events.len());
    changes.push(Change::Event {
        id: input.inbox,
        outcome: input.verdict.as_ref().map(|verdict| verdict.outcome.as_str()),
        code: input.verdict.as_ref().map(|verdict| verdict.code.to_string()),
        user: input.user.clone(),
        item: input.item.clone(),
    });
    changes.extend(input.events.iter().map(|event| Change::Delivery {
        id: None,
        event: input.inbox,
        tracker: event.tracker.clone(),
        action: event.action.name(),
        state: DeliveryState::Waiting.as_str(),
        item: event.item.to_string(),
        note: None,
    }));
    changes
}
