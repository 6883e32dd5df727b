//! `/api/v1/members`: people who may log in.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use playrelay_store::{Member, Role};
use playrelay_util::clock;
use playrelay_util::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::web::access::passwords;
use crate::web::access::principal::Principal;
use crate::web::api::context::Api;
use crate::web::api::extract::{Json, Path};
use crate::web::api::idempotency::Claimed;
use crate::web::api::problem::{Problem, ProblemCode, Problems};

/// Letters of a name.
const MAX_NAME: usize = 64;

/// A person who may log in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MemberView {
    /// The name.
    #[schema(example = "ada")]
    name: String,
    /// `admin` or `viewer`.
    #[schema(example = "viewer")]
    role: &'static str,
    /// Whether they log in with a password here; others do at an OpenID provider.
    has_password: bool,
    /// When they were added.
    created_at: Timestamp,
}

impl From<Member> for MemberView {
    fn from(member: Member) -> Self {
        Self {
            name: member.name,
            role: member.role.as_str(),
            has_password: member.password.is_some(),
            created_at: member.created_at,
        }
    }
}

/// All people who may log in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Members {
    /// By name.
    items: Vec<MemberView>,
}

/// A role.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleName {
    /// Sees and changes the own library only: that of the person of the same name.
    Person,
    /// Sees everything but secrets and raw requests, and changes nothing.
    Viewer,
    /// May do everything.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Person => Self::Person,
            RoleName::Viewer => Self::Viewer,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// A person to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMember {
    /// The name to log in with.
    #[schema(example = "mia", min_length = 1, max_length = 64)]
    name: String,
    /// The role.
    role: RoleName,
    /// The password: 10 letters or more.
    #[schema(example = "five words in a row", min_length = 10)]
    password: String,
}

/// A change of a member. What is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberChange {
    /// The role.
    role: Option<RoleName>,
    /// The password.
    #[schema(example = "six words in a row", min_length = 10)]
    password: Option<String>,
}

/// All people who may log in.
#[utoipa::path(
    get,
    path = "/api/v1/members",
    tag = "access",
    responses((status = 200, body = Members), Problems)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>) -> Result<axum::Json<Members>, Problem> {
    let members = api.store().members().await?;
    Ok(axum::Json(Members { items: members.into_iter().map(MemberView::from).collect() }))
}

/// Adds a person who may log in.
#[utoipa::path(
    post,
    path = "/api/v1/members",
    tag = "access",
    request_body = NewMember,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request harmless", min_length = 1, max_length = 200, pattern = "^[!-~]+$", example = "a1")),
    responses((status = 201, body = MemberView), Problems)
)]
pub(crate) async fn add(
    State(api): State<Arc<Api>>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Json(new): Json<NewMember>,
) -> Result<Response, Problem> {
    let request = (&new.name, new.role, &new.password);
    let claim = match api.limits.idempotency.claim(&headers, &principal, "/api/v1/members", &request)? {
        Claimed::Answered(body) => return Ok((StatusCode::CREATED, axum::Json(body)).into_response()),
        Claimed::First(claim) => claim,
    };
    check_name(&new.name)?;
    let password = Secret::new(new.password.clone());
    check_password(&password, &new.name)?;
    let member = Member {
        name: new.name.clone(),
        role: new.role.into(),
        password: Some(hash_password(&api, &password).await?),
        subject: None,
        created_at: clock::now(),
    };
    if !api.store().add_member(member.clone()).await? {
        let detail = format!("there is a member {:?} already", new.name);
        return Err(Problem::new(ProblemCode::Conflict, detail, "choose another name"));
    }
    api.access.setup_code().end();
    let view = MemberView::from(member);
    claim.answer(&view);
    Ok((StatusCode::CREATED, axum::Json(view)).into_response())
}

/// Changes the role or the password of a member. Their logins end.
#[utoipa::path(
    patch,
    path = "/api/v1/members/{name}",
    tag = "access",
    params(("name" = String, Path, description = "The member's name", example = "mia")),
    request_body = MemberChange,
    responses((status = 200, body = MemberView), Problems)
)]
pub(crate) async fn change(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Json(change): Json<MemberChange>,
) -> Result<axum::Json<MemberView>, Problem> {
    let mut member = api.store().member(&name).await?.ok_or_else(|| unknown(&name))?;
    if let Some(role) = change.role {
        member.role = role.into();
    }
    if let Some(password) = change.password.map(Secret::new) {
        check_password(&password, &name)?;
        member.password = Some(hash_password(&api, &password).await?);
    }
    if !api.store().change_member(member.clone(), None).await? {
        return Err(last_admin(&name));
    }
    api.access.revoke();
    Ok(axum::Json(member.into()))
}

/// Removes a member. Their logins end.
#[utoipa::path(
    delete,
    path = "/api/v1/members/{name}",
    tag = "access",
    params(("name" = String, Path, description = "The member's name", example = "mia")),
    responses((status = 204, description = "The member is removed"), Problems)
)]
pub(crate) async fn remove(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    if api.store().member(&name).await?.is_none() {
        return Err(unknown(&name));
    }
    if !api.store().remove_member(&name).await? {
        return Err(last_admin(&name));
    }
    api.access.revoke();
    Ok(StatusCode::NO_CONTENT)
}

/// Whether a name may be that of a member.
pub(crate) fn check_name(name: &str) -> Result<(), Problem> {
    let letters = name.chars().count();
    let is_name = (1..=MAX_NAME).contains(&letters)
        && name.trim() == name
        && !name.chars().any(|letter| letter.is_control() || letter == '/');
    match is_name {
        true => Ok(()),
        false => Err(Problem::new(
            ProblemCode::Invalid,
            "the name cannot be taken",
            format!("choose one of 1 to {MAX_NAME} letters without a slash, and without blanks around it"),
        )),
    }
}

fn check_password(password: &Secret, name: &str) -> Result<(), Problem> {
    passwords::check_new(password, name)
        .map_err(|error| Problem::new(ProblemCode::Invalid, error.to_string(), ""))
}

/// The hash of a password.
pub(crate) async fn hash_password(api: &Api, password: &Secret) -> Result<String, Problem> {
    let hash = passwords::hash(password, &api.access.password_check).await;
    hash.map_err(|error| Problem::internal(error.to_string()))
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no member {name:?}"), "/api/v1/members lists them")
}

fn last_admin(name: &str) -> Problem {
    let detail = format!("{name:?} is the last member with the role admin");
    Problem::new(ProblemCode::Conflict, detail, "give another member the role admin first")
}
