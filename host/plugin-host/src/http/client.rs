//! The client: bare requests to an address that has been checked, with bounded answers.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::StreamExt;
use playrelay_util::authorities::Authorities;
use playrelay_util::secret::Secret;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder};
use rustls::ClientConfig;
use url::{Host, Url};

use crate::http::ip_policy::{Reach, is_here};
use crate::http::message::{HttpError, Request, Response};
use crate::http::tls::{Trust, client_config};
use crate::ports::{AccessAudit, ExchangeRecorder, Transport, WriteGate};

/// The longest time a single request may take.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a server may take to answer at one of several addresses.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);
/// The most that is read of an answer unless a manifest asks for more.
pub const RESPONSE_LIMIT: usize = 2 << 20;

/// The port at which this daemon listens. No plugin may send requests there. 0 means that no daemon listens.
#[derive(Clone, Debug, Default)]
pub struct OwnPort(Arc<AtomicU16>);

impl OwnPort {
    /// The daemon listens here from now on.
    pub fn set(&self, port: u16) {
        self.0.store(port, Ordering::Relaxed);
    }

    /// Where the daemon listens; 0 where none does.
    pub fn get(&self) -> u16 {
        self.0.load(Ordering::Relaxed)
    }

    fn is(&self, port: u16) -> bool {
        port != 0 && self.0.load(Ordering::Relaxed) == port
    }
}

/// The program that plugins run in, for the `User-Agent` of its requests.
#[derive(Clone, Copy, Debug)]
pub struct HostIdentity {
    /// Its name, one word.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The clients, one for each reach.
#[derive(Clone)]
pub struct HttpClient {
    /// In whose name requests are sent.
    pub host: HostIdentity,
    public: Client,
    home: Client,
    anywhere: Client,
    tls: Arc<ClientConfig>,
    authorities: Authorities,
    /// The address of the daemon itself, which no request may reach.
    pub own_port: OwnPort,
    /// Whether writes may be sent now; where it is not set, they may.
    pub write_gate: Arc<OnceLock<Arc<dyn WriteGate>>>,
    /// Where exchanges are recorded, while somebody wants that; absent for requests that are nobody's.
    pub recorder: Option<Arc<dyn ExchangeRecorder>>,
    /// Where it is counted what plugins reach; absent for requests that are nobody's.
    pub audit: Option<Arc<dyn AccessAudit>>,
    /// What answers the requests of plugins in the network's place; absent outside of tests.
    pub transport: Option<Arc<dyn Transport>>,
}

impl HttpClient {
    /// Sets up the clients. Fails where the system's certificates cannot be read.
    ///
    /// # Errors
    ///
    /// The system's certificates cannot be read; the text has the remedy.
    pub fn new(host: HostIdentity) -> Result<Self, String> {
        // A second installation is refused by rustls and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // An environment proxy would bypass the address check, and a redirect would carry credentials elsewhere.
        let authorities = Authorities::load().map_err(|error| error.to_string())?;
        let tls = client_config(&authorities, &Trust::SystemRoots).map_err(|error| error.to_string())?;
        let failed = |error: reqwest::Error| error.to_string();
        Ok(Self {
            host,
            public: builder(host)
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(Arc::new(ReachResolver(Reach::Public)))
                .build()
                .map_err(failed)?,
            home: at_home(host, &tls)?,
            anywhere: builder(host).tls_backend_preconfigured(tls.clone()).build().map_err(failed)?,
            tls: Arc::new(tls),
            authorities,
            own_port: OwnPort::default(),
            write_gate: Arc::default(),
            recorder: None,
            audit: None,
            transport: None,
        })
    }

    /// Whether a request that changes something may be sent now.
    pub(crate) fn may_write(&self) -> bool {
        self.write_gate.get().is_none_or(|gate| gate.may_write())
    }

    /// The same, with other certificates that are believed of addresses that the user typed.
    ///
    /// # Errors
    ///
    /// The system's certificates cannot be read; the text has the remedy.
    pub fn with_trust(&self, trust: &Trust) -> Result<Self, String> {
        if *trust == Trust::SystemRoots {
            return Ok(self.clone());
        }
        let tls = client_config(&self.authorities, trust).map_err(|error| error.to_string())?;
        let anywhere = builder(self.host).tls_backend_preconfigured(tls.clone()).build();
        Ok(Self {
            host: self.host,
            public: self.public.clone(),
            home: at_home(self.host, &tls)?,
            anywhere: anywhere.map_err(|error| error.to_string())?,
            tls: Arc::new(tls),
            authorities: self.authorities.clone(),
            own_port: self.own_port.clone(),
            write_gate: Arc::clone(&self.write_gate),
            recorder: self.recorder.clone(),
            audit: self.audit.clone(),
            transport: self.transport.clone(),
        })
    }

