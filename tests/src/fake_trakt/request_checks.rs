//! What Trakt refuses: missing headers, a wrong app, an expired login, more than one write a second.

use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use crate::fake_trakt::world::{CLIENT_ID, World};
use crate::service::{RequestCheck, header};

impl RequestCheck for World {
    fn check(&mut self, request: &Parts, now: Timestamp) -> Option<Response> {
        if header(request, "user-agent").is_empty() {
            return Some((StatusCode::FORBIDDEN, "error code: 1010").into_response());
        }
        let writes = request.method != Method::GET;
        if writes && !header(request, "content-type").starts_with("application/json") {
            return Some(StatusCode::PRECONDITION_FAILED.into_response());
        }
        if request.uri.path().starts_with("/oauth/") {
            return None;
        }
        if header(request, "trakt-api-key") != CLIENT_ID || header(request, "trakt-api-version") != "2" {
            return Some(StatusCode::FORBIDDEN.into_response());
        }
        let token = header(request, "authorization").strip_prefix("Bearer ").unwrap_or_default();
        if self.logins.access.as_deref() != Some(token) {
            return Some(StatusCode::UNAUTHORIZED.into_response());
        }
        if !writes {
            return None;
        }
        // A network is not a metronome: what was sent a second apart may arrive a little closer.
        let too_soon =
            self.last_write.is_some_and(|last| now.duration_since(last) < SignedDuration::from_millis(900));
        if too_soon {
            self.too_fast += 1;
            return Some((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")]).into_response());
        }
        self.last_write = Some(now);
        None
    }
}
