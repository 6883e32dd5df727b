//! `playrelay events` and `playrelay event`

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use clap::Args;
use playrelay_engine::timeline::{Outcome, Verdict};
use playrelay_store::{AccountPause, EventDetail, EventFilter, EventSummary};

use crate::app::open_store_to_read;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::print;
use crate::cli::print::{Table, columns, hang, when, wrap};
use crate::config::Config;

/// New events that are looked at in one go.
const PAGE_SIZE: u32 = 1_000;
/// Between two looks for new events.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Args)]
pub(crate) struct List {
    /// At most this many.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Only those before this one.
    #[arg(long, value_name = "ID")]
    before: Option<i64>,
    /// Only those of this source.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Only those of users with this in their name.
    #[arg(long, value_name = "TEXT")]
    user: Option<String>,
    /// Only those about titles with this.
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Only those that ended so: queued, recorded, held, filtered, merged, ignored, malformed or failed; or a code.
    #[arg(long)]
    outcome: Option<String>,
    /// Also those that said nothing new.
    #[arg(long)]
    all: bool,
    /// Go on printing as they end, the oldest first; as JSON, one object a line.
    #[arg(long, conflicts_with = "before")]
    follow: bool,
    #[command(flatten)]
    output: Output,
}

impl List {
    /// The filter for the store. JSON has all events: programs filter by themselves.
    fn filter(&self) -> EventFilter {
        EventFilter {
            before: self.before,
            source: self.source.clone(),
            user: self.user.clone(),
            title: self.title.clone(),
            outcome: self.outcome.clone(),
            without_repeats: !self.all && !self.output.json && !self.follow && self.outcome.is_none(),
            limit: self.limit,
        }
    }

    fn has_filter(&self) -> bool {
        [&self.source, &self.user, &self.title, &self.outcome].into_iter().any(Option::is_some)
    }
}

#[derive(Args)]
pub(crate) struct Show {
    /// The event, by the number in the list.
    id: i64,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn list(config: Config, list: List) -> Result<(), CliError> {
    let looked = open_store_to_read(&config).await?;
    let store = &looked.store;
    let mut events = store.events(&list.filter()).await?;
    if !list.follow {
        return list.output.print(&events, |events| match events.as_slice() {
            [] if list.has_filter() => "no event fits; `playrelay events` shows all\n".to_owned(),
            [] => "nothing has been received yet; `playrelay doctor` tests the way from the server to here\n"
                .to_owned(),
            events => table(events),
        });
    }
    events.reverse();
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
                list.output.print_line(&event, |event| table(std::slice::from_ref(event)))?;
            }
        }
        tokio::time::sleep(FOLLOW_INTERVAL).await;
        for id in &waiting {
            events.extend(
                store.event(*id).await?.map(|story| story.summary).filter(|event| event.verdict.is_some()),
            );
        }
        let mut newer = store.events(&EventFilter { limit: PAGE_SIZE, ..list.filter() }).await?;
        newer.retain(|event| event.id > newest);
        newer.reverse();
        events.append(&mut newer);
    }
}

pub(crate) async fn show(config: Config, show: Show) -> Result<(), CliError> {
    let looked = open_store_to_read(&config).await?;
    let store = &looked.store;
    let story = store.event(show.id).await?;
    let story = story.ok_or_else(|| {
        CliError::Other(format!("there is no event {}; `playrelay events` lists them", show.id))
    })?;
    let mut parked = BTreeMap::new();
    for row in &story.outbox {
        parked.insert(row.event.tracker.clone(), store.pause(&row.event.tracker).await?);
    }
    show.output.print(&story, |story| describe(story, &parked))
}

fn table(events: &[EventSummary]) -> String {
    let mut table = Table::default();
    for event in events {
        let subject = match (&event.user, &event.item) {
            (Some(user), Some(item)) => format!("{user} \u{b7} {item}"),
            (None, Some(item)) => item.clone(),
            (Some(user), None) => user.clone(),
            (None, None) => format!("({})", event.source),
        };
        let id = format!("{:>5}", event.id);
        table.row([id, when(event.received_at), subject, end(event.verdict.as_ref())]);
    }
    table.text(columns())
}

/// How an event ended, in a few words.
fn end(verdict: Option<&Verdict>) -> String {
    match verdict {
        None => "waiting".to_owned(),
        Some(it) if it.outcome == Outcome::Queued => it.detail.replace(" for ", " \u{2192} "),
        Some(it) => format!("{}: {}", it.outcome, it.detail),
    }
}

fn describe(story: &EventDetail, parked: &BTreeMap<String, Option<AccountPause>>) -> String {
    let columns = columns();
    let EventSummary { id, source, received_at, user, item, verdict } = &story.summary;
    let mut text = format!("event {id} of {source}, received {}\n", when(*received_at));
    let subject = [user, item].into_iter().flatten().cloned().collect::<Vec<_>>().join(" \u{b7} ");
    if !subject.is_empty() {
        text.push_str(&(wrap(&print::one_line(&subject), 2, columns) + "\n"));
    }
    let end = match verdict {
        Some(verdict) => format!("{} ({}): {}", verdict.outcome, verdict.code, verdict.detail),
        None => "waiting".to_owned(),
    };
    text.push_str(&(wrap(&print::one_line(&end), 2, columns) + "\n"));
    for step in &story.timeline {
        let head = format!("  {}  {:<9} {:<16} ", when(step.at), step.stage.as_str(), step.code);
        text.push_str(&(hang(&print::one_line(&head), &print::one_line(&step.text), columns) + "\n"));
    }
    for row in &story.outbox {
        let parked = parked.get(&row.event.tracker).and_then(Option::as_ref);
        text.push_str(&crate::cli::outbox::line(row, parked));
    }
    text
}
