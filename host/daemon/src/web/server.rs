//! The HTTP server: connections with time-outs, and never more of them than there are file descriptors for.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use playrelay_util::lock::lock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tower_service::Service;

use crate::web::access::forwarded::Front;

/// How long the head of a request may take, and how long a connection may wait for its next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may take until its answer begins.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(120);
/// How long requests under way may take to end when the daemon stops.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// File descriptors for all that is not a connection from outside: the database, connections to servers and trackers.
const RESERVED_DESCRIPTORS: u64 = 128;
/// More connections are never needed.
const MAX_CONNECTIONS: u64 = 4_096;
/// The pause after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Between two log lines of one kind.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Raises the limit of open files as far as it goes. Gives how many connections there is room for.
pub fn room() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::debug!(%error, "the limit of open files stays");
    }
    // Nothing said is no limit.
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let room = limit.saturating_sub(RESERVED_DESCRIPTORS).max(limit / 4).clamp(4, MAX_CONNECTIONS);
    usize::try_from(room).unwrap_or(usize::MAX)
}

/// A connection, as others see it.
#[derive(Debug)]
struct Peer {
    number: u64,
    /// Whether a request of it is worked on.
    is_busy: AtomicBool,
    /// Since when it waits for a request.
    waits_since: Mutex<Instant>,
    /// Asks it to end.
    evicted: Notify,
}

impl Peer {
    fn waits_since(&self) -> MutexGuard<'_, Instant> {
        lock(&self.waits_since)
    }
}

/// Marks a connection as busy for as long as it lives.
#[derive(Debug)]
struct Busy(Arc<Peer>);

impl Busy {
    fn begin(peer: &Arc<Peer>) -> Self {
        peer.is_busy.store(true, Ordering::Relaxed);
        Self(Arc::clone(peer))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        *self.0.waits_since() = Instant::now();
        self.0.is_busy.store(false, Ordering::Relaxed);
    }
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Peers {
    open: Mutex<Vec<Arc<Peer>>>,
    next: AtomicU64,
    left: Notify,
}

impl Peers {
    fn open(&self) -> MutexGuard<'_, Vec<Arc<Peer>>> {
        lock(&self.open)
    }

    fn enter(self: &Arc<Self>) -> Seat {
        let peer = Arc::new(Peer {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            is_busy: AtomicBool::new(false),
            waits_since: Mutex::new(Instant::now()),
            evicted: Notify::new(),
        });
        self.open().push(Arc::clone(&peer));
        Seat { peers: Arc::clone(self), peer }
    }

    /// Waits until there is room for one more. Whoever has waited longest for a request makes it.
    async fn make_room(&self, most: usize) {
        loop {
            let left = self.left.notified();
            {
                let open = self.open();
                if open.len() < most {
                    return;
                }
                let idle = open.iter().filter(|peer| !peer.is_busy.load(Ordering::Relaxed));
                if let Some(oldest) = idle.min_by_key(|peer| *peer.waits_since()) {
                    oldest.evicted.notify_one();
                }
            }
            // All may be busy, and become idle.
            let _ = tokio::time::timeout(ACCEPT_PAUSE, left).await;
        }
    }
}

/// A connection's place among them.
struct Seat {
    peers: Arc<Peers>,
    peer: Arc<Peer>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.peers.open().retain(|peer| peer.number != self.peer.number);
        self.peers.left.notify_one();
    }
}

/// The body of an answer. As long as it is sent, its connection is busy.
#[derive(Debug)]
struct BusyBody {
    body: Body,
    _busy: Busy,
}

impl HttpBody for BusyBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Serves `app` until `stop` is done, and then ends what is under way, for up to ten seconds. `most` connections are open at once; one
/// more has the one closed that has waited longest for a request.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    front: Front,
    most: usize,
    stop: impl Future<Output = ()>,
) {
    let peers = Arc::new(Peers::default());
    let (closing, closed) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut complained: Option<Instant> = None;
    tokio::pin!(stop);
    loop {
        let accepted = async {
            peers.make_room(most).await;
            listener.accept().await
        };
        let accepted = tokio::select! {
            accepted = accepted => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, client)) => {
                let seat = peers.enter();
                connections.spawn(connection(
                    stream,
                    client,
                    app.clone(),
                    front.clone(),
                    seat,
                    closed.clone(),
                ));
            }
            Err(error) => {
                if complained.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
                    tracing::warn!(
                        "connections cannot be taken: {error}; raise the limit of open files (LimitNOFILE)"
                    );
                    complained = Some(Instant::now());
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    closing.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN, ended).await.is_err() {
        tracing::warn!("requests that did not end in time are cut off");
    }
}

async fn connection(
    stream: TcpStream,
    client: SocketAddr,
    app: Router,
    front: Front,
    seat: Seat,
    mut closing: watch::Receiver<bool>,
) {
    let answer = |request| respond(app.clone(), front.clone(), client, Arc::clone(&seat.peer), request);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    tokio::pin!(served);
    tokio::select! {
        // A client that goes away, or sends something else, is its own business.
        ended = &mut served => if let Err(error) = ended { tracing::trace!(%client, "the connection ended: {error}") },
        () = seat.peer.evicted.notified() => tracing::debug!(%client, "an idle connection makes room for another"),
        // Nothing else is ever said.
        _ = closing.changed() => {
            served.as_mut().graceful_shutdown();
            if let Err(error) = served.await {
                tracing::trace!(%client, "the connection ended: {error}");
            }
        }
    }
}

async fn respond(
    mut app: Router,
    front: Front,
    client: SocketAddr,
    peer: Arc<Peer>,
    mut request: hyper::Request<Incoming>,
) -> Result<Response, Infallible> {
    let busy = Busy::begin(&peer);
    front.prepare(client, &mut request);
    match tokio::time::timeout(REQUEST_TIMEOUT, app.call(request.map(Body::new))).await {
        Ok(Ok(answer)) => Ok(answer.map(|body| Body::new(BusyBody { body, _busy: busy }))),
        Ok(Err(never)) => match never {},
        Err(_) => Ok((StatusCode::REQUEST_TIMEOUT, "the request took too long\n").into_response()),
    }
}
