//! The stream of a page: its live region, sent again as a whole when something has changed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use maud::Markup;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tokio::time::Instant;

use crate::live::{LiveEvent, Missed, Topic};
use crate::web::access::permissions::Permission;
use crate::web::access::principal::{Identity, Principal};
use crate::web::access::random;
use crate::web::api::Api;
use crate::web::api::extract::Query;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::session_streams::{FULL, StreamPlace};
use crate::web::pages::{accounts, deliveries, history, library, logs, now, setup, story};

/// Changes that come together are sent together.
const GATHER: Duration = Duration::from_millis(250);
/// The pause after a region could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
/// A stream without changes sends a comment this often, so that proxies leave it open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Whether the reader may still read is looked at this often, beside every time that something is taken away.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Which region is wanted.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Region {
    /// The page: `now`, `deliveries`, `event`, `setup`, `account`, `jobs`, `job`, `logs` or `history`.
    page: String,
    /// The tab, the id or the name that the page shows.
    #[serde(default)]
    of: String,
    /// The newest change that the page has seen.
    at: Option<String>,
}

impl Region {
    /// What changes the region; none for a page that is not there.
    fn topics(&self) -> &'static [Topic] {
        match self.page.as_str() {
            "now" => &[Topic::Now, Topic::Events, Topic::Deliveries, Topic::Sources],
            "deliveries" => &[Topic::Deliveries],
            "event" => &[Topic::Events, Topic::Deliveries],
            "history" => &[Topic::Events, Topic::Now],
            "account" => &[Topic::Sources],
            "jobs" | "job" => &[Topic::Jobs],
            "setup" => &[Topic::Deliveries, Topic::Sources, Topic::Events],
            _ => &[],
        }
    }

    /// How often the region is looked at beside all changes: a login changes at the service, the log at any time.
    fn interval(&self) -> Option<Duration> {
        matches!(self.page.as_str(), "account" | "logs").then_some(Duration::from_secs(1))
    }

    /// What the page asks for, where it is a query of its own.
    fn query<Filter: DeserializeOwned>(&self) -> Result<Filter, Problem> {
        let problem = |error: &dyn std::fmt::Display| {
            Problem::new(ProblemCode::InvalidRequest, error.to_string(), "load the page again")
        };
        let uri: Uri = format!("/?{}", self.of).parse().map_err(|error| problem(&error))?;
        axum::extract::Query::try_from_uri(&uri).map(|query| query.0).map_err(|error| problem(&error))
    }

    async fn render(&self, api: &Api, context: &Context) -> Result<Markup, Problem> {
        let is_own = matches!(self.page.as_str(), "jobs" | "job");
        if context.only_person().is_some() && !is_own {
            return Err(Problem::not_found("this page is for members who may see everything", ""));
        }
        match self.page.as_str() {
            "now" => now::region(api, context).await,
            "deliveries" => deliveries::region(api, context, &deliveries::Filter::of(&self.of)).await,
            "event" => story::region(api, context, self.of.parse().unwrap_or_default()).await,
            "setup" => setup::region(api, context).await,
            "account" => accounts::region(api, context, &self.of).await,
            "jobs" => library::jobs::region(api, context).await,
            "job" => library::job::region(api, context, self.of.parse().unwrap_or_default()).await,
            "logs" if context.may(Permission::Admin) => logs::region(context, &self.query()?),
            "history" => history::news(api, context, &self.query()?).await,
            other => Err(Problem::not_found(format!("there is no page {other:?} that is live"), "")),
        }
    }
}

