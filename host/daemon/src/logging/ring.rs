//! The newest lines of the log, each with the event that it belongs to.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

use playrelay_util::clock;
use playrelay_util::lock::lock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::live::{Change, LiveBus};
use crate::logging::line::LogLine;

/// Lines that are kept.
const MAX_LINES: usize = 5_000;
/// Letters of a line or a field.
const MAX_LETTERS: usize = 2_000;
/// Fields of a line.
const MAX_FIELDS: usize = 16;
/// The field with the id of an event.
const EVENT: &str = "event";

/// The newest lines.
#[derive(Default)]
pub struct LogRing {
    kept: Mutex<Kept>,
    bus: OnceLock<LiveBus>,
}

#[derive(Default)]
struct Kept {
    next: u64,
    lines: VecDeque<Arc<LogLine>>,
}

/// Which lines of the ring are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineFilter {
    /// Those of this level, and graver ones.
    pub level: Option<Level>,
    /// Those of modules that begin so.
    pub module: Option<String>,
    /// Those with this text, in any case.
    pub text: Option<String>,
    /// Those of this source or tracker.
    pub account: Option<String>,
    /// Those of this event.
    pub event: Option<i64>,
    /// Those before this one.
    pub before: Option<u64>,
}

impl LogRing {
    /// Tells a bus of each line from now on. A second bus is not told.
    pub fn publish_to(&self, bus: LiveBus) {
        let _ = self.bus.set(bus);
    }

    /// The lines that fit, the newest first.
    pub fn lines(&self, filter: &LineFilter, limit: usize) -> Vec<Arc<LogLine>> {
        let kept = lock(&self.kept);
        kept.lines.iter().rev().filter(|line| filter.accepts(line)).take(limit).cloned().collect()
    }

    fn add(&self, line: impl FnOnce(u64) -> LogLine) {
        let line = {
            let mut kept = lock(&self.kept);
            let line = Arc::new(line(kept.next));
            kept.next += 1;
            if kept.lines.len() >= MAX_LINES {
                kept.lines.pop_front();
            }
            kept.lines.push_back(Arc::clone(&line));
            line
        };
        if let Some(bus) = self.bus.get().filter(|bus| bus.has_listeners()) {
            bus.publish(Change::Log(line));
        }
    }
}

impl LineFilter {
    fn accepts(&self, line: &LogLine) -> bool {
        let rank = |level: &str| level.parse::<Level>().ok();
        self.level.is_none_or(|level| rank(line.level).is_some_and(|it| it <= level))
            && self.module.as_ref().is_none_or(|module| line.module.starts_with(module.as_str()))
            && self.event.is_none_or(|event| line.event == Some(event))
            && self.before.is_none_or(|before| line.id < before)
            && self.account.as_ref().is_none_or(|account| {
                let is_account = |name: &str| ["source", "tracker", "account"].contains(&name);
                line.fields.iter().any(|(name, value)| is_account(name) && value == account)
            })
            && self.text.as_ref().is_none_or(|text| {
                let text = text.to_lowercase();
                line.message.to_lowercase().contains(&text)
                    || line.fields.iter().any(|(_, value)| value.to_lowercase().contains(&text))
            })
    }
}

/// Puts what is logged into a ring.
pub struct RingLayer(pub Arc<LogRing>);

/// The event that a span is about.
struct EventOfSpan(i64);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for RingLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(event), Some(span)) = (fields.event, context.span(id)) {
            span.extensions_mut().insert(EventOfSpan(event));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let of_span = || {
            let spans = context.event_scope(event)?;
            let mut found = spans.filter_map(|span| Some(span.extensions().get::<EventOfSpan>()?.0));
            found.next()
        };
        let about = fields.event.or_else(of_span);
        let metadata = event.metadata();
        let level = match *metadata.level() {
            Level::ERROR => "error",
            Level::WARN => "warn",
            Level::INFO => "info",
            Level::DEBUG => "debug",
            Level::TRACE => "trace",
        };
        self.0.add(|id| LogLine {
            id,
            at: clock::now(),
            level,
            module: metadata.target().to_owned(),
            message: fields.message,
            fields: fields.others,
            event: about,
        });
    }
}

/// The fields of a line or a span, as text.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(String, String)>,
    event: Option<i64>,
}

impl Fields {
    fn add(&mut self, field: &Field, text: String) {
        let text = match text.char_indices().nth(MAX_LETTERS) {
            Some((end, _)) => text[..end].to_owned() + "\u{2026}",
            None => text,
        };
        match field.name() {
            "message" => self.message = text,
            name if self.others.len() < MAX_FIELDS => self.others.push((name.to_owned(), text)),
            _ => {}
        }
    }
}

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if field.name() == EVENT {
            self.event = Some(value);
        } else {
            self.add(field, value.to_string());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn logged(work: impl FnOnce()) -> Arc<LogRing> {
        let ring = Arc::new(LogRing::default());
        let subscriber = tracing_subscriber::registry().with(RingLayer(Arc::clone(&ring)));
        tracing::subscriber::with_default(subscriber, work);
        ring
    }

    #[test]
    fn lines_belong_to_the_event_of_their_span_or_their_own() {
        let ring = logged(|| {
            tracing::warn!(tracker = "bob", event = 7_i64, "not delivered");
            tracing::info_span!("event", event = 8_i64).in_scope(|| tracing::info!(source = "home", "read"));
            tracing::error!("the disk is full");
        });
        let events: Vec<_> = ring.lines(&LineFilter::default(), 10).iter().map(|line| line.event).collect();
        assert_eq!(events, [None, Some(8), Some(7)]);
        let found = |filter: LineFilter| -> Vec<String> {
            ring.lines(&filter, 10).iter().map(|line| line.message.clone()).collect()
        };
        assert_eq!(found(LineFilter { event: Some(8), ..LineFilter::default() }), ["read"]);
        assert_eq!(
            found(LineFilter { level: Some(Level::WARN), ..LineFilter::default() }),
            ["the disk is full", "not delivered"]
        );
        assert_eq!(
            found(LineFilter { account: Some("bob".to_owned()), ..LineFilter::default() }),
            ["not delivered"]
        );
        assert_eq!(
            found(LineFilter { text: Some("DISK".to_owned()), ..LineFilter::default() }),
            ["the disk is full"]
        );
        assert_eq!(found(LineFilter { before: Some(1), ..LineFilter::default() }), ["not delivered"]);
    }

    #[test]
    fn the_newest_lines_stay() {
        let ring = logged(|| {
            for number in 0..MAX_LINES + 3 {
                tracing::info!("{number}");
            }
        });
        let lines = ring.lines(&LineFilter::default(), MAX_LINES * 2);
        assert_eq!(lines.len(), MAX_LINES);
        assert_eq!(lines.last().map(|line| line.message.as_str()), Some("3"));
    }
}
