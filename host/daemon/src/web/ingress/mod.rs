//! Webhooks come in: the token is checked, the request stored, and only then answered.
//!
//! Reading, matching and telling trackers happen later, so a media server never waits for them and a crash loses nothing.

mod body;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use body::{BodyError, ReadBody};
use playrelay_plugin_host::capabilities::WebhookRequest;
use playrelay_store::watermarks::Watermark;
use playrelay_store::{EventFilter, Received, SharedStore, StoreError, watermarks};
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use subtle::ConstantTimeEq;

use crate::inbox::signal::InboxSignal;
use crate::web::attempt_limiter::AttemptLimiter;
use crate::webhooks::registration::{self, Tokens};

/// The header that may carry a source's token.
const TOKEN_HEADER: &str = "x-playrelay-token";
/// Letters from which on a token cannot be guessed, however fast.
const UNGUESSABLE: usize = 16;
/// What the paths of webhooks begin with.
const WEBHOOK: &str = "webhook";
/// How long a media server may take to send a request.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A source as webhooks see it.
pub struct WebhookEndpoint {
    /// The source's name.
    pub source: String,
    /// Names under `/webhook/` that lead here too.
    pub legacy_names: Vec<String>,
    /// How a person has the server send here, in words.
    pub instructions: String,
    /// What the address must carry; absent where it cannot be read now.
    pub tokens: Option<Tokens>,
    /// Wakes the source's pipeline.
    pub arrivals: InboxSignal,
}

/// Which of a door's tokens fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenMatch {
    /// The one that counts.
    Current,
    /// The one that was replaced, and still works.
    Old,
}

impl WebhookEndpoint {
    /// Every token is compared in full.
    fn match_token(&self, token: &[u8]) -> Option<TokenMatch> {
        let tokens = self.tokens.as_ref()?;
        let is = |secret: &Secret| bool::from(secret.expose().as_bytes().ct_eq(token));
        let old = tokens.old.as_ref().is_some_and(|(old, until)| is(old) & (clock::now() < *until));
        match (is(&tokens.current), old) {
            (true, _) => Some(TokenMatch::Current),
            (false, true) => Some(TokenMatch::Old),
            (false, false) => None,
        }
    }
}

/// What the endpoints share.
pub struct Ingress {
    doors: RwLock<Arc<EndpointTable>>,
    store: SharedStore,
    max_body: usize,
    guard: AttemptLimiter,
}

impl Ingress {
    /// Sets the endpoints up. No door is open yet.
    pub fn new(store: SharedStore, max_body: usize) -> Self {
        Self { doors: RwLock::default(), store, max_body, guard: AttemptLimiter::default() }
    }

