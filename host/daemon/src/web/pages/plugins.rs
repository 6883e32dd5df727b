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
        rows.push((summary, entry.inspection.clone()));
    }
    rows.sort_by_key(|(summary, _)| summary.status != "pending");
    let used = |id: &str| -> Vec<String> {
        let accounts = app.config.sources.iter().chain(&app.config.trackers).chain(&app.config.catalogues);
        accounts.filter(|(_, account)| account.plugin == id).map(|(name, _)| name.clone()).collect()
    };
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Plugins" }
        h1 { "Plugins" }
        p.muted.space { "Files ending in .wasm in " code { (app.config.plugin_dir.display()) } " appear here after a restart, as “waits for you”." }
        div.stack.space {
            @for (summary, inspection) in &rows { (plugin(&context, summary, inspection.as_ref(), &used(&summary.id))) }
        }
    };
    layout::page(&api, &context, Page::new("Plugins", Place::Setup), body).await
}

fn plugin(
    context: &Context,
    summary: &PluginSummary,
    report: Option<&PermissionReport>,
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
            details open[summary.status == "pending"] {
                summary.small.muted { "What it may do" }
                @if let Some(report) = report { div.space { (permissions(report)) } }
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

/// What a plugin may do.
fn permissions(report: &PermissionReport) -> Markup {
    let text = serde_json::to_value(report).unwrap_or_default();
    let mut facts: Vec<(String, String)> = Vec::new();
    for (name, value) in text.as_object().into_iter().flatten() {
        let shown = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(items) if items.is_empty() => continue,
            serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_string) => {
                items.iter().filter_map(serde_json::Value::as_str).collect::<Vec<_>>().join(", ")
            }
            other => serde_json::to_string_pretty(other).unwrap_or_default(),
        };
        facts.push((name.replace('_', " "), shown));
    }
    html! {
        dl.facts.small {
            @for (name, value) in &facts {
                dt { (name) }
                dd { @if value.contains('\n') { pre { (value) } } @else { (value) } }
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
            p { "It serves from the next start of the daemon on, with exactly these bytes and permissions." }
            p { a.button.primary href=(context.href("/plugins")) { "Back to the plugins" } }
        }
    };
    layout::page(&api, &context, Page::new("Plugins", Place::Setup), body).await
}
