//! Bodies in all forms that media servers send: a multipart form with a poster, a plain form, JSON, text; compressed or not.
//!
//! Pictures are let go by as they arrive; nothing of them is kept. What a body is called matters less than what it is: JSON that is
//! announced as a form is read as JSON.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;
use futures_util::{Stream, StreamExt, stream};

/// The most text parts of a multipart form.
const MAX_PARTS: usize = 64;
/// The most fields of a url-encoded form: some servers send one for each stream of a file.
const MAX_FIELDS: usize = 4_096;
/// A multipart form.
const MULTIPART: &str = "multipart/form-data";
/// A url-encoded form.
const URL_ENCODED: &str = "application/x-www-form-urlencoded";

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

/// The reason why a body is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct BodyError {
    /// To answer with.
    pub status: StatusCode,
    /// The reason, one sentence for people.
    pub reason: String,
}

/// Reads a body of at most `limit` bytes, compressed and not.
pub async fn read(request: Request, limit: usize) -> Result<ReadBody, BodyError> {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = header(header::CONTENT_TYPE).to_owned();
    let announced: Option<usize> = header(header::CONTENT_LENGTH).parse().ok();
    let refused = match announced {
        Some(length) if length > limit => Err(too_large(limit)),
        _ => compression(header(header::CONTENT_ENCODING))
            .and_then(|it| check_charset(&content_type).map(|()| it)),
    };
    let is_compressed = match refused {
        Ok(is_compressed) => is_compressed,
        Err(refusal) => {
            discard_rest(body, limit).await;
            return Err(refusal);
        }
    };
    let body = if is_compressed { Body::from(unpack(&read_all(body, limit).await?, limit)?) } else { body };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_type == MULTIPART {
        let boundary = multer::parse_boundary(&content_type)
            .map_err(|error| invalid(format!("the form's boundary cannot be read: {error}")))?;
        let (first, chunks) = peek(body).await?;
        if !is_json(&first) {
            let form = read_form(chunks, boundary, limit).await?;
            return Ok(ReadBody { media_type, form, body: String::new() });
        }
        let bytes = read_all(Body::from_stream(chunks), limit).await?;
        return Ok(ReadBody { media_type, form: Vec::new(), body: text(bytes) });
    }
    if media_type.starts_with("multipart/") {
        discard_rest(body, limit).await;
        return Err(unsupported(format!("{media_type} is not read; send {MULTIPART}, or JSON")));
    }
    let bytes = read_all(body, limit).await?;
    if media_type == URL_ENCODED && !is_json(&bytes) {
        let form = url::form_urlencoded::parse(&bytes).take(MAX_FIELDS);
        let form = form.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        return Ok(ReadBody { media_type, form, body: String::new() });
    }
    Ok(ReadBody { media_type, form: Vec::new(), body: text(bytes) })
}

/// Whether a body is compressed. Only gzip is unpacked.
fn compression(encoding: &str) -> Result<bool, BodyError> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(false),
        "gzip" | "x-gzip" => Ok(true),
        other => {
            let other: String = other.chars().take(40).collect();
            Err(unsupported(format!("a body in {other:?} is not read; send it as it is, or in gzip")))
        }
    }
}

/// Refuses text that is not UTF-8 and says so.
fn check_charset(content_type: &str) -> Result<(), BodyError> {
    let parameters = content_type.split(';').skip(1).filter_map(|it| it.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let Some((_, charset)) = charsets.next() else { return Ok(()) };
    let charset = charset.trim().trim_matches('"').to_ascii_lowercase();
    if matches!(charset.as_str(), "" | "utf-8" | "utf8" | "us-ascii" | "ascii") {
        return Ok(());
    }
    let charset: String = charset.chars().take(40).collect();
    Err(unsupported(format!("text in {charset:?} is not read; send UTF-8")))
}

/// Unpacks gzip, up to the limit.
fn unpack(packed: &[u8], limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let beyond = (limit as u64).saturating_add(1);
    MultiGzDecoder::new(packed)
        .take(beyond)
        .read_to_end(&mut bytes)
        .map_err(|error| invalid(format!("the body is announced as gzip and cannot be unpacked: {error}")))?;
    if bytes.len() > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// Whether a body begins as an object of JSON does, with or without a byte order mark in front.
fn is_json(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    text.trim_ascii_start().first() == Some(&b'{')
}

/// The first bytes of a body that are none of blanks, and the body from its beginning.
async fn peek(
    body: Body,
) -> Result<(Bytes, impl Stream<Item = Result<Bytes, axum::Error>> + Send + 'static), BodyError> {
    let mut chunks = body.into_data_stream();
    let first = match chunks.next().await {
        Some(Ok(first)) => first,
        Some(Err(_)) => return Err(broken_off()),
        None => Bytes::new(),
    };
    Ok((first.clone(), stream::iter([Ok(first)]).chain(chunks)))
}

/// Lets a body go by, up to the limit once more: a client that is still sending would not see the answer.
async fn discard_rest(body: Body, limit: usize) {
    let mut left = limit.saturating_mul(2);
    let mut chunks = body.into_data_stream();
    while let (Some(Ok(chunk)), 1..) = (chunks.next().await, left) {
        left = left.saturating_sub(chunk.len());
    }
}

async fn read_all(body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
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
) -> Result<Vec<(String, String)>, BodyError> {
    let size = multer::SizeLimit::new().whole_stream(limit as u64);
    let constraints = multer::Constraints::new().size_limit(size);
    let mut parts = multer::Multipart::with_constraints(chunks, boundary, constraints);
    let mut form = Vec::new();
    while let Some(mut part) = parts.next_field().await.map_err(|error| interrupted(&error, limit))? {
        let keep = is_text(&part) && form.len() < MAX_PARTS;
        if keep {
            check_part(part.headers())?;
        }
        let name = part.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|error| interrupted(&error, limit))? {
            if keep {
                bytes.extend_from_slice(&chunk);
            }
        }
        if keep {
            form.push((name, text(bytes)));
        }
    }
    Ok(form)
}

/// Refuses a part that is written in a way that nobody here reads.
fn check_part(headers: &HeaderMap) -> Result<(), BodyError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let encoding = text("content-transfer-encoding").trim().to_ascii_lowercase();
    if !matches!(encoding.as_str(), "" | "7bit" | "8bit" | "binary") {
        let encoding: String = encoding.chars().take(40).collect();
        return Err(unsupported(format!("a part in {encoding:?} is not read; send it as it is")));
    }
    check_charset(text("content-type"))
}

