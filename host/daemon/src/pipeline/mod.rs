//! From a stored request to its settlement.
//!
//! Each source has a pipeline of its own, so a source that is stuck holds up nobody else: [`Pipeline`] reads the
//! source's requests in their order and has them parsed; those that need a second look at the server take it in a
//! lane of their viewer (`enrich`); the one [`committer::Committer`] applies the engine and stores the result.

mod batch;
pub mod committer;
mod enrich;
mod held;
mod options;
mod parsed_input;
mod past_plays;
mod recall;
mod summary;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use committer::Committer;
use enrich::Enricher;
pub use enrich::move_lookup_fields;
use futures_util::StreamExt;
pub use options::PipelineOptions;
pub use parsed_input::ParsedInput;
use playrelay_engine::code::Code;
use playrelay_engine::library::recording;
use playrelay_engine::model::Report;
use playrelay_engine::timeline::{Outcome, Stage, Step, Verdict};
use playrelay_plugin_host::capabilities::{ParseError, Webhook, WebhookInput, WebhookRequest};
use playrelay_plugin_host::fault::{Fault, FaultKind};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use playrelay_plugin_host::text;
use playrelay_store::{InboxRow, SharedOwner};
use tokio::sync::{Mutex, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use crate::config::PersonConfig;
use crate::inbox::STORE_RETRY_DELAY;
use crate::inbox::ingress_load::IngressLoad;
use crate::inbox::input::{self, Input};
use crate::metadata::TitleLookup;

/// Requests of a source that are worked on at the same time.
const IN_FLIGHT: usize = 256;
/// The size of the parsed inputs in memory, in KiB: one can be large, and many together exceed a small machine.
const IN_FLIGHT_KIB: usize = 16 << 10;
/// Letters of what a plugin said, in words.
const LONGEST_DESCRIPTION: usize = 2 << 10;
/// Requests that are read from the store at a time.
const PAGE_ROWS: u32 = 64;
/// Requests that a plugin reads at the same time.
const PARALLEL_PARSES: usize = 4;
/// A parse that takes too long is tried again so often.
const MAX_PARSE_RETRIES: u32 = 1;
/// The least time between two looks at an inbox. In a steady stream many inputs share one query, and their decisions one transaction.
const PASS_INTERVAL: Duration = Duration::from_millis(25);

/// The pipeline of one source.
pub struct Pipeline {
    plugin: Arc<Plugin>,
    target: CallTarget,
    store: SharedOwner,
    committer: Committer,
    ingress_load: IngressLoad,
    room: Arc<Semaphore>,
    room_kib: Arc<Semaphore>,
    workers: Mutex<HashMap<String, mpsc::UnboundedSender<ParsedInput>>>,
    options: PipelineOptions,
    enricher: Enricher,
}

impl Pipeline {
    /// A pipeline for the account of `caller`; it works more slowly while `ingress_load` is high.
    pub fn new(
        plugin: Arc<Plugin>,
        target: CallTarget,
        store: SharedOwner,
        committer: Committer,
        ingress_load: IngressLoad,
        options: PipelineOptions,
        titles: TitleLookup,
    ) -> Arc<Self> {
        let room = Arc::new(Semaphore::new(IN_FLIGHT));
        let room_kib = Arc::new(Semaphore::new(IN_FLIGHT_KIB));
        let enricher = Enricher::new(&plugin, &target, &store, &options, titles);
        Arc::new(Self {
            plugin,
            target,
            store,
            committer,
            ingress_load,
            room,
            room_kib,
            workers: Mutex::default(),
            options,
            enricher,
        })
    }

    fn source(&self) -> &str {
        &self.target.account.name
    }

    /// Works until `stop` says so, or its sender is gone, and then until all that it has begun is settled. What was not settled
    /// when the program ended comes again at the next start.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut cursor = 0;
        let (arrivals, mut changes) = (self.store.request_signal(self.source()), self.store.changes());
        let mut next_pass = Instant::now();
        let mut is_page_full = false;
        // What is looked up for it ends with it, also where it is cut off: another one takes its requests over.
        let (life, _) = watch::channel(());
        while stop.has_changed().is_ok() && !*stop.borrow() {
            self.ingress_load.wait_until_idle().await;
            if !is_page_full {
                sleep_until(next_pass).await;
            }
            next_pass = Instant::now() + PASS_INTERVAL;
            changes.mark_unchanged();
            let rows = match self.store.pending(self.source(), cursor, PAGE_ROWS).await {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::error!(source = self.source(), "waiting requests cannot be read: {error}");
                    tokio::time::sleep(STORE_RETRY_DELAY).await;
                    continue;
                }
            };
            is_page_full = rows.len() == PAGE_ROWS as usize;
            if rows.is_empty() {
                tokio::select! {
                    () = arrivals.notified() => {}
                    // A command beside the daemon may have put something there.
                    _ = changes.changed() => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
            // Several at a time, so that the plugin's thread need not wait for each; what is made of them keeps their order.
            let parse = |row: InboxRow| {
                let span = tracing::info_span!("parse", event = row.id);
                self.parse(row).instrument(span)
            };
            let mut parsed = futures_util::stream::iter(rows).map(parse).buffered(PARALLEL_PARSES);
            while !*stop.borrow()
                && let Some(parsed) = parsed.next().await
            {
                cursor = parsed.row.id;
                self.enqueue(parsed, &life).await;
            }
        }
        // All the room is free again when nothing is under way any more.
        let _ = self.room.acquire_many(IN_FLIGHT as u32).await;
    }

    async fn parse(&self, row: InboxRow) -> ParsedInput {
        // It is never closed.
        let room = Arc::clone(&self.room).acquire_owned().await.ok();
        let received = Step::new(
            Stage::Received,
            Code::Received,
            format!("{} bytes for {}", row.received.request.len(), row.received.source),
        );
        let mut steps = vec![received];
        let input = input::stored(&row);
        let heard_by = match &input {
            Ok(Input::Observed(heard)) => Some(heard.by),
            Ok(Input::Webhook(_)) | Err(_) => None,
        };
        let refused = self.options.refuse(self.source(), heard_by);
        let result = match (refused, input) {
            (Some(verdict), _) | (None, Err(verdict)) => Err(verdict),
            (None, Ok(Input::Webhook(request))) => self.call_plugin(&row, request).await,
            (None, Ok(Input::Observed(heard))) => Ok(heard.reports),
        };
        let (person, source) = (row.received.person.as_deref(), row.received.source.as_str());
        let result = result.and_then(|reports| restrict(&self.options.people, person, source, reports));
        steps.push(parsed_step(&result));
        // Its text is in the store, and needed no more.
        let mut row = row;
        row.received.request = Vec::new();
        ParsedInput { row, result, steps, heard_by, room: room.into_iter().collect() }
    }

    /// Has the plugin read a request. While the plugin is paused the request waits.
    async fn call_plugin(&self, row: &InboxRow, request: WebhookRequest) -> Result<Vec<Report>, Verdict> {
        let target = CallTarget { received_at: row.received.at, ..self.target.clone() };
        let mut slow = 0;
        loop {
            let input = WebhookInput {
                request: request.clone(),
                received_at: row.received.at,
                source: row.received.source.clone(),
            };
            match self.plugin.call::<Webhook>(&target, input).await.0 {
                Err(Fault { kind: FaultKind::Paused | FaultKind::Host, .. }) => {
                    tokio::time::sleep(STORE_RETRY_DELAY).await;
                }
                // Time passes for the host as well: a disk that has to spin up first is not the guest's fault.
                Err(Fault { kind: FaultKind::Wall | FaultKind::Cpu, .. }) if slow < MAX_PARSE_RETRIES => {
                    slow += 1;
                }
                result => return reports_or_verdict(result, &self.plugin.manifest.plugin.id),
            }
        }
    }

    /// Straight to the committer, or through the worker of its viewer: a request waits behind an earlier one of the same
    /// viewer that is still being looked up, and behind no other.
    async fn enqueue(self: &Arc<Self>, mut parsed: ParsedInput, life: &watch::Sender<()>) {
        let kib = u32::try_from(weight(&parsed.result).min(IN_FLIGHT_KIB)).unwrap_or(u32::MAX);
        // In order: a large one that waits for room must not hold up one before it. It is never closed.
        parsed.room.extend(Arc::clone(&self.room_kib).acquire_many_owned(kib).await.ok());
        let viewer = viewer(&parsed);
        let mut workers = self.workers.lock().await;
        if let Some(lane) = workers.get(&viewer) {
            match lane.send(parsed) {
                Ok(()) => return,
                Err(closed) => parsed = closed.0,
            }
        }
        if !self.enricher.needs_look_up(&mut parsed).await {
            drop(workers);
            return self.committer.submit(parsed).await;
        }
        let (lane, mut queue) = mpsc::unbounded_channel();
        // The receiver lives until the worker is taken out of the map below.
        let _ = lane.send(parsed);
        workers.insert(viewer.clone(), lane);
        drop(workers);
        let (this, mut life) = (Arc::clone(self), life.subscribe());
        let work = async move {
            loop {
                while let Ok(mut parsed) = queue.try_recv() {
                    this.enricher.look_up(&mut parsed).await;
                    this.committer.submit(parsed).await;
                }
                let mut workers = this.workers.lock().await;
                if queue.is_empty() {
                    workers.remove(&viewer);
                    return;
                }
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                // It never changes: its other end is gone.
                _ = life.changed() => {}
                () = work => {}
            }
        });
    }
}

