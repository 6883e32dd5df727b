//! `realtime`

use std::time::Duration;

use jiff::Timestamp;
use playrelay_engine::model::{Playback, Report};
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::realtime::{self as contract, Guest};
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::capabilities::webhook;
use crate::capabilities::webhook::ParseError;
use crate::convert;
use crate::failure::Failure;
use crate::fault::{Fault, FaultKind};
use crate::limits::{Budget, MAX_FRAMES, MAX_STATE_BYTES};
use crate::recording::functions::guest_call;

/// The shortest time between two looks at what plays.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);

/// Says what to dial.
pub enum Connect {}

/// A way to listen to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The transport.
    pub transport: Transport,
    /// Below the server's address.
    pub path: String,
    /// Frames to begin with.
    pub initial_frames: Vec<String>,
    /// The keep-alives of a websocket; absent if it needs none.
    pub keep_alive: Option<KeepAlive>,
    /// Paths that tell what plays now.
    pub resync: Vec<String>,
    /// The pause between two reads of `resync`.
    pub interval: Duration,
}

/// The ways to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is documented as a case of `realtime.transport` in wit/0.1/realtime.wit"
)]
pub enum Transport {
    Websocket,
    EventStream,
    Poll,
}

impl Transport {
    /// The name of the transport, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Websocket => "a websocket",
            Self::EventStream => "an event stream",
            Self::Poll => "polling",
        }
    }
}

/// The keep-alives of a websocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// A text frame; a ping frame where it is empty.
    pub text: String,
    /// The pause between two keep-alives.
    pub interval: Duration,
}

impl Capability for Connect {
    type Interface = Guest;
    const NAME: &'static str = "realtime.connect";
    const BUDGET: Budget = Budget::LISTEN;
    type Input = ();
    type Output = Result<Vec<Connection>, Failure>;

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        (): Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let ways = match guest_call!(store, "realtime.connect", guest.call_connect()) {
            Ok(ways) => ways,
            Err(failure) => return Ok(Err(convert::failure(failure))),
        };
        if ways.is_empty() || ways.len() > MAX_FRAMES {
            let text = format!("it named {} ways to listen; 1 to {MAX_FRAMES} are allowed", ways.len());
            return Err(Fault::new(FaultKind::Output, text).into());
        }
        Ok(Ok(ways.into_iter().map(connection).collect()))
    }
}

fn connection(it: contract::Connection) -> Connection {
    let interval = |ms: u32| Duration::from_millis(ms.into()).max(SHORTEST_INTERVAL);
    Connection {
        transport: match it.transport {
            contract::Transport::Websocket => Transport::Websocket,
            contract::Transport::EventStream => Transport::EventStream,
            contract::Transport::Poll => Transport::Poll,
        },
        path: it.path,
        initial_frames: it.initial_frames,
        keep_alive: it.keep_alive.map(|it| KeepAlive { text: it.text, interval: interval(it.interval_ms) }),
        resync: it.resync,
        interval: interval(it.interval_ms),
    }
}

/// Turns what was heard into reports.
pub enum Message {}

/// The input of [`Message`].
#[derive(Clone, Debug)]
pub struct MessageInput {
    /// The message.
    pub text: String,
    /// The state that the message before returned.
    pub state: Vec<u8>,
    /// When it was received, UTC.
    pub received_at: Timestamp,
    /// The source's name: the id of the server if the server gives none.
    pub source: String,
}

/// The result of a message.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// In order. Every playback is marked as listed.
    pub reports: Vec<Report>,
    /// Frames to send.
    pub replies: Vec<String>,
    /// For the next message.
    pub state: Vec<u8>,
}

impl Capability for Message {
    type Interface = Guest;
    const NAME: &'static str = "realtime.handle-message";
    const BUDGET: Budget = Budget::LISTEN;
    type Input = MessageInput;
    type Output = Result<Step, ParseError>;

    fn size(input: &Self::Input) -> usize {
        input.text.len() + input.state.len()
    }

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let MessageInput { text, state, received_at, source } = input;
        let step =
            match guest_call!(store, "realtime.handle-message", guest.call_handle_message(&text, &state)) {
                Ok(step) => step,
                Err(error) => return Ok(Err(error.into())),
            };
        let too_much = |text: String| Fault::new(FaultKind::Output, text).into();
        if step.state.len() > MAX_STATE_BYTES {
            return Err(too_much(format!(
                "it asked to remember {} bytes; {MAX_STATE_BYTES} are allowed",
                step.state.len()
            )));
        }
        if step.replies.len() > MAX_FRAMES {
            return Err(too_much(format!(
                "it sent {} replies; {MAX_FRAMES} are allowed",
                step.replies.len()
            )));
        }
        let mut reports = webhook::read(step.reports, &source, received_at)?;
        reports.iter_mut().flat_map(playbacks).for_each(|playback| playback.from_session_list = true);
        Ok(Ok(Step { reports, replies: step.replies, state: step.state }))
    }
}

fn playbacks(report: &mut Report) -> &mut [Playback] {
    match report {
        Report::Playback(playback) => std::slice::from_mut(playback),
        Report::Snapshot { sessions, .. } => sessions,
        Report::ConnectionLost { .. } | Report::Rated(_) | Report::Marked(_) | Report::Ignored { .. } => {
            &mut []
        }
    }
}