/// Some servers send their JSON as a file, some without a type or as any bytes. Pictures say what they are, by their type or
/// by their name.
fn is_text(part: &multer::Field<'_>) -> bool {
    const IMAGE_EXTENSIONS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "gif", "avif"];
    let named_as_picture = part
        .file_name()
        .and_then(|name| name.rsplit_once('.'))
        .is_some_and(|(_, suffix)| IMAGE_EXTENSIONS.contains(&suffix.to_ascii_lowercase().as_str()));
    match part.content_type() {
        Some(mime) if mime.type_() == "text" || mime.subtype() == "json" => true,
        Some(mime) => mime.subtype() == "octet-stream" && !named_as_picture,
        None => !named_as_picture,
    }
}

/// Invalid UTF-8 is replaced with U+FFFD; the plugin decides about the text.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn interrupted(error: &multer::Error, limit: usize) -> BodyError {
    match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(limit),
        error => invalid(format!("the form cannot be read: {error}")),
    }
}

fn broken_off() -> BodyError {
    invalid("the request broke off".to_owned())
}

fn invalid(reason: String) -> BodyError {
    BodyError { status: StatusCode::BAD_REQUEST, reason }
}

fn unsupported(reason: String) -> BodyError {
    BodyError { status: StatusCode::UNSUPPORTED_MEDIA_TYPE, reason }
}

fn too_large(limit: usize) -> BodyError {
    BodyError {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        reason: format!("the request is larger than {limit} bytes, the `max_body` of [server]"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const LIMIT: usize = 1_000;

    async fn read_as(headers: &[(&str, &str)], body: &[u8]) -> Result<ReadBody, u16> {
        let mut request = Request::post("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).unwrap();
        read(request, LIMIT).await.map_err(|refusal| refusal.status.as_u16())
    }

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[tokio::test]
    async fn a_body_is_what_it_is_whatever_it_is_called() {
        let json = "{\"a\":1}";
        for kind in [URL_ENCODED, "application/json", "", "text/plain", "multipart/form-data; boundary=b"] {
            let read = read_as(&[("content-type", kind)], json.as_bytes()).await.unwrap();
            assert_eq!((read.body.as_str(), read.form.len()), (json, 0), "{kind}");
        }
        let form = read_as(&[("content-type", URL_ENCODED)], b"a=%7B%7D&b=2").await.unwrap();
        assert_eq!(form.form, [("a".to_owned(), "{}".to_owned()), ("b".to_owned(), "2".to_owned())]);
    }

    #[tokio::test]
    async fn gzip_is_unpacked_up_to_the_limit() {
        let gzip = [("content-encoding", "gzip")];
        assert_eq!(read_as(&gzip, &packed(b"{\"a\":1}")).await.unwrap().body, "{\"a\":1}");
        assert_eq!(read_as(&gzip, &packed(&vec![b' '; LIMIT])).await.unwrap().body.len(), LIMIT);
        assert_eq!(read_as(&gzip, &packed(&vec![b' '; 1 << 24])).await, Err(413), "a bomb");
        assert_eq!(read_as(&gzip, b"{\"a\":1}").await, Err(400));
    }

    #[tokio::test]
    async fn what_nobody_reads_is_refused_with_a_reason() {
        for (name, value) in [
            ("content-encoding", "br"),
            ("content-encoding", "deflate"),
            ("content-encoding", "gzip, gzip"),
            ("content-type", "application/json; charset=utf-16"),
            ("content-type", "application/json; charset=\"ISO-8859-1\""),
            ("content-type", "multipart/mixed; boundary=b"),
        ] {
            assert_eq!(read_as(&[(name, value)], b"{}").await, Err(415), "{value}");
        }
        let part = |head: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"payload\"\r\n{head}\r\n{{}}\r\n--b--\r\n")
        };
        let form = [("content-type", "multipart/form-data; boundary=b")];
        for head in
            ["Content-Transfer-Encoding: base64\r\n", "Content-Type: application/json; charset=latin-1\r\n"]
        {
            assert_eq!(read_as(&form, part(head).as_bytes()).await, Err(415), "{head}");
        }
        let taken = read_as(&form, part("Content-Transfer-Encoding: 8bit\r\n").as_bytes()).await.unwrap();
        assert_eq!(taken.form, [("payload".to_owned(), "{}".to_owned())]);
        assert_eq!(read_as(&form, &vec![b'x'; LIMIT + 1]).await, Err(413));
    }
}
