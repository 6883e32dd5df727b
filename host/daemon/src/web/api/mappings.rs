//! `/api/v1/mappings`: what is kept for titles that catalogues call otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use playrelay_engine::mapping::numbering::Order;
use playrelay_engine::mapping::{EpisodeFilm, SeasonShift, TitleKind, TitleMapping, ToldTitle};
use playrelay_store::StoredMapping;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operations::mappings;
use crate::web::api::context::Api;
use crate::web::api::extract::{Json, Path};
use crate::web::api::outbox::publish;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// Film or series.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindName {
    /// A film.
    Movie,
    /// A series.
    Show,
}

/// A title as a media server tells it.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    /// Film or series.
    kind: KindName,
    /// The title.
    #[schema(example = "Lantern Coast", max_length = 300)]
    title: String,
    /// The year; absent where the server tells none.
    year: Option<u16>,
    /// The ids, by catalogue. One that is shared decides whether an item is of this title.
    #[serde(default)]
    #[schema(example = json!({}))]
    ids: BTreeMap<String, String>,
}

/// What catalogues call a title.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MappingBody {
    /// The title as a media server tells it.
    told: Told,
    /// The ids of what it is, by catalogue; empty where those that are told are right.
    #[serde(default)]
    #[schema(example = json!({ "imdb": "tt0000011" }))]
    ids: BTreeMap<String, String>,
    /// The order of the numbers that are told: `aired`, `absolute`, `dvd`, `digital`, `story-arc`, `production`, `broadcast` or `air-date`. Absent where
    /// it is that of catalogues.
    #[schema(example = json!(null))]
    order: Option<String>,
    /// Episodes with other numbers, each in a line: `S2E1-E12=S1E13`.
    #[serde(default)]
    #[schema(example = json!(["S2=S1E13"]))]
    shifts: Vec<String>,
    /// Episodes that are films, each in a line: `S0E4=imdb:tt0000040`.
    #[serde(default)]
    #[schema(example = json!([]))]
    films: Vec<String>,
}

impl From<TitleMapping> for MappingBody {
    fn from(mapping: TitleMapping) -> Self {
        let ToldTitle { kind, title, year, ids } = mapping.told;
        let kind = match kind {
            TitleKind::Movie => KindName::Movie,
            TitleKind::Show => KindName::Show,
        };
        Self {
            told: Told { kind, title, year, ids },
            ids: mapping.ids,
            order: mapping.order.map(|order| order.as_str().to_owned()),
            shifts: mapping.shifts.iter().map(ToString::to_string).collect(),
            films: mapping.films.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<MappingBody> for TitleMapping {
    type Error = Problem;

    fn try_from(body: MappingBody) -> Result<Self, Problem> {
        let invalid = |detail: String| Problem::new(ProblemCode::Invalid, detail, "");
        let kind = match body.told.kind {
            KindName::Movie => TitleKind::Movie,
            KindName::Show => TitleKind::Show,
        };
        let order = body.order.as_deref().map(|word| {
            Order::parse(word).ok_or_else(|| {
                let known = Order::ALL.map(Order::as_str).join(", ");
                invalid(format!("`order` is {word:?}; expected one of {known}"))
            })
        });
        let shifts = body.shifts.iter().map(|line| line.parse::<SeasonShift>());
        let films = body.films.iter().map(|line| line.parse::<EpisodeFilm>());
        Ok(Self {
            told: ToldTitle { kind, title: body.told.title, year: body.told.year, ids: body.told.ids },
            ids: body.ids,
            order: order.transpose()?,
            shifts: shifts.collect::<Result<_, _>>().map_err(|error| invalid(error.to_string()))?,
            films: films.collect::<Result<_, _>>().map_err(|error| invalid(error.to_string()))?,
        })
    }
}

/// A mapping.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MappingView {
    /// The id.
    #[schema(example = 1)]
    id: i64,
    /// When it was made.
    created_at: Timestamp,
    /// What it maps.
    mapping: MappingBody,
}

impl From<StoredMapping> for MappingView {
    fn from(stored: StoredMapping) -> Self {
        Self { id: stored.id, created_at: stored.created_at, mapping: stored.mapping.into() }
    }
}

/// All mappings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MappingList {
    /// The oldest first.
    items: Vec<MappingView>,
}

/// A mapping that was kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Kept {
    /// Its id; that of the one that there was where the title had one.
    #[schema(example = 1)]
    id: i64,
    /// The deliveries of the title that waited for a person, and are tried again.
    tried_again: Vec<i64>,
}

/// All mappings.
#[utoipa::path(get, path = "/api/v1/mappings", tag = "mappings", responses((status = 200, body = MappingList), Problems))]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<axum::Json<MappingList>, Problem> {
    let stored = mappings::list(&*api.store()).await?;
    Ok(axum::Json(MappingList { items: stored.into_iter().map(MappingView::from).collect() }))
}

/// Keeps for later plays of a title what catalogues call it, and tries what waits because of it again. A title that has a mapping keeps what the
/// new one says nothing of.
#[utoipa::path(
    post,
    path = "/api/v1/mappings",
    tag = "mappings",
    request_body = MappingBody,
    responses((status = 201, body = Kept), Problems)
)]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    Json(body): Json<MappingBody>,
) -> Result<(StatusCode, axum::Json<Kept>), Problem> {
    let kept = mappings::keep(&*api.store(), body.try_into()?).await?;
    for id in &kept.tried_again {
        publish(&api, *id).await?;
    }
    Ok((StatusCode::CREATED, axum::Json(Kept { id: kept.id, tried_again: kept.tried_again })))
}

/// Replaces a mapping.
#[utoipa::path(
    put,
    path = "/api/v1/mappings/{id}",
    tag = "mappings",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    request_body = MappingBody,
    responses((status = 204, description = "It is replaced."), Problems)
)]
pub(crate) async fn replace(
    State(api): State<Arc<Api>>,
    Path(id): Path<i64>,
    Json(body): Json<MappingBody>,
) -> Result<StatusCode, Problem> {
    mappings::replace(&*api.store(), id, body.try_into()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a mapping. What was mapped by it stays as it is.
#[utoipa::path(
    delete,
    path = "/api/v1/mappings/{id}",
    tag = "mappings",
    params(("id" = i64, Path, description = "The id, as the list has it", example = 1)),
    responses((status = 204, description = "It is forgotten."), Problems)
)]
pub(crate) async fn remove(State(api): State<Arc<Api>>, Path(id): Path<i64>) -> Result<StatusCode, Problem> {
    mappings::remove(&*api.store(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
