//! The token of a webhook, wherever a server puts it.

use axum::http::HeaderMap;

/// The header that may carry a source's token.
pub(crate) const TOKEN_HEADER: &str = "x-playrelay-token";

pub(crate) fn header_token(headers: &HeaderMap) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || text("authorization").and_then(|value| credentials(value, "bearer"));
    text(TOKEN_HEADER).or_else(bearer).map(|token| token.trim().to_owned())
}

/// The credentials after a scheme, whose case does not matter (RFC 9110, 11.1).
pub fn credentials<'a>(value: &'a str, scheme: &str) -> Option<&'a str> {
    let (found, rest) = value.trim_start().split_once(' ')?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Names under which another program's addresses have their token.
const NAMES: [&str; 2] = ["token", "profile"];

/// `?TOKEN`, `?token=TOKEN`, or `?profile=TOKEN`.
pub(crate) fn query_token(query: &str) -> Option<String> {
    let mut fields = url::form_urlencoded::parse(query.as_bytes());
    let named = fields.find(|(name, _)| NAMES.contains(&name.as_ref()));
    // A bare token may end in `=`, and servers encode it or leave it as it is.
    let bare = || {
        query
            .split('&')
            .next()
            .map(|part| part.strip_suffix('=').unwrap_or(part))
            .filter(|part| !part.contains('='))
    };
    let token = named
        .map(|(_, token)| token.into_owned())
        .or_else(|| bare().filter(|part| !part.is_empty()).map(decoded))?;
    Some(token.trim().to_owned())
}

/// A part of an address with its escapes taken back; a plus is itself.
pub(crate) fn decoded(part: &str) -> String {
    let encoded = format!("part={}", part.replace('+', "%2B").replace('&', "%26"));
    let mut parts = url::form_urlencoded::parse(encoded.as_bytes());
    parts.next().map(|(_, part)| part.into_owned()).unwrap_or_default()
}
