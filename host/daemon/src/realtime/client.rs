//! One source's ear: what its plugin and its account make of a server's words.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use playrelay_plugin_host::call_error;
use playrelay_plugin_host::capabilities::{
    Connect, Connection, Message, MessageInput, MessageStep, Transport,
};
use playrelay_plugin_host::fault::{Fault, FaultKind};
use playrelay_plugin_host::http::client::REQUEST_TIMEOUT;
use playrelay_plugin_host::http::{HttpError, Request, RequestPurpose, Response};
use playrelay_plugin_host::plugin::{CallTarget, Plugin};
use url::Url;

use crate::realtime::transport::{Channel, ConnectionError};

/// Hears one source's server.
#[derive(Clone)]
pub struct RealtimeClient {
    /// The source's plugin.
    pub plugin: Arc<Plugin>,
    /// The account of the plugin.
    pub target: CallTarget,
}

impl RealtimeClient {
    /// The source's name.
    pub fn source(&self) -> &str {
        &self.target.account.name
    }

    /// The ways to listen, the best one first.
    pub(crate) async fn connection_options(&self) -> Result<Vec<Connection>, ConnectionError> {
        let answer = self.plugin.call::<Connect>(&self.target, ()).await.0;
        call_error::value(answer).map_err(|error| ConnectionError::Other(error.to_string()))
    }

    pub(crate) async fn open(&self, way: &Connection) -> Result<Channel, ConnectionError> {
        if way.transport == Transport::Poll {
            return Ok(Channel::Poll);
        }
        let first = self.dial(way).await;
        if !matches!(first, Err(ConnectionError::Unauthorized(_))) {
            return first;
        }
        // A request is answered by a renewal of the login, where there is one; a socket is not.
        match way.resync.first() {
            Some(path) => self.fetch(path).await.map(drop)?,
            None => return first,
        }
        self.dial(way).await
    }

    async fn dial(&self, way: &Connection) -> Result<Channel, ConnectionError> {
        let none = BTreeMap::new();
        let query = self.plugin.manifest.provides.realtime.as_ref().map_or(&none, |facts| &facts.query);
        let outbound = &self.target.account.outbound;
        let dial = outbound.dial(&self.url(&way.path)?, query).await.map_err(transport_error)?;
        Channel::open(way, dial).await
    }

    /// An answer of success to a path below the server's address.
    pub(crate) async fn fetch(&self, path: &str) -> Result<Response, ConnectionError> {
        let request = Request {
            method: reqwest::Method::GET,
            url: self.url(path)?,
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: None,
            timeout: REQUEST_TIMEOUT,
        };
        let answer = self
            .target
            .account
            .outbound
            .send(request, RequestPurpose::Plugin)
            .await
            .map_err(transport_error)?;
        match answer.status {
            200 => Ok(answer),
            status @ (401 | 403 | 498) => Err(ConnectionError::Unauthorized(status)),
            // Another web server, a wrong port, or a path that somebody copied from a browser.
            404 => Err(ConnectionError::Other(format!(
                "the server at {} is not a {} (404 for {})",
                self.address(),
                self.plugin.manifest.plugin.name,
                path.split('?').next().unwrap_or_default()
            ))),
            status => {
                let path = path.split('?').next().unwrap_or_default();
                Err(ConnectionError::Other(format!("the server answered {status} to {path}")))
            }
        }
    }

    /// The server's address, as it was set.
    fn address(&self) -> String {
        let realtime = self.plugin.manifest.provides.realtime.as_ref();
        let address = realtime.map(|facts| self.target.account.outbound.render_public(&facts.address));
        address.unwrap_or_default()
    }

    /// A path below the server's address.
    fn url(&self, path: &str) -> Result<Url, ConnectionError> {
        let address = self.address();
        Url::parse(&format!("{}{path}", address.trim_end_matches('/')))
            .map_err(|error| ConnectionError::Other(format!("the server's address cannot be used: {error}")))
    }

    /// Has the plugin read what was heard. The inner error says why it cannot be read, the outer one that the plugin does not serve now.
    pub(crate) async fn parse_message(
        &self,
        text: String,
        state: Vec<u8>,
        received_at: Timestamp,
    ) -> Result<Result<MessageStep, String>, ConnectionError> {
        let input = MessageInput { text, state, received_at, source: self.source().to_owned() };
        let target = CallTarget { received_at, ..self.target.clone() };
        let mut answer = self.plugin.call::<Message>(&target, input.clone()).await.0;
        // Time passes for the host as well: what is slow once, right after a start, is not the guest's fault.
        if matches!(&answer, Err(Fault { kind: FaultKind::Wall | FaultKind::Cpu, .. })) {
            answer = self.plugin.call::<Message>(&target, input).await.0;
        }
        match answer {
            Ok(Ok(step)) => Ok(Ok(step)),
            Ok(Err(error)) => Ok(Err(error.to_string())),
            // It says nothing of the message, which would be lost.
            Err(fault) if matches!(fault.kind, FaultKind::Paused | FaultKind::Host) => {
                Err(ConnectionError::Other(fault.to_string()))
            }
            Err(fault) => Ok(Err(fault.to_string())),
        }
    }
}

/// The meaning of an answer.
pub(crate) fn into_text(answer: Response) -> Result<String, ConnectionError> {
    String::from_utf8(answer.body)
        .map_err(|_| ConnectionError::Other("the server's answer is not UTF-8 text".to_owned()))
}

fn transport_error(error: HttpError) -> ConnectionError {
    ConnectionError::Other(error.to_string())
}
