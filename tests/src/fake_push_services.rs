//! Services that show notifications, each below a path of its own: Gotify, Discord, Apprise, ntfy, and a program that takes JSON. They refuse what the real ones
//! refuse (gotify.net/api-docs, docs.discord.com, the README of caronc/apprise-api, docs.ntfy.sh/publish).

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::server::Server;
use crate::service;
use crate::service::{RequestCheck, Service, service_of};

/// The token of an application of the Gotify.
pub const GOTIFY_TOKEN: &str = "AzyoeNS.D4iJLVa";
/// The id of the webhook of the Discord.
pub const DISCORD_ID: &str = "1120000000000000001";
/// Its token.
pub const DISCORD_TOKEN: &str = "a-token_of-the-webhook.0123456789";
/// The key of a configuration of the Apprise.
pub const APPRISE_KEY: &str = "0fd1c2b3";
/// The secret in the address of the program that takes JSON.
pub const JSON_SECRET: &str = "secret of the address";
/// The key with which its messages are signed.
pub const JSON_KEY: &str = "key-of-the-signature";
/// The token that ntfy wants.
pub const NTFY_TOKEN: &str = "tk_AgQdq7mVBoFD37zQVN29RhuMzNIz2";
/// The longest title of an embed of Discord, in letters.
const DISCORD_TITLE: usize = 256;

/// A notification that was shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// `gotify`, `discord`, `apprise`, `ntfy` or `json`.
    pub service: &'static str,
    /// Its title.
    pub title: String,
    /// The whole message.
    pub message: Value,
}

#[derive(Default)]
struct World {
    shown: Vec<Shown>,
}

impl RequestCheck for World {
    fn check(&mut self, _request: &Parts, _now: Timestamp) -> Option<Response> {
        None
    }
}

/// All of these services.
pub struct FakePushServices {
    shared: Service<World>,
    /// The HTTP server.
    pub server: Server,
}

service_of!(FakePushServices);

type Shared = State<Service<World>>;

impl FakePushServices {
    /// Starts them.
    pub async fn start() -> Self {
        let shared = Service::new(World::default());
        let router = Router::new()
            .route("/gotify/message", post(gotify))
            .route("/gotify/version", get(|| async { Json(json!({ "version": "2.7.3" })) }))
            .route("/discord/api/v10/webhooks/{id}/{token}", get(discord_webhook).post(discord))
            .route("/apprise/notify/{key}", post(apprise))
            .route("/ntfy/", post(ntfy))
            .route("/ntfy/v1/health", get(|| async { Json(json!({ "healthy": true })) }))
            .route("/json/{secret}", post(json_program))
            .layer(axum::middleware::from_fn_with_state(shared.clone(), service::middleware::<World>))
            .with_state(shared.clone());
        let server = Server::start(router).await;
        Self { shared, server }
    }

    /// What was shown, in order.
    pub fn shown(&self) -> Vec<Shown> {
        self.shared.world().shown.clone()
    }

    /// The titles that a service has shown, in order.
    pub fn titles(&self, service: &str) -> Vec<String> {
        let shown = self.shown().into_iter().filter(|shown| shown.service == service);
        shown.map(|shown| shown.title).collect()
    }

    /// The section of an account at one of them, under its name.
    pub fn account(&self, service: &str) -> String {
        let url = self.server.url();
        let (plugin, settings) = match service {
            "gotify" => ("gotify", format!("url = \"{url}/gotify\"\ntoken = {GOTIFY_TOKEN:?}\n")),
            "discord" => (
                "discord",
                format!(
                    "api_url = \"{url}/discord\"\nwebhook_id = {DISCORD_ID:?}\nwebhook_token = {DISCORD_TOKEN:?}\n"
                ),
            ),
            "apprise" => ("apprise", format!("url = \"{url}/apprise\"\nkey = {APPRISE_KEY:?}\n")),
            "ntfy" => ("ntfy", format!("url = \"{url}/ntfy\"\ntopic = \"relay\"\ntoken = {NTFY_TOKEN:?}\n")),
            "json" => (
                "json-webhook",
                format!(
                    "url = \"{url}/json/SECRET\"\nsecret = {JSON_SECRET:?}\nsigning_key = {JSON_KEY:?}\n"
                ),
            ),
            other => panic!("there is no service {other}"),
        };
        format!("[notifiers.{service}]\nplugin = {plugin:?}\n{settings}\n")
    }
}

fn refuse(status: u16, error: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status of ours");
    (status, Json(json!({ "error": error, "message": error }))).into_response()
}

