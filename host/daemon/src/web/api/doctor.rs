//! `/api/v1/doctor`: tests each source and tracker over the network.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::doctor;
use crate::doctor::{Finding, Severity};
use crate::web::api::context::Api;
use crate::web::api::problem::{Problem, Problems};

/// Something that the doctor found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FindingView {
    /// The account, or what else it is about.
    #[schema(example = "home")]
    about: String,
    /// The name of the check. It does not change.
    #[schema(example = "login")]
    check: &'static str,
    /// `ok`, `note` or `error`.
    #[schema(example = "ok")]
    level: &'static str,
    /// The finding, one sentence.
    text: String,
    /// What helps; absent where nothing is wrong.
    remedy: Option<String>,
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        let level = match finding.level {
            Severity::Ok => "ok",
            Severity::Note => "note",
            Severity::Error => "error",
        };
        Self { about: finding.about, check: finding.check, level, text: finding.text, remedy: finding.remedy }
    }
}

/// What the doctor found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Examination {
    /// First what is common to all, then by account.
    items: Vec<FindingView>,
}

/// Tests each source and tracker over the network, and says what helps where something is wrong.
#[utoipa::path(
    get,
    path = "/api/v1/doctor",
    tag = "operations",
    responses((status = 200, body = Examination), Problems)
)]
pub(crate) async fn examine(State(api): State<Arc<Api>>) -> Result<Json<Examination>, Problem> {
    let _turn = api.limits.examinations.acquire().await;
    let findings = doctor::examine(&api.app()).await?;
    Ok(Json(Examination { items: findings.into_iter().map(FindingView::from).collect() }))
}
