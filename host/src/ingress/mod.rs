//! Webhooks come in: the token is checked, the request stored, and only then answered.
//!
//! Reading, matching and telling trackers happen later, so a media server never waits for them and a crash loses nothing.

mod body;
pub mod registration;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use subtle::ConstantTimeEq;

use crate::arrivals::Arrivals;
use crate::clock;
use crate::guard::Guard;
use crate::notes;
use crate::plugins::capabilities::WebhookRequest;
use crate::secret::Secret;
use crate::state::{Received, SharedStore, StoreError};
use body::{ReadBody, Refusal};
use registration::Tokens;

/// The header that may carry a source's token.
const TOKEN_HEADER: &str = "x-playrelay-token";
/// How long a media server may take to send a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// A source as webhooks see it.
pub struct Door {
    /// The source's name.
    pub source: String,
    /// Names under `/webhook/` that lead here too.
    pub legacy_names: Vec<String>,
    /// What the address must carry.
    pub tokens: Tokens,
    /// Wakes the source's pipeline.
    pub arrivals: Arrivals,
}

/// Which of a door's tokens fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    /// The one that counts.
    Current,
    /// The one that was replaced, and still works.
    Old,
}

impl Door {
    /// Every token is compared in full.
    fn fits(&self, token: &[u8]) -> Option<Fit> {
        let is = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(token));
        let old = self.tokens.old.as_ref().is_some_and(|(old, until)| is(old) & (clock::now() < *until));
        match (is(&self.tokens.current), old) {
            (true, _) => Some(Fit::Current),
            (false, true) => Some(Fit::Old),
            (false, false) => None,
        }
    }
}

/// What the endpoints share.
pub struct Ingress {
    doors: RwLock<Arc<Doors>>,
    store: SharedStore,
    max_body: usize,
    guard: Guard,
}

impl Ingress {
    /// Sets the endpoints up. No door is open yet.
    pub fn new(store: SharedStore, max_body: usize) -> Self {
        Self { doors: RwLock::default(), store, max_body, guard: Guard::default() }
    }

    /// Opens these doors, and closes all others.
    pub fn open_doors(&self, doors: Vec<Door>) {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, door) in doors.iter().enumerate() {
            for name in std::iter::once(&door.source).chain(&door.legacy_names) {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        *self.doors.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Doors { doors, by_name });
    }

    /// A server still sends to an address that was replaced: its owner should know.
    async fn note_old_token(&self, source: &str) {
        tracing::warn!(
            source,
            "a webhook came with the token that was replaced; enter the new address at the server"
        );
        let noted = notes::write(&self.store, source, notes::OLD_TOKEN_USED, clock::now()).await;
        if let Err(error) = noted {
            tracing::warn!(source, "that cannot be noted: {error}");
        }
    }

    fn doors(&self) -> Arc<Doors> {
        Arc::clone(&self.doors.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/webhook/{name}", post(webhook))
            .route("/webhook/{name}/{token}", post(webhook_with_token))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .with_state(self)
    }
}

/// The doors, by their names.
#[derive(Default)]
struct Doors {
    doors: Vec<Door>,
    by_name: HashMap<String, Vec<usize>>,
}

impl Doors {
    /// The door that this name and token open.
    fn open(&self, name: &str, token: Option<&str>) -> Option<(&Door, Fit)> {
        let token = token?.as_bytes();
        // Every candidate is compared in full, so the time tells nothing of which one fits.
        let candidates = self.by_name.get(name)?.iter().map(|index| &self.doors[*index]);
        candidates.fold(None, |open, door| match door.fits(token) {
            Some(Fit::Old) => Some((door, Fit::Old)),
            Some(Fit::Current) => Some((door, Fit::Current)),
            None => open,
        })
    }
}

/// Whether the database answers.
async fn ready(State(ingress): State<Arc<Ingress>>) -> Response {
    match ingress.store.events(None, 1).await {
        Ok(_) => "ok\n".into_response(),
        Err(error) => {
            tracing::error!("not ready: {error}");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer".to_owned())
        }
    }
}

async fn webhook(
    state: State<Arc<Ingress>>,
    client: ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    receive(&state, client.0, &name, None, request).await
}

async fn webhook_with_token(
    state: State<Arc<Ingress>>,
    client: ConnectInfo<SocketAddr>,
    Path((name, token)): Path<(String, String)>,
    request: Request,
) -> Response {
    receive(&state, client.0, &name, Some(token), request).await
}

async fn receive(
    ingress: &Ingress,
    client: SocketAddr,
    name: &str,
    path_token: Option<String>,
    request: Request,
) -> Response {
    let doors = ingress.doors();
    if !doors.by_name.contains_key(name) {
        return refuse(StatusCode::NOT_FOUND, format!("no source is named {name:?}"));
    }
    let raw_query = request.uri().query().unwrap_or_default();
    let token = path_token.or_else(|| header_token(request.headers())).or_else(|| query_token(raw_query));
    let Some((door, fit)) = doors.open(name, token.as_deref()) else {
        if !ingress.guard.may_fail(client.ip()) {
            return refuse(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens; wait a minute".to_owned());
        }
        tracing::warn!(source = name, client = %client.ip(), "webhook refused: its token is wrong or missing");
        return refuse(StatusCode::UNAUTHORIZED, "the token is wrong or missing".to_owned());
    };
    if fit == Fit::Old {
        ingress.note_old_token(&door.source).await;
    }
    let _under_way = door.arrivals.begin();
    let read = read(request, token.as_deref(), ingress.max_body);
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(Ok(request)) => store(ingress, door, request).await,
        Ok(Err(Refusal { status, reason })) => refuse(status, reason),
        Err(_) => refuse(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive".to_owned()),
    }
}

/// What is kept of a request: its text, without credentials.
async fn read(request: Request, token: Option<&str>, max_body: usize) -> Result<WebhookRequest, Refusal> {
    let query = query_without(request.uri().query().unwrap_or_default(), token.unwrap_or_default());
    let headers = kept_headers(request.headers(), token.unwrap_or_default());
    let ReadBody { media_type, form, body } = body::read(request, max_body).await?;
    Ok(WebhookRequest { media_type, headers, query, form, body })
}

/// The same outside of the daemon, for requests from files.
pub async fn keep(request: Request, token: Option<&str>, max_body: usize) -> Result<WebhookRequest, String> {
    read(request, token, max_body).await.map_err(|refusal| refusal.reason)
}

/// A request as it stands in a file: a request line, headers, an empty line, the body.
pub fn raw_request(bytes: &[u8]) -> Result<Request, String> {
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle);
    let (head, body) = match (find(b"\r\n\r\n"), find(b"\n\n")) {
        (Some(end), _) => (&bytes[..end], &bytes[end + 4..]),
        (None, Some(end)) => (&bytes[..end], &bytes[end + 2..]),
        (None, None) => return Err("found no empty line between headers and body".to_owned()),
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let target = lines.next().and_then(|line| line.split_whitespace().nth(1));
    let mut request = Request::post(target.ok_or("found no request line")?);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is no header"))?;
        // The length is that of the file, whatever an editor has made of it.
        if !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name.trim(), value.trim());
        }
    }
    request.body(Body::from(body.to_vec())).map_err(|error| error.to_string())
}

