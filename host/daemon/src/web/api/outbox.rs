//! `/api/v1/outbox`: deliveries: what waits, what became of the rest, and what a person says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use playrelay_engine::outbox::{DeliveryState, OutboxCommand, OutboxRow, OutboxSelection};
use playrelay_store::{AccountPause, DeliveryFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::live::Change;
use crate::operations::deliveries;
use crate::operations::deliveries::Correction;
use crate::web::api::context::Api;
use crate::web::api::extract;
use crate::web::api::extract::{Path, Query};
use crate::web::api::paging::limit;
use crate::web::api::problem::{Problem, ProblemCode, Problems};
use crate::web::api::title::Title;

/// Deliveries of one batch.
const MAX_BATCH: usize = 500;

/// Which deliveries are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Those in this state: `waiting`, `delivered`, `duplicate`, `unmatched`, `unsupported`, `superseded`, `withheld`, `held`, `skipped`,
    /// `dropped` or `dead`.
    #[param(
        example = "delivered",
        pattern = "^(waiting|delivered|duplicate|unmatched|unsupported|superseded|withheld|held|skipped|dropped|dead)$"
    )]
    state: Option<String>,
    /// Those of this tracker.
    #[param(example = "bob")]
    tracker: Option<String>,
    /// Those before this one: `next` of the answer before.
    #[param(example = 100)]
    before: Option<i64>,
    /// At most so many, 1 to 500.
    #[param(example = 20, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// An event for a tracker, and what has become of it. The row of the database, with what the API adds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// The row: `id`, `inbox` (the event that led to it), `later`, `tracker`, `action`, `value`, `item`, `subject`, `at`, `started_at`,
    /// `not_before`, `state`, `attempts`, `uncertain`, `since`, `next_at`, `note`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    row: OutboxRow,
    /// The title.
    title: Title,
    /// What happens next, in words.
    #[schema(example = "delivered")]
    next: String,
}

impl Delivery {
    /// The id of the row.
    pub(crate) fn id(&self) -> i64 {
        self.row.id
    }

    /// A row, with what happens next to it.
    pub(crate) async fn of(api: &Api, row: OutboxRow) -> Result<Self, Problem> {
        let pause = match row.state {
            DeliveryState::Waiting => api.store().pause(&row.event.tracker).await?,
            _ => None,
        };
        let next = next_step(&row, pause.as_ref());
        Ok(Self { title: Title::from(&row.event.item), next, row })
    }
}

/// What happens next to a delivery.
fn next_step(row: &OutboxRow, pause: Option<&AccountPause>) -> String {
    let attempt = row.attempts + 1;
    match (row.state, pause) {
        (DeliveryState::Waiting, Some(AccountPause::Login { .. })) => {
            format!("waits until {} is logged in", row.event.tracker)
        }
        (
            DeliveryState::Waiting,
            Some(AccountPause::Until { until, .. } | AccountPause::Blocked { until, .. }),
        ) => format!("waits; attempt {attempt} at {}", row.next_at.max(*until)),
        (DeliveryState::Waiting, None) => format!("waits; attempt {attempt} at {}", row.next_at),
        (DeliveryState::Held, _) => "waits for you to say what it is".to_owned(),
        (DeliveryState::Unmatched, _) => "the tracker knows no such title; say what it is".to_owned(),
        (DeliveryState::Dead, _) => "failed for good; try again, or drop it".to_owned(),
        (state, _) => state.as_str().to_owned(),
    }
}

/// A list of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Deliveries {
    /// The newest first.
    events: Vec<Delivery>,
    /// `before` of the next page; absent on the last one.
    next: Option<i64>,
}

/// How many deliveries were changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Changed {
    /// The number.
    #[schema(example = 1)]
    changed: usize,
}

/// What a delivery is about.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    /// Ids of the movie, or of the show of an episode, by catalogue.
    #[serde(default)]
    #[schema(example = json!({ "imdb": "tt0000011" }))]
    ids: BTreeMap<String, String>,
    /// The season of an episode.
    season: Option<u32>,
    /// The numbers of an episode.
    #[serde(default)]
    episodes: Vec<u32>,
    /// Whether it is kept as a mapping for later plays of the title. Other deliveries of it that wait are then tried again, too.
    #[serde(default)]
    remember: bool,
}

/// What is to be done with several deliveries.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Batch {
    /// `retry` or `drop`.
    command: BatchCommand,
    /// The deliveries: 1 to 500.
    #[schema(example = json!([1]), min_items = 1, max_items = 500)]
    ids: Vec<i64>,
}

/// What is done with each delivery of a batch.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BatchCommand {
    /// Try it again now.
    Retry,
    /// Never send it.
    Drop,
}

impl From<BatchCommand> for OutboxCommand {
    fn from(command: BatchCommand) -> Self {
        match command {
            BatchCommand::Retry => Self::Retry,
            BatchCommand::Drop => Self::Drop,
        }
    }
}

/// What became of each delivery of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchResults {
    /// In the order of the request.
    results: Vec<BatchResult>,
}

/// What became of one delivery of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchResult {
    /// The delivery.
    #[schema(example = 1)]
    id: i64,
    /// Whether it was changed.
    changed: bool,
    /// Why it was not; absent where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<Problem>,
}

