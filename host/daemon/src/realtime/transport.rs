//! One interface to a websocket, an event stream and polling.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::stream::BoxStream;
use futures_util::{SinkExt, StreamExt};
use playrelay_plugin_host::capabilities::{Connection, Transport};
use playrelay_plugin_host::http::DialPlan;
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
const MAX_FRAME_BYTES: usize = 8 << 20;
/// The bytes that may wait to be sent. A connection to a server that takes no answers is closed.
const MAX_UNSENT_BYTES: usize = 256 << 10;
/// The time limit for opening a connection.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) trait AsyncStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> AsyncStream for T {}

/// An open line.
pub(crate) enum Channel {
    /// Messages both ways.
    Socket(Box<WebSocketStream<Box<dyn AsyncStream>>>),
    /// Messages one way.
    Events(EventStream),
    /// Nothing comes by itself.
    Poll,
}

/// One message of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A message.
    Text(String),
    /// A sign of life.
    KeepAlive,
}

/// Why a line could not be opened, or has ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// The server wants another login.
    #[error("the server refused the login ({0})")]
    Unauthorized(u16),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Channel {
    /// Opens a line.
    pub(crate) async fn open(way: &Connection, dial: DialPlan) -> Result<Self, ConnectionError> {
        let opened = async {
            match way.transport {
                Transport::Websocket => connect_websocket(dial).await,
                Transport::EventStream => EventStream::open(dial).await.map(Self::Events),
                Transport::Poll => Ok(Self::Poll),
            }
        };
        let late =
            || ConnectionError::Other(format!("{} could not be opened in time", way.transport.as_str()));
        timeout(SEND_TIMEOUT, opened).await.unwrap_or_else(|_| Err(late()))
    }

    /// The next thing that comes. Nothing is lost where the wait is given up.
    pub(crate) async fn next(&mut self) -> Result<Frame, ConnectionError> {
        match self {
            Self::Socket(socket) => match socket.next().await {
                Some(Ok(Message::Text(text))) => Ok(Frame::Text(text.as_str().to_owned())),
                Some(Ok(Message::Close(_))) | None => {
                    Err(ConnectionError::Other("the server closed the connection".to_owned()))
                }
                Some(Ok(_)) => Ok(Frame::KeepAlive),
                Some(Err(error)) => Err(from_socket_error(&error)),
            },
            Self::Events(events) => events.next().await,
            Self::Poll => std::future::pending().await,
        }
    }

    /// Sends a text frame; a ping where it is empty. Nothing where nothing can be sent.
    pub(crate) async fn send_text(&mut self, text: &str) -> Result<(), ConnectionError> {
        let Self::Socket(socket) = self else { return Ok(()) };
        let message = match text {
            "" => Message::Ping(bytes::Bytes::new()),
            text => Message::text(text),
        };
        match timeout(SEND_TIMEOUT, socket.send(message)).await {
            Ok(sent) => sent.map_err(|error| from_socket_error(&error)),
            Err(_) => Err(ConnectionError::Other(
                "the server does not accept data: a message could not be sent in time".to_owned(),
            )),
        }
    }
}

fn from_socket_error(error: &SocketError) -> ConnectionError {
    match error {
        SocketError::Http(answer) if matches!(answer.status().as_u16(), 401 | 403 | 498) => {
            ConnectionError::Unauthorized(answer.status().as_u16())
        }
        SocketError::Http(answer) => ConnectionError::Other(format!(
            "the server answered {} instead of opening a websocket",
            answer.status()
        )),
        SocketError::WriteBufferFull(_) => {
            ConnectionError::Other("the server asks for answers, and does not take them".to_owned())
        }
        SocketError::Capacity(_) => ConnectionError::Other(format!(
            "the server sent more than {} MiB in one message",
            MAX_FRAME_BYTES >> 20
        )),
        error => ConnectionError::Other(format!("the connection broke: {error}")),
    }
}

async fn connect_websocket(dial: DialPlan) -> Result<Channel, ConnectionError> {
    let url = &dial.request.url;
    let origin = url.origin().ascii_serialization();
    let failed = |error: &dyn std::fmt::Display| {
        ConnectionError::Other(format!("{origin} cannot be reached: {error}"))
    };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
        return Err(ConnectionError::Other("the server's address names no host".to_owned()));
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
    let stream: Box<dyn AsyncStream> = if is_secure {
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
            ConnectionError::Other(format!("the header {name} cannot be sent: its value has odd letters"))
        })?;
        request.headers_mut().insert(name, value);
    }
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_UNSENT_BYTES);
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
    let (socket, _) = opened.map_err(|error| from_socket_error(&error))?;
    Ok(Channel::Socket(Box::new(socket)))
}

/// An event stream (WHATWG HTML, 9.2).
pub(crate) struct EventStream {
    chunks: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    buffer: BytesMut,
    /// As far as the end of a line was looked for in vain.
    searched: usize,
    data: String,
}

impl EventStream {
    async fn open(mut dial: DialPlan) -> Result<Self, ConnectionError> {
        dial.request.headers.push(("accept".to_owned(), "text/event-stream".to_owned()));
        let answer = dial
            .wire
            .open_stream(dial.request, dial.reach)
            .await
            .map_err(|error| ConnectionError::Other(error.to_string()))?;
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        match status {
            401 | 403 | 498 => return Err(ConnectionError::Unauthorized(status)),
            200 if kind.is_some_and(|kind| kind.starts_with("text/event-stream")) => {}
            status => {
                return Err(ConnectionError::Other(format!(
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

    async fn next(&mut self) -> Result<Frame, ConnectionError> {
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
                    return Ok(if data.is_empty() { Frame::KeepAlive } else { Frame::Text(data) });
                }
            }
            self.searched = self.buffer.len();
            if self.buffer.len() + self.data.len() > MAX_FRAME_BYTES {
                return Err(ConnectionError::Other(format!(
                    "the server sent an event of more than {} MiB",
                    MAX_FRAME_BYTES >> 20
                )));
            }
            match self.chunks.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(_)) => return Err(ConnectionError::Other("the event stream broke".to_owned())),
                None => return Err(ConnectionError::Other("the server ended the event stream".to_owned())),
            }
        }
    }
}
