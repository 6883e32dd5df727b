//! Our own HTTP, as the library for OpenID Connect wants it: checked addresses, no redirects, limited answers.

use std::pin::Pin;
use std::sync::Arc;

use openidconnect::{HttpRequest, HttpResponse};
use playrelay_plugin_host::http::Reach;
use playrelay_plugin_host::http::client::{HttpClient, REQUEST_TIMEOUT};
use playrelay_plugin_host::http::message::{HttpError, Request};
use url::Url;

/// The largest answer of a provider. Bytes.
const MAX_ANSWER: usize = 1 << 20;

/// An answer that is on its way.
type Pending = Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send>>;

/// Sends what the library asks for.
pub(super) fn transport(wire: &HttpClient) -> impl Fn(HttpRequest) -> Pending + use<> {
    let wire = Arc::new(wire.clone());
    move |request| {
        let wire = Arc::clone(&wire);
        Box::pin(async move { send(&wire, request).await })
    }
}

/// Why a provider gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The request failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The request of the library cannot be sent.
    #[error("the request cannot be made: {0}")]
    Request(String),
}

async fn send(wire: &HttpClient, request: HttpRequest) -> Result<HttpResponse, TransportError> {
    let (head, body) = request.into_parts();
    let url =
        Url::parse(&head.uri.to_string()).map_err(|error| TransportError::Request(error.to_string()))?;
    let headers = head
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let request = Request {
        method: head.method,
        url,
        headers: headers.collect(),
        body: (!body.is_empty()).then_some(body),
        timeout: REQUEST_TIMEOUT,
    };
    let answer = wire.send(request, Reach::Anywhere, MAX_ANSWER).await?;
    let mut response = axum::http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(answer.body).map_err(|error| TransportError::Request(error.to_string()))
}