fn show(shared: &Service<World>, service: &'static str, title: &Value, message: Value) {
    let title = title.as_str().unwrap_or_default().to_owned();
    shared.world().shown.push(Shown { service, title, message });
}

async fn gotify(State(shared): Shared, headers: HeaderMap, Json(message): Json<Value>) -> Response {
    if headers.get("x-gotify-key").is_none_or(|key| key != GOTIFY_TOKEN) {
        return refuse(401, "Unauthorized");
    }
    if message["message"].as_str().is_none_or(str::is_empty) || !message["priority"].is_u64() {
        return refuse(400, "Field 'message' is required");
    }
    show(&shared, "gotify", &message["title"].clone(), message);
    Json(json!({ "id": 25 })).into_response()
}

/// The refusal of a wrong address, where it is one.
fn wrong_webhook(id: &str, token: &str) -> Option<Response> {
    if id != DISCORD_ID {
        return Some(refuse(404, "Unknown Webhook"));
    }
    (token != DISCORD_TOKEN).then(|| refuse(401, "Invalid Webhook Token"))
}

async fn discord_webhook(Path((id, token)): Path<(String, String)>) -> Response {
    wrong_webhook(&id, &token)
        .unwrap_or_else(|| Json(json!({ "id": id, "name": "Playrelay", "type": 1 })).into_response())
}

async fn discord(
    State(shared): Shared,
    Path((id, token)): Path<(String, String)>,
    Json(message): Json<Value>,
) -> Response {
    if let Some(refusal) = wrong_webhook(&id, &token) {
        return refusal;
    }
    let embed = &message["embeds"][0];
    let title = embed["title"].as_str().unwrap_or_default();
    let is_time = embed["timestamp"].as_str().is_some_and(|at| at.parse::<Timestamp>().is_ok());
    let is_link = embed["url"].is_null() || embed["url"].as_str().is_some_and(|url| url.starts_with("http"));
    let is_color = embed["color"].as_u64().is_some_and(|color| color <= 0xFF_FFFF);
    let is_text =
        embed["description"].is_null() || embed["description"].as_str().is_some_and(|it| !it.is_empty());
    if title.is_empty()
        || title.chars().count() > DISCORD_TITLE
        || !(is_time && is_link && is_color && is_text)
    {
        return refuse(400, "Invalid Form Body");
    }
    show(&shared, "discord", &embed["title"].clone(), message);
    StatusCode::NO_CONTENT.into_response()
}

async fn apprise(State(shared): Shared, Path(key): Path<String>, Json(message): Json<Value>) -> Response {
    if key != APPRISE_KEY {
        return StatusCode::NO_CONTENT.into_response();
    }
    let is_kind = ["info", "success", "warning", "failure"].iter().any(|kind| message["type"] == *kind);
    if message["body"].as_str().is_none_or(str::is_empty) || !is_kind {
        return refuse(400, "Payload lacks minimum requirements");
    }
    show(&shared, "apprise", &message["title"].clone(), message);
    Json(json!({ "error": "" })).into_response()
}

async fn ntfy(State(shared): Shared, headers: HeaderMap, Json(message): Json<Value>) -> Response {
    let expected = format!("Bearer {NTFY_TOKEN}");
    if headers.get("authorization").is_none_or(|value| value != expected.as_str()) {
        return refuse(401, "unauthorized");
    }
    let is_topic = message["topic"].as_str().is_some_and(|topic| !topic.is_empty() && !topic.contains(' '));
    let is_priority = message["priority"].as_u64().is_some_and(|priority| (1..=5).contains(&priority));
    if !is_topic || !is_priority || !message["tags"].is_array() {
        return refuse(400, "invalid request: topic invalid");
    }
    show(&shared, "ntfy", &message["title"].clone(), message);
    Json(json!({ "id": "sPs71M8A2T", "event": "message" })).into_response()
}

async fn json_program(
    State(shared): Shared,
    Path(secret): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if secret != JSON_SECRET {
        return refuse(404, "not found");
    }
    let mac = Hmac::<Sha256>::new_from_slice(JSON_KEY.as_bytes()).expect("HMAC takes keys of any length");
    let mac = mac.chain_update(&body).finalize().into_bytes();
    let signature: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    if headers.get("x-playrelay-signature").is_none_or(|value| value != signature.as_str()) {
        return refuse(401, "the signature is wrong");
    }
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    show(&shared, "json", &message["title"].clone(), message);
    "ok".into_response()
}