/// Deliveries, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/outbox",
    tag = "deliveries",
    params(Filter),
    responses((status = 200, body = Deliveries), Problems)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Query(query): Query<Filter>,
) -> Result<Json<Deliveries>, Problem> {
    let states = match &query.state {
        None => Vec::new(),
        Some(name) => {
            vec![DeliveryState::ALL.into_iter().find(|state| state.as_str() == name).ok_or_else(|| {
                let known = DeliveryState::ALL.map(DeliveryState::as_str).join(", ");
                let detail = format!("`state` is {name:?}; expected one of {known}");
                Problem::new(ProblemCode::InvalidRequest, detail, "")
            })?]
        }
    };
    let limit = limit(query.limit)?;
    let filter = DeliveryFilter { before: query.before, states, tracker: query.tracker, limit };
    let rows = api.store().deliveries(filter).await?;
    let next = rows.last().filter(|_| rows.len() == limit as usize).map(|last| last.id);
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        events.push(Delivery::of(&api, row).await?);
    }
    Ok(Json(Deliveries { events, next }))
}

/// One delivery.
#[utoipa::path(
    get,
    path = "/api/v1/outbox/{id}",
    tag = "deliveries",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 200, body = Delivery), Problems)
)]
pub(crate) async fn get(State(api): State<Arc<Api>>, Path(id): Path<i64>) -> Result<Json<Delivery>, Problem> {
    let row = api.store().outbox_row(id).await?;
    let row = row.ok_or_else(|| {
        Problem::not_found(format!("there is no event {id} in the outbox"), "/api/v1/outbox lists them")
    })?;
    Delivery::of(&api, row).await.map(Json)
}

/// Tries a delivery again now (`retry`), or says that it is never sent (`drop`).
#[utoipa::path(
    post,
    path = "/api/v1/outbox/{id}/{command}",
    tag = "deliveries",
    params(
        ("id" = i64, Path, description = "The id, as the list has it", example = 1),
        ("command" = String, Path, description = "`retry` or `drop`", example = "retry"),
    ),
    responses((status = 200, body = Changed), Problems)
)]
pub(crate) async fn command(
    State(api): State<Arc<Api>>,
    Path((id, command)): Path<(i64, String)>,
) -> Result<Json<Changed>, Problem> {
    let command = match command.as_str() {
        "retry" => BatchCommand::Retry,
        "drop" => BatchCommand::Drop,
        other => {
            let detail = format!("{other:?} is not a command; expected \"retry\" or \"drop\"");
            return Err(Problem::not_found(detail, "see /api/openapi.json"));
        }
    };
    apply(&api, id, command.into()).await?;
    Ok(Json(Changed { changed: 1 }))
}

/// Says what a delivery is about, and tries it again now.
#[utoipa::path(
    post,
    path = "/api/v1/outbox/{id}/match",
    tag = "deliveries",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    request_body = Match,
    responses((status = 200, body = Changed), Problems)
)]
pub(crate) async fn correct(
    State(api): State<Arc<Api>>,
    Path(id): Path<i64>,
    extract::Json(matched): extract::Json<Match>,
) -> Result<Json<Changed>, Problem> {
    let correction = Correction {
        ids: matched.ids.into_iter().collect(),
        season: matched.season,
        episodes: matched.episodes,
        remember: matched.remember,
    };
    let tried_again = deliveries::correct(&*api.store(), id, &correction).await?;
    for id in &tried_again {
        publish(&api, *id).await?;
    }
    Ok(Json(Changed { changed: tried_again.len() }))
}

/// Does the same with several deliveries. The answer says for each what became of it.
#[utoipa::path(
    post,
    path = "/api/v1/outbox/batch",
    tag = "deliveries",
    request_body = Batch,
    responses((status = 200, body = BatchResults), Problems)
)]
pub(crate) async fn batch(
    State(api): State<Arc<Api>>,
    extract::Json(batch): extract::Json<Batch>,
) -> Result<Json<BatchResults>, Problem> {
    if !(1..=MAX_BATCH).contains(&batch.ids.len()) {
        let detail = format!("the batch has {} ids; expected 1 to {MAX_BATCH}", batch.ids.len());
        return Err(Problem::new(ProblemCode::Invalid, detail, "send several batches"));
    }
    let mut results = Vec::with_capacity(batch.ids.len());
    for id in batch.ids {
        let problem = apply(&api, id, batch.command.into()).await.err();
        results.push(BatchResult { id, changed: problem.is_none(), problem });
    }
    Ok(Json(BatchResults { results }))
}

async fn apply(api: &Api, id: i64, command: OutboxCommand) -> Result<(), Problem> {
    deliveries::apply(&*api.store(), OutboxSelection::One(id), command).await?;
    publish(api, id).await
}

/// Tells listeners of a delivery that a person has changed.
pub(in crate::web) async fn publish(api: &Api, id: i64) -> Result<(), Problem> {
    if let Some(row) = api.store().outbox_row(id).await? {
        api.live.publish(Change::Delivery {
            id: Some(id),
            event: row.inbox,
            tracker: row.event.tracker.clone(),
            action: row.event.action.name(),
            state: row.state.as_str(),
            item: row.event.item.to_string(),
            note: row.note,
        });
    }
    Ok(())
}
