//! One source's ear: what its plugin and its account make of a server's words.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use playrelay_plugin_host::capabilities::{
    Connect, Connection, Message, MessageInput, MessageStep, Transport,
};
use playrelay_plugin_host::http::client::REQUEST_TIMEOUT;
use playrelay_plugin_host::http::{HttpError, Purpose, Request, Response};
use playrelay_plugin_host::plugin::{Caller, Fault, FaultKind, Plugin};
use url::Url;

use crate::realtime::transport::{Broken, Line};

/// Hears one source's server.
#[derive(Clone)]
pub struct Ear {
    /// The source's plugin.
    pub plugin: Arc<Plugin>,
    /// Its account.
    pub caller: Caller,
}

impl Ear {
    /// The source's name.
    pub fn source(&self) -> &str {
        &self.caller.account.name
    }

    /// The ways to listen, the best one first.
    pub(crate) async fn ways(&self) -> Result<Vec<Connection>, Broken> {
        match self.plugin.call::<Connect>(&self.caller, ()).await.0 {
            Ok(Ok(ways)) => Ok(ways),
            Ok(Err(failure)) => Err(Broken::Other(failure.reason().to_owned())),
            Err(fault) => Err(Broken::Other(fault.to_string())),
        }
    }

    pub(crate) async fn open(&self, way: &Connection) -> Result<Line, Broken> {
        if way.transport == Transport::Poll {
            return Ok(Line::Silence);
        }
        let first = self.dial(way).await;
        if !matches!(first, Err(Broken::Refused(_))) {
            return first;
        }
        // A request is answered by a renewal of the login, where there is one; a socket is not.
        match way.resync.first() {
            Some(path) => self.fetch(path).await.map(drop)?,
            None => return first,
        }
        self.dial(way).await
    }

    async fn dial(&self, way: &Connection) -> Result<Line, Broken> {
        let none = BTreeMap::new();
        let query = self.plugin.manifest.provides.realtime.as_ref().map_or(&none, |facts| &facts.query);
        let outbound = &self.caller.account.outbound;
        let dial = outbound.dial(&self.url(&way.path)?, query).await.map_err(other)?;
        Line::open(way, dial).await
    }

    /// An answer of success to a path below the server's address.
    pub(crate) async fn fetch(&self, path: &str) -> Result<Response, Broken> {
        let request = Request {
            method: reqwest::Method::GET,
            url: self.url(path)?,
            headers: vec![("accept".to_owned(), "application/json".to_owned())],
            body: None,
            timeout: REQUEST_TIMEOUT,
        };
        let answer = self.caller.account.outbound.send(request, Purpose::Plugin).await.map_err(other)?;
        match answer.status {
            200 => Ok(answer),
            status @ (401 | 403 | 498) => Err(Broken::Refused(status)),
            // Another web server, a wrong port, or a path that somebody copied from a browser.
            404 => Err(Broken::Other(format!(
                "what answers at {} is no {} (404 for {})",
                self.address(),
                self.plugin.manifest.plugin.name,
                path.split('?').next().unwrap_or_default()
            ))),
            status => {
                let path = path.split('?').next().unwrap_or_default();
                Err(Broken::Other(format!("the server answered {status} to {path}")))
            }
        }
    }

    /// The server's address, as it was set.
    fn address(&self) -> String {
        let realtime = self.plugin.manifest.provides.realtime.as_ref();
        let address = realtime.map(|facts| self.caller.account.outbound.render_public(&facts.address));
        address.unwrap_or_default()
    }

    /// A path below the server's address.
    fn url(&self, path: &str) -> Result<Url, Broken> {
        let address = self.address();
        Url::parse(&format!("{}{path}", address.trim_end_matches('/')))
            .map_err(|error| Broken::Other(format!("the server's address cannot be used: {error}")))
    }

    /// Has the plugin read what was heard. The inner error says why it cannot be read, the outer one that the plugin does not serve now.
    pub(crate) async fn understand(
        &self,
        text: String,
        state: Vec<u8>,
        received_at: Timestamp,
    ) -> Result<Result<MessageStep, String>, Broken> {
        let input = MessageInput { text, state, received_at, source: self.source().to_owned() };
        let caller = Caller { received_at, ..self.caller.clone() };
        let mut answer = self.plugin.call::<Message>(&caller, input.clone()).await.0;
        // Time passes for the host as well: what is slow once, right after a start, is not the guest's fault.
        if matches!(&answer, Err(Fault { kind: FaultKind::Wall | FaultKind::Cpu, .. })) {
            answer = self.plugin.call::<Message>(&caller, input).await.0;
        }
        match answer {
            Ok(Ok(step)) => Ok(Ok(step)),
            Ok(Err(error)) => Ok(Err(error.to_string())),
            // It says nothing of the message, which would be lost.
            Err(fault) if matches!(fault.kind, FaultKind::Paused | FaultKind::Host) => {
                Err(Broken::Other(fault.to_string()))
            }
            Err(fault) => Ok(Err(fault.to_string())),
        }
    }
}

/// What an answer says.
pub(crate) fn text(answer: Response) -> Result<String, Broken> {
    String::from_utf8(answer.body).map_err(|_| Broken::Other("the server's answer is no text".to_owned()))
}

fn other(error: HttpError) -> Broken {
    Broken::Other(error.to_string())
}
