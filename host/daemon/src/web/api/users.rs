//! `/api/v1/users`: users of the servers, and where their plays go.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use playrelay_engine::routing::users::{KnownUser, UserDecision};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::operations::users;
use crate::web::api::context::Api;
use crate::web::api::extract;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, Problems};

/// A user of a server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    /// The id, to decide; absent for a user whom a route mentions.
    #[schema(example = "0f3a1b2c4d5e6f708192")]
    id: Option<String>,
    /// The source.
    #[schema(example = "home")]
    source: String,
    /// The name or id, in words.
    #[schema(example = "sean")]
    user: String,
    /// `held`, `ignored`, `assigned`, or `routed` where a route mentions the user.
    #[schema(example = "held")]
    decision: &'static str,
    /// The trackers of their plays.
    trackers: Vec<String>,
    /// When they were last seen.
    last_seen: Timestamp,
    /// What they watched last, in words.
    #[schema(example = "Night Train (2011)")]
    last_item: String,
}

impl From<&KnownUser> for UserView {
    fn from(user: &KnownUser) -> Self {
        let (decision, trackers) = match &user.decision {
            UserDecision::Held => ("held", Vec::new()),
            UserDecision::Ignored => ("ignored", Vec::new()),
            UserDecision::Assigned { trackers, .. } => ("assigned", trackers.clone()),
        };
        Self {
            id: Some(users::id_of(user)),
            source: user.source.clone(),
            user: user.user.to_string(),
            decision,
            trackers,
            last_seen: user.last_seen,
            last_item: user.last_item.clone(),
        }
    }
}

/// All users that were seen.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Users {
    /// Those of whom it is to be decided or was decided, then those whom a route mentions; each seen last first.
    items: Vec<UserView>,
}

/// Where a user's plays go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Assignment {
    /// Trackers to which a route leads from the user's source: at least one.
    #[schema(example = json!(["bob"]), min_items = 1)]
    trackers: Vec<String>,
    /// Do not send what was held.
    #[serde(default)]
    from_now: bool,
}

/// All users that were seen, and where their plays go.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "users",
    responses((status = 200, body = Users), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<Json<Users>, Problem> {
    let app = api.app();
    let known = app.store.users().await?;
    let mut items: Vec<UserView> = known.iter().map(UserView::from).collect();
    let routed = users::routed(&*app.store, &app.config).await?;
    items.extend(routed.into_iter().map(|user| UserView {
        id: None,
        source: user.source,
        user: user.user.to_string(),
        decision: "routed",
        trackers: user.trackers,
        last_seen: user.last_seen,
        last_item: user.last_item,
    }));
    Ok(Json(Users { items }))
}

/// Sends a user's plays to trackers: those too that were held, unless `from_now`.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/assign",
    tag = "users",
    params(("id" = String, Path, description = "The id, as the list has it", example = "0f3a1b2c4d5e6f708192")),
    request_body = Assignment,
    responses((status = 200, body = UserView), Problems)
)]
pub(crate) async fn assign(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
    extract::Json(assignment): extract::Json<Assignment>,
) -> Result<Json<UserView>, Problem> {
    let app = api.app();
    let user = find(&api, &id).await?;
    users::assign(&*app.store, &app.config, &user, &assignment.trackers, assignment.from_now).await?;
    find(&api, &id).await.map(|user| Json(UserView::from(&user)))
}

/// Sends nothing for a user.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/ignore",
    tag = "users",
    params(("id" = String, Path, description = "The id, as the list has it", example = "0f3a1b2c4d5e6f708192")),
    responses((status = 200, body = UserView), Problems)
)]
pub(crate) async fn ignore(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<UserView>, Problem> {
    let user = find(&api, &id).await?;
    users::ignore(&*api.store(), &user).await?;
    find(&api, &id).await.map(|user| Json(UserView::from(&user)))
}

/// Takes an assignment back: the user's plays are held again. What was sent stays sent.
#[utoipa::path(
    post,
    path = "/api/v1/users/{id}/unassign",
    tag = "users",
    params(("id" = String, Path, description = "The id, as the list has it", example = "0f3a1b2c4d5e6f708192")),
    responses((status = 200, body = UserView), Problems)
)]
pub(crate) async fn unassign(
    State(api): State<Arc<Api>>,
    Path(id): Path<String>,
) -> Result<Json<UserView>, Problem> {
    let user = find(&api, &id).await?;
    users::unassign(&*api.store(), &user).await?;
    find(&api, &id).await.map(|user| Json(UserView::from(&user)))
}

async fn find(api: &Api, id: &str) -> Result<KnownUser, Problem> {
    let known = api.store().users().await?;
    let user = known.into_iter().find(|user| users::id_of(user) == id);
    user.ok_or_else(|| Problem::not_found(format!("there is no user {id:?}"), "/api/v1/users lists them"))
}
