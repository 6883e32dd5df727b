//! `playrelay outbox`

use clap::Subcommand;

use super::{Failure, Output};
use crate::config::Config;
use crate::house::open_store;
use crate::state::{DeliveryState, OutboxRow};

#[derive(Subcommand)]
pub(super) enum Command {
    /// List events for trackers, the newest first.
    List {
        /// Only those in this state.
        #[arg(long, value_parser = state)]
        state: Option<DeliveryState>,
        /// At most this many.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
}

fn state(name: &str) -> Result<DeliveryState, String> {
    let found = DeliveryState::ALL.into_iter().find(|state| state.as_str() == name);
    found.ok_or_else(|| {
        format!("expected one of {}", DeliveryState::ALL.map(DeliveryState::as_str).join(", "))
    })
}

pub(super) async fn run(config: Config, command: Command) -> Result<(), Failure> {
    let Command::List { state, limit, output } = command;
    let rows = open_store(&config)?.outbox(state, limit).await?;
    output.print(&rows, |rows| rows.iter().map(line).collect())
}

/// What happens to an event, and when, in one line.
pub(super) fn line(row: &OutboxRow) -> String {
    let when = match row.state {
        DeliveryState::Waiting => format!(" next at {}", row.next_at),
        _ => String::new(),
    };
    let note = row
        .note
        .as_deref()
        .filter(|note| !note.is_empty())
        .map(|note| format!(": {note}"))
        .unwrap_or_default();
    format!(
        "{:>6}  {:<10} {:<9} {} \u{2014} {}, of {}, attempts {}{when}{note}\n",
        row.id,
        row.event.tracker,
        row.event.action.name(),
        row.event.item,
        row.state.as_str(),
        row.event.at,
        row.attempts
    )
}
