//! The first start: the code that `playrelay serve` prints, a name and a password.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use maud::html;

use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::api::{Api, add_first_member};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::setup::{Step, steps};

/// What somebody has typed, and what was wrong with it.
#[derive(Default)]
struct Typed {
    code: String,
    name: String,
    complaint: Option<String>,
}

/// The form.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    if !api.access.needs_setup().await? {
        return layout::see_other(&context, "/");
    }
    Ok(form(&context, &Typed::default(), StatusCode::OK))
}

fn form(context: &Context, typed: &Typed, status: StatusCode) -> Response {
    let body = html! {
        (steps(context, Step::Password, [false; 4]))
        form.card.padded.stack method="post" action=(context.href("/welcome")) {
            h1 { "Welcome" }
            p.muted { "Whoever reads the daemon's output owns it: " code { "playrelay serve" } " printed a code. In a container it is in the log." }
            @if let Some(complaint) = &typed.complaint { p.bad role="alert" { (complaint) } }
            label { "Code" input.mono name="code" value=(typed.code) placeholder="K7QF-93MD" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" required autofocus; }
            label { "Your name" input name="name" value=(typed.name) autocomplete="username" maxlength="64" required; }
            label { "Password" input name="password" type="password" autocomplete="new-password" minlength="10" required;
                span.help { "10 letters or more; several words in a row are good." } }
            button.button.primary { "Go on" }
        }
    };
    layout::bare(context, "Welcome", status, &body)
}

/// Adds the first member, and goes on with the set-up.
pub(super) async fn finish(
    State(api): State<Arc<Api>>,
    context: Context,
    headers: HeaderMap,
    fields: Form,
) -> Result<Response, Problem> {
    let (code, name) = (fields.text("code"), fields.text("name"));
    let added =
        add_first_member(&api, &context.origin, &headers, &code, &name, fields.secret("password")).await;
    match added {
        Ok(cookie) => {
            let mut answer = layout::see_other(&context, "/setup")?;
            answer.headers_mut().append(header::SET_COOKIE, cookie);
            Ok(answer)
        }
        Err(problem) if matches!(problem.code, ProblemCode::Unauthorized | ProblemCode::Invalid) => {
            let remedy = problem.remedy.as_deref().map(|remedy| format!(": {remedy}")).unwrap_or_default();
            let complaint = Some(format!("{}{remedy}.", problem.detail));
            Ok(form(&context, &Typed { code, name, complaint }, problem.code.status()))
        }
        Err(problem) => Err(problem),
    }
}