/// Of what came to a person's own address, only what is theirs counts.
///
/// # Errors
///
/// Gives the verdict with which the input ends where the configuration has no such person any more.
pub fn restrict(
    people: &BTreeMap<String, PersonConfig>,
    person: Option<&str>,
    source: &str,
    reports: Vec<Report>,
) -> Result<Vec<Report>, Verdict> {
    let Some(name) = person else { return Ok(reports) };
    let Some(PersonConfig { person, records, .. }) = people.get(name) else {
        let text = format!("there is no section [people.{name}] any more, whose address this is");
        return Err(Verdict::new(Outcome::Filtered, Code::OtherPerson, text));
    };
    let theirs = |report| recording::restrict(report, person, *records, source);
    Ok(reports.into_iter().map(theirs).collect())
}

/// The step that says how a plugin read an input.
pub fn parsed_step(result: &Result<Vec<Report>, Verdict>) -> Step {
    match result {
        Ok(reports) => Step::new(Stage::Parsed, Code::Parsed, describe(reports)),
        Err(verdict) => Step::new(Stage::Parsed, verdict.code.clone(), verdict.detail.clone()),
    }
}

/// The size of reports, in KiB.
fn weight(result: &Result<Vec<Report>, Verdict>) -> usize {
    /// Counts what is written, and keeps nothing.
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be written down weighs what was counted until then.
    let _ = result.as_ref().map(|reports| serde_json::to_writer(&mut count, reports));
    count.0.div_ceil(1024)
}

