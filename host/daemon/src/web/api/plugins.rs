//! `/api/v1/plugins`: plugins, what each asks for, and whether it may serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::registry::{Entry, PluginOrigin};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::operations::plugins;
use crate::operations::plugins::{AccessView, ApprovedBy, PluginSummary};
use crate::web::api::context::Api;
use crate::web::api::extract::{OptionalJson, Path};
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// A plugin that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginView {
    /// The id, or the file's name where there is none.
    #[schema(example = "diary")]
    id: String,
    /// The version; empty where it cannot be read.
    #[schema(example = "0.1.0")]
    version: String,
    /// `bundled`, or the file.
    #[schema(example = "bundled")]
    origin: String,
    /// `active`, `compiling`, `pending`, `refused` or `broken`.
    #[schema(example = "active")]
    status: &'static str,
    /// The interfaces that it provides.
    #[schema(example = json!(["sink"]))]
    provides: Vec<String>,
    /// Why it does not serve; absent where it does.
    reason: Option<String>,
}

impl From<PluginSummary> for PluginView {
    fn from(summary: PluginSummary) -> Self {
        let origin = match summary.origin {
            PluginOrigin::Bundled => "bundled".to_owned(),
            PluginOrigin::File(path) => path.display().to_string(),
        };
        Self {
            id: summary.id,
            version: summary.version,
            origin,
            status: summary.status,
            provides: summary.provides,
            reason: summary.reason,
        }
    }
}

/// All plugins that were found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginList {
    /// The bundled ones first.
    items: Vec<PluginView>,
}

/// A plugin with all that it asks for.
#[derive(Serialize, ToSchema)]
pub(crate) struct PluginDetail {
    #[serde(flatten)]
    plugin: PluginView,
    /// What it asks for: `name`, `description`, `publisher`, `digest`, `capabilities`, `network` (origins with reasons), `credentials`, `login`,
    /// `told` and `not_told`, `settings`, `imports`, `memory_mib`, `limits`, `permissions`; absent where it cannot be read.
    #[schema(value_type = Option<Object>)]
    asks_for: Option<PermissionReport>,
    /// What is other than in the version that was approved before, line by line; absent if none was.
    difference: Option<String>,
}

/// Which file is meant.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Candidate {
    /// The SHA-256 of the file that was looked at, or its beginning; needed where several files have the id.
    #[schema(example = "0f3a1b2c")]
    digest: Option<String>,
}

/// What a plugin reached, and what it was denied.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccessList {
    /// The latest first.
    items: Vec<AccessView>,
}

/// The plugin that a decision was about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PluginDecision {
    /// The id.
    #[schema(example = "diary")]
    id: String,
}

/// All plugins that were found.
#[utoipa::path(
    get,
    path = "/api/v1/plugins",
    tag = "plugins",
    responses((status = 200, body = PluginList), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<Json<PluginList>, Problem> {
    let items = plugins::list(&api.app()).await?;
    Ok(Json(PluginList { items: items.into_iter().map(PluginView::from).collect() }))
}

/// A plugin, with all that it asks for.
#[utoipa::path(
    get,
    path = "/api/v1/plugins/{id}",
    tag = "plugins",
    params(("id" = String, Path, description = "The plugin's id", example = "diary")),
    responses((status = 200, body = PluginDetail), Problems)
)]
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<PluginDetail>, Problem> {
    let app = api.app();
    let entry = plugins::find(&app, &id)?;
    let difference = match &entry.inspection {
        Some(inspection) => plugins::difference(&app, inspection).await?,
        None => None,
    };
    Ok(Json(PluginDetail {
        plugin: plugins::summary(&app, entry).await?.into(),
        asks_for: entry.inspection.clone(),
        difference,
    }))
}

