//! Problems, as pages: a stranger is led to the login, everybody else reads what happened and what helps.

use axum::extract::Request;
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::Response;
use maud::{Markup, html};
use url::form_urlencoded::byte_serialize;

use crate::web::access::forwarded::Origin;
use crate::web::access::principal::Principal;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::layout;

/// The path of the stream: its reader is a script, which wants the status.
const STREAM: &str = "/live";

/// Turns the problems of pages into pages.
pub(super) async fn show(request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let (is_read, is_stream) = (request.method() == Method::GET, request.uri().path() == STREAM);
    let (origin, headers) = (request.extensions().get::<Origin>().cloned(), request.headers().clone());
    let mut answer = next.run(request).await;
    // A browser would ask for a password in a window of its own, also for what a script has asked for.
    answer.headers_mut().remove(header::WWW_AUTHENTICATE);
    let (Some(origin), Some(problem)) = (origin, answer.extensions().get::<Problem>().cloned()) else {
        return answer;
    };
    if is_stream {
        return answer;
    }
    let principal = answer.extensions().get::<Principal>().cloned();
    let context = Context::new(origin, principal, &headers, path.clone());
    if problem.code == ProblemCode::Unauthorized {
        let next: String = byte_serialize(if is_read { path.as_bytes() } else { b"/" }).collect();
        if let Ok(answer) = layout::see_other(&context, &format!("/login?next={next}")) {
            return answer;
        }
    }
    page(&context, &problem)
}

/// A problem, for people.
pub(super) fn page(context: &Context, problem: &Problem) -> Response {
    let body = html! {
        div.card.padded.stack {
            h1 { (problem.code.title()) }
            p { (problem.detail) "." }
            @if let Some(remedy) = &problem.remedy { p.muted { "What helps: " (remedy) "." } }
            (places(problem))
            p { a.button href=(context.href("/")) { "To the first page" } }
        }
    };
    layout::bare(context, problem.code.title(), problem.code.status(), &body)
}

/// The places of a problem, how the file has changed, and the text to enter by hand.
pub(super) fn places(problem: &Problem) -> Markup {
    html! {
        @if !problem.errors.is_empty() {
            ul.tight { @for error in &problem.errors { li { code { (error.place) } " " (error.text) } } }
        }
        @if let Some(file) = &problem.file {
            @if let Some(diff) = &file.diff { pre { (diff) } }
            @if let Some(paste) = &file.paste { p { "The text to paste:" } pre { (paste) } }
        }
    }
}
