//! `/api/v1/sources/{name}/catch-up`: plays of a server's own history.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use playrelay_store::JobState;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::jobs::spec::{HOUSEHOLD, JobSpec};
use crate::operations::catch_up::MAX_DAYS;
use crate::operations::{catch_up, jobs};
use crate::web::api::context::Api;
use crate::web::api::extract::{OptionalJson, Path, Query};
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// Between two looks at a job.
const LOOK: Duration = Duration::from_millis(50);
/// Longer than this no answer takes.
const LONGEST_WAIT: Duration = Duration::from_secs(50);

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
    let mut report = catch_up::run(&api.app(), &name, days, false).await?;
    if !dry_run {
        let id = api.jobs.add(HOUSEHOLD, &JobSpec::CatchUp { source: name.clone(), days }).await?;
        report.entered = wait_for(&api, id).await?;
    }
    let plays = report.plays.into_iter().map(|play| HistoryPlayView {
        at: play.at,
        user: play.user,
        item: play.item,
        known: play.known,
        left_out: play.left_out,
    });
    Ok(Json(CatchUpView { plays: plays.collect(), entered: report.entered }))
}

/// Waits until a job is done. False where it goes on for longer than an answer may take.
///
/// # Errors
///
/// Fails where the job did.
async fn wait_for(api: &Api, id: i64) -> Result<bool, Problem> {
    let end = Instant::now() + LONGEST_WAIT;
    while Instant::now() < end {
        let job = jobs::find(&api.store(), id).await?;
        match job.state {
            JobState::Done => return Ok(true),
            state if state.is_active() => tokio::time::sleep(LOOK).await,
            _ => {
                let detail = job.message.unwrap_or_default();
                return Err(Problem::new(ProblemCode::Upstream, detail, "look at the job"));
            }
        }
    }
    Ok(false)
}