    /// Opens these doors, and closes all others.
    pub fn open_doors(&self, doors: Vec<WebhookEndpoint>) {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, door) in doors.iter().enumerate() {
            for name in std::iter::once(&door.source).chain(&door.legacy_names) {
                by_name.entry(name.clone()).or_default().push(index);
            }
        }
        *self.doors.write().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(EndpointTable { doors, by_name });
    }

    /// A server still sends to an address that was replaced: its owner should know.
    async fn note_old_token(&self, source: &str) {
        tracing::warn!(
            source,
            "a webhook came with the token that was replaced; enter the new address at the server"
        );
        let noted = watermarks::write(&self.store, source, Watermark::OldTokenUsed, clock::now()).await;
        if let Err(error) = noted {
            tracing::warn!(source, "that cannot be noted: {error}");
        }
    }

    /// The door that a request opens, by which of its tokens, and that; or the answer that refuses it.
    fn admit<'a>(
        &self,
        doors: &'a EndpointTable,
        client: SocketAddr,
        name: &str,
        path_token: Option<String>,
        request: &Request,
    ) -> Result<(&'a WebhookEndpoint, TokenMatch, String), Box<Response>> {
        if doors.named(name).next().is_none() {
            let text = format!("no source is named {name:?}; `playrelay webhooks` shows the addresses");
            return Err(Box::new(error_response(StatusCode::NOT_FOUND, text)));
        }
        let raw_query = request.uri().query().unwrap_or_default();
        let token = path_token.or_else(|| header_token(request.headers())).or_else(|| query_token(raw_query));
        // A token that somebody made up may be guessed; one that we made cannot, so a server is never kept out by its neighbours.
        let locked = self.guard.locked(client.ip());
        if let Some(token) = token
            && (locked.is_none() || token.len() >= UNGUESSABLE)
            && let Some((door, fit)) = doors.find(name, &token)
        {
            return Ok((door, fit, token));
        }
        if doors.has_closed(name) {
            // Its token is only out of reach: the sender should come again.
            let text = "the token of this source cannot be read now; send it again".to_owned();
            return Err(Box::new(later(error_response(StatusCode::SERVICE_UNAVAILABLE, text))));
        }
        if locked.is_some() || self.guard.failed(client.ip()).is_some() {
            let text = "too many wrong tokens; wait a minute".to_owned();
            return Err(Box::new(later(error_response(StatusCode::TOO_MANY_REQUESTS, text))));
        }
        tracing::warn!(source = name, client = %client.ip(), "webhook refused: its token is wrong or missing");
        Err(Box::new(error_response(StatusCode::UNAUTHORIZED, "the token is wrong or missing".to_owned())))
    }

    fn doors(&self) -> Arc<EndpointTable> {
        Arc::clone(&self.doors.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The routes. Whatever has none is looked at once more: addresses are typed by people, and changed by proxies.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .fallback(addressed)
            .with_state(self)
    }
}

/// The doors, by their names.
#[derive(Default)]
struct EndpointTable {
    doors: Vec<WebhookEndpoint>,
    by_name: HashMap<String, Vec<usize>>,
}

impl EndpointTable {
    /// The doors of a name. Where none is written so, capital letters make no difference.
    fn named(&self, name: &str) -> impl Iterator<Item = &WebhookEndpoint> {
        let found = self.by_name.get(name).or_else(|| {
            let mut alike = self.by_name.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
            alike.next().map(|(_, found)| found).filter(|_| alike.next().is_none())
        });
        found.into_iter().flatten().map(|index| &self.doors[*index])
    }

    /// Whether a source of this name has no token that can be read.
    fn has_closed(&self, name: &str) -> bool {
        self.named(name).any(|door| door.tokens.is_none())
    }

    /// The door that this name and token open.
    fn find(&self, name: &str, token: &str) -> Option<(&WebhookEndpoint, TokenMatch)> {
        let token = token.as_bytes();
        // Every candidate is compared in full, so the time tells nothing of which one fits.
        self.named(name).fold(None, |open, door| match door.match_token(token) {
            Some(TokenMatch::Old) => Some((door, TokenMatch::Old)),
            Some(TokenMatch::Current) => Some((door, TokenMatch::Current)),
            None => open,
        })
    }
}

/// Whether the database answers, and takes what is to be stored.
async fn ready(State(ingress): State<Arc<Ingress>>) -> Response {
    match ingress.store.is_writable().await {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            tracing::error!("not ready: {error}");
            error_response(StatusCode::SERVICE_UNAVAILABLE, "nothing can be stored now".to_owned())
        }
    }
}

/// A webhook's address: `/webhook/SOURCE`, `/webhook/SOURCE/TOKEN`.
async fn addressed(
    state: State<Arc<Ingress>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let Some(Address { name, token }) = Address::read(request.uri().path()) else {
        return error_response(StatusCode::NOT_FOUND, nowhere(request.uri().path()));
    };
    match *request.method() {
        Method::POST => receive(&state, client, &name, token, request).await,
        Method::GET | Method::HEAD => describe(&state, client, &name, token, request).await,
        _ => {
            let text = "send webhooks with POST".to_owned();
            let mut answer = error_response(StatusCode::METHOD_NOT_ALLOWED, text);
            answer.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("GET, POST"));
            answer
        }
    }
}

