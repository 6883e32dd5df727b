//! An HTTP server on a free port of this machine that can be cut off.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use crate::disconnect::Disconnect;
use crate::exchanges::Exchange;
use crate::faults::Faulty;
use crate::{exchanges, service};

/// The largest body that is noted. Bytes.
const LARGEST: usize = 64 << 20;

/// Whether the server is up, for what outlives its connection. Found in a request's extensions.
#[derive(Clone, Debug)]
pub struct Listening(pub watch::Receiver<bool>);

/// A running server. It ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    up: watch::Sender<bool>,
    listening: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Starts a server.
    pub async fn start(router: Router) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (up, wanted) = watch::channel(true);
        let (is_listening, listening) = watch::channel(true);
        let task = tokio::spawn(run(listener, router, wanted, is_listening));
        Self { address, up, listening, task }
    }

    /// Starts the fake of a service, whose exchanges are noted under its name.
    pub async fn of(service: &'static str, router: Router) -> Self {
        if !exchanges::are_noted() {
            return Self::start(router).await;
        }
        Self::start(router.layer(middleware::from_fn(move |request, next| noted(service, request, next))))
            .await
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends all connections and refuses new ones.
    pub async fn go_down(&self) {
        self.switch(false).await;
    }

    /// Accepts connections again, on the same port.
    pub async fn come_up(&self) {
        self.switch(true).await;
    }

    async fn switch(&self, up: bool) {
        self.up.send_replace(up);
        let mut listening = self.listening.clone();
        listening.wait_for(|listening| *listening == up).await.expect("the server's task is running");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Passes a request on, and notes what was said.
async fn noted(service: &'static str, request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let method = request.method().to_string();
    // Other clients are there to judge the answers; their requests are their own.
    let agent = request.headers().get("user-agent").and_then(|it| it.to_str().ok()).unwrap_or_default();
    if request.headers().contains_key("upgrade") || !agent.starts_with("playrelay/") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let sent = to_bytes(body, LARGEST).await.expect("a request to a fake is small");
    let response = next.run(Request::from_parts(parts, Body::from(sent.clone()))).await;
    let is_stream = response.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
    if is_stream {
        return response;
    }
    let (parts, body) = response.into_parts();
    let answered = to_bytes(body, LARGEST).await.expect("an answer of a fake is small");
    exchanges::note(&Exchange {
        service: service.to_owned(),
        method,
        path,
        request: service::read_body(&sent),
        status: parts.status.as_u16(),
        answer: service::read_body(&answered),
        is_faulty: parts.extensions.get::<Faulty>().is_some(),
    });
    Response::from_parts(parts, Body::from(answered))
}

async fn run(
    first: TcpListener,
    router: Router,
    mut wanted: watch::Receiver<bool>,
    is_listening: watch::Sender<bool>,
) {
    let address = first.local_addr().expect("a bound socket has an address");
    let mut listener = Some(first);
    let for_connections = wanted.clone();
    loop {
        let Some(open) = &listener else {
            if wanted.wait_for(|up| *up).await.is_err() {
                return;
            }
            listener = Some(TcpListener::bind(address).await.expect("the port was ours"));
            is_listening.send_replace(true);
            continue;
        };
        tokio::select! {
            accepted = open.accept() => {
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(serve(stream, router.clone(), for_connections.clone()));
                }
            }
            down = wanted.wait_for(|up| !*up) => {
                if down.is_err() {
                    return;
                }
                listener = None;
                is_listening.send_replace(false);
            }
        }
    }
}

async fn serve(stream: tokio::net::TcpStream, router: Router, mut wanted: watch::Receiver<bool>) {
    let cut = Disconnect::default();
    let router = router.layer(axum::Extension(cut.clone())).layer(axum::Extension(Listening(wanted.clone())));
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    // Dropping the connection is what cuts it off; how it ended otherwise is the client's business.
    tokio::select! {
        _ = connection => {}
        () = cut.0.notified() => {}
        _ = wanted.wait_for(|up| !*up) => {}
    }
}
