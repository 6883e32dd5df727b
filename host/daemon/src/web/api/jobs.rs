//! `/api/v1/jobs`: work that takes longer than a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use jiff::Timestamp;
use playrelay_store::{Job, JobRow, SharedStore};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::jobs::export::archive;
use crate::jobs::spec::{HOUSEHOLD, JobSpec};
use crate::operations::deliveries::Correction;
use crate::operations::{import_rows, imports, jobs};
use crate::web::access::ownership;
use crate::web::access::principal::Principal;
use crate::web::api::context::Api;
use crate::web::api::download;
use crate::web::api::extract::{self, Path, Query};
use crate::web::api::paging::{limit, offset};
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// Which jobs are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Those of this person.
    #[param(example = "mia")]
    person: Option<String>,
    /// Those before this one: `next` of the answer before.
    #[param(example = 100)]
    before: Option<i64>,
    /// At most so many, 1 to 500.
    #[param(example = 20, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// The id.
    #[schema(example = 1)]
    id: i64,
    /// What it does: `watchlist-import`.
    #[schema(example = "watchlist-import")]
    kind: String,
    /// Whose it is; empty where it is nobody's alone.
    #[schema(example = "mia")]
    person: String,
    /// What it is about: the account that it reads.
    #[schema(example = "list")]
    about: String,
    /// `waiting`, `running`, `ready` (a person has to decide), `done`, `failed`, `cancelled` or `undone`.
    #[schema(example = "done")]
    state: &'static str,
    /// When it was asked for.
    created_at: Timestamp,
    /// When it began; absent before.
    started_at: Option<Timestamp>,
    /// When it ended; absent before.
    ended_at: Option<Timestamp>,
    /// When it is due, while it waits; absent otherwise.
    next_at: Option<Timestamp>,
    /// Parts of it that are done.
    #[schema(example = 3000)]
    done: u64,
    /// All of its parts; absent while that is not known.
    total: Option<u64>,
    /// How many rows of it are in each state.
    #[schema(example = json!({ "new": 2990, "known": 10 }))]
    rows: BTreeMap<String, u64>,
    /// How it ended, or why it waits; absent where there is nothing to say.
    #[schema(example = "3000 titles read, 2990 of them new")]
    message: Option<String>,
}

impl JobView {
    /// A job, with the counts of its rows.
    pub(crate) async fn of(store: &SharedStore, job: &Job) -> Result<Self, Problem> {
        let waits = job.state == playrelay_store::JobState::Waiting;
        Ok(Self {
            id: job.id,
            kind: job.work.kind.clone(),
            person: job.work.person.clone(),
            about: job.work.about.clone(),
            state: job.state.as_str(),
            created_at: job.created_at,
            started_at: job.started_at,
            ended_at: job.ended_at,
            next_at: waits.then_some(job.next_at),
            done: job.done,
            total: job.total,
            rows: store.count_job_rows(job.id).await?,
            message: job.message.clone(),
        })
    }
}

/// A list of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Jobs {
    /// The newest first.
    items: Vec<JobView>,
    /// `before` of the next page; absent on the last one.
    next: Option<i64>,
}

/// Which rows of a job are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct RowFilter {
    /// Those in this state.
    #[param(example = "unclear")]
    state: Option<String>,
    /// Those after this one: `next` of the answer before.
    #[param(example = 100, maximum = 1_000_000)]
    after: Option<u32>,
    /// At most so many, 1 to 500.
    #[param(example = 20, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A part of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowView {
    /// Its place in the job, from 0.
    #[schema(example = 0)]
    number: u32,
    /// `new`, `known`, `repeated`, `unclear`, `no-identity` or `not-for-us`; `read` before it is judged, `written` once it is there.
    #[schema(example = "new")]
    state: String,
    /// The title, in words.
    #[schema(example = "Night Train (2011)")]
    what: String,
    /// Why it is as it is, and what to do; empty where there is nothing to say.
    #[schema(example = "")]
    reason: String,
}

impl From<JobRow> for RowView {
    fn from(row: JobRow) -> Self {
        let JobRow { number, state, what, reason, .. } = row;
        Self { number, state, what, reason }
    }
}

/// Rows of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rows {
    /// By their place.
    items: Vec<RowView>,
    /// `after` of the next page; absent on the last one.
    next: Option<u32>,
}

/// Jobs, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    tag = "jobs",
    params(Filter),
    responses((status = 200, body = Jobs), Problems)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<Filter>,
) -> Result<Json<Jobs>, Problem> {
    let limit = limit(query.limit)?;
    let store = api.store();
    let person = principal.only_person().or(query.person.as_deref());
    let jobs = store.jobs(person, query.before, limit).await?;
    let next = jobs.last().filter(|_| jobs.len() == limit as usize).map(|job| job.id);
    let mut items = Vec::new();
    for job in &jobs {
        items.push(JobView::of(&store, job).await?);
    }
    Ok(Json(Jobs { items, next }))
}

/// A job that is nobody's alone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewJob {
    /// What it does.
    kind: NewJobKind,
}

/// What a job that is nobody's alone does.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NewJobKind {
    /// Asks the catalogue for genres and missing ids of titles.
    MetadataRefresh,
}

/// Asks for a job that is nobody's alone.
#[utoipa::path(
    post,
    path = "/api/v1/jobs",
    tag = "jobs",
    request_body = NewJob,
    responses((status = 202, body = JobView), Problems)
)]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    extract::Json(NewJob { kind: NewJobKind::MetadataRefresh }): extract::Json<NewJob>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let id = api.jobs.add(HOUSEHOLD, &JobSpec::MetadataRefresh).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&api, &principal, id).await?)))
}

