//! Webhooks come in: the token is checked, the request stored, and only then answered.
//!
//! Reading, matching and telling trackers happen later, so a media server never waits for them and a crash loses nothing.

mod body;
mod endpoints;
mod request;
mod token;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use body::BodyError;
pub use endpoints::WebhookEndpoint;
use endpoints::{EndpointTable, TokenMatch};
use playrelay_plugin_host::capabilities::WebhookRequest;
use playrelay_store::watermarks::Watermark;
use playrelay_store::{EventFilter, Received, Scope, SharedStore, StoreError, watermarks};
use playrelay_util::{clock, lock};
use request::read;
pub use request::{parse_raw_request, request_from_body, to_webhook_request};
pub use token::credentials;
use token::{decoded, header_token, query_token};

use crate::inbox::ingress_load::IngressLoad;
use crate::inbox::request_inbox::RequestInbox;
use crate::web::access::random::API_TOKEN_PREFIX;
use crate::web::access::{AccessControl, guard};
use crate::web::attempt_limiter::{AttemptLimiter, network};

/// Letters from which on a token cannot be guessed, however fast.
const UNGUESSABLE: usize = 16;
/// The prefix of the paths of webhooks.
const WEBHOOK: &str = "webhook";
/// What stands before it in addresses of another program, which lead here too: `/api/webhook/SOURCE/TOKEN`.
const LEGACY_PREFIX: &str = "api";
/// How long a media server may take to send a request.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The state that the endpoints share.
pub struct Ingress {
    endpoints: RwLock<Arc<EndpointTable>>,
    store: SharedStore,
    inbox: Arc<RequestInbox>,
    max_body: usize,
    load: IngressLoad,
    guard: AttemptLimiter,
    access: Arc<AccessControl>,
    /// Whether the node is about to end.
    is_ending: AtomicBool,
}

impl Ingress {
    /// Sets the endpoints up. No door is open yet.
    pub fn new(
        store: SharedStore,
        inbox: Arc<RequestInbox>,
        max_body: usize,
        load: IngressLoad,
        access: Arc<AccessControl>,
    ) -> Self {
        Self {
            endpoints: RwLock::default(),
            store,
            inbox,
            max_body,
            load,
            guard: AttemptLimiter::default(),
            access,
            is_ending: AtomicBool::new(false),
        }
    }

    /// Tells balancers that the node is about to end. Webhooks are taken until it has.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Opens these doors, and closes all others.
    pub fn set_endpoints(&self, endpoints: Vec<WebhookEndpoint>) {
        *lock::write(&self.endpoints) = Arc::new(EndpointTable::new(endpoints));
    }

    /// A server still sends to an address that was replaced: its owner should know.
    async fn note_old_token(&self, source: &str) {
        tracing::warn!(
            source,
            "a webhook came with the token that was replaced; enter the new address at the server"
        );
        let noted = watermarks::write(&self.store, source, Watermark::OldTokenUsed, clock::now()).await;
        if let Err(error) = noted {
            tracing::warn!(source, "the use of a replaced token cannot be stored: {error}");
        }
    }

    /// The door that a request opens, by which of its tokens, and that; or the answer that refuses it.
    async fn admit<'a>(
        &self,
        endpoints: &'a EndpointTable,
        client: SocketAddr,
        name: &str,
        path_token: Option<String>,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(&'a WebhookEndpoint, TokenMatch, String), Box<Response>> {
        if endpoints.named(name).next().is_none() {
            let text = format!("no source is named {name:?}; `playrelay webhooks` shows the addresses");
            return Err(Box::new(error_response(StatusCode::NOT_FOUND, text)));
        }
        let raw_query = uri.query().unwrap_or_default();
        let token = path_token.or_else(|| header_token(headers)).or_else(|| query_token(raw_query));
        if let Some(given) = token.as_deref() {
            match self.admit_program(endpoints, name, given).await {
                Ok(Some(endpoint)) => return Ok((endpoint, TokenMatch::Current, given.to_owned())),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!("a token cannot be looked up: {error}");
                    let text = "the token cannot be looked up now; send it again".to_owned();
                    return Err(Box::new(later(error_response(StatusCode::SERVICE_UNAVAILABLE, text))));
                }
            }
        }
        // A token that somebody made up may be guessed; one that we made cannot, so a server is never kept out by its neighbours.
        let locked = self.guard.locked(&network(client.ip()));
        if let Some(token) = token
            && (locked.is_none() || token.len() >= UNGUESSABLE)
            && let Some((endpoint, fit)) = endpoints.find(name, &token)
        {
            return Ok((endpoint, fit, token));
        }
        if endpoints.has_closed(name) {
            // Its token is only out of reach: the sender should come again.
            let text = "the token of this source cannot be read now; send it again".to_owned();
            return Err(Box::new(later(error_response(StatusCode::SERVICE_UNAVAILABLE, text))));
        }
        if locked.is_some() || self.guard.failed(network(client.ip())).is_some() {
            let text = "too many wrong tokens; wait a minute".to_owned();
            return Err(Box::new(later(error_response(StatusCode::TOO_MANY_REQUESTS, text))));
        }
        tracing::warn!(source = name, client = %client.ip(), "webhook refused: its token is wrong or missing");
        Err(Box::new(error_response(StatusCode::UNAUTHORIZED, "the token is wrong or missing".to_owned())))
    }

    /// The door that a program's token with the scope `ingest` opens.
    async fn admit_program<'a>(
        &self,
        endpoints: &'a EndpointTable,
        name: &str,
        given: &str,
    ) -> Result<Option<&'a WebhookEndpoint>, StoreError> {
        if !given.starts_with(API_TOKEN_PREFIX) {
            return Ok(None);
        }
        // Another plugin's servers may be known by the same name: the source itself has to be meant.
        let Some(endpoint) =
            endpoints.named(name).find(|endpoint| endpoint.source.eq_ignore_ascii_case(name))
        else {
            return Ok(None);
        };
        let principal = guard::api_token(&self.access, given).await?;
        let may_send = principal.is_some_and(|principal| principal.scopes().contains(&Scope::Ingest));
        Ok(may_send.then_some(endpoint))
    }

    fn endpoints(&self) -> Arc<EndpointTable> {
        Arc::clone(&lock::read(&self.endpoints))
    }

    /// The routes. Whatever has none is looked at once more: addresses are typed by people, and changed by proxies.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(health))
            .route(&format!("/{LEGACY_PREFIX}/{WEBHOOK}/{{source}}/{{token}}"), any(addressed))
            .fallback(addressed)
            .with_state(self)
    }
}

