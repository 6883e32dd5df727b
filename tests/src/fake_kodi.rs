//! A Kodi: JSON-RPC over its websocket (kodi.wiki, JSON-RPC API/v13), with one player of films.

use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::{Value, json};

use crate::server::{Listening, Server};
use crate::sockets::Sockets;

/// The player of films.
const PLAYER: u32 = 1;

#[derive(Default)]
struct World {
    /// What plays, as `Player.GetItem` describes it; absent where nothing does.
    item: Option<Value>,
    position_s: u64,
    total_s: u64,
    is_paused: bool,
}

#[derive(Clone, Default)]
struct Shared {
    world: Arc<Mutex<World>>,
    sockets: Sockets,
}

impl Shared {
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no thread panics while it holds the lock")
    }
}

/// A running Kodi.
pub struct FakeKodi {
    shared: Shared,
    /// The HTTP server.
    pub server: Server,
}

impl FakeKodi {
    /// Starts one that plays nothing.
    pub async fn start() -> Self {
        let shared = Shared::default();
        let router = Router::new().route("/jsonrpc", get(websocket)).with_state(shared.clone());
        Self { shared, server: Server::start(router).await }
    }

    /// The connections to it.
    pub fn sockets(&self) -> &Sockets {
        &self.shared.sockets
    }

    /// Something begins to play, so many seconds long.
    pub fn play(&self, item: &Value, total_s: u64) {
        *self.shared.world() = World { item: Some(item.clone()), total_s, ..World::default() };
        self.notify(
            "Player.OnPlay",
            &json!({ "item": known(item), "player": { "playerid": PLAYER, "speed": 1 } }),
        );
    }

    /// It pauses at a position, in seconds.
    pub fn pause(&self, position_s: u64) {
        let item = {
            let mut world = self.shared.world();
            world.position_s = position_s;
            world.is_paused = true;
            world.item.clone().expect("something plays")
        };
        self.notify(
            "Player.OnPause",
            &json!({ "item": known(&item), "player": { "playerid": PLAYER, "speed": 0 } }),
        );
    }

    /// It ends by itself.
    pub fn end(&self) {
        let item = self.shared.world().item.take().expect("something plays");
        self.notify("Player.OnStop", &json!({ "end": true, "item": known(&item) }));
    }

    fn notify(&self, method: &str, data: &Value) {
        let params = json!({ "data": data, "sender": "xbmc" });
        self.shared.sockets.push(json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }
}

/// What a notification says of an item.
fn known(item: &Value) -> Value {
    json!({ "id": item["id"], "type": item["type"] })
}

async fn websocket(
    State(shared): State<Shared>,
    Extension(Listening(up)): Extension<Listening>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let answering = shared.clone();
    upgrade.on_upgrade(move |socket| shared.sockets.serve(socket, up, move |text| answer(&answering, text)))
}

fn answer(shared: &Shared, text: &str) -> Option<String> {
    let request: Value = serde_json::from_str(text).ok()?;
    let answers = match &request {
        Value::Array(requests) => requests.iter().map(|request| call(shared, request)).collect(),
        request => call(shared, request),
    };
    Some(answers.to_string())
}

fn call(shared: &Shared, request: &Value) -> Value {
    let world = shared.world();
    let is_player = request["params"]["playerid"] == PLAYER && world.item.is_some();
    let result = match request["method"].as_str().unwrap_or_default() {
        "Profiles.GetCurrentProfile" => json!({ "label": "Master user", "lockmode": 0, "thumbnail": "" }),
        "Player.GetActivePlayers" if world.item.is_none() => json!([]),
        "Player.GetActivePlayers" => {
            json!([{ "playerid": PLAYER, "playertype": "internal", "type": "video" }])
        }
        "Player.GetItem" if is_player => json!({ "item": world.item }),
        "Player.GetProperties" if is_player => json!({
            "live": false,
            "speed": u8::from(!world.is_paused),
            "time": time(world.position_s),
            "totaltime": time(world.total_s),
        }),
        "Player.GetItem" | "Player.GetProperties" => {
            let error = json!({ "code": -32_100, "message": "Failed to execute method." });
            return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        }
        _ => {
            let error = json!({ "code": -32_601, "message": "Method not found." });
            return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error });
        }
    };
    json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })
}

fn time(seconds: u64) -> Value {
    // As Kodi 20 says it before the first picture is shown.
    let milliseconds = if seconds == 0 { -99 } else { 0 };
    json!({
        "hours": seconds / 3_600,
        "minutes": seconds / 60 % 60,
        "seconds": seconds % 60,
        "milliseconds": milliseconds,
    })
}
