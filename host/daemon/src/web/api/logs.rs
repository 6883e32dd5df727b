//! `/api/v1/logs` and `/api/v1/log-levels`: the newest lines of the log, and what is logged.

use axum::Json;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tracing::Level;
use utoipa::{IntoParams, ToSchema};

use crate::logging::line::LogLine;
use crate::logging::ring::LineFilter;
use crate::logging::{self, Log};
use crate::web::api::extract;
use crate::web::api::extract::Query;
use crate::web::api::paging::limit;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// Which lines are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Those of this level, and graver ones: `error`, `warn`, `info`, `debug`, `trace`.
    #[param(example = "warn", pattern = "^(error|warn|info|debug|trace)$")]
    level: Option<String>,
    /// Those of modules that begin so.
    #[param(example = "playrelay")]
    module: Option<String>,
    /// Those of this source or tracker.
    #[param(example = "home")]
    account: Option<String>,
    /// Those of this event.
    #[param(example = 1)]
    event: Option<i64>,
    /// Those with this text, in any case.
    text: Option<String>,
    /// Those before this one: `next` of the answer before.
    before: Option<i64>,
    /// At most so many, 1 to 500.
    #[param(example = 20, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A line of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Line {
    /// The id; grows by one with each line since the start.
    #[schema(minimum = 0)]
    id: u64,
    /// When it was logged.
    at: Timestamp,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    level: &'static str,
    /// The part of the program.
    #[schema(example = "playrelay::delivery::worker")]
    module: String,
    /// The text.
    message: String,
    /// The values that stand in the line: pairs of name and value.
    fields: Vec<(String, String)>,
    /// The event that the line belongs to; absent where it belongs to none.
    event: Option<i64>,
}

impl From<&LogLine> for Line {
    fn from(line: &LogLine) -> Self {
        Self {
            id: line.id,
            at: line.at,
            level: line.level,
            module: line.module.clone(),
            message: line.message.clone(),
            fields: line.fields.clone(),
            event: line.event,
        }
    }
}

/// Lines of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Lines {
    /// The newest first.
    items: Vec<Line>,
    /// `before` of the next page; absent on the last one.
    next: Option<u64>,
}

/// What is logged.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogLevels {
    /// A level, alone or for a part of the program, with commas between.
    #[schema(example = "info,playrelay::delivery=debug")]
    filter: String,
}

/// The newest lines of the log, up to 5,000.
#[utoipa::path(
    get,
    path = "/api/v1/logs",
    tag = "operations",
    params(Filter),
    responses((status = 200, body = Lines), Problems)
)]
pub(crate) async fn list(Query(query): Query<Filter>) -> Result<Json<Lines>, Problem> {
    let limit = limit(query.limit)? as usize;
    let level = match &query.level {
        None => None,
        Some(name) => Some(name.parse::<Level>().map_err(|_| {
            let detail = format!("`level` is {name:?}; expected one of error, warn, info, debug, trace");
            Problem::new(ProblemCode::InvalidRequest, detail, "")
        })?),
    };
    let filter = LineFilter {
        level,
        module: query.module,
        text: query.text,
        account: query.account,
        event: query.event,
        before: query.before.map(|id| u64::try_from(id).unwrap_or(0)),
    };
    let lines = log()?.ring.lines(&filter, limit);
    let next = lines.last().filter(|_| lines.len() == limit).map(|last| last.id);
    Ok(Json(Lines { items: lines.iter().map(|line| Line::from(&**line)).collect(), next }))
}

/// What is logged now.
#[utoipa::path(
    get,
    path = "/api/v1/log-levels",
    tag = "operations",
    responses((status = 200, body = LogLevels), Problems)
)]
pub(crate) async fn levels() -> Result<Json<LogLevels>, Problem> {
    Ok(Json(LogLevels { filter: log()?.filter() }))
}

/// Changes what is logged, until the daemon ends.
#[utoipa::path(
    put,
    path = "/api/v1/log-levels",
    tag = "operations",
    request_body = LogLevels,
    responses((status = 200, body = LogLevels), Problems)
)]
pub(crate) async fn set_levels(
    extract::Json(levels): extract::Json<LogLevels>,
) -> Result<Json<LogLevels>, Problem> {
    let log = log()?;
    log.set_filter(&levels.filter)
        .map_err(|error| Problem::new(ProblemCode::Invalid, error.to_string(), ""))?;
    tracing::info!(filter = levels.filter, "what is logged was changed");
    Ok(Json(LogLevels { filter: log.filter() }))
}

/// The log of this process.
pub(in crate::web) fn log() -> Result<&'static Log, Problem> {
    logging::log().ok_or_else(|| Problem::not_found("the program around Playrelay keeps the log", ""))
}