    /// Why the authorities that are built into the program count; absent where the system has some.
    pub fn without_system_roots(&self) -> Option<&str> {
        self.authorities.without_system_roots.as_deref()
    }

    fn client(&self, reach: Reach) -> &Client {
        match reach {
            Reach::Public => &self.public,
            Reach::Home => &self.home,
            Reach::Anywhere => &self.anywhere,
        }
    }

    /// Refuses what is out of reach, and the daemon's own address. Names are looked at once more when they are resolved.
    ///
    /// # Errors
    ///
    /// The address is out of reach; nothing was sent.
    pub async fn check(&self, url: &Url, reach: Reach) -> Result<(), HttpError> {
        refuse_literal(url, reach)?;
        let Some(port) = url.port_or_known_default().filter(|port| self.own_port.is(*port)) else {
            return Ok(());
        };
        let found: Vec<IpAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            // What cannot be resolved is not reached either.
            Some(Host::Domain(name)) => match tokio::net::lookup_host((name, port)).await {
                Ok(found) => found.map(|found| found.ip()).collect(),
                Err(_) => Vec::new(),
            },
            None => Vec::new(),
        };
        match found.into_iter().any(is_here) {
            true => Err(HttpError::Denied(
                "that is Playrelay's own address, which no plugin may reach".to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// Asks an address for anything at all.
    async fn get(&self, url: &Url, reach: Reach) -> Result<reqwest::Response, HttpError> {
        let origin = url.origin().ascii_serialization();
        let request = self.client(reach).get(url.clone()).timeout(PROBE_TIMEOUT);
        request.send().await.map_err(|error| classify(&error, &origin))
    }

    /// Whether a server answers at an address, whatever it says. An error says why not.
    ///
    /// # Errors
    ///
    /// The reason why the server does not answer.
    pub async fn probe(&self, url: &Url, reach: Reach) -> Result<(), HttpError> {
        self.check(url, reach).await?;
        let status = self.get(url, reach).await?.status();
        match status.is_server_error() {
            true => Err(unexpected(url, &format!("answered {status}"))),
            false => Ok(()),
        }
    }

    /// The status that a server answers a request with a bearer token with.
    ///
    /// # Errors
    ///
    /// The reason why the server does not answer.
    pub async fn probe_status(&self, url: &Url, token: &Secret) -> Result<u16, HttpError> {
        let origin = url.origin().ascii_serialization();
        let request = self.client(Reach::Anywhere).get(url.clone()).timeout(PROBE_TIMEOUT);
        let answer = request.bearer_auth(token.expose()).send().await;
        answer.map(|answer| answer.status().as_u16()).map_err(|error| classify(&error, &origin))
    }

    /// Whether a server answers at an address with these words. An error says what else was found.
    ///
    /// # Errors
    ///
    /// The reason why the server does not answer, or the answer that it gave instead.
    pub async fn probe_body(&self, url: &Url, words: &str) -> Result<(), HttpError> {
        let answer = self.get(url, Reach::Anywhere).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(unexpected(url, &format!("answered {status}")));
        }
        let is_short = answer.content_length().is_some_and(|length| length <= 1_024);
        match is_short && answer.text().await.is_ok_and(|text| text.trim() == words) {
            true => Ok(()),
            false => Err(unexpected(url, "answered something else: another program is there")),
        }
    }

    /// Sends a message to an address, as a server would. Gives the status and the text of the answer, up to 1,024 bytes.
    ///
    /// # Errors
    ///
    /// The reason why no answer came.
    pub async fn probe_post(
        &self,
        url: &Url,
        content_type: &str,
        body: String,
    ) -> Result<(u16, String), HttpError> {
        let origin = url.origin().ascii_serialization();
        let request = self.client(Reach::Anywhere).post(url.clone()).timeout(PROBE_TIMEOUT);
        let answer = request.header("content-type", content_type).body(body).send().await;
        let answer = answer.map_err(|error| classify(&error, &origin))?;
        let status = answer.status().as_u16();
        let is_short = answer.content_length().is_some_and(|length| length <= 1_024);
        let text = if is_short { answer.text().await.unwrap_or_default() } else { String::new() };
        Ok((status, text))
    }

    /// The TLS configuration of a connection of another kind to an address that the user typed.
    pub fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.tls)
    }

