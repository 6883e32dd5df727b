//! Replays: what an input would lead to now. Nothing is sent, asked or stored.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use playrelay_plugin_host::capabilities::WebhookRequest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::replay;
use crate::replay::{ReplayError, Replayer};
use crate::web::api::context::Api;
use crate::web::api::extract;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// A message of a server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    /// The media type of the body, or of the form.
    #[schema(example = "application/json")]
    media_type: String,
    /// The body, where it is no form.
    #[serde(default)]
    #[schema(example = "{}")]
    body: String,
    /// The text parts of a form.
    #[serde(default)]
    form: Vec<(String, String)>,
}

/// A step of a replay.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayStep {
    /// `parsed`, `enriched`, `engine` or `route`.
    stage: &'static str,
    /// The code of the rule.
    code: String,
    /// Rule and value, in words.
    text: String,
}

/// What an input would lead to now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replay {
    /// The source.
    source: String,
    /// When it was received.
    received_at: Timestamp,
    /// The plugin that read it, with its version.
    plugin: String,
    /// Earlier inputs that were read again before it.
    context: usize,
    /// The reports of the plugin.
    #[schema(value_type = Vec<Object>)]
    reports: Vec<Value>,
    /// The steps after the plugin.
    steps: Vec<ReplayStep>,
    /// How it would end: an outcome.
    outcome: &'static str,
    /// The code of the rule that would decide.
    code: String,
    /// The value that would decide, in words.
    detail: String,
    /// The events that trackers would get, in words.
    events: Vec<String>,
    /// The differences to what happened, line by line; absent if it was never processed.
    differences: Option<Vec<String>>,
}

impl TryFrom<Replayer> for Replay {
    type Error = Problem;

    fn try_from(run: Replayer) -> Result<Self, Problem> {
        let reports = run.reports.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        Ok(Self {
            source: run.source,
            received_at: run.received_at,
            plugin: run.plugin,
            context: run.context,
            reports: reports.map_err(|error| Problem::internal(error.to_string()))?,
            steps: run
                .steps
                .into_iter()
                .map(|step| ReplayStep {
                    stage: step.stage.as_str(),
                    code: step.code.to_string(),
                    text: step.text,
                })
                .collect(),
            outcome: run.verdict.outcome.as_str(),
            code: run.verdict.code.to_string(),
            detail: run.verdict.detail,
            events: run.events.iter().map(replay::describe_event).collect(),
            differences: run.differences,
        })
    }
}

/// Reads a recorded event again, dry, and says how that differs from what happened.
#[utoipa::path(
    post,
    path = "/api/v1/events/{id}/replay",
    tag = "events",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 200, body = Replay), Problems)
)]
pub(crate) async fn event(State(api): State<Arc<Api>>, Path(id): Path<i64>) -> Result<Json<Replay>, Problem> {
    let run = replay::replay_recorded(&api.app(), id, None).await.map_err(problem)?;
    Replay::try_from(run).map(Json)
}

/// Reads a message that was never received, dry, as if nothing had been before it.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{name}/replay",
    tag = "sources",
    params(("name" = String, Path, description = "The source's name", example = "home")),
    request_body = Message,
    responses((status = 200, body = Replay), Problems)
)]
pub(crate) async fn message(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    extract::Json(message): extract::Json<Message>,
) -> Result<Json<Replay>, Problem> {
    let request = WebhookRequest {
        media_type: message.media_type.to_lowercase(),
        form: message.form,
        body: message.body,
        ..WebhookRequest::default()
    };
    let run = replay::replay_message(&api.app(), &name, request, None).await.map_err(problem)?;
    Replay::try_from(run).map(Json)
}

/// Why there is no replay.
pub(in crate::web) fn problem(error: ReplayError) -> Problem {
    match error {
        ReplayError::Unknown(id) => {
            Problem::not_found(format!("there is no event {id}"), "/api/v1/events lists them")
        }
        ReplayError::NoPlugin(source) => Problem::new(
            ProblemCode::NotFound,
            format!("source {source:?} is not there, or its plugin does not serve"),
            "/api/v1/plugins says why a plugin does not serve",
        ),
        ReplayError::Store(error) => error.into(),
    }
}
