//! What is listened to, in one form for a websocket, an event stream and a poll.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::BoxStream;
use futures_util::{SinkExt, StreamExt};
use playrelay_plugin_host::capabilities::{Connection, Transport};
use playrelay_plugin_host::http::Dial;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as SocketError, Message, http};

/// The longest message. A list of sessions has the queue of each, with all its items.
const LONGEST: usize = 8 << 20;
/// What may wait to be sent: a server that asks for answers and takes none is left. Bytes.
const MOST_UNSENT: usize = 256 << 10;
/// How long opening one may take.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) trait Pipe: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Pipe for T {}

/// An open line.
pub(crate) enum Line {
    /// Messages both ways.
    Socket(Box<WebSocketStream<Box<dyn Pipe>>>),
    /// Messages one way.
    Events(Events),
    /// Nothing comes by itself.
    Silence,
}

/// What comes down a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message.
    Text(String),
    /// A sign of life.
    Sign,
}

/// Why a line could not be opened, or has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The server wants another login.
    #[error("the server refused the login ({0})")]
    Refused(u16),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Line {
    /// Opens a line.
    pub(crate) async fn open(way: &Connection, dial: Dial) -> Result<Self, Broken> {
        let opened = async {
            match way.transport {
                Transport::Websocket => socket(dial).await,
                Transport::EventStream => Events::open(dial).await.map(Self::Events),
                Transport::Poll => Ok(Self::Silence),
            }
        };
        let late = || Broken::Other(format!("{} could not be opened in time", way.transport.as_str()));
        timeout(PATIENCE, opened).await.unwrap_or_else(|_| Err(late()))
    }

    /// The next thing that comes. Nothing is lost where the wait is given up.
    pub(crate) async fn next(&mut self) -> Result<Heard, Broken> {
        match self {
            Self::Socket(socket) => match socket.next().await {
                Some(Ok(Message::Text(text))) => Ok(Heard::Text(text.as_str().to_owned())),
                Some(Ok(Message::Close(_))) | None => {
                    Err(Broken::Other("the server closed the connection".to_owned()))
                }
                Some(Ok(_)) => Ok(Heard::Sign),
                Some(Err(error)) => Err(broken(&error)),
            },
            Self::Events(events) => events.next().await,
            Self::Silence => std::future::pending().await,
        }
    }

    /// Sends a text frame; a ping where it is empty. Nothing where nothing can be sent.
    pub(crate) async fn say(&mut self, text: &str) -> Result<(), Broken> {
        let Self::Socket(socket) = self else { return Ok(()) };
        let message = match text {
            "" => Message::Ping(bytes::Bytes::new()),
            text => Message::text(text),
        };
        match timeout(PATIENCE, socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| broken(&error)),
            Err(_) => Err(Broken::Other("the server takes nothing any more".to_owned())),
        }
    }
}

fn broken(error: &SocketError) -> Broken {
    match error {
        SocketError::Http(answer) if matches!(answer.status().as_u16(), 401 | 403 | 498) => {
            Broken::Refused(answer.status().as_u16())
        }
        SocketError::Http(answer) => {
            Broken::Other(format!("the server answered {} instead of opening a websocket", answer.status()))
        }
        SocketError::WriteBufferFull(_) => {
            Broken::Other("the server asks for answers, and does not take them".to_owned())
        }
        SocketError::Capacity(_) => {
            Broken::Other(format!("the server sent more than {} MiB in one message", LONGEST >> 20))
        }
        error => Broken::Other(format!("the connection broke: {error}")),
    }
}

async fn socket(dial: Dial) -> Result<Line, Broken> {
    let url = &dial.request.url;
    let origin = url.origin().ascii_serialization();
    let failed =
        |error: &dyn std::fmt::Display| Broken::Other(format!("{origin} cannot be reached: {error}"));
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(Broken::Other("the server's address names no host".to_owned()));
    };
    // An address of version 6 stands in brackets in a URL, and nowhere else.
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // The name is resolved once, and the connection goes to an address that was looked at.
    let found: Vec<_> =
        tokio::net::lookup_host((host, port)).await.map_err(|error| failed(&error))?.collect();
    let within: Vec<_> = found.into_iter().filter(|found| dial.reach.admits(found.ip())).collect();
    let stream = TcpStream::connect(within.as_slice()).await.map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let is_secure = url.scheme() == "https";
    let stream: Box<dyn Pipe> = if is_secure {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
        let stream = TlsConnector::from(dial.tls).connect(name, stream).await;
        Box::new(stream.map_err(|error| failed(&error))?)
    } else {
        Box::new(stream)
    };
    let address = url.as_str().replacen("http", "ws", 1);
    let mut request = address.into_client_request().map_err(|error| failed(&error))?;
    for (name, value) in &dial.request.headers {
        let name = http::HeaderName::try_from(name.as_str()).map_err(|error| failed(&error))?;
        // Where a header cannot be written, its value is a secret that must not be shown.
        let value = http::HeaderValue::try_from(value.as_str()).map_err(|_| {
            Broken::Other(format!("the header {name} cannot be sent: its value has odd letters"))
        })?;
        request.headers_mut().insert(name, value);
    }
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST))
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNSENT);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
    let (socket, _) = opened.map_err(|error| broken(&error))?;
    Ok(Line::Socket(Box::new(socket)))
}

/// An event stream (WHATWG HTML, 9.2).
pub(crate) struct Events {
    chunks: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: BytesMut,
    /// As far as the end of a line was looked for in vain.
    searched: usize,
    data: String,
}

impl Events {
    async fn open(mut dial: Dial) -> Result<Self, Broken> {
        dial.request.headers.push(("accept".to_owned(), "text/event-stream".to_owned()));
        let answer = dial
            .wire
            .open(dial.request, dial.reach)
            .await
            .map_err(|error| Broken::Other(error.to_string()))?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        match status {
            401 | 403 | 498 => return Err(Broken::Refused(status)),
            200 if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) => {}
            status => {
                return Err(Broken::Other(format!(
                    "the server answered {status} and opened no event stream"
                )));
            }
        }
        Ok(Self {
            chunks: answer.bytes_stream().boxed(),
            buffer: BytesMut::new(),
            searched: 0,
            data: String::new(),
        })
    }

    async fn next(&mut self) -> Result<Heard, Broken> {
        loop {
            while let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + end + 1);
                self.searched = 0;
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end_matches(['\n', '\r']);
                if let Some(data) = line.strip_prefix("data:") {
                    let separator = if self.data.is_empty() { "" } else { "\n" };
                    self.data.push_str(separator);
                    self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
                } else if line.is_empty() {
                    let data = std::mem::take(&mut self.data);
                    return Ok(if data.is_empty() { Heard::Sign } else { Heard::Text(data) });
                }
            }
            self.searched = self.buffer.len();
            if self.buffer.len() + self.data.len() > LONGEST {
                return Err(Broken::Other(format!(
                    "the server sent an event of more than {} MiB",
                    LONGEST >> 20
                )));
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(_)) => return Err(Broken::Other("the event stream broke".to_owned())),
                None => return Err(Broken::Other("the server ended the event stream".to_owned())),
            }
        }
    }
}
