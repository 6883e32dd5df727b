//! What happens, as it happens: one bus for the pages and for programs.
//!
//! The committer, the deliveries, the connections, the jobs and the log publish; whoever listens gets what came after. A bounded
//! history lets a listener that was cut off go on where it was; one that missed more is told to read everything again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use playrelay_util::clock;
use playrelay_util::lock::lock;
use serde::{Serialize, Serializer};
use tokio::sync::broadcast;

use crate::logging::line::LogLine;

/// Events that a listener may lag behind.
const MAX_LAG: usize = 512;
/// Events that are kept for listeners that come back.
const MAX_HISTORY: usize = 2_048;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    /// Current playback has changed.
    Now,
    /// An input has ended.
    Events,
    /// A delivery has changed.
    Deliveries,
    /// A connection has changed.
    Sources,
    /// A job has begun or ended.
    Jobs,
    /// A line was logged.
    Logs,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Now, Self::Events, Self::Deliveries, Self::Sources, Self::Jobs, Self::Logs];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Events => "events",
            Self::Deliveries => "deliveries",
            Self::Sources => "sources",
            Self::Jobs => "jobs",
            Self::Logs => "logs",
        }
    }
}

/// What has happened. Who needs more asks for it by the id.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Change {
    /// Current playback has changed; the listener reads it from the display.
    Now,
    /// An input has ended.
    Event {
        /// The event.
        id: i64,
        /// How it ended: an outcome; absent if something came of it later.
        outcome: Option<&'static str>,
        /// The rule that decided; absent if something came of it later.
        code: Option<String>,
        /// The user, in words.
        user: Option<String>,
        /// The title, in words.
        item: Option<String>,
    },
    /// A delivery has changed.
    Delivery {
        /// The delivery; absent for one that was just put into the outbox.
        id: Option<i64>,
        /// The event that led to it.
        event: i64,
        /// The tracker.
        tracker: String,
        /// The action.
        action: &'static str,
        /// The state.
        state: &'static str,
        /// The title, in words.
        item: String,
        /// The result of the attempt, in words.
        note: Option<String>,
    },
    /// A connection has changed.
    Source {
        /// The source.
        source: String,
        /// Whether there is a connection.
        connected: bool,
        /// The fault of the connection; absent without one.
        trouble: Option<String>,
    },
    /// A job has begun or ended.
    Job {
        /// The kind of job.
        job: &'static str,
        /// What it is for.
        about: String,
        /// `running`, `done` or `failed`.
        state: &'static str,
        /// How it went, in words.
        detail: Option<String>,
    },
    /// A line was logged.
    #[serde(serialize_with = "serialize_line")]
    Log(Arc<LogLine>),
}

fn serialize_line<S: Serializer>(line: &Arc<LogLine>, serializer: S) -> Result<S::Ok, S::Error> {
    line.as_ref().serialize(serializer)
}

impl Change {
    /// The topic.
    pub fn topic(&self) -> Topic {
        match self {
            Self::Now => Topic::Now,
            Self::Event { .. } => Topic::Events,
            Self::Delivery { .. } => Topic::Deliveries,
            Self::Source { .. } => Topic::Sources,
            Self::Job { .. } => Topic::Jobs,
            Self::Log(_) => Topic::Logs,
        }
    }
}

/// An event on the bus.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveEvent {
    /// Grows by one with each event of this run.
    pub id: u64,
    /// What has happened.
    pub change: Change,
}

/// The bus. A clone is the same one.
#[derive(Clone)]
pub struct LiveBus(Arc<Inner>);

struct Inner {
    /// Names this run: ids of another run say nothing here.
    run: i64,
    sender: broadcast::Sender<Arc<LiveEvent>>,
    history: Mutex<History>,
}

struct History {
    /// The id of the next event. Ids begin at 1: 0 is heard by everybody.
    next: u64,
    kept: VecDeque<Arc<LiveEvent>>,
}

impl Default for History {
    fn default() -> Self {
        Self { next: 1, kept: VecDeque::new() }
    }
}

impl Default for LiveBus {
    fn default() -> Self {
        let run = clock::now().as_millisecond();
        Self(Arc::new(Inner { run, sender: broadcast::Sender::new(MAX_LAG), history: Mutex::default() }))
    }
}

