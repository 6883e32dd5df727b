//! `playrelay events` and `playrelay event`

use std::time::Duration;

use clap::Args;

use super::{Failure, Output};
use crate::config::Config;
use crate::house::open_store;
use crate::state::{EventStory, EventSummary};

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
    /// Go on printing as they come.
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
    list.output.print(&events, |events| events.iter().map(line).collect())?;
    let mut last = events.last().map_or(0, |event| event.id);
    if !list.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(FOLLOW).await;
        let mut newer = store.events(None, 1_000).await?;
        // One that is still being worked on is shown when it has ended, and those after it then.
        newer.retain(|event| event.id > last);
        newer.reverse();
        let settled: Vec<_> = newer.into_iter().take_while(|event| event.verdict.is_some()).collect();
        if let Some(newest) = settled.last() {
            last = newest.id;
            list.output.print(&settled, |events| events.iter().map(line).collect())?;
        }
    }
}

pub(super) async fn show(config: Config, show: Show) -> Result<(), Failure> {
    let story = open_store(&config)?.event(show.id).await?;
    let story = story.ok_or_else(|| Failure::Other(format!("there is no event {}", show.id)))?;
    show.output.print(&story, describe)
}

fn line(event: &EventSummary) -> String {
    let verdict = match &event.verdict {
        Some(verdict) => format!("{:<9} {:<16} {}", verdict.outcome.as_str(), verdict.code, verdict.detail),
        None => "waiting".to_owned(),
    };
    format!("{:>6}  {}  {:<10} {verdict}\n", event.id, event.received_at, event.source)
}

fn describe(story: &EventStory) -> String {
    let mut text = line(&story.summary);
    for step in &story.timeline {
        text.push_str(&format!("        {}  {:<9} {:<16} {}\n", step.at, step.stage, step.code, step.text));
    }
    for row in &story.outbox {
        text.push_str(&super::outbox::line(row));
    }
    text
}
