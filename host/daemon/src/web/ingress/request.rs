//! A webhook as it is stored: without its token, and with the headers that plugins read.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use playrelay_plugin_host::capabilities::WebhookRequest;

use crate::web::ingress::body::{BodyError, ReadBody};
use crate::web::ingress::token::TOKEN_HEADER;
use crate::webhooks::registration::{self};

/// Reads a request: its text, without credentials.
pub(crate) async fn read(
    request: Request,
    token: Option<&str>,
    max_body: usize,
) -> Result<WebhookRequest, BodyError> {
    let query = query_without_token(request.uri().query().unwrap_or_default(), token.unwrap_or_default());
    let headers = allowed_headers(request.headers(), token.unwrap_or_default());
    let ReadBody { media_type, form, body } = crate::web::ingress::body::read(request, max_body).await?;
    Ok(WebhookRequest { media_type, headers, query, form, body })
}

/// The same outside of the daemon, for requests from files.
///
/// # Errors
///
/// Says in words why a daemon would refuse the request.
pub async fn to_webhook_request(
    request: Request,
    token: Option<&str>,
    max_body: usize,
) -> Result<WebhookRequest, String> {
    read(request, token, max_body).await.map_err(|refusal| refusal.reason)
}

/// A request as it stands in a file: a request line, headers, an empty line, the body.
///
/// # Errors
///
/// Says in words which part is missing or invalid.
pub fn parse_raw_request(bytes: &[u8]) -> Result<Request, String> {
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle);
    let (head, body) = match (find(b"\r\n\r\n"), find(b"\n\n")) {
        (Some(end), _) => (&bytes[..end], &bytes[end + 4..]),
        (None, Some(end)) => (&bytes[..end], &bytes[end + 2..]),
        (None, None) => return Err("found no empty line between headers and body".to_owned()),
    };
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let target = lines.next().and_then(|line| line.split_whitespace().nth(1));
    let mut request = Request::post(target.ok_or("found no request line")?);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| format!("{line:?} is not a header"))?;
        // The length is that of the file, whatever an editor has made of it.
        if !name.eq_ignore_ascii_case("content-length") {
            request = request.header(name.trim(), value.trim());
        }
    }
    request.body(Body::from(body.to_vec())).map_err(|error| error.to_string())
}

/// A request with this body, and no headers.
///
/// # Errors
///
/// Fails for no body; the builder of requests has an error for headers only.
pub fn request_from_body(body: Vec<u8>) -> Result<Request, String> {
    let request = Request::post("/").header(header::CONTENT_TYPE, "application/json");
    request.body(Body::from(body)).map_err(|error| error.to_string())
}

pub(crate) fn query_without_token(query: &str, token: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| name != "token" && name != token && value != token)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

/// The headers that a plugin may see: none with credentials, and not endlessly many. Proxies repeat the address, with its token.
pub(crate) fn allowed_headers(headers: &HeaderMap, token: &str) -> Vec<(String, String)> {
    const SECRET: [&str; 4] = ["authorization", "cookie", "proxy-authorization", TOKEN_HEADER];
    let in_path = registration::encode_path_segment(token);
    let has_token = |value: &[u8]| {
        let text = String::from_utf8_lossy(value);
        !token.is_empty() && (text.contains(token) || text.contains(&in_path))
    };
    headers
        .iter()
        .filter(|(name, value)| !SECRET.contains(&name.as_str()) && value.len() <= 1024)
        .filter(|(_, value)| !has_token(value.as_bytes()))
        .take(32)
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}
