//! `/api/v1/events`: what was received, and what became of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use playrelay_engine::timeline::Outcome;
use playrelay_plugin_host::capabilities::WebhookRequest;
use playrelay_store::{EventFilter, EventSummary, InboxRow, TimelineRow};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use crate::inbox::input;
use crate::inbox::input::Input;
use crate::record::redaction::{is_telling_name, redacted_body, redacted_value};
use crate::replay;
use crate::web::api::context::Api;
use crate::web::api::extract::{Path, Query};
use crate::web::api::outbox::Delivery;
use crate::web::api::paging::limit;
use crate::web::api::problem::{Problem, Problems};

/// Which events are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Those before this one: `next` of the answer before.
    #[param(example = 100)]
    before: Option<i64>,
    /// At most so many, 1 to 500.
    #[param(example = 20, minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Those of this source.
    #[param(example = "home")]
    source: Option<String>,
    /// Those of users with this in their name.
    user: Option<String>,
    /// Those about titles with this.
    title: Option<String>,
    /// Those that ended so: an outcome, or the code of a rule.
    #[param(example = "queued")]
    outcome: Option<String>,
    /// Leave out those that said nothing new.
    #[serde(default)]
    without_repeats: bool,
}

/// Something that was received.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// The id; grows by time.
    #[schema(example = 1)]
    id: i64,
    /// The source.
    #[schema(example = "home")]
    source: String,
    /// When it was received.
    received_at: Timestamp,
    /// The user, in words; absent where nobody is named.
    #[schema(example = "mia")]
    user: Option<String>,
    /// The title, in words; absent where it is about none.
    #[schema(example = "Night Train (2011)")]
    item: Option<String>,
    /// How it ended; absent while it is processed.
    verdict: Option<EventVerdict>,
}

/// How an event ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventVerdict {
    /// `ignored`, `merged`, `filtered`, `held`, `recorded`, `queued`, `malformed` or `failed`.
    #[schema(example = "queued")]
    outcome: &'static str,
    /// The code of the rule that decided: docs/codes.md has them.
    #[schema(example = "completed")]
    code: String,
    /// The value that decided, in words.
    #[schema(example = "for bob")]
    detail: String,
}

impl From<EventSummary> for Event {
    fn from(event: EventSummary) -> Self {
        let verdict = event.verdict.map(|verdict| EventVerdict {
            outcome: Outcome::as_str(verdict.outcome),
            code: verdict.code.to_string(),
            detail: verdict.detail,
        });
        Self {
            id: event.id,
            source: event.source,
            received_at: event.received_at,
            user: event.user,
            item: event.item,
            verdict,
        }
    }
}

/// A list of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Events {
    /// The newest first.
    items: Vec<Event>,
    /// `before` of the next page; absent on the last one.
    next: Option<i64>,
}

/// A step of an event's story.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StoryStep {
    /// When it was taken.
    at: Timestamp,
    /// `received`, `parsed`, `enriched`, `engine`, `route` or `delivery`.
    #[schema(example = "engine")]
    stage: &'static str,
    /// The code of the rule: docs/codes.md has them.
    #[schema(example = "completed")]
    code: String,
    /// Rule and value, in words.
    text: String,
}

impl From<TimelineRow> for StoryStep {
    fn from(row: TimelineRow) -> Self {
        Self { at: row.at, stage: row.stage.as_str(), code: row.code.to_string(), text: row.text }
    }
}

/// The story of an event: every step from its arrival to its deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Story {
    /// The event.
    #[serde(flatten)]
    event: Event,
    /// The steps, in order.
    timeline: Vec<StoryStep>,
    /// The deliveries that it led to.
    outbox: Vec<Delivery>,
}

/// Events, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(Filter),
    responses((status = 200, body = Events), Problems)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Query(query): Query<Filter>,
) -> Result<Json<Events>, Problem> {
    let limit = limit(query.limit)?;
    let filter = EventFilter {
        before: query.before,
        source: query.source,
        user: query.user,
        title: query.title,
        outcome: query.outcome,
        without_repeats: query.without_repeats,
        limit,
    };
    let items: Vec<Event> = api.store().events(&filter).await?.into_iter().map(Event::from).collect();
    let next = items.last().filter(|_| items.len() == limit as usize).map(|last| last.id);
    Ok(Json(Events { items, next }))
}

/// The story of an event.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}",
    tag = "events",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 200, body = Story), Problems)
)]
pub(crate) async fn get(State(api): State<Arc<Api>>, Path(id): Path<i64>) -> Result<Json<Story>, Problem> {
    story(&api, id).await.map(Json)
}

/// An event as it was received, whole: it may hold secrets of the server.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}/request",
    tag = "events",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 200, body = Object, description = "A webhook with its headers, its form and its body, or the reports of a connection"), Problems)
)]
pub(crate) async fn request(
    State(api): State<Arc<Api>>,
    Path(id): Path<i64>,
) -> Result<Json<Value>, Problem> {
    let row = stored(&api, id).await?;
    let request = serde_json::from_slice(&row.received.request);
    request.map(Json).map_err(|error| Problem::internal(format!("event {id} cannot be read: {error}")))
}

