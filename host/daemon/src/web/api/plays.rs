//! `/api/v1/plays`: what was played, by whom, and how far.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use playrelay_engine::model::PlaybackState;
use playrelay_engine::play::{Play, PlayId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::operations::plays;
use crate::web::api::context::Api;
use crate::web::api::extract;
use crate::web::api::extract::{Path, Query};
use crate::web::api::paging::limit;
use crate::web::api::play_cursor;
use crate::web::api::problem::{Problem, ProblemCode, Problems};
use crate::web::api::title::Title;

/// Which plays are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Those before this one: `next` of the answer before.
    #[param(example = "1763668800000-9f8e", pattern = "^[0-9]{1,14}-[0-9a-f]+$")]
    before: Option<String>,
    /// At most so many, 1 to 500.
    #[param(example = 20, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// One play of one title by one user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlayView {
    /// The id.
    #[schema(example = "9f8e7d6c5b4a3920")]
    id: String,
    /// The user, in words.
    #[schema(example = "mia")]
    user: String,
    /// The title.
    title: Title,
    /// The sources that have reported it.
    #[schema(example = json!(["home"]))]
    sources: Vec<String>,
    /// The name of the device; absent if unknown.
    #[schema(example = "TV")]
    device: Option<String>,
    /// `playing`, `paused` or `stopped`.
    #[schema(example = "stopped")]
    state: &'static str,
    /// The last known position; absent if no report had one.
    position_ms: Option<u32>,
    /// The position in percent, 0 to 100; absent if position or runtime is unknown.
    #[schema(example = 96.4)]
    progress: Option<f64>,
    /// When the first report came.
    started_at: Timestamp,
    /// When the last report came.
    last_seen_at: Timestamp,
    /// When it ended; absent while it goes on.
    ended_at: Option<Timestamp>,
    /// When it counted as watched; absent if it did not.
    watched_at: Option<Timestamp>,
    /// The event that reported it last: its story says why it counted or not.
    #[schema(example = 1)]
    event: i64,
}

impl From<&Play> for PlayView {
    fn from(play: &Play) -> Self {
        let progress = play.position.ms.zip(play.item.runtime_ms).filter(|(_, runtime)| *runtime > 0);
        Self {
            id: play.id.0.clone(),
            user: play.user.name.clone().unwrap_or_else(|| play.user.to_string()),
            title: Title::from(&play.item),
            sources: play.origin.sources.iter().cloned().collect(),
            device: play.player.name.clone(),
            state: match play.state {
                PlaybackState::Playing => "playing",
                PlaybackState::Paused => "paused",
                PlaybackState::Stopped => "stopped",
            },
            position_ms: play.position.ms,
            progress: progress.map(|(at, runtime)| (f64::from(at) / f64::from(runtime) * 100.0).min(100.0)),
            started_at: play.started_at,
            last_seen_at: play.last_seen_at,
            ended_at: play.ended_at,
            watched_at: play.watched_at,
            event: play.routing.reported_by,
        }
    }
}

/// A list of plays.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plays {
    /// Those that began last first.
    items: Vec<PlayView>,
    /// `before` of the next page; absent on the last one.
    next: Option<String>,
}

/// Plays, those that began last first.
#[utoipa::path(
    get,
    path = "/api/v1/plays",
    tag = "plays",
    params(Filter),
    responses((status = 200, body = Plays), Problems)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Query(query): Query<Filter>,
) -> Result<Json<Plays>, Problem> {
    let limit = limit(query.limit)?;
    let before = match &query.before {
        Some(cursor) => Some(play_cursor::read(cursor).ok_or_else(|| {
            let detail = format!("`before` is {cursor:?}; expected `next` of another answer");
            Problem::new(ProblemCode::InvalidRequest, detail, "")
        })?),
        None => None,
    };
    let plays = api.store().plays(before, limit).await?;
    let next = plays.last().filter(|_| plays.len() == limit as usize);
    let next = next.map(play_cursor::write);
    Ok(Json(Plays { items: plays.iter().map(PlayView::from).collect(), next }))
}

/// One play.
#[utoipa::path(
    get,
    path = "/api/v1/plays/{id}",
    tag = "plays",
    params(("id" = String, Path, description = "The id, as the list has it", example = "9f8e7d6c5b4a3920")),
    responses((status = 200, body = PlayView), Problems)
)]
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<PlayView>, Problem> {
    Ok(Json(PlayView::from(&find(&api, &id).await?)))
}

/// Where a play is taken back beside the library.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undo {
    /// The trackers that are to remove this one play too: each must have taken it, with an id of its own.
    #[schema(example = json!(["bob"]))]
    #[serde(default)]
    trackers: Vec<String>,
}

/// Takes a play back: out of the library and its statistics, and on request at trackers that gave an id of it. The answer has the play as
/// it was.
#[utoipa::path(
    post,
    path = "/api/v1/plays/{id}/undo",
    tag = "plays",
    params(("id" = String, Path, description = "The id, as the list has it", example = "9f8e7d6c5b4a3920")),
    request_body = Undo,
    responses((status = 200, body = PlayView), Problems)
)]
pub(crate) async fn undo(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    extract::Json(undo): extract::Json<Undo>,
) -> Result<Json<PlayView>, Problem> {
    let play = find(&api, &id).await?;
    plays::undo(&api.app(), &play, &undo.trackers).await?;
    Ok(Json(PlayView::from(&play)))
}

async fn find(api: &Api, id: &str) -> Result<Play, Problem> {
    let play = api.store().play(&PlayId(id.to_owned())).await?;
    play.ok_or_else(|| Problem::not_found(format!("there is no play {id:?}"), "/api/v1/plays lists them"))
}