/// What an address that leads nowhere is answered with.
fn nowhere(path: &str) -> String {
    let is_below = path.split('/').skip(2).any(|part| part.eq_ignore_ascii_case(WEBHOOK));
    let hint = if is_below { "; a proxy has to take off what stands in front of /webhook" } else { "" };
    format!(
        "no such address: webhooks go to /webhook/SOURCE/TOKEN, and `playrelay webhooks` shows the addresses{hint}"
    )
}

/// What the path of a webhook's address names.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    name: String,
    token: Option<String>,
}

impl Address {
    /// Reads a path. Slashes and blanks too many, at its end or in between, are what people and proxies add.
    fn read(path: &str) -> Option<Self> {
        let parts = path.split('/').map(decoded).map(|part| part.trim().to_owned());
        let mut parts = parts.filter(|part| !part.is_empty());
        if !parts.next()?.eq_ignore_ascii_case(WEBHOOK) {
            return None;
        }
        let address = Self { name: parts.next()?, token: parts.next() };
        parts.next().is_none().then_some(address)
    }
}

/// Tells a person who opens a webhook's address in a browser what it is for. Nothing of it is a secret.
async fn describe(
    ingress: &Ingress,
    client: SocketAddr,
    name: &str,
    path_token: Option<String>,
    request: Request,
) -> Response {
    let doors = ingress.doors();
    let door = match ingress.admit(&doors, client, name, path_token, &request) {
        Ok((door, _, _)) => door,
        Err(refusal) => return *refusal,
    };
    // Nothing of it is needed any more.
    drop(request);
    let last = EventFilter { source: Some(door.source.clone()), ..EventFilter::newest(1) };
    let last = match ingress.store.events(&last).await {
        Ok(events) => match events.first() {
            Some(event) => format!("The last event of it is {}, received {}.", event.id, event.received_at),
            None => "Nothing has come here yet.".to_owned(),
        },
        Err(error) => {
            tracing::error!("the last event of {} cannot be read: {error}", door.source);
            "The database cannot be read now.".to_owned()
        }
    };
    let text = format!(
        "This address works: it takes the webhooks of the source {:?}.\n\
         Have the media server send them here with POST; a browser only gets this text.\n{}\n{last}\n\
         `playrelay events` shows what came, and `playrelay event ID` what became of it.\n",
        door.source, door.instructions
    );
    ([(header::CACHE_CONTROL, "no-store")], text).into_response()
}

async fn receive(
    ingress: &Ingress,
    client: SocketAddr,
    name: &str,
    path_token: Option<String>,
    request: Request,
) -> Response {
    let doors = ingress.doors();
    let (door, fit, token) = match ingress.admit(&doors, client, name, path_token, &request) {
        Ok(admitted) => admitted,
        Err(refusal) => return *refusal,
    };
    if fit == TokenMatch::Old {
        ingress.note_old_token(&door.source).await;
    }
    let _under_way = door.arrivals.begin();
    let read = read(request, Some(&token), ingress.max_body);
    match tokio::time::timeout(READ_TIMEOUT, read).await {
        Ok(Ok(request)) => store(ingress, door, request).await,
        Ok(Err(BodyError { status, reason })) => error_response(status, reason),
        Err(_) => {
            error_response(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive".to_owned())
        }
    }
}

/// What is kept of a request: its text, without credentials.
async fn read(request: Request, token: Option<&str>, max_body: usize) -> Result<WebhookRequest, BodyError> {
    let query = query_without_token(request.uri().query().unwrap_or_default(), token.unwrap_or_default());
    let headers = allowed_headers(request.headers(), token.unwrap_or_default());
    let ReadBody { media_type, form, body } = body::read(request, max_body).await?;
    Ok(WebhookRequest { media_type, headers, query, form, body })
}

/// The same outside of the daemon, for requests from files.
pub async fn to_webhook_request(
    request: Request,
    token: Option<&str>,
    max_body: usize,
) -> Result<WebhookRequest, String> {
    read(request, token, max_body).await.map_err(|refusal| refusal.reason)
}

/// A request as it stands in a file: a request line, headers, an empty line, the body.
pub fn parse_raw_request(bytes: &[u8]) -> Result<Request, String> {
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
pub fn request_from_body(body: Vec<u8>) -> Result<Request, String> {
    let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body)).map_err(|error| error.to_string())
}

