//! `http`

use std::sync::MutexGuard;
use std::time::Duration;

use playrelay_util::lock::lock;
use reqwest::Method;
use url::Url;

use crate::bindings::playrelay::plugin::http::{self as contract, Body, Error, Field, Host};
use crate::call_state::{CallState, CallTrace};
use crate::http::RequestPurpose;
use crate::http::client::REQUEST_TIMEOUT;
use crate::http::message::{HttpError, Request, Response};
use crate::placeholders::MAX_CAPTURES;
use crate::recording::host_calls::host_call;
use crate::text;

/// A guest may set this many headers.
const HEADERS: usize = 64;

impl Host for CallState {
    async fn send(
        &mut self,
        request: contract::Request,
    ) -> wasmtime::Result<Result<contract::Response, Error>> {
        host_call!(self, "http.send", (&request,), self.send_request(request).await)
    }
}

impl CallState {
    /// Sends a request, as the contract promises it.
    async fn send_request(&mut self, mut request: contract::Request) -> Result<contract::Response, Error> {
        let Some(account) = self.context.account.clone() else {
            return Err(Error::Denied("dry run: network access is disabled".to_owned()));
        };
        let denied = |reason: String| {
            account.outbound.denied("http", &reason);
            Err(Error::Denied(reason))
        };
        let Some(left) = self.context.requests_left.checked_sub(1) else {
            let is_pure = self.context.kv.is_none();
            return match is_pure {
                true => denied("this call may send no requests".to_owned()),
                false => {
                    account.outbound.denied("http", "more requests than such a call may send");
                    Err(Error::TooManyRequests)
                }
            };
        };
        self.context.requests_left = left;
        let captures: Vec<(String, String)> = std::mem::take(&mut request.captures)
            .into_iter()
            .map(|capture| (capture.pointer, capture.secret))
            .collect();
        if !captures.is_empty() && !self.context.is_login {
            return denied("answers are captured in logins only".to_owned());
        }
        if captures.len() > MAX_CAPTURES {
            return denied(format!("a request may capture {MAX_CAPTURES} values"));
        }
        let mut request = match read(request) {
            Ok(request) => request,
            Err(reason) => return denied(reason),
        };
        let (method, shown) = (request.method.clone(), shown(&request.url));
        let writes = method != Method::GET;
        // Until it is known what became of a write it may have been applied, also where this call never comes back.
        let before = self.trace().uncertain;
        self.trace().uncertain |= writes;
        let placeholders = self.context.placeholders.clone();
        if let Some(placeholders) = &placeholders
            && let Err(reason) = placeholders.substitute(&mut request)
        {
            return denied(reason);
        }
        let purpose =
            if self.context.is_login { RequestPurpose::LoginByPlugin } else { RequestPurpose::Plugin };
        let mut answer = account.outbound.send(request, purpose).await;
        if let (Some(placeholders), Ok(answer)) = (&placeholders, &mut answer) {
            match captures.is_empty() {
                true => placeholders.redact(answer),
                false => placeholders.capture(answer, &captures),
            }
        }
        let mut trace = self.trace();
        match &answer {
            Ok(response) => {
                trace.was_answered = true;
                // A refusal is certain; a success is until the guest says that it understood it.
                if (300..500).contains(&response.status) {
                    trace.uncertain = before;
                }
                trace.requests.push(format!("{method} {shown} gave {}", response.status));
            }
            Err(error) => {
                if matches!(
                    error,
                    HttpError::Denied(_)
                        | HttpError::NotLoggedIn(_)
                        | HttpError::Unreachable(_)
                        | HttpError::Quota { .. }
                ) {
                    trace.uncertain = before;
                }
                if let HttpError::NotLoggedIn(reason) = error {
                    trace.login_needed = Some(reason.clone());
                }
                if let HttpError::Quota { until, reason } = error {
                    trace.quota = Some((*until, reason.clone()));
                }
                trace.requests.push(format!("{method} {shown} failed: {error}"));
            }
        }
        drop(trace);
        answer.map(write).map_err(|error| match error {
            HttpError::Denied(reason) | HttpError::NotLoggedIn(reason) | HttpError::Quota { reason, .. } => {
                Error::Denied(reason)
            }
            HttpError::Unreachable(reason) => Error::Unreachable(reason),
            HttpError::Interrupted(reason) => Error::Interrupted(reason),
            HttpError::TooLarge(_) => Error::TooLarge,
        })
    }

    fn trace(&self) -> MutexGuard<'_, CallTrace> {
        lock(&self.context.trace)
    }
}

fn read(request: contract::Request) -> Result<Request, String> {
    if request.headers.len() > HEADERS {
        return Err(format!("more than {HEADERS} headers"));
    }
    Ok(Request {
        method: match request.method {
            contract::Method::Get => Method::GET,
            contract::Method::Post => Method::POST,
            contract::Method::Put => Method::PUT,
            contract::Method::Patch => Method::PATCH,
            contract::Method::Delete => Method::DELETE,
        },
        url: Url::parse(&request.url).map_err(|error| format!("the URL was refused: {error}"))?,
        headers: request
            .headers
            .into_iter()
            .map(|field| (field.name.to_ascii_lowercase(), field.value))
            .collect(),
        body: match request.body {
            Body::None => None,
            Body::Text(text) => Some(text.into_bytes()),
            Body::Bytes(bytes) => Some(bytes),
        },
        timeout: request.timeout_ms.map_or(REQUEST_TIMEOUT, |ms| Duration::from_millis(ms.into())),
    })
}

fn write(response: Response) -> contract::Response {
    contract::Response {
        status: response.status,
        headers: response.headers.into_iter().map(|(name, value)| Field { name, value }).collect(),
        body: match String::from_utf8(response.body) {
            Ok(text) if text.is_empty() => Body::None,
            Ok(text) => Body::Text(text),
            Err(error) => Body::Bytes(error.into_bytes()),
        },
    }
}

/// A URL without its query, which can hold secrets.
fn shown(url: &Url) -> String {
    text::cut(&format!("{}{}", url.origin().ascii_serialization(), url.path()), text::KEY)
}
