//! What the doctor finds.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use crate::doctor;
use crate::doctor::{Finding, Severity};
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::icon;

/// The page. Each load examines everything.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let turn = api.limits.examinations.acquire().await;
    let findings = doctor::examine(&api.app()).await?;
    drop(turn);
    let mut subjects: Vec<&str> = findings.iter().map(|finding| finding.about.as_str()).collect();
    subjects.dedup();
    let faults = findings.iter().filter(|finding| finding.level == Severity::Error).count();
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/help")) { "Help" } " › Doctor" }
        div.head {
            h1 { @match faults { 0 => "All is well", 1 => "One thing is wrong", more => { (more) " things are wrong" } } }
            span.grow {}
            a.button href=(context.href("/doctor")) { (icon(&context, "refresh-cw")) "Examine again" }
        }
        @for subject in subjects {
            h2 { (subject) }
            div.card.list { @for finding in findings.iter().filter(|finding| finding.about == subject) { (row(&context, finding)) } }
        }
    };
    layout::page(&api, &context, Page::new("Doctor", Place::Help), body).await
}

/// A finding.
pub(super) fn row(context: &Context, finding: &Finding) -> Markup {
    let (class, icon_name, word) = match finding.level {
        Severity::Ok => ("ok", "check", "good"),
        Severity::Note => ("", "circle-dot", "note"),
        Severity::Error => ("bad", "triangle-alert", "wrong"),
    };
    html! {
        div.item.bare.line {
            div.grow {
                div { (finding.text) }
                @if let Some(remedy) = &finding.remedy { div.small.muted { "What helps: " (remedy) } }
            }
            span.chip.(class) title=(finding.check) { (icon(context, icon_name)) (word) }
        }
    }
}