/// Where a plugin sent requests, and what it was denied. The daemon writes its counts every few seconds.
#[utoipa::path(
    get,
    path = "/api/v1/plugins/{id}/accesses",
    tag = "plugins",
    params(("id" = String, Path, description = "The plugin's id", example = "diary")),
    responses((status = 200, body = AccessList), Problems)
)]
pub(crate) async fn accesses(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<AccessList>, Problem> {
    let items = plugins::accesses(&api.app(), &id).await?;
    Ok(Json(AccessList { items: items.into_iter().map(AccessView::from).collect() }))
}

/// The settings of a plugin's accounts, as a JSON Schema.
#[utoipa::path(
    get,
    path = "/api/v1/plugins/{id}/settings",
    tag = "plugins",
    params(("id" = String, Path, description = "The plugin's id", example = "diary")),
    responses((status = 200, body = Object, description = "A JSON Schema of draft 2020-12: `writeOnly` marks what is never shown"), Problems)
)]
pub(crate) async fn settings(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let app = api.app();
    let entry = plugins::find(&app, &id)?;
    Ok(Json(schema(entry)))
}

/// The settings of a plugin, as a JSON Schema.
fn schema(entry: &Entry) -> Value {
    let settings = entry.inspection.iter().flat_map(|it| &it.settings);
    let mut properties = BTreeMap::new();
    let mut required = Vec::new();
    for setting in settings {
        let kind = match setting.kind.as_str() {
            kind if kind.contains("true or false") => "boolean",
            kind if kind.contains("number") => "integer",
            _ => "string",
        };
        let mut property = json!({
            "type": kind, "title": setting.label, "description": setting.help, "writeOnly": setting.secret,
        });
        if let Some(default) = &setting.default {
            property["default"] = match kind {
                "boolean" => json!(default == "true"),
                "integer" => default.parse::<i64>().map_or_else(|_| json!(default), |number| json!(number)),
                _ => json!(default),
            };
        }
        properties.insert(setting.key.clone(), property);
        if setting.required {
            required.push(setting.key.clone());
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    })
}

/// Lets a plugin of the plugin directory serve within seconds, with exactly these bytes and permissions.
#[utoipa::path(
    post,
    path = "/api/v1/plugins/{id}/approve",
    tag = "plugins",
    params(("id" = String, Path, description = "The plugin's id", example = "diary")),
    request_body = Option<Candidate>,
    responses((status = 200, body = PluginDecision), Problems)
)]
pub(crate) async fn approve(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    OptionalJson(candidate): OptionalJson<Candidate>,
) -> Result<Json<PluginDecision>, Problem> {
    let app = api.app();
    if let Some(inspection) = plugins::candidate(&app, &id, candidate.digest.as_deref())? {
        plugins::approve(&app, inspection, ApprovedBy::Api).await?;
    }
    Ok(Json(PluginDecision { id }))
}

/// Says that a plugin of the plugin directory is not to serve.
#[utoipa::path(
    post,
    path = "/api/v1/plugins/{id}/refuse",
    tag = "plugins",
    params(("id" = String, Path, description = "The plugin's id", example = "diary")),
    request_body = Option<Candidate>,
    responses((status = 200, body = PluginDecision), Problems)
)]
pub(crate) async fn refuse(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    OptionalJson(candidate): OptionalJson<Candidate>,
) -> Result<Json<PluginDecision>, Problem> {
    let app = api.app();
    let waiting = plugins::candidate(&app, &id, candidate.digest.as_deref())?;
    let inspection = waiting.ok_or_else(|| {
        Problem::new(ProblemCode::Conflict, format!("plugin {id:?} serves"), "revoke its approval instead")
    })?;
    plugins::refuse(&app, inspection).await?;
    Ok(Json(PluginDecision { id }))
}

/// Takes an approval back. The plugin stops within seconds; what it would send waits.
#[utoipa::path(
    post,
    path = "/api/v1/plugins/{id}/revoke",
    tag = "plugins",
    params(("id" = String, Path, description = "The plugin's id", example = "diary")),
    responses((status = 200, body = PluginDecision), Problems)
)]
pub(crate) async fn revoke(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<PluginDecision>, Problem> {
    plugins::revoke(&api.app(), &id).await?;
    Ok(Json(PluginDecision { id }))
}
