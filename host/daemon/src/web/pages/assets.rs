//! Styles, scripts and icons, with the digest of their bytes in their addresses, so that browsers may keep them for good.

use std::io::Write;
use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use playrelay_plugin_host::artifact::Digest;

use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;

/// What browsers keep for good.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// A file of the pages.
struct Asset {
    /// The name in the sources: `app.css`.
    name: &'static str,
    /// The name in addresses: `app.0f3a1b2c.css`.
    file: String,
    media_type: &'static str,
    bytes: &'static [u8],
    gzip: Vec<u8>,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    [
        ("app.css", "text/css; charset=utf-8", include_bytes!("assets/app.css").as_slice()),
        ("app.js", "text/javascript; charset=utf-8", include_bytes!("assets/app.js")),
        ("htmx.js", "text/javascript; charset=utf-8", include_bytes!("assets/htmx.js")),
        ("mark.svg", "image/svg+xml", include_bytes!("assets/mark.svg")),
        ("icons.svg", "image/svg+xml", include_bytes!("assets/icons.svg")),
    ]
    .map(|(name, media_type, bytes)| asset(name, media_type, bytes))
    .into()
});

fn asset(name: &'static str, media_type: &'static str, bytes: &'static [u8]) -> Asset {
    let digest = Digest::of(bytes);
    let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; if it did, the plain bytes are there.
    let gzip = encoder.write_all(bytes).and_then(|()| encoder.finish()).unwrap_or_default();
    Asset { name, file: format!("{stem}.{:.8}.{ending}", digest.as_str()), media_type, bytes, gzip }
}

/// The address of a file, below the base.
pub(super) fn address(base: &str, name: &str) -> String {
    let file = ASSETS.iter().find(|asset| asset.name == name).map_or(name, |asset| asset.file.as_str());
    format!("{base}/assets/{file}")
}

/// A file.
pub(super) async fn serve(headers: HeaderMap, Path(file): Path<String>) -> Result<Response, Problem> {
    let asset = ASSETS.iter().find(|asset| asset.file == file);
    let asset = asset.ok_or_else(|| {
        Problem::not_found(format!("there is no file {file:?}"), "load the page again: Playrelay was updated")
    })?;
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let is_gzip = accepts.is_some_and(|accepts| accepts.contains("gzip")) && !asset.gzip.is_empty();
    let body = if is_gzip { asset.gzip.as_slice() } else { asset.bytes };
    let mut answer = body.to_vec().into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::CACHE_CONTROL, IMMUTABLE);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// htmx 4.0.1 and hx-sse, as the package of npm has them.
    const HTMX: &str = "a3b292dc07a20dbad3d810ed957dc8fbf9ba9a1e0530e3dac6fdaccd32274658";

    #[test]
    fn the_script_of_others_is_the_one_that_was_looked_at() {
        assert_eq!(Digest::of(include_bytes!("assets/htmx.js")).as_str(), HTMX);
    }

    #[test]
    fn everything_that_a_page_loads_is_small() {
        let compressed: usize = ASSETS.iter().map(|asset| asset.gzip.len()).sum();
        assert!((1..40_000).contains(&compressed), "{compressed} bytes");
        assert!(address("/relay", "app.css").starts_with("/relay/assets/app."));
    }
}
