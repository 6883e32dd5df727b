//! Bodies in all forms that media servers send: a multipart form with a poster, a plain form, JSON, text.
//!
//! Pictures are let go by as they arrive; nothing of them is kept.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use futures_util::{Stream, StreamExt};

/// The longest text part of a form. Bytes.
const TEXT_LIMIT: usize = 1 << 20;
/// The most text parts of a multipart form.
const PARTS: usize = 64;
/// The most fields of a url-encoded form: some servers send one for each stream of a file.
const FIELDS: usize = 4_096;

/// A body that has been read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReadBody {
    /// In lower case, without parameters.
    pub media_type: String,
    /// The text parts of a form.
    pub form: Vec<(String, String)>,
    /// The body where it is no form.
    pub body: String,
}

/// Why a body is not taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// To answer with.
    pub status: StatusCode,
    /// In words.
    pub reason: String,
}

/// Reads a body of at most `limit` bytes.
pub async fn read(request: Request, limit: usize) -> Result<ReadBody, Refusal> {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > limit) {
        drain(request.into_body(), limit).await;
        return Err(too_large(limit));
    }
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let body = request.into_body();
    if media_type == "multipart/form-data" {
        let boundary = multer::parse_boundary(&content_type)
            .map_err(|error| bad(format!("the form's boundary cannot be read: {error}")))?;
        let form = read_form(body.into_data_stream(), boundary, limit).await?;
        return Ok(ReadBody { media_type, form, body: String::new() });
    }
    let bytes = read_all(body, limit).await?;
    if media_type == "application/x-www-form-urlencoded" {
        let form = url::form_urlencoded::parse(&bytes).take(FIELDS);
        let form = form.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        return Ok(ReadBody { media_type, form, body: String::new() });
    }
    Ok(ReadBody { media_type, form: Vec::new(), body: text(bytes) })
}

/// Lets a body go by, up to the limit once more: a client that is still sending would not see the answer.
async fn drain(body: Body, limit: usize) {
    let mut left = limit.saturating_mul(2);
    let mut chunks = body.into_data_stream();
    while let (Some(Ok(chunk)), 1..) = (chunks.next().await, left) {
        left = left.saturating_sub(chunk.len());
    }
}

async fn read_all(body: Body, limit: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| bad("the request broke off".to_owned()))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

async fn read_form(
    chunks: impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static,
    boundary: String,
    limit: usize,
) -> Result<Vec<(String, String)>, Refusal> {
    let size = multer::SizeLimit::new().whole_stream(limit as u64);
    let constraints = multer::Constraints::new().size_limit(size);
    let mut parts = multer::Multipart::with_constraints(chunks, boundary, constraints);
    let mut form = Vec::new();
    while let Some(mut part) = parts.next_field().await.map_err(|error| broken(&error, limit))? {
        let keep = is_text(&part) && form.len() < PARTS;
        let name = part.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|error| broken(&error, limit))? {
            if keep {
                if bytes.len() + chunk.len() > TEXT_LIMIT {
                    return Err(too_large(TEXT_LIMIT));
                }
                bytes.extend_from_slice(&chunk);
            }
        }
        if keep {
            form.push((name, text(bytes)));
        }
    }
    Ok(form)
}

/// Some servers send their JSON as a file, some without a type or as any bytes. Pictures say what they are, by their type or
/// by their name.
fn is_text(part: &multer::Field<'_>) -> bool {
    const PICTURES: [&str; 6] = ["jpg", "jpeg", "png", "webp", "gif", "avif"];
    let named_as_picture = part
        .file_name()
        .and_then(|name| name.rsplit_once('.'))
        .is_some_and(|(_, suffix)| PICTURES.contains(&suffix.to_ascii_lowercase().as_str()));
    match part.content_type() {
        Some(mime) if mime.type_() == "text" || mime.subtype() == "json" => true,
        Some(mime) => mime.subtype() == "octet-stream" && !named_as_picture,
        None => !named_as_picture,
    }
}

/// What is not UTF-8 is marked as such; the plugin says what it makes of it.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn broken(error: &multer::Error, limit: usize) -> Refusal {
    match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(limit),
        error => bad(format!("the form cannot be read: {error}")),
    }
}

fn bad(reason: String) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, reason }
}

fn too_large(limit: usize) -> Refusal {
    Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        reason: format!("the request is larger than {limit} bytes"),
    }
}