/// One job.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    tag = "jobs",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 200, body = JobView), Problems)
)]
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<i64>,
) -> Result<Json<JobView>, Problem> {
    view(&api, &principal, id).await.map(Json)
}

/// The archive that a job wrote.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/file",
    tag = "jobs",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 200, description = "A zip archive", content_type = "application/zip", body = Vec<u8>), Problems)
)]
pub(crate) async fn file(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let job = jobs::find(&api.store(), id).await?;
    ownership::require_job(&principal, &job)?;
    let missing = || Problem::not_found(format!("job {id} has no archive, or not any more"), "export again");
    if !matches!(JobSpec::read(&job.work.spec), Some(JobSpec::Export { .. })) {
        return Err(missing());
    }
    let path = archive(&api.app().config.server.data_dir, id);
    if !path.is_file() {
        return Err(missing());
    }
    download::send_file(&path, "application/zip", &format!("playrelay-{}-{id}.zip", job.work.about), ()).await
}

/// Rows of a job, by their place.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}/rows",
    tag = "jobs",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1), RowFilter),
    responses((status = 200, body = Rows), Problems)
)]
pub(crate) async fn rows(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<i64>,
    Query(query): Query<RowFilter>,
) -> Result<Json<Rows>, Problem> {
    let limit = limit(query.limit)?;
    let store = api.store();
    ownership::require_job(&principal, &jobs::find(&store, id).await?)?;
    let after = offset("after", query.after)?;
    let rows = store.job_rows(id, query.state.as_deref(), after, limit).await?;
    let next = rows.last().filter(|_| rows.len() == limit as usize).map(|row| row.number);
    Ok(Json(Rows { items: rows.into_iter().map(RowView::from).collect(), next }))
}

/// Changes a job: `cancel` ends it before its end, `continue` has one go on that failed, was cancelled or is ready, `undo` takes back what it wrote.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/{command}",
    tag = "jobs",
    params(
        ("id" = i64, Path, description = "The id, as the list has it", example = 1),
        ("command" = String, Path, description = "`cancel`, `continue` or `undo`", example = "cancel", pattern = "^(cancel|continue|undo)$")
    ),
    responses((status = 200, body = JobView), Problems)
)]
pub(crate) async fn command(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((id, command)): Path<(i64, String)>,
) -> Result<Json<JobView>, Problem> {
    let store = api.store();
    ownership::require_job(&principal, &jobs::find(&store, id).await?)?;
    match command.as_str() {
        "cancel" => jobs::cancel(&store, id).await?,
        "continue" => jobs::go_on(&store, id).await?,
        "undo" => {
            jobs::undo(&store, id).await?;
        }
        other => {
            let detail = format!("there is no command {other:?}; expected cancel, continue or undo");
            return Err(Problem::new(ProblemCode::NotFound, detail, "see /api/openapi.json"));
        }
    }
    api.jobs.changed(id).await;
    view(&api, &principal, id).await.map(Json)
}

/// The tracker that is told.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    /// Its name in the configuration.
    #[schema(example = "bob")]
    tracker: String,
}

/// Has a tracker told of what an import wrote: a job puts it into the outbox. What the tracker was told before is not told again.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/deliveries",
    tag = "jobs",
    params(("id" = i64, Path, description = "The id of the import", example = 1)),
    request_body = Told,
    responses((status = 202, body = JobView), Problems)
)]
pub(crate) async fn deliver(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<i64>,
    extract::Json(told): extract::Json<Told>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    let person = view(&api, &principal, id).await?.person;
    let spec = imports::delivery(&api.app(), id, &told.tracker).await?;
    let id = api.jobs.add(&person, &spec).await?;
    Ok((StatusCode::ACCEPTED, Json(view(&api, &principal, id).await?)))
}

/// What a row is about.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RowMatch {
    /// Ids of the movie, or of the show of an episode, by catalogue.
    #[serde(default)]
    #[schema(example = json!({ "imdb": "tt0000011" }))]
    ids: BTreeMap<String, String>,
    /// The season of an episode.
    season: Option<u32>,
    /// The number of an episode.
    episode: Option<u32>,
}

/// Says what an unclear row of an import is. It is imported with the others, or at once where the import is done.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/rows/{number}/match",
    tag = "jobs",
    params(
        ("id" = i64, Path, description = "The id of the import", example = 1),
        ("number" = u32, Path, description = "The row, as the list has it", example = 0)
    ),
    request_body = RowMatch,
    responses((status = 200, body = RowView), Problems)
)]
pub(crate) async fn match_row(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    Path((id, number)): Path<(i64, u32)>,
    extract::Json(matched): extract::Json<RowMatch>,
) -> Result<Json<RowView>, Problem> {
    view(&api, &principal, id).await?;
    let correction = Correction {
        ids: matched.ids.into_iter().collect(),
        season: matched.season,
        episodes: matched.episode.into_iter().collect(),
        remember: false,
    };
    let row = import_rows::match_row(&api.app(), id, number, &correction).await?;
    api.jobs.changed(id).await;
    Ok(Json(row.into()))
}

async fn view(api: &Api, principal: &Principal, id: i64) -> Result<JobView, Problem> {
    let store = api.store();
    let job = jobs::find(&store, id).await?;
    ownership::require_job(principal, &job)?;
    JobView::of(&store, &job).await
}
