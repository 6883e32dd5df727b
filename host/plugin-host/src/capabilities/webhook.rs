//! `webhook`

use jiff::Timestamp;
use playrelay_engine::model::Report;
use serde::{Deserialize, Serialize};
use wasmtime::Store;

use crate::bindings::exports::playrelay::plugin::webhook::{Guest, Request};
use crate::bindings::playrelay::plugin::reports;
use crate::bindings::playrelay::plugin::types::Field;
use crate::call_state::CallState;
use crate::capabilities::capability::Capability;
use crate::fault::{Fault, FaultKind};
use crate::limits::{Budget, MAX_REPORTS, SESSIONS};
use crate::recording::functions::guest_call;
use crate::{convert, text};

/// Turns a webhook into reports.
pub enum Webhook {}

/// A webhook as it was received, split where it was a form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookRequest {
    /// In lower case, without parameters.
    pub media_type: String,
    /// Names in lower case; without credentials and cookies.
    pub headers: Vec<(String, String)>,
    /// Without the token.
    pub query: Vec<(String, String)>,
    /// The text parts of a form.
    pub form: Vec<(String, String)>,
    /// The body where it is not a form.
    pub body: String,
}

/// The input of [`Webhook`].
pub struct WebhookInput {
    /// The request.
    pub request: WebhookRequest,
    /// When it was received, UTC.
    pub received_at: Timestamp,
    /// The source's name: the id of the server if the server gives none.
    pub source: String,
}

/// The reason why a message gave no reports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not what it claims to be.
    #[error("{0}")]
    Malformed(String),
    /// Of a form that the plugin does not know.
    #[error("{0}")]
    Unsupported(String),
}

impl From<reports::ParseError> for ParseError {
    fn from(error: reports::ParseError) -> Self {
        match error {
            reports::ParseError::Malformed(detail) => Self::Malformed(text::cut(&detail, text::WORDS)),
            reports::ParseError::Unsupported(detail) => Self::Unsupported(text::cut(&detail, text::WORDS)),
        }
    }
}

/// Reports as a guest gave them, unless there are too many.
pub(super) fn read(
    reports: Vec<reports::Report>,
    source: &str,
    received_at: Timestamp,
) -> wasmtime::Result<Vec<Report>> {
    if reports.len() > MAX_REPORTS {
        let text = format!("it returned {} reports; {MAX_REPORTS} are allowed", reports.len());
        return Err(Fault::new(FaultKind::Output, text).into());
    }
    let sessions = |report: &reports::Report| match report {
        reports::Report::Snapshot(snapshot) => snapshot.sessions.len(),
        _ => 0,
    };
    let sessions: usize = reports.iter().map(sessions).sum();
    if sessions > SESSIONS {
        let text = format!("it listed {sessions} sessions; {SESSIONS} are allowed");
        return Err(Fault::new(FaultKind::Output, text).into());
    }
    Ok(reports.into_iter().map(|report| convert::report(report, source, received_at)).collect())
}

impl Capability for Webhook {
    type Interface = Guest;
    const BUDGET: Budget = Budget::PURE;
    type Input = WebhookInput;
    type Output = Result<Vec<Report>, ParseError>;

    fn size(input: &Self::Input) -> usize {
        let pairs = |pairs: &[(String, String)]| {
            pairs.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
        };
        let request = &input.request;
        request.body.len() + pairs(&request.form) + pairs(&request.query) + pairs(&request.headers)
    }

    async fn call(
        guest: &Guest,
        store: &mut Store<CallState>,
        input: Self::Input,
    ) -> wasmtime::Result<Self::Output> {
        let WebhookInput { request, received_at, source } = input;
        let fields = |pairs: Vec<(String, String)>| {
            pairs.into_iter().map(|(name, value)| Field { name, value }).collect::<Vec<_>>()
        };
        let request = Request {
            media_type: request.media_type,
            headers: fields(request.headers),
            query: fields(request.query),
            form: fields(request.form),
            body: request.body,
            received_at: received_at.to_string(),
        };
        match guest_call!(store, "webhook.parse", guest.call_parse(&request)) {
            Ok(reports) => Ok(Ok(read(reports, &source, received_at)?)),
            Err(error) => Ok(Err(error.into())),
        }
    }
}