/// Whether the node takes webhooks, and goes on doing so.
async fn health(State(ingress): State<Arc<Ingress>>) -> Response {
    match ingress.is_ending.load(Ordering::Relaxed) {
        false => "ok\n".into_response(),
        true => (StatusCode::SERVICE_UNAVAILABLE, "the node ends\n").into_response(),
    }
}

/// A webhook's address: `/webhook/SOURCE`, `/webhook/SOURCE/TOKEN`, `/api/webhook/SOURCE/TOKEN`.
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

/// The answer to an unknown address.
fn nowhere(path: &str) -> String {
    let is_below = path.split('/').skip(2).any(|part| part.eq_ignore_ascii_case(WEBHOOK));
    let hint = if is_below { "; a proxy has to take off what stands in front of /webhook" } else { "" };
    format!(
        "no such address: webhooks go to /webhook/SOURCE/TOKEN, and `playrelay webhooks` shows the addresses{hint}"
    )
}

/// The source and the token in the path of a webhook.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    name: String,
    token: Option<String>,
}

impl Address {
    /// Reads a path. Slashes and blanks too many, at its end or in between, are what people and proxies add.
    fn read(path: &str) -> Option<Self> {
        let parts = path.split('/').map(decoded).map(|part| part.trim().to_owned());
        let mut parts = parts.filter(|part| !part.is_empty()).peekable();
        // Only as the other program writes it.
        let _ = parts.next_if_eq(LEGACY_PREFIX);
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
    let endpoints = ingress.endpoints();
    let endpoint =
        match ingress.admit(&endpoints, client, name, path_token, request.uri(), request.headers()).await {
            Ok((endpoint, _, _)) => endpoint,
            Err(refusal) => return *refusal,
        };
    // Nothing of it is needed any more.
    drop(request);
    let last = EventFilter { source: Some(endpoint.source.clone()), ..EventFilter::newest(1) };
    let last = match ingress.store.events(&last).await {
        Ok(events) => match events.first() {
            Some(event) => format!("The last event of it is {}, received {}.", event.id, event.received_at),
            None => "Nothing has come here yet.".to_owned(),
        },
        Err(error) => {
            tracing::error!("the last event of {} cannot be read: {error}", endpoint.source);
            "The database cannot be read now.".to_owned()
        }
    };
    let text = format!(
        "This address works: it takes the webhooks of the source {:?}.\n\
         Have the media server send them here with POST; a browser only gets this text.\n{}\n{last}\n\
         `playrelay events` shows what came, and `playrelay event ID` what became of it.\n",
        endpoint.source, endpoint.instructions
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
    let endpoints = ingress.endpoints();
    let (endpoint, fit, token) =
        match ingress.admit(&endpoints, client, name, path_token, request.uri(), request.headers()).await {
            Ok(admitted) => admitted,
            Err(refusal) => return *refusal,
        };
    let person = match fit {
        TokenMatch::Old => {
            ingress.note_old_token(&endpoint.source).await;
            None
        }
        TokenMatch::Current => None,
        TokenMatch::Person(person) => Some(person),
    };
    let _under_way = ingress.load.begin();
    let read = read(request, Some(&token), ingress.max_body);
    match tokio::time::timeout(READ_TIMEOUT, read).await {
        Ok(Ok(request)) => store(ingress, endpoint, person, request).await,
        Ok(Err(BodyError { status, reason })) => error_response(status, reason),
        Err(_) => {
            error_response(StatusCode::REQUEST_TIMEOUT, "the request took too long to arrive".to_owned())
        }
    }
}

async fn store(
    ingress: &Ingress,
    endpoint: &WebhookEndpoint,
    person: Option<String>,
    request: WebhookRequest,
) -> Response {
    let request = match serde_json::to_vec(&request) {
        Ok(request) => request,
        Err(error) => {
            return error_response(StatusCode::BAD_REQUEST, format!("the request cannot be kept: {error}"));
        }
    };
    let received = Received { source: endpoint.source.clone(), at: clock::monotonic_now(), request, person };
    match ingress.inbox.receive(received).await {
        Ok(Some(id)) => (StatusCode::OK, format!("stored as event {id}\n")).into_response(),
        Ok(None) => (StatusCode::OK, "stored until the database is back\n").into_response(),
        Err(error) => {
            tracing::error!(source = %endpoint.source, "a webhook could not be stored: {error}");
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
            "/api/webhook/home/T",
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
