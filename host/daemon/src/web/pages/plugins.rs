//! Plugins: which there are, what each may do, and which waits for a decision.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_plugin_host::permissions::PermissionReport;

use crate::operations::plugins;
use crate::operations::plugins::PluginSummary;
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::chip;

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let app = api.app();
    let mut rows = Vec::new();
    for entry in app.plugins.entries() {
        let summary = plugins::summary(&app, entry).await?;
        let difference = match &entry.inspection {
            Some(inspection) if summary.status != "active" => plugins::difference(&app, inspection).await?,
            _ => None,
        };
        rows.push((summary, entry.inspection.clone(), difference));
    }
    rows.sort_by_key(|(summary, ..)| summary.status != "pending");
    let used = |id: &str| -> Vec<String> {
        let accounts = app.config.sources.iter().chain(&app.config.trackers).chain(&app.config.catalogues);
        accounts.filter(|(_, account)| account.plugin == id).map(|(name, _)| name.clone()).collect()
    };
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Plugins" }
        h1 { "Plugins" }
        p.muted.space { "Files ending in .wasm in " code { (app.config.plugin_dir.display()) } " appear here within seconds, as “waits for you”." }
        div.stack.space {
            @for (summary, inspection, difference) in &rows {
                (plugin(&context, summary, inspection.as_ref(), difference.as_deref(), &used(&summary.id)))
            }
        }
    };
    layout::page(&api, &context, Page::new("Plugins", Place::Setup), body).await
}

fn plugin(
    context: &Context,
    summary: &PluginSummary,
    report: Option<&PermissionReport>,
    difference: Option<&str>,
    used: &[String],
) -> Markup {
    let (class, icon_name, words) = match summary.status {
        "active" => ("ok", "check", "serves"),
        "pending" => ("warn", "triangle-alert", "waits for you"),
        "refused" => ("", "ban", "refused"),
        _ => ("bad", "triangle-alert", "broken"),
    };
    html! {
        article.card.padded.stack id={ "plugin-" (summary.id) } {
            div.row.wrap {
                h3 { (summary.id) " " span.muted { (summary.version) } }
                (chip(context, class, icon_name, words))
                span.grow {}
                @if used.is_empty() { span.small.muted { "not used" } } @else { span.small.muted { "used by " (used.join(", ")) } }
            }
            @if summary.status == "broken" { @if let Some(reason) = &summary.reason { p.bad { (reason) } } }
            @if let Some(difference) = difference { pre.diff { (difference.trim()) } }
            details open[summary.status == "pending"] {
                summary.small.muted { "What it may do" }
                @if let Some(report) = report { pre.space { (plugins::in_words(report).trim()) } }
            }
            @if context.may(Permission::Admin) && matches!(summary.status, "pending" | "refused") {
                form.row.wrap method="post" action=(context.href(&format!("/plugins/{}", summary.id))) {
                    input type="hidden" name="digest" value=[report.map(|report| report.digest.to_string())];
                    button.button.primary name="decision" value="approve" { "Approve these bytes" }
                    @if summary.status == "pending" { button.button name="decision" value="refuse" { "Refuse" } }
                }
            }
        }
    }
}

/// Approves or refuses a file.
pub(super) async fn decide(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    // The bytes that were shown, and no others.
    let digest = form.text("digest");
    if digest.is_empty() {
        return Err(form::unknown_choice("digest", ""));
    }
    let waiting = plugins::candidate(&app, &id, Some(&digest))?;
    let inspection = waiting.ok_or_else(|| {
        Problem::new(ProblemCode::Conflict, format!("plugin {id:?} serves already"), "look at the list again")
    })?;
    match form.text("decision").as_str() {
        "approve" => {}
        "refuse" => {
            plugins::refuse(&app, inspection).await?;
            return layout::see_other(&context, "/plugins");
        }
        other => return Err(form::unknown_choice("decision", other)),
    }
    plugins::approve(&app, inspection).await?;
    let body = html! {
        div.card.padded.stack {
            h1 { (id) " may serve" }
            p { "It serves within seconds, with exactly these bytes and permissions." }
            p { a.button.primary href=(context.href("/plugins")) { "Back to the plugins" } }
        }
    };
    layout::page(&api, &context, Page::new("Plugins", Place::Setup), body).await
}