    /// Opens an answer that has no end: its head has come.
    ///
    /// # Errors
    ///
    /// No answer came, or the address is out of reach.
    pub async fn open_stream(&self, request: Request, reach: Reach) -> Result<reqwest::Response, HttpError> {
        let origin = request.url.origin().ascii_serialization();
        self.check(&request.url, reach).await?;
        let mut builder = self.client(reach).request(request.method, request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let late = HttpError::Unreachable(format!("{origin} gave no answer in time"));
        match tokio::time::timeout(REQUEST_TIMEOUT, builder.send()).await {
            Ok(answer) => answer.map_err(|error| classify(&error, &origin)),
            Err(_) => Err(late),
        }
    }

    /// Sends a request, as far as it may go.
    ///
    /// # Errors
    ///
    /// The address is out of reach, no answer came in time, or the answer is too large. [`HttpError`] says whether the request was sent.
    pub async fn send(&self, request: Request, reach: Reach, limit: usize) -> Result<Response, HttpError> {
        let origin = request.url.origin().ascii_serialization();
        self.check(&request.url, reach).await?;
        let mut builder = self
            .client(reach)
            .request(request.method, request.url)
            .timeout(request.timeout.min(REQUEST_TIMEOUT));
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let response = builder.send().await.map_err(|error| classify(&error, &origin))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter(|(name, _)| *name != "set-cookie")
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| classify(&error, &origin))?;
            if body.len() + chunk.len() > limit {
                return Err(HttpError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body })
    }
}

fn unexpected(url: &Url, what: &str) -> HttpError {
    HttpError::Unreachable(format!("{} {what}", url.origin().ascii_serialization()))
}

fn builder(host: HostIdentity) -> ClientBuilder {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(Duration::from_secs(5))
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(2)
        .user_agent(format!("{}/{}", host.name, host.version))
}

/// The client for what logins have found.
fn at_home(host: HostIdentity, tls: &ClientConfig) -> Result<Client, String> {
    let resolver = Arc::new(ReachResolver(Reach::Home));
    let built = builder(host).tls_backend_preconfigured(tls.clone()).dns_resolver(resolver).build();
    built.map_err(|error| error.to_string())
}

/// The resolver is asked for names only, so addresses that are written as such are checked here.
fn refuse_literal(url: &Url, reach: Reach) -> Result<(), HttpError> {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address),
        Some(Host::Ipv6(address)) => IpAddr::V6(address),
        _ => return Ok(()),
    };
    if reach.admits(address) { Ok(()) } else { Err(HttpError::Denied(private_address(&address.to_string()))) }
}

fn private_address(what: &str) -> String {
    format!(
        "{what} is an address inside the private network or of this machine, and only the user can open that by typing it"
    )
}

fn classify(error: &reqwest::Error, origin: &str) -> HttpError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut innermost = String::new();
    while let Some(source) = cause {
        if let Some(refused) = source.downcast_ref::<PrivateAddress>() {
            return HttpError::Denied(private_address(&refused.0));
        }
        innermost = source.to_string();
        cause = source.source();
    }
    if error.is_builder() {
        return HttpError::Denied("the request has a header that is not valid".to_owned());
    }
    if innermost.contains("InvalidContentType") || innermost.contains("corrupt message") {
        let plain = origin.replacen("https://", "http://", 1);
        return HttpError::Unreachable(format!("{origin} speaks no TLS; try {plain}"));
    }
    if error.is_connect() {
        return HttpError::Unreachable(format!("{origin} cannot be reached: {innermost}"));
    }
    if error.is_timeout() {
        return HttpError::Interrupted(format!("{origin} gave no answer in time"));
    }
    HttpError::Interrupted(format!("{origin} broke the connection off: {innermost}"))
}

#[derive(Debug, thiserror::Error)]
#[error("{0} has no address within reach")]
struct PrivateAddress(String);

/// Resolves a name and leaves out addresses that are not within reach; the connection goes to one of those left, so the
/// answer cannot change between check and use.
#[derive(Debug)]
struct ReachResolver(Reach);

impl Resolve for ReachResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|found| reach.admits(found.ip()))
                .collect();
            if found.is_empty() {
                return Err(PrivateAddress(name).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
