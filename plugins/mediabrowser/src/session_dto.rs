//! Server, user and player in the messages of both servers.

use playrelay_sdk::host::reports::{Player, Server, User};
use playrelay_sdk::json::text;
use serde_json::Value;

use crate::values::{guid, text as words};

/// The server, by its own DTO.
pub fn server(message: &Value) -> Server {
    Server { id: guid(&message["Server"]["Id"]), name: words(&message["Server"]["Name"]) }
}

/// The user.
pub fn user(message: &Value) -> User {
    User { id: guid(&message["User"]["Id"]), name: words(&message["User"]["Name"]) }
}

/// The player, from the DTO of the session.
pub fn player(session: &Value) -> Player {
    Player {
        id: text(&session["DeviceId"]),
        name: text(&session["DeviceName"]),
        product: text(&session["Client"]),
    }
}
