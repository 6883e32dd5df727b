//! `/api/v1/artwork/{poster|backdrop}`: a picture of a title that the query names: `?kind=movie&imdb=tt1375666`, or
//! `?kind=show&title=Breaking+Bad&year=2008`. Everything but `kind`, `title` and `year` is an id.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use playrelay_engine::model::{Ids, Item, ItemKind, Movie, Show};

use crate::metadata::artwork::ArtworkError;
use crate::web::api::context::Api;
use crate::web::api::error::error_response;

/// The external ids in a query.
const IDS: usize = 8;

pub(crate) async fn picture(
    State(api): State<Arc<Api>>,
    Path(kind): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(artwork) = &api.artwork else {
        return error_response(StatusCode::NOT_FOUND, "there is no catalogue; add a section [catalogues.…]");
    };
    let Some(item) = named(query) else {
        return error_response(
            StatusCode::BAD_REQUEST,
            "expected kind=movie or kind=show, and ids or a title",
        );
    };
    match artwork.get(&item, &kind).await {
        Ok((media_type, bytes)) => {
            let headers = [
                (header::CONTENT_TYPE, media_type),
                (header::CACHE_CONTROL, "private, max-age=86400"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (headers, bytes).into_response()
        }
        Err(error @ ArtworkError::None) => error_response(StatusCode::NOT_FOUND, error.to_string()),
        Err(error) => error_response(StatusCode::BAD_GATEWAY, error.to_string()),
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