/// An open stream.
struct Reader {
    api: Arc<Api>,
    context: Context,
    principal: Principal,
    region: Region,
    receiver: broadcast::Receiver<Arc<LiveEvent>>,
    revocations: watch::Receiver<u64>,
    /// What was sent last: the same is not sent again.
    sent: String,
    /// Whether the region is to be looked at now.
    is_due: bool,
    place: StreamPlace,
    /// Whether the reader was told that the stream ends.
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

/// What a page shows, whenever it has changed.
pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    context: Context,
    headers: HeaderMap,
    Query(region): Query<Region>,
) -> Result<impl IntoResponse, Problem> {
    let permit = Arc::clone(&api.limits.streams).try_acquire_owned().map_err(|_| {
        Problem::new(ProblemCode::TooManyRequests, "too many streams are open", "close a page, and try again")
    })?;
    let principal = context.principal.clone();
    let principal = principal.ok_or_else(|| Problem::internal("the request did not pass the guard"))?;
    let topics = region.topics();
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).or(region.at.as_deref());
    let (receiver, missed) = api.live.listen(last);
    let is_due = match missed {
        Missed::TooMuch => true,
        Missed::Events(events) => events.iter().any(|event| topics.contains(&event.change.topic())),
    };
    // What the page shows already is not sent again; where it cannot be read, the stream says why.
    let sent = match is_due {
        true => String::new(),
        false => region.render(&api, &context).await?.into_string(),
    };
    let revocations = api.access.revocations();
    let place = api.limits.page_streams.open(reader_key(&principal));
    let reader = Reader {
        api,
        context,
        principal,
        region,
        receiver,
        revocations,
        sent,
        is_due,
        place,
        is_over: false,
        _permit: permit,
    };
    let events = stream::unfold(reader, async |mut reader| {
        let event = reader.next().await?;
        Some((Ok::<_, Infallible>(event), reader))
    });
    let headers = [("x-accel-buffering", "no"), ("cache-control", "no-store")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

/// Who reads: a login in a browser, or whoever else is known by a name.
fn reader_key(principal: &Principal) -> String {
    match &principal.identity {
        Identity::Session { hash, .. } => random::id(hash),
        _ => format!("name {}", principal.name()),
    }
}

impl Reader {
    /// The next message; absent where the stream ends.
    async fn next(&mut self) -> Option<Event> {
        if self.is_over {
            return None;
        }
        loop {
            if !self.is_due && !self.wait().await? {
                if self.is_over {
                    return Some(Event::default().event(FULL).data(""));
                }
                continue;
            }
            self.is_due = false;
            match self.region.render(&self.api, &self.context).await {
                Ok(region) => {
                    let text = region.into_string();
                    if text != self.sent {
                        self.sent.clone_from(&text);
                        return Some(Event::default().id(self.api.live.now()).data(text));
                    }
                }
                // What the page was about is gone: the page says so when it is loaded again.
                Err(problem) if problem.code == ProblemCode::NotFound => return None,
                Err(problem) => {
                    tracing::warn!(page = self.region.page, "a page cannot be sent: {}", problem.detail);
                    self.is_due = true;
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// Waits until the region may have changed. Absent where the stream ends; false where nothing of the page has changed.
    async fn wait(&mut self) -> Option<bool> {
        let interval = self.region.interval().unwrap_or(CHECK_INTERVAL);
        tokio::select! {
            received = self.receiver.recv() => match received {
                Ok(event) => {
                    if !self.region.topics().contains(&event.change.topic()) {
                        return Some(false);
                    }
                    self.gather().await;
                    Some(true)
                }
                Err(RecvError::Lagged(_)) => {
                    self.receiver = self.receiver.resubscribe();
                    Some(true)
                }
                Err(RecvError::Closed) => None,
            },
            () = self.place.ended.notified() => {
                self.is_over = true;
                Some(false)
            }
            _ = self.revocations.changed() => self.may_read().await.then_some(false),
            () = tokio::time::sleep(interval) => self.may_read().await.then(|| self.region.interval().is_some()),
        }
    }

    /// Takes what comes together with a change.
    async fn gather(&mut self) {
        let end = Instant::now() + GATHER;
        while let Ok(Ok(_)) = tokio::time::timeout_at(end, self.receiver.recv()).await {}
    }

    /// Whether whoever opened the stream might still open it.
    async fn may_read(&self) -> bool {
        match self.api.access.is_still_valid(&self.principal).await {
            Ok(is_valid) => is_valid,
            Err(playrelay_store::StoreError::Busy) => true,
            Err(error) => {
                tracing::error!("a stream of a page ends: {error}");
                false
            }
        }
    }
}