/// An event with its story, redacted for a report: without secrets, addresses and names of people.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}/bundle",
    tag = "events",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 200, body = Object, description = "The bundle: `playrelay`, `plugin`, `event`, `request`, `story`, and `calls`, which `playrelay record replay` makes once more"), Problems)
)]
pub(crate) async fn bundle(State(api): State<Arc<Api>>, Path(id): Path<i64>) -> Result<Response, Problem> {
    let bundle = bundle_of(&api, id).await?;
    let name = format!("attachment; filename=\"playrelay-event-{id}.json\"");
    Ok(([(header::CONTENT_DISPOSITION, name)], Json(bundle)).into_response())
}

/// The bundle of an event.
pub(in crate::web) async fn bundle_of(api: &Api, id: i64) -> Result<Value, Problem> {
    let row = stored(api, id).await?;
    let request = match input::stored(&row) {
        Ok(Input::Webhook(request)) => redacted_request(&request),
        Ok(Input::Observed(observed)) => {
            let value =
                serde_json::to_value(&observed).map_err(|error| Problem::internal(error.to_string()))?;
            redacted_value(value)
        }
        Err(verdict) => json!({ "unreadable": verdict.detail }),
    };
    let story = story(api, id).await?;
    let deliveries: Vec<i64> = story.outbox.iter().map(Delivery::id).collect();
    let names = names(&story, &request_users(&row));
    let story = serde_json::to_value(&story).map_err(|error| Problem::internal(error.to_string()))?;
    let app = api.app();
    let calls = replay::event_calls(&app, &row, &deliveries).await.map_err(|error| {
        Problem::internal(format!("the recorded calls of event {id} cannot be read: {error}"))
    })?;
    let plugin = app.accounts.get(&row.received.source).map(|account| {
        let facts = &account.manifest.plugin;
        format!("{} {}", facts.id, facts.version)
    });
    let mut bundle = json!({
        "playrelay": env!("CARGO_PKG_VERSION"),
        "plugin": plugin,
        "event": id,
        "request": request,
        "story": redacted_value(story),
    });
    without_names(&mut bundle, &names);
    // Pseudonyms stand in them: a call with a name taken out could not be made once more.
    bundle["calls"] = json!(calls);
    Ok(bundle)
}

async fn stored(api: &Api, id: i64) -> Result<InboxRow, Problem> {
    api.store().request(id).await?.ok_or_else(|| unknown(id))
}

async fn story(api: &Api, id: i64) -> Result<Story, Problem> {
    let story = api.store().event(id).await?.ok_or_else(|| unknown(id))?;
    let mut outbox = Vec::new();
    for row in story.outbox {
        outbox.push(Delivery::of(api, row).await?);
    }
    Ok(Story {
        event: story.summary.into(),
        timeline: story.timeline.into_iter().map(StoryStep::from).collect(),
        outbox,
    })
}

fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("there is no event {id}"), "/api/v1/events lists them; old ones are deleted")
}

fn redacted_request(request: &WebhookRequest) -> Value {
    let pairs = |pairs: &[(String, String)]| -> Vec<Value> {
        let pair = |(name, value): &(String, String)| {
            let is_json = value.trim_start().starts_with(['{', '[']);
            let value = match (is_telling_name(name), is_json) {
                (true, _) => json!("[redacted]"),
                (false, true) => redacted_body(value.as_bytes(), false),
                (false, false) => redacted_value(json!(value)),
            };
            json!([name, value])
        };
        pairs.iter().map(pair).collect()
    };
    json!({
        "media_type": request.media_type,
        "headers": pairs(&request.headers),
        "query": pairs(&request.query),
        "form": pairs(&request.form),
        "body": redacted_body(request.body.as_bytes(), request.media_type == "application/x-www-form-urlencoded"),
    })
}

/// The names of people in a request that came as reports.
fn request_users(row: &InboxRow) -> Vec<String> {
    let Ok(Input::Observed(observed)) = input::stored(row) else { return Vec::new() };
    let mut names = Vec::new();
    for report in &observed.reports {
        if let Ok(value) = serde_json::to_value(report) {
            collect_users(&value, &mut names);
        }
    }
    names
}

/// Collects the names and ids of all users in a report.
fn collect_users(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::Object(user)) = fields.get("user") {
                let known = ["name", "id", "uuid"].into_iter().filter_map(|key| user.get(key)?.as_str());
                names.extend(known.map(str::to_owned));
            }
            fields.values().for_each(|field| collect_users(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_users(item, names)),
        _ => {}
    }
}

/// The names by which people are mentioned in a story.
fn names(story: &Story, others: &[String]) -> Vec<String> {
    let named = story.event.user.iter().flat_map(|users| users.split(", ")).map(str::to_owned);
    let mut names: Vec<String> = named.chain(others.iter().cloned()).filter(|name| name.len() > 1).collect();
    // The longest first: one may be a part of another.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.dedup();
    names
}

/// Takes names of people out of all texts: the steps of a story mention them.
fn without_names(value: &mut Value, names: &[String]) {
    match value {
        Value::String(text) => {
            for name in names {
                if text.contains(name.as_str()) {
                    *text = text.replace(name.as_str(), "[user]");
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| without_names(item, names)),
        Value::Object(fields) => fields.values_mut().for_each(|field| without_names(field, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
