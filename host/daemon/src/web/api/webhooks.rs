//! `/api/v1/webhooks`: addresses for the servers, with their secrets.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operations::webhooks;
use crate::operations::webhooks::WebhookAddress;
use crate::web::api::context::Api;
use crate::web::api::extract::{OptionalJson, Path};
use crate::web::api::problem::{Problem, ProblemCode, Problems};
use crate::webhooks::registration::RegistrationAction;

/// Hours that a token still works which was replaced.
const MAX_GRACE_HOURS: i64 = 8_760;

/// The address of a source's webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// The source.
    #[schema(example = "home")]
    source: String,
    /// The address, with its secret.
    #[schema(example = "http://192.168.1.5:8787/webhook/home/0123456789")]
    url: String,
    /// How a person enters it at the server.
    instructions: String,
    /// Until when the token before still works; absent if there is none.
    old_token_until: Option<Timestamp>,
    /// When the token before was used last; absent if it was not.
    old_token_used_at: Option<Timestamp>,
}

/// The addresses of all sources.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookList {
    /// By source.
    items: Vec<WebhookView>,
}

/// Whether a server sends its webhooks here.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegistrationState {
    /// Whether it does now.
    registered: bool,
}

/// How a token is replaced.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// For how many hours the old one still works, 0 to 8760; 48 unless said.
    #[schema(example = 48, minimum = 0, maximum = 8760)]
    grace_hours: Option<i64>,
    /// Even if the token before that one is still valid: it stops working now.
    #[serde(default)]
    force: bool,
}

/// What became of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookTest {
    /// Whether the address leads here.
    reached: bool,
    /// What answered, in words.
    #[schema(example = "the address leads to this daemon")]
    detail: String,
    /// The event of the test message, which reports no play; absent where none was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<i64>,
}

/// The addresses of all sources, with their secrets.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    responses((status = 200, body = WebhookList), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<Json<WebhookList>, Problem> {
    let mut items = Vec::new();
    for address in webhooks::addresses(&api.app()).await? {
        items.push(view(&api, address).await?);
    }
    Ok(Json(WebhookList { items }))
}

async fn view(api: &Api, address: WebhookAddress) -> Result<WebhookView, Problem> {
    let registration = api
        .app()
        .registration(&address.source)
        .await
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(WebhookView {
        instructions: registration.map(|it| it.instructions()).unwrap_or_default(),
        source: address.source,
        url: address.url,
        old_token_until: address.old_token_until,
        old_token_used_at: address.old_token_used_at,
    })
}

/// Has a source's server send its webhooks here.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{source}/register",
    tag = "webhooks",
    params(("source" = String, Path, description = "The source's name", example = "home")),
    responses((status = 200, body = RegistrationState), Problems)
)]
pub(crate) async fn register(
    State(api): State<Arc<Api>>,
    Path(source): Path<String>,
) -> Result<Json<RegistrationState>, Problem> {
    perform(&api, &source, RegistrationAction::Register).await
}

/// Asks a source's server whether it sends its webhooks here.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{source}/verify",
    tag = "webhooks",
    params(("source" = String, Path, description = "The source's name", example = "home")),
    responses((status = 200, body = RegistrationState), Problems)
)]
pub(crate) async fn verify(
    State(api): State<Arc<Api>>,
    Path(source): Path<String>,
) -> Result<Json<RegistrationState>, Problem> {
    perform(&api, &source, RegistrationAction::Verify).await
}

/// Has a source's server stop.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{source}/remove",
    tag = "webhooks",
    params(("source" = String, Path, description = "The source's name", example = "home")),
    responses((status = 200, body = RegistrationState), Problems)
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Path(source): Path<String>,
) -> Result<Json<RegistrationState>, Problem> {
    perform(&api, &source, RegistrationAction::Remove).await
}

async fn perform(
    api: &Api,
    source: &str,
    action: RegistrationAction,
) -> Result<Json<RegistrationState>, Problem> {
    let registered = webhooks::perform(&api.app(), source, action).await?;
    Ok(Json(RegistrationState { registered }))
}

/// Gives a source's address another token. The one before works for some hours longer.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{source}/rotate",
    tag = "webhooks",
    params(("source" = String, Path, description = "The source's name", example = "home")),
    request_body = Option<Rotation>,
    responses((status = 200, body = WebhookView), Problems)
)]
pub(crate) async fn rotate(
    State(api): State<Arc<Api>>,
    Path(source): Path<String>,
    OptionalJson(rotation): OptionalJson<Rotation>,
) -> Result<Json<WebhookView>, Problem> {
    let hours = rotation.grace_hours.unwrap_or(48);
    if !(0..=MAX_GRACE_HOURS).contains(&hours) {
        let detail = format!("`grace_hours` is {hours}; expected 0 to {MAX_GRACE_HOURS}");
        return Err(Problem::new(ProblemCode::Invalid, detail, ""));
    }
    let app = api.app();
    let tokens = webhooks::rotate_token(&app, &source, hours, rotation.force).await?;
    let url = webhooks::address(&app, &source, &tokens);
    let address =
        WebhookAddress { source, url, old_token_until: tokens.old_until(), old_token_used_at: None };
    view(&api, address).await.map(Json)
}

/// Calls a source's address from here, as its server would: whether it leads to this daemon. The plugin's test message, where it has one,
/// is stored as any other input; it reports no play.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{source}/test",
    tag = "webhooks",
    params(("source" = String, Path, description = "The source's name", example = "home")),
    responses((status = 200, body = WebhookTest), Problems)
)]
pub(crate) async fn test(
    State(api): State<Arc<Api>>,
    Path(source): Path<String>,
) -> Result<Json<WebhookTest>, Problem> {
    let app = api.app();
    webhooks::find(&app, &source).await?;
    let Some(base) = &app.config.server.public_url else {
        let remedy =
            "set `public_url` in [server] to the address at which your media server reaches Playrelay";
        return Err(Problem::new(
            ProblemCode::Conflict,
            "it is not known how servers reach Playrelay",
            remedy,
        ));
    };
    let url = url::Url::parse(&format!("{base}/healthz")).map_err(|error| {
        Problem::new(ProblemCode::Conflict, error.to_string(), "correct `public_url` in [server]")
    })?;
    if let Err(error) = app.is_playrelay_at(&url).await {
        return Ok(Json(WebhookTest { reached: false, detail: error.to_string(), event: None }));
    }
    let event = webhooks::send_test(&app, &source).await?;
    Ok(Json(WebhookTest { reached: true, detail: format!("{base} leads to a daemon that answers"), event }))
}