/// The reports that a plugin has made of a request, or how the request ends.
///
/// # Errors
///
/// Gives the verdict with which the request ends: malformed, not supported, or a failure of the plugin.
pub fn reports_or_verdict(
    result: Result<Result<Vec<Report>, ParseError>, Fault>,
    plugin: &str,
) -> Result<Vec<Report>, Verdict> {
    match result {
        Ok(Ok(reports)) => Ok(reports),
        Ok(Err(ParseError::Malformed(detail))) => {
            Err(Verdict::new(Outcome::Malformed, Code::Malformed, detail))
        }
        Ok(Err(ParseError::Unsupported(detail))) => {
            Err(Verdict::new(Outcome::Malformed, Code::Unsupported, detail))
        }
        Err(fault) => {
            let detail = format!("plugin {plugin:?} failed: {fault}");
            Err(Verdict::new(Outcome::Failed, fault.kind.code(), detail))
        }
    }
}

/// Whom it is about. What is heard of one server keeps its order, whomever it is about.
fn viewer(parsed: &ParsedInput) -> String {
    if let Some(by) = parsed.heard_by {
        return format!("\n{}", by.as_str());
    }
    let who = parsed.result.iter().flatten().find_map(|report| match report {
        Report::Playback(it) => Some((&it.server, it.user.key())),
        Report::Rated(it) => Some((&it.server, it.user.key())),
        Report::Marked(it) => Some((&it.server, it.user.key())),
        Report::Snapshot { .. } | Report::ConnectionLost { .. } | Report::Ignored { .. } => None,
    });
    who.map(|(server, user)| format!("{}\n{}", server.id, user.unwrap_or_default())).unwrap_or_default()
}

/// The reports of a plugin, in words.
fn describe(reports: &[Report]) -> String {
    let words: Vec<_> = reports
        .iter()
        .map(|report| match report {
            Report::Playback(it) => {
                let state = format!("{:?}", it.state).to_lowercase();
                let position = it.position_ms.map(|ms| format!(" at {} s", ms / 1000)).unwrap_or_default();
                format!("{}: {} {state}{position}", it.user, it.item)
            }
            Report::Snapshot { sessions, .. } => match sessions.len() {
                0 => "nothing is playing".to_owned(),
                1 => "1 session".to_owned(),
                several => format!("{several} sessions"),
            },
            Report::ConnectionLost { .. } => "the connection to the server is lost".to_owned(),
            Report::Rated(it) => match it.rating {
                Some(rating) => format!("{}: {} rated {rating}", it.user, it.item),
                None => format!("{}: the rating of {} taken back", it.user, it.item),
            },
            Report::Marked(it) => {
                format!("{}: {} marked as {}watched", it.user, it.item, if it.watched { "" } else { "not " })
            }
            Report::Ignored { code, detail } => format!("nothing of interest ({code}: {detail})"),
        })
        .collect();
    match words.is_empty() {
        true => "nothing".to_owned(),
        false => text::cut(&words.join("; "), LONGEST_DESCRIPTION),
    }
}