/// A request of which only the body is known.
pub fn bare_request(body: Vec<u8>) -> Result<Request, String> {
    let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body)).map_err(|error| error.to_string())
}

async fn store(ingress: &Ingress, door: &Door, request: WebhookRequest) -> Response {
    let request = match serde_json::to_vec(&request) {
        Ok(request) => request,
        Err(error) => return refuse(StatusCode::BAD_REQUEST, format!("the request cannot be kept: {error}")),
    };
    let received = Received { source: door.source.clone(), at: clock::receipt(), request };
    match ingress.store.receive(received).await {
        Ok(id) => {
            door.arrivals.ring();
            (StatusCode::OK, format!("stored as event {id}\n")).into_response()
        }
        Err(error) => {
            tracing::error!(source = %door.source, "a webhook could not be stored: {error}");
            // Where the database lies is nobody's business outside.
            let reason = match error {
                StoreError::Busy => "too many requests are waiting to be stored; send it again",
                _ => "the request could not be stored; send it again",
            };
            let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, reason.to_owned());
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
            response
        }
    }
}

fn refuse(status: StatusCode, reason: String) -> Response {
    (status, reason + "\n").into_response()
}

fn header_token(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || text("authorization").and_then(|value| value.strip_prefix("Bearer "));
    text(TOKEN_HEADER).or_else(bearer).map(|token| token.trim().to_owned())
}

/// `?TOKEN`, or `?token=TOKEN`.
fn query_token(query: &str) -> Option<String> {
    let named = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "token");
    // A bare token may end in `=`, and servers encode it or leave it as it is.
    let bare = || {
        query
            .split('&')
            .next()
            .map(|part| part.strip_suffix('=').unwrap_or(part))
            .filter(|part| !part.contains('='))
    };
    let decoded = |part: &str| {
        let encoded = format!("token={}", part.replace('+', "%2B"));
        url::form_urlencoded::parse(encoded.as_bytes()).next().map(|(_, token)| token.into_owned())
    };
    named
        .map(|(_, token)| token.into_owned())
        .or_else(|| bare().filter(|part| !part.is_empty()).and_then(decoded))
}

fn query_without(query: &str, token: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| name != "token" && name != token && value != token)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// The headers that a plugin may see: none with credentials, and not endlessly many. Proxies repeat the address, with its token.
fn kept_headers(headers: &HeaderMap, token: &str) -> Vec<(String, String)> {
    const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", TOKEN_HEADER];
    let in_path = registration::in_path(token);
    let has_token = |value: &[u8]| {
        let text = String::from_utf8_lossy(value);
        !token.is_empty() && (text.contains(token) || text.contains(&in_path))
    };
    headers
        .iter()
        .filter(|(name, value)| !SECRET.contains(&name.as_str()) && value.len() <= 1024)
        .filter(|(_, value)| !has_token(value.as_bytes()))
        .take(32)
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
