//! `/api/v1/artwork/{poster|backdrop}`: a picture of a title that the query names: `?kind=movie&imdb=tt1375666`, or
//! `?kind=show&title=Breaking+Bad&year=2008`. Everything but `kind`, `title` and `year` is an id.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use playrelay_engine::model::{Ids, Item, ItemKind, Movie, Show};

use crate::metadata::artwork::ArtworkError;
use crate::web::api::context::Api;
use crate::web::api::extract::{Path, Query};
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// The external ids in a query.
const IDS: usize = 8;

/// A picture of a movie or a show.
#[utoipa::path(
    get,
    path = "/api/v1/artwork/{kind}",
    tag = "now playing",
    params(
        ("kind" = String, Path, description = "`poster` or `backdrop`", example = "poster"),
        ("kind" = String, Query, description = "`movie` or `show`", example = "movie"),
        ("title" = Option<String>, Query, description = "The title, where no id is given", example = "Night Train"),
        ("year" = Option<u16>, Query, description = "The year of the title", example = 2011),
        ("imdb" = Option<String>, Query, description = "An id; any other catalogue can be named in its place", example = "tt0000011"),
    ),
    responses((status = 200, description = "The picture", content_type = "image/*", body = Vec<u8>), Problems)
)]
pub(crate) async fn picture(
    State(api): State<Arc<Api>>,
    Path(kind): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Problem> {
    let artwork = api.app().artwork().ok_or_else(|| {
        Problem::not_found("there is no catalogue that has pictures", "add a section [catalogues.NAME]")
    })?;
    let item = named(query).ok_or_else(|| {
        let detail = "the query names no title; expected kind=movie or kind=show, and ids or a title";
        Problem::new(ProblemCode::InvalidRequest, detail, "see /api/openapi.json")
    })?;
    match artwork.get(&item, &kind).await {
        Ok((media_type, bytes)) => {
            let headers =
                [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "private, max-age=86400")];
            Ok((headers, bytes).into_response())
        }
        Err(error @ ArtworkError::None) => Err(Problem::not_found(error.to_string(), "")),
        Err(error) => Err(Problem::new(ProblemCode::Upstream, error.to_string(), "try again later")),
    }
}

fn named(mut query: HashMap<String, String>) -> Option<Item> {
    fn ids<Kind>(query: &HashMap<String, String>) -> Ids<Kind> {
        query.iter().take(IDS).collect()
    }
    let (kind, title) = (query.remove("kind")?, query.remove("title").unwrap_or_default());
    let year = query.remove("year").and_then(|year| year.parse().ok());
    // Ids come to stand in the path of a request that carries a key.
    let is_id = |text: &String| {
        (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if (title.is_empty() && query.is_empty()) || !query.iter().all(|(name, id)| is_id(name) && is_id(id)) {
        return None;
    }
    let kind = match kind.as_str() {
        "movie" => ItemKind::Movie(Movie { title, original_title: None, year, ids: ids(&query) }),
        "show" => ItemKind::Show(Show { title, original_title: None, year, ids: ids(&query) }),
        _ => return None,
    };
    Some(Item::of(kind))
}
