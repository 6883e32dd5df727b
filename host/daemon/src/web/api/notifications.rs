//! `/api/v1/notifications`: who tells people what they have to know.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use crate::operations::notifications;
use crate::operations::notifications::NotificationReport;
use crate::web::api::context::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, Problems};

/// Who sends notifications, how that went, and what needs a person now.
#[utoipa::path(
    get,
    path = "/api/v1/notifications",
    tag = "operations",
    responses((status = 200, body = NotificationReport), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<Json<NotificationReport>, Problem> {
    Ok(Json(notifications::report(&api.app()).await?))
}

/// Sends a test through one notifier, at once, also in quiet hours.
#[utoipa::path(
    post,
    path = "/api/v1/notifications/{notifier}/test",
    tag = "operations",
    params(("notifier" = String, Path, description = "The name in the configuration; `email` for `[notify.email]`", example = "phone")),
    responses((status = 204, description = "The service took it."), Problems)
)]
pub(crate) async fn test(
    State(api): State<Arc<Api>>,
    Path(notifier): Path<String>,
) -> Result<StatusCode, Problem> {
    notifications::send_test(&api.app(), &notifier).await?;
    Ok(StatusCode::NO_CONTENT)
}
