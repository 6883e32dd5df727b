//! Where help is: the doctor, the log, the API.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;

use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::icon;

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let choice = |path: &str, icon_name: &str, name: &str, text: &str| {
        html! {
            a.card.choice href=(context.href(path)) { h3 { (icon(&context, icon_name)) " " (name) } span.small.muted { (text) } }
        }
    };
    let body = html! {
        h1 { "Help" }
        div.choices.space {
            (choice("/doctor", "stethoscope", "Doctor", "Tests each source and tracker from end to end, and says what helps."))
            @if context.may(Permission::Admin) {
                (choice("/logs", "scroll-text", "Log", "The newest lines, with the event that each belongs to."))
            }
            (choice("/history?show=inputs", "history", "Everything received", "Also what was ignored, with the rule that decided."))
            (choice("/api/docs", "book-open", "API", "For other programs: every address, with its fields."))
        }
        p.space.small.muted { "Press " kbd { "?" } " for the keys." }
    };
    layout::page(&api, &context, Page::new("Help", Place::Help), body).await
}
