//! `/api/v1/sources/{name}/catch-up`: plays of a server's own history.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::live::Change;
use crate::operations::catch_up;
use crate::operations::catch_up::MAX_DAYS;
use crate::web::api::context::Api;
use crate::web::api::extract::{OptionalJson, Path, Query};
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// How far back the history is read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CatchUpRequest {
    /// Days, 1 to 3650; 7 unless said.
    #[schema(example = 7, minimum = 1, maximum = 3650)]
    days: Option<i64>,
}

/// Whether something is only looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DryRun {
    /// Only look: nothing is changed.
    #[serde(default)]
    #[param(example = true)]
    pub(crate) dry_run: bool,
}

/// A play of a server's history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryPlayView {
    /// When it was watched.
    at: Timestamp,
    /// The user, in words.
    user: String,
    /// The title, in words.
    item: String,
    /// Whether a play of it is known that this is.
    known: bool,
    /// The code of the rule that leaves it out; absent where it is not left out.
    left_out: Option<String>,
}

/// What a history has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CatchUpView {
    /// The oldest first.
    plays: Vec<HistoryPlayView>,
    /// Whether they were entered: what is known already counts once.
    entered: bool,
}

/// Reads a source's history and enters it; with `dry_run=true` it is only shown.
#[utoipa::path(
    post,
    path = "/api/v1/sources/{name}/catch-up",
    tag = "sources",
    params(("name" = String, Path, description = "The source's name", example = "home"), DryRun),
    request_body = Option<CatchUpRequest>,
    responses((status = 200, body = CatchUpView), Problems)
)]
pub(crate) async fn run(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Query(DryRun { dry_run }): Query<DryRun>,
    OptionalJson(request): OptionalJson<CatchUpRequest>,
) -> Result<Json<CatchUpView>, Problem> {
    let days = request.days.unwrap_or(7);
    if !(1..=MAX_DAYS).contains(&days) {
        let detail = format!("`days` is {days}; expected 1 to {MAX_DAYS}");
        return Err(Problem::new(ProblemCode::Invalid, detail, ""));
    }
    let _turn = api.limits.examinations.acquire().await;
    let publish = |state, detail| {
        let about = name.clone();
        api.live.publish(Change::Job { job: "catch-up", about, state, detail });
    };
    publish("running", None);
    let report = catch_up::run(&api.app(), &name, days, !dry_run).await;
    match &report {
        Ok(report) => publish("done", Some(format!("{} plays", report.plays.len()))),
        Err(error) => publish("failed", Some(error.to_string())),
    }
    let report = report?;
    let plays = report.plays.into_iter().map(|play| HistoryPlayView {
        at: play.at,
        user: play.user,
        item: play.item,
        known: play.known,
        left_out: play.left_out,
    });
    Ok(Json(CatchUpView { plays: plays.collect(), entered: report.entered }))
}
