//! The life of one source's connection.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::SignedDuration;
use playrelay_engine::model::Report;
use playrelay_plugin_host::capabilities::Connection;

use playrelay_util::{backoff, clock};
use tokio::sync::watch;

use crate::inbox::input::InputOrigin;
use crate::inbox::request_inbox::RequestInbox;
use crate::inbox::{STORE_RETRY_DELAY, input};
use crate::realtime::client;
use crate::realtime::client::RealtimeClient;
use crate::realtime::dedup::ReportDeduplicator;
use crate::realtime::status::ConnectionStatus;
use crate::realtime::transport::{Channel, ConnectionError, Frame};

/// The pause after a first failure…
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// …and the longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// A connection that has lasted this long was a good one: what ends it is a first failure.
const STABLE_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// A connection that breaks so soon was none.
const IMMEDIATE_CLOSE: SignedDuration = SignedDuration::from_secs(10);
/// A second-best way to listen is given up after this time, to try the best one again.
const FALLBACK_RETRY_INTERVAL: Duration = Duration::from_secs(30 * 60);
/// Looks at what plays that may fail one after the other while a line lives.
const MAX_FAILED_RESYNCS: u32 = 2;
/// A list is read again so often at most, because something was said meanwhile.
const MAX_RESYNC_REPEATS: u32 = 2;
/// Frames that may have come while an answer was waited for.
const MAX_QUEUED_FRAMES: usize = 4_096;

/// Listens to one source's server.
pub struct RealtimeConnection {
    /// Hears.
    pub client: RealtimeClient,
    /// Where the reports go.
    pub inbox: Arc<RequestInbox>,
    /// The status.
    pub status: ConnectionStatus,
}

/// A connection that is open.
struct OpenConnection {
    line: Channel,
    /// The state of the plugin.
    state: Vec<u8>,
    /// Whether nothing was heard since the last sign of ours.
    is_silent: bool,
}

/// The reason why a connection ended.
enum CloseReason {
    /// Something went wrong.
    Broken(ConnectionError),
    /// It is to be tried in a better way.
    Better,
}

impl RealtimeConnection {
    fn source(&self) -> &str {
        self.client.source()
    }