async fn store(ingress: &Ingress, door: &WebhookEndpoint, request: WebhookRequest) -> Response {
    let request = match serde_json::to_vec(&request) {
        Ok(request) => request,
        Err(error) => {
            return error_response(StatusCode::BAD_REQUEST, format!("the request cannot be kept: {error}"));
        }
    };
    let received = Received { source: door.source.clone(), at: clock::monotonic_now(), request };
    match ingress.store.receive(received).await {
        Ok(id) => {
            door.arrivals.notify();
            (StatusCode::OK, format!("stored as event {id}\n")).into_response()
        }
        Err(error) => {
            tracing::error!(source = %door.source, "a webhook could not be stored: {error}");
            // Where the database lies is nobody's business outside.
            let reason = match error {
                StoreError::Busy => "too many requests are waiting to be stored; send it again",
                _ => "the request could not be stored; send it again",
            };
            later(error_response(StatusCode::SERVICE_UNAVAILABLE, reason.to_owned()))
        }
    }
}

fn error_response(status: StatusCode, reason: String) -> Response {
    (status, reason + "\n").into_response()
}

/// Asks the sender to come again.
fn later(mut response: Response) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    response
}

fn header_token(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || text("authorization").and_then(|value| credentials(value, "bearer"));
    text(TOKEN_HEADER).or_else(bearer).map(|token| token.trim().to_owned())
}

/// What follows a scheme, in capital letters or not (RFC 9110, 11.1).
pub fn credentials<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (found, rest) = value.trim_start().split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
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
    let token = named
        .map(|(_, token)| token.into_owned())
        .or_else(|| bare().filter(|part| !part.is_empty()).map(decoded))?;
    Some(token.trim().to_owned())
}

/// A part of an address with its escapes taken back; a plus is itself.
fn decoded(part: &str) -> String {
    let encoded = format!("part={}", part.replace('+', "%2B").replace('&', "%26"));
    let mut parts = url::form_urlencoded::parse(encoded.as_bytes());
    parts.next().map(|(_, part)| part.into_owned()).unwrap_or_default()
}

fn query_without_token(query: &str, token: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| name != "token" && name != token && value != token)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// The headers that a plugin may see: none with credentials, and not endlessly many. Proxies repeat the address, with its token.
fn allowed_headers(headers: &HeaderMap, token: &str) -> Vec<(String, String)> {
    const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", TOKEN_HEADER];
    let in_path = registration::encode_path_segment(token);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_people_type_them() {
        let read = |path: &str| Address::read(path).map(|it| (it.name, it.token));
        let home = |token: Option<&str>| Some(("home".to_owned(), token.map(str::to_owned)));
        for path in [
            "/webhook/home/T",
            "/webhook/home/T/",
            "//webhook/home/T",
            "/Webhook//home/T//",
            "/webhook/home/T%20",
            "/webhook/ho%6De/T",
        ] {
            assert_eq!(read(path), home(Some("T")), "{path}");
        }
        assert_eq!(read("/webhook/home"), home(None));
        assert_eq!(read("/webhook/home/a+b%2Fc&d"), home(Some("a+b/c&d")));
        for path in ["/", "/webhook", "/webhook/", "/relay/webhook/home/T", "/webhook/home/T/more", "/api/v1"]
        {
            assert_eq!(read(path), None, "{path}");
        }
        assert!(nowhere("/relay/webhook/home/T").contains("proxy") && !nowhere("/x").contains("proxy"));
    }

    #[test]
    fn schemes_are_written_in_any_case() {
        for value in ["Bearer T", "bearer T", "BEARER T", " bearer T"] {
            assert_eq!(credentials(value, "bearer"), Some("T"), "{value}");
        }
        assert_eq!((credentials("Basic T", "bearer"), credentials("T", "bearer")), (None, None));
    }
}
