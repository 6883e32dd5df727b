//! `/api/v1/live`: what happens, as it happens, as a stream of server-sent events.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use playrelay_store::StoreError;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use utoipa::IntoParams;

use crate::live::{Change, LiveEvent, Missed, Topic};
use crate::web::access::permissions::Permission;
use crate::web::access::principal::Principal;
use crate::web::api::context::Api;
use crate::web::api::currently_watching;
use crate::web::api::extract::Query;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// The header with the id that the listener heard last.
const LAST_EVENT_ID: &str = "last-event-id";
/// A stream without events sends a comment this often, so that proxies leave it open.
const KEEP_ALIVE: Duration = Duration::from_secs(25);
/// Whether the listener may still listen is looked at this often, beside every time that something is taken away here: a command beside
/// the daemon may have taken it away.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// What is listened to.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Topics {
    /// `now`, `events`, `deliveries`, `sources`, `jobs`, `logs` (for admins), with commas between; all but `logs` unless said.
    #[param(example = "now,deliveries")]
    topics: Option<String>,
}

/// An open stream.
struct Listener {
    api: Arc<Api>,
    principal: Principal,
    topics: HashSet<Topic>,
    receiver: broadcast::Receiver<Arc<LiveEvent>>,
    revocations: watch::Receiver<u64>,
    /// What is sent before anything that is received.
    pending: VecDeque<Event>,
    _permit: OwnedSemaphorePermit,
}

/// What happens, as it happens. Each event has the topic as its name, an id and JSON; `resync` says that too much was missed, and that all is
/// to be read again.
#[utoipa::path(
    get,
    path = "/api/v1/live",
    tag = "live",
    params(
        Topics,
        ("Last-Event-ID" = Option<String>, Header, description = "The id that was heard last: what came after is sent first"),
    ),
    responses((status = 200, description = "A stream without an end", content_type = "text/event-stream", body = String), Problems)
)]
pub(crate) async fn stream(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Query(query): Query<Topics>,
) -> Result<impl IntoResponse, Problem> {
    let topics = topics(query.topics.as_deref(), &principal)?;
    let permit = Arc::clone(&api.limits.streams).try_acquire_owned().map_err(|_| {
        Problem::new(ProblemCode::TooManyRequests, "too many streams are open", "close one, and try again")
    })?;
    let last = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let (receiver, missed) = api.live.listen(last);
    let revocations = api.access.revocations();
    let pending = VecDeque::new();
    let mut listener = Listener { api, principal, topics, receiver, revocations, pending, _permit: permit };
    match missed {
        Missed::Events(events) => events.iter().for_each(|event| listener.push(event)),
        Missed::TooMuch => listener.pending.push_back(resync()),
    }
    let events = stream::unfold(listener, async |mut listener| {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    // A proxy in between must not wait for the end.
    let headers = [("x-accel-buffering", "no"), ("cache-control", "no-store")];
    Ok((headers, Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

fn topics(text: Option<&str>, principal: &Principal) -> Result<HashSet<Topic>, Problem> {
    let Some(text) = text else {
        return Ok(Topic::ALL.into_iter().filter(|topic| *topic != Topic::Logs).collect());
    };
    let mut topics = HashSet::new();
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let topic = Topic::ALL.into_iter().find(|topic| topic.as_str() == word).ok_or_else(|| {
            let known = Topic::ALL.map(Topic::as_str).join(", ");
            let detail = format!("there is no topic {word:?}; expected {known}");
            Problem::new(ProblemCode::InvalidRequest, detail, "")
        })?;
        if topic == Topic::Logs && !principal.may(Permission::Admin) {
            let remedy = Permission::Admin.remedy();
            return Err(Problem::new(ProblemCode::Forbidden, "the log is for admins", remedy));
        }
        topics.insert(topic);
    }
    Ok(topics)
}

/// Says that too much was missed.
fn resync() -> Event {
    Event::default().event("resync").data("{}")
}

impl Listener {
    /// The next event; absent where the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Some(event);
            }
            tokio::select! {
                received = self.receiver.recv() => match received {
                    Ok(event) => self.push(&event),
                    Err(RecvError::Lagged(_)) => {
                        // What is still in the channel would be without what was lost.
                        self.receiver = self.receiver.resubscribe();
                        return Some(resync());
                    }
                    Err(RecvError::Closed) => return None,
                },
                _ = self.revocations.changed() => if !self.may_listen().await {
                    return None;
                },
                () = tokio::time::sleep(CHECK_INTERVAL) => if !self.may_listen().await {
                    return None;
                },
            }
        }
    }

    /// Whether whoever opened the stream might still open it.
    async fn may_listen(&self) -> bool {
        match self.api.access.is_still_valid(&self.principal).await {
            Ok(is_valid) => is_valid,
            Err(StoreError::Busy) => true,
            Err(error) => {
                tracing::error!("a stream ends: {error}");
                false
            }
        }
    }

    /// Puts an event in line, where its topic is listened to.
    fn push(&mut self, event: &LiveEvent) {
        let topic = event.change.topic();
        if !self.topics.contains(&topic) {
            return;
        }
        let data = match &event.change {
            Change::Now => serde_json::to_string(&currently_watching::current(&self.api.board)),
            change => serde_json::to_string(change),
        };
        match data {
            Ok(data) => {
                let id = self.api.live.id(event);
                self.pending.push_back(Event::default().id(id).event(topic.as_str()).data(data));
            }
            Err(error) => tracing::error!("an event cannot be sent: {error}"),
        }
    }
}