    /// Listens until `stop` says so, or its sender is gone.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut digest = ReportDeduplicator::default();
        let stopped = async move {
            // Gone or set: it is to stop.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        tokio::select! {
            () = stopped => {}
            () = self.run_with_backoff(&mut digest) => {}
        }
        // Another one may take its place, or webhooks do.
        self.report_disconnected(&mut digest).await;
    }

    /// Passes on the reports that were held back, and that the connection is lost.
    async fn report_disconnected(&self, digest: &mut ReportDeduplicator) {
        let at = clock::monotonic_now();
        self.store(digest.on_disconnected(self.source(), at), at).await;
    }

    async fn run_with_backoff(&self, digest: &mut ReportDeduplicator) {
        let (mut failures, mut first) = (0, 0);
        let mut said: Option<String> = None;
        loop {
            let began = clock::now();
            let (end, used) = self.connect_first(digest, first).await;
            let broken = match end {
                CloseReason::Better => {
                    first = 0;
                    continue;
                }
                CloseReason::Broken(broken) => broken,
            };
            let lasted = clock::now().duration_since(began);
            let was_connected = self.status.report().connected;
            if was_connected {
                self.report_disconnected(digest).await;
            }
            // A clock that was set back says nothing of how long it was.
            let (is_unknown, at_once) =
                (lasted.is_negative(), !lasted.is_negative() && lasted < IMMEDIATE_CLOSE);
            let was_good = was_connected && (is_unknown || lasted > STABLE_AFTER);
            if was_good {
                (failures, said) = (0, None);
            }
            failures += 1;
            // A way that opens and breaks at once may be one that something in between does not let through.
            first = used.filter(|_| at_once).map_or(0, |used| used + 1);
            let pause = backoff::pause(failures, FIRST_PAUSE, LONGEST_PAUSE, backoff::random());
            let again = SignedDuration::try_from(pause).unwrap_or(SignedDuration::ZERO);
            self.status.mark_retrying(broken.to_string(), clock::after(again));
            let seconds = pause.as_secs().max(1);
            // Said once; what is tried again and again for the same reason is shown to who asks.
            let text = broken.to_string();
            if said.as_ref() != Some(&text) {
                tracing::warn!(source = self.source(), "not connected, again in {seconds} s: {broken}");
            } else {
                tracing::debug!(source = self.source(), "not connected, again in {seconds} s: {broken}");
            }
            said = Some(text);
            clock::sleep(pause).await;
        }
    }

    /// Listens in the best way that can be opened, from the `first` on, until that ends; and says which it was.
    async fn connect_first(
        &self,
        digest: &mut ReportDeduplicator,
        first: usize,
    ) -> (CloseReason, Option<usize>) {
        let ways = match self.client.connection_options().await {
            Ok(ways) => ways,
            Err(broken) => return (CloseReason::Broken(broken), None),
        };
        let first = if first < ways.len() { first } else { 0 };
        let mut trouble = None;
        for (place, way) in ways.iter().enumerate().skip(first) {
            match self.client.open(way).await {
                Ok(mut line) => {
                    if let Err(broken) = self.begin(way, &mut line).await {
                        trouble = Some(broken);
                        continue;
                    }
                    let best = Box::pin(async {
                        match place {
                            0 => std::future::pending().await,
                            _ => clock::sleep(FALLBACK_RETRY_INTERVAL).await,
                        }
                    });
                    return (self.receive_until_closed(way, line, digest, best, trouble).await, Some(place));
                }
                Err(broken) => trouble = Some(broken),
            }
        }
        let none = || ConnectionError::Other("the plugin named no way to listen".to_owned());
        (CloseReason::Broken(trouble.unwrap_or_else(none)), None)
    }

    async fn begin(&self, way: &Connection, line: &mut Channel) -> Result<(), ConnectionError> {
        for frame in &way.initial_frames {
            line.send_text(frame).await?;
        }
        Ok(())
    }

    /// Listens to an open line until it ends, or `best` is done.
    async fn receive_until_closed(
        &self,
        way: &Connection,
        line: Channel,
        digest: &mut ReportDeduplicator,
        mut best: Pin<Box<dyn Future<Output = ()> + Send + '_>>,
        trouble: Option<ConnectionError>,
    ) -> CloseReason {
        let mut talk = OpenConnection { line, state: Vec::new(), is_silent: false };
        digest.on_connected();
        if let Err(broken) | Ok(Err(broken)) = self.resync(way, &mut talk, digest).await {
            return CloseReason::Broken(broken);
        }
        self.status.connected(way.transport.as_str(), trouble.map(|broken| broken.to_string()));
        tracing::info!(source = self.source(), by = way.transport.as_str(), "connected");
        let keep_alive = way.keep_alive.as_ref();
        let beat = || {
            Box::pin(async {
                match keep_alive {
                    Some(keep_alive) => clock::sleep(keep_alive.interval).await,
                    None => std::future::pending().await,
                }
            })
        };
        let (mut next_beat, mut next_look) = (beat(), Box::pin(clock::sleep(way.interval)));
        let mut missed = 0;
        loop {
            let done = tokio::select! {
                heard = talk.line.next() => self.receive_one(heard, &mut talk, digest).await,
                () = &mut next_beat => {
                    next_beat = beat();
                    if std::mem::replace(&mut talk.is_silent, true) {
                        Err(ConnectionError::Other("the server has fallen silent".to_owned()))
                    } else {
                        talk.line.send_text(keep_alive.map_or("", |it| &it.text)).await
                    }
                }
                () = &mut next_look => {
                    next_look = Box::pin(clock::sleep(way.interval));
                    self.resync(way, &mut talk, digest).await.and_then(|looked| {
                        missed = if looked.is_ok() { 0 } else { missed + 1 };
                        // A line that shows that it lives is worth more than a look that fails.
                        looked.or_else(|broken| match keep_alive {
                            Some(_) if missed <= MAX_FAILED_RESYNCS => Ok(()),
                            _ => Err(broken),
                        })
                    })
                }
                () = &mut best => return CloseReason::Better,
            };
            if let Err(broken) = done {
                return CloseReason::Broken(broken);
            }
        }
    }

    /// Reads what plays now. The inner error is that of the look, the outer one that of the line.
    async fn resync(
        &self,
        way: &Connection,
        talk: &mut OpenConnection,
        digest: &mut ReportDeduplicator,
    ) -> Result<Result<(), ConnectionError>, ConnectionError> {
        for (place, path) in way.resync.iter().enumerate() {
            let mut answer = self.fetch_text(path).await;
            // What was said while the list was on its way may be older than it, or newer: a list is read after which nothing was said.
            if place > 0 && place + 1 == way.resync.len() {
                for _ in 0..MAX_RESYNC_REPEATS {
                    if answer.is_err() || !self.process_queued(talk, digest).await? {
                        break;
                    }
                    answer = self.fetch_text(path).await;
                }
            }
            let handled = match answer {
                Ok(text) => self.handle(text, talk, digest).await,
                Err(broken) => return Ok(Err(broken)),
            };
            self.status.mark_reply();
            // An answer that cannot be read is none.
            if let Err(broken) = handled.and_then(|read| read.map_err(ConnectionError::Other)) {
                return Ok(Err(broken));
            }
        }
        Ok(Ok(()))
    }

    async fn fetch_text(&self, path: &str) -> Result<String, ConnectionError> {
        client::into_text(self.client.fetch(path).await?)
    }

    /// Deals with what was said while an answer was waited for: what a list no longer has must not begin again after it. Whether there
    /// was anything.
    async fn process_queued(
        &self,
        talk: &mut OpenConnection,
        digest: &mut ReportDeduplicator,
    ) -> Result<bool, ConnectionError> {
        let mut is_any = false;
        for _ in 0..MAX_QUEUED_FRAMES {
            let Some(heard) = talk.line.next().now_or_never() else { break };
            is_any |= matches!(heard, Ok(Frame::Text(_)));
            self.receive_one(heard, talk, digest).await?;
        }
        Ok(is_any)
    }

    /// Deals with what the server said by itself. A message that cannot be read is counted, and costs nothing else.
    async fn receive_one(
        &self,
        heard: Result<Frame, ConnectionError>,
        talk: &mut OpenConnection,
        digest: &mut ReportDeduplicator,
    ) -> Result<(), ConnectionError> {
        let heard = heard?;
        talk.is_silent = false;
        let Frame::Text(text) = heard else { return Ok(()) };
        let handled = self.handle(text, talk, digest).await;
        self.status.mark_message();
        handled.map(drop)
    }

    /// Has the plugin read what was heard, and stores what is news. The inner error says why it cannot be read.
    async fn handle(
        &self,
        text: String,
        talk: &mut OpenConnection,
        digest: &mut ReportDeduplicator,
    ) -> Result<Result<(), String>, ConnectionError> {
        let received_at = clock::monotonic_now();
        let step = match self.client.parse_message(text, talk.state.clone(), received_at).await? {
            Ok(step) => step,
            Err(reason) => {
                tracing::debug!(source = self.source(), "a message cannot be read: {reason}");
                self.status.mark_unparsed(reason.clone());
                return Ok(Err(reason));
            }
        };
        talk.state = step.state;
        self.store(digest.filter(step.reports), received_at).await;
        for reply in &step.replies {
            talk.line.send_text(reply).await?;
        }
        Ok(Ok(()))
    }

    /// Stores what was heard; not before that is done is anything else listened to.
    async fn store(&self, reports: Vec<Report>, at: jiff::Timestamp) {
        if reports.is_empty() {
            return;
        }
        let store = async || {
            let received = input::observed(self.source(), InputOrigin::Watching, reports.clone(), at)?;
            self.inbox.receive(received).await
        };
        while let Err(error) = store().await {
            tracing::error!(
                source = self.source(),
                "the reports of the connection cannot be stored yet: {error}"
            );
            tokio::time::sleep(STORE_RETRY_DELAY).await;
        }
        self.status.mark_stored();
    }
}
