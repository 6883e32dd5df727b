//! The login, and the logout.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use maud::html;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use crate::web::access::principal::Identity;
use crate::web::access::sessions;
use crate::web::access::sessions::SessionError;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::api::{Api, session_problem};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout::{self, local_path};
use crate::web::pages::parts::icon;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The path to go on to.
    #[serde(default)]
    next: String,
}

/// The form.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    if api.access.needs_setup().await? {
        return layout::see_other(&context, "/welcome");
    }
    if context.principal.is_some() {
        return layout::see_other(&context, &local_path(&asked.next));
    }
    Ok(form(&api, &context, &asked.next, None, StatusCode::OK))
}

fn form(api: &Api, context: &Context, next: &str, complaint: Option<&str>, status: StatusCode) -> Response {
    let oidc = api.access.config().oidc.is_some();
    let next = local_path(next);
    let body = html! {
        form.card.padded.stack method="post" action={ (context.href("/login?next=")) (byte_serialize(next.as_bytes()).collect::<String>()) } {
            h1 { "Log in" }
            @if let Some(complaint) = complaint { p.bad role="alert" { (complaint) } }
            label { "Name" input name="name" autocomplete="username" required autofocus; }
            label { "Password" input name="password" type="password" autocomplete="current-password" required; }
            button.button.primary { (icon(context, "log-in")) "Log in" }
            @if oidc { a.button href=(context.href("/api/v1/login/oidc")) { "Log in with your provider" } }
        }
    };
    layout::bare(context, "Log in", status, &body)
}

/// Logs a member in, and leads the browser to the page that they asked for.
pub(super) async fn log_in(
    State(api): State<Arc<Api>>,
    context: Context,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
    fields: Form,
) -> Result<Response, Problem> {
    let (name, password) = (fields.text("name"), fields.secret("password"));
    let member = match sessions::check_password(&api.access, &context.origin, &name, &password).await {
        Ok(member) => member,
        Err(SessionError::Wrong) => {
            let complaint = "The name or the password is wrong.";
            return Ok(form(&api, &context, &asked.next, Some(complaint), StatusCode::UNAUTHORIZED));
        }
        Err(error) => return Err(session_problem(error)),
    };
    let token = sessions::begin(&api.access, &member.name, &headers).await.map_err(session_problem)?;
    let cookie = sessions::set_cookie(&token, &context.origin, api.access.config().session_length);
    let cookie = cookie.ok_or_else(|| Problem::internal("the cookie cannot be written"))?;
    let mut answer = layout::see_other(&context, &local_path(&asked.next))?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(answer)
}

/// Ends the login of the request.
pub(super) async fn log_out(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    if let Some(Identity::Session { hash, .. }) =
        context.principal.as_ref().map(|principal| &principal.identity)
    {
        sessions::finish(&api.access, *hash).await?;
    }
    let cookie = sessions::clear_cookie(&context.origin);
    let cookie = cookie.ok_or_else(|| Problem::internal("the cookie cannot be written"))?;
    let mut answer = layout::see_other(&context, "/login")?;
    answer.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(answer)
}
