//! `playrelay events` and `playrelay event`

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;

use super::{Failure, Output};
use crate::config::Config;
use crate::house::open_store;
use crate::state::{EventStory, EventSummary, Parked};

/// New events that are looked at in one go.
const PAGE: u32 = 1_000;
/// Between two looks for new events.
const FOLLOW: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(super) struct List {
    /// At most this many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Only those before this one.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Go on printing as they end; as JSON, one object a line.
    #[arg(long, conflicts_with = "before")]
    follow: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
pub(super) struct Show {
    /// The event.
    id: i64,
    #[command(flatten)]
    output: Output,
}

pub(super) async fn list(config: Config, list: List) -> Result<(), Failure> {
    let store = open_store(&config)?;
    let mut events = store.events(list.before, list.limit).await?;
    events.reverse();
    if !list.follow {
        return list.output.print(&events, |events| events.iter().map(line).collect());
    }
    // What waits is shown when it has ended, which need not be in the order in which it came.
    let mut newest = events.last().map_or(0, |event| event.id);
    let mut waiting = BTreeSet::new();
    loop {
        for event in events.drain(..) {
            newest = newest.max(event.id);
            if event.verdict.is_none() {
                waiting.insert(event.id);
            } else {
                waiting.remove(&event.id);
                list.output.print_line(&event, line)?;
            }
        }
        tokio::time::sleep(FOLLOW).await;
        for id in &waiting {
            events.extend(
                store.event(*id).await?.map(|story| story.summary).filter(|event| event.verdict.is_some()),
            );
        }
        let mut newer = store.events(None, PAGE).await?;
        newer.retain(|event| event.id > newest);
        newer.reverse();
        events.append(&mut newer);
    }
}

pub(super) async fn show(config: Config, show: Show) -> Result<(), Failure> {
    let store = open_store(&config)?;
    let story = store.event(show.id).await?;
    let story = story.ok_or_else(|| Failure::Other(format!("there is no event {}", show.id)))?;
    let mut parked = BTreeMap::new();
    for row in &story.outbox {
        parked.insert(row.event.tracker.clone(), store.parked(&row.event.tracker).await?);
    }
    show.output.print(&story, |story| describe(story, &parked))
}

fn line(event: &EventSummary) -> String {
    let verdict = match &event.verdict {
        Some(verdict) => format!("{:<9} {:<16} {}", verdict.outcome.as_str(), verdict.code, verdict.detail),
        None => "waiting".to_owned(),
    };
    format!("{:>6}  {}  {:<10} {verdict}\n", event.id, event.received_at, event.source)
}

fn describe(story: &EventStory, parked: &BTreeMap<String, Option<Parked>>) -> String {
    let mut text = line(&story.summary);
    for step in &story.timeline {
        text.push_str(&format!("        {}  {:<9} {:<16} {}\n", step.at, step.stage, step.code, step.text));
    }
    for row in &story.outbox {
        let parked = parked.get(&row.event.tracker).and_then(Option::as_ref);
        text.push_str(&super::outbox::line(row, parked));
    }
    text
}