/// What a listener has missed.
#[derive(Debug, PartialEq)]
pub enum Missed {
    /// Nothing, or nothing more than these.
    Events(Vec<Arc<LiveEvent>>),
    /// More than is kept: it has to read everything again.
    TooMuch,
}

impl LiveBus {
    /// Tells all listeners. Never waits.
    pub fn publish(&self, change: Change) {
        let mut history = lock(&self.0.history);
        let event = Arc::new(LiveEvent { id: history.next, change });
        history.next += 1;
        // Lines of the log have a history of their own, and would push out all else.
        if event.change.topic() != Topic::Logs {
            if history.kept.len() >= MAX_HISTORY {
                history.kept.pop_front();
            }
            history.kept.push_back(Arc::clone(&event));
        }
        // Under the lock, so that all hear it in the order of the ids. That nobody listens is no failure.
        let _ = self.0.sender.send(event);
    }

    /// Whether somebody listens.
    pub fn has_listeners(&self) -> bool {
        self.0.sender.receiver_count() > 0
    }

    /// Listens from now on, and gives what was missed since `last`, the id that the listener heard last.
    pub fn listen(&self, last: Option<&str>) -> (broadcast::Receiver<Arc<LiveEvent>>, Missed) {
        let history = lock(&self.0.history);
        let receiver = self.0.sender.subscribe();
        let missed = match last.map(|last| self.number(last)) {
            None => Missed::Events(Vec::new()),
            Some(None) => Missed::TooMuch,
            Some(Some(last)) if last >= history.next => Missed::TooMuch,
            Some(Some(last)) => {
                // Lines of the log leave gaps; what counts is whether something was pushed out since.
                let is_whole =
                    history.kept.len() < MAX_HISTORY || history.kept.front().is_some_and(|it| it.id <= last);
                let later = history.kept.iter().filter(|event| event.id > last).cloned();
                if is_whole { Missed::Events(later.collect()) } else { Missed::TooMuch }
            }
        };
        (receiver, missed)
    }

    /// The id of an event, for listeners.
    pub fn id(&self, event: &LiveEvent) -> String {
        format!("{}-{}", self.0.run, event.id)
    }

    /// The id of the newest event, for whoever has read everything now.
    pub fn now(&self) -> String {
        format!("{}-{}", self.0.run, lock(&self.0.history).next - 1)
    }

    /// The number in an id of this run.
    fn number(&self, id: &str) -> Option<u64> {
        let (run, number) = id.split_once('-')?;
        (run == self.0.run.to_string()).then(|| number.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(about: u64) -> Change {
        Change::Job { job: "test", about: about.to_string(), state: "done", detail: None }
    }

    fn ids(missed: Missed) -> Vec<u64> {
        match missed {
            Missed::Events(events) => events.iter().map(|event| event.id).collect(),
            Missed::TooMuch => panic!("too much"),
        }
    }

    #[test]
    fn a_listener_goes_on_where_it_was() {
        let bus = LiveBus::default();
        for about in 0..5 {
            bus.publish(job(about));
        }
        let last = bus.id(&LiveEvent { id: 3, change: Change::Now });
        assert_eq!(ids(bus.listen(Some(&last)).1), [4, 5]);
        assert_eq!(ids(bus.listen(Some(&bus.now())).1), [0; 0]);
        assert_eq!(ids(bus.listen(None).1), [0; 0]);
        for unknown in ["", "7-2", "x", &format!("{last}0")] {
            assert_eq!(bus.listen(Some(unknown)).1, Missed::TooMuch, "{unknown}");
        }
    }

    #[test]
    fn who_missed_more_than_is_kept_is_told() {
        let bus = LiveBus::default();
        for about in 0..=MAX_HISTORY as u64 {
            bus.publish(job(about));
        }
        let id = |id| bus.id(&LiveEvent { id, change: Change::Now });
        assert_eq!(bus.listen(Some(&id(1))).1, Missed::TooMuch);
        assert_eq!(ids(bus.listen(Some(&id(2))).1).len(), MAX_HISTORY - 1);
    }

    #[tokio::test]
    async fn a_listener_hears_in_order() {
        let bus = LiveBus::default();
        let (mut receiver, _) = bus.listen(None);
        assert!(bus.has_listeners());
        bus.publish(job(0));
        bus.publish(Change::Now);
        assert_eq!(receiver.recv().await.unwrap().change, job(0));
        assert_eq!(receiver.recv().await.unwrap().change.topic(), Topic::Now);
    }
}
