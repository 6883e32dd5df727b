//! Listens to a Kodi: JSON-RPC over its websocket. Facts: kodi.wiki, JSON-RPC API/v13.
//!
//! - `contract`: the types and functions of the contract
//! - `rpc`: the frames that are sent
//! - `session`: what is known of what plays, from one message to the next
//! - `item`: films and episodes, as Kodi describes them

mod contract;
mod item;
mod rpc;
mod session;

use serde_json::Value;
use session::Session;

use contract::exports::playrelay::plugin::realtime::{
    Connection, Guest, KeepAlive, MessageResult, Transport,
};
use contract::playrelay::plugin::reports::ParseError;
use contract::playrelay::plugin::settings;
use contract::playrelay::plugin::types::Failure;

/// Between two questions for the position. Milliseconds.
const POSITION_INTERVAL_MS: u32 = 10_000;

struct Plugin;

contract::export!(Plugin with_types_in contract);

impl Guest for Plugin {
    fn connect() -> Result<Vec<Connection>, Failure> {
        Ok(vec![Connection {
            transport: Transport::Websocket,
            path: "/jsonrpc".to_owned(),
            initial_frames: vec![rpc::profile(), rpc::players()],
            keep_alive: Some(KeepAlive { text: rpc::players(), interval_ms: POSITION_INTERVAL_MS }),
            resync: Vec::new(),
            interval_ms: POSITION_INTERVAL_MS,
        }])
    }

    fn handle_message(text: String, state: Vec<u8>) -> Result<MessageResult, ParseError> {
        let message: Value = serde_json::from_str(&text)
            .map_err(|error| ParseError::Malformed(format!("the frame is no JSON: {error}")))?;
        // The state is ours: another version of this plugin may have written it.
        let mut session: Session = serde_json::from_slice(&state).unwrap_or_default();
        let mut result = MessageResult { reports: Vec::new(), replies: Vec::new(), state: Vec::new() };
        let user = settings::get("user").filter(|user| !user.trim().is_empty());
        // An answer to several requests comes as a list.
        let messages = match message {
            Value::Array(messages) => messages,
            message => vec![message],
        };
        for message in &messages {
            session.handle(message, user.as_deref(), &mut result);
        }
        result.state = serde_json::to_vec(&session)
            .map_err(|error| ParseError::Unsupported(format!("the state cannot be kept: {error}")))?;
        Ok(result)
    }
}
