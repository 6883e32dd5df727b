//! Plugins: which there are, what each may do, and which waits for a decision.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_plugin_host::permissions::PermissionReport;
use playrelay_plugin_host::registry::{Entry, PluginOrigin};
use playrelay_store::PluginAccess;

use crate::app::App;
use crate::operations::plugins;
use crate::operations::plugins::{ApprovedBy, PluginSummary};
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, chip, time};

/// A plugin with all that its card shows.
struct PluginCard {
    summary: PluginSummary,
    report: Option<PermissionReport>,
    /// What changed since the version that was approved before, line by line; absent where none was, or it serves.
    difference: Option<String>,
    /// The accounts that name it.
    used: Vec<String>,
    /// Whether a version of it serves beside this one.
    serves_meanwhile: bool,
    /// Whether the configuration approves it.
    is_configured: bool,
    accesses: Vec<PluginAccess>,
}

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let app = api.app();
    let mut cards = Vec::new();
    for entry in app.plugins.entries() {
        cards.push(card(&app, entry).await?);
    }
    cards.sort_by_key(|card| card.summary.status != "pending");
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Plugins" }
        h1 { "Plugins" }
        p.muted.space { "Files ending in .wasm in " code { (app.config.plugin_dir.display()) } " appear here within seconds, as “waits for you”." }
        div.stack.space { @for card in &cards { (show_card(&context, card)) } }
    };
    layout::page(&api, &context, Page::new("Plugins", Place::Setup), body).await
}

async fn card(app: &App, entry: &Entry) -> Result<PluginCard, Problem> {
    let summary = plugins::summary(app, entry).await?;
    let is_active = summary.status == "active";
    let difference = match &entry.inspection {
        Some(report) if !is_active => plugins::difference(app, report).await?,
        _ => None,
    };
    let used = app.config.accounts_of(&summary.id).cloned().collect();
    let serves_meanwhile = !is_active && app.plugins.active(&summary.id).is_some();
    // Of two versions, the one that serves shows them.
    let accesses = if serves_meanwhile { Vec::new() } else { app.store.accesses(&summary.id).await? };
    let is_configured =
        entry.inspection.as_ref().is_some_and(|report| app.plugins.is_approved_by_configuration(report));
    Ok(PluginCard {
        report: entry.inspection.clone(),
        difference,
        used,
        serves_meanwhile,
        is_configured,
        accesses,
        summary,
    })
}

fn show_card(context: &Context, card: &PluginCard) -> Markup {
    let PluginCard { summary, report, .. } = card;
    let (class, icon_name, words) = match summary.status {
        "active" => ("ok", "check", "serves"),
        "compiling" => ("", "refresh-cw", "is compiled"),
        "pending" => ("warn", "triangle-alert", "waits for you"),
        "refused" => ("", "ban", "refused"),
        _ => ("bad", "triangle-alert", "broken"),
    };
    html! {
        article.card.padded.stack id={ "plugin-" (summary.id) @if card.serves_meanwhile { "-new" } } {
            div.row.wrap {
                h3 { (summary.id) " " span.muted { (summary.version) } }
                (chip(context, class, icon_name, words))
                span.grow {}
                @if card.used.is_empty() { span.small.muted { "not used" } } @else { span.small.muted { "used by " (card.used.join(", ")) } }
            }
            @if summary.status == "broken" { @if let Some(reason) = &summary.reason { p.bad { (reason) } } }
            @if card.serves_meanwhile { p.small.muted { "The version before serves until you decide, and goes on if you keep it." } }
            @if let Some(difference) = &card.difference { (show_difference(difference)) }
            @if let Some(report) = report {
                details open[summary.status == "pending"] {
                    summary.small.muted { "What it may do" }
                    (show_report(report))
                }
            }
            @if !card.accesses.is_empty() {
                details {
                    summary.small.muted { "What it reached" }
                    (show_accesses(&card.accesses))
                }
            }
            @if context.may(Permission::Admin) { (decisions(context, card)) }
        }
    }
}

/// The lines that came and went.
fn show_difference(difference: &str) -> Markup {
    html! {
        pre.diff {
            @for line in difference.trim().lines() {
                @let class = match line.chars().next() { Some('+') => "added", Some('-') => "removed", _ => "" };
                span.(class) { (line) "\n" }
            }
        }
    }
}

fn show_report(report: &PermissionReport) -> Markup {
    html! {
        dl.facts.small.space {
            @for section in report.sections() {
                dt { (section.title) }
                dd { @for line in &section.lines { div { (line) } } }
            }
        }
    }
}

fn show_accesses(accesses: &[PluginAccess]) -> Markup {
    html! {
        div.list.small.space {
            @for access in accesses {
                div.item.bare {
                    div.grow {
                        div { (access.target) " " span.muted { "for " (access.account) } }
                        @if let Some(reason) = &access.denied { div.bad { "denied: " (reason) } }
                    }
                    div.muted { (access.count) " times, last " (time(access.last_at, TimeForm::Full)) }
                }
            }
        }
    }
}

/// What an admin may decide.
fn decisions(context: &Context, card: &PluginCard) -> Markup {
    let PluginCard { summary, report, serves_meanwhile, .. } = card;
    let (is_waiting, is_refused) = (summary.status == "pending", summary.status == "refused");
    let is_active = summary.status == "active";
    let may_be_revoked = is_active && summary.origin != PluginOrigin::Bundled && !card.is_configured;
    html! {
        @if is_active && card.is_configured { p.small.muted { "The configuration approves it, with " code { "approve" } " in [plugins]." } }
        @if is_waiting || is_refused || may_be_revoked {
            form.row.wrap method="post" action=(context.href(&format!("/plugins/{}", summary.id))) {
                input type="hidden" name="digest" value=[report.as_ref().map(|report| report.digest.to_string())];
                @if may_be_revoked {
                    button.button name="decision" value="revoke" { "Take the approval back" }
                } @else {
                    button.button.primary name="decision" value="approve" { "Approve these bytes" }
                }
                @if is_waiting {
                    button.button name="decision" value="refuse" { @if *serves_meanwhile { "Keep the version before" } @else { "Refuse" } }
                }
            }
        }
    }
}

/// Approves or refuses a file, or takes an approval back.
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
    let decision = form.text("decision");
    if decision == "revoke" {
        plugins::revoke(&app, &id).await?;
        return layout::see_other(&context, "/plugins");
    }
    let waiting = plugins::candidate(&app, &id, Some(&digest))?;
    let inspection = waiting.ok_or_else(|| {
        Problem::new(ProblemCode::Conflict, format!("plugin {id:?} serves already"), "look at the list again")
    })?;
    match decision.as_str() {
        "approve" => {}
        "refuse" => {
            plugins::refuse(&app, inspection).await?;
            return layout::see_other(&context, "/plugins");
        }
        other => return Err(form::unknown_choice("decision", other)),
    }
    plugins::approve(&app, inspection, ApprovedBy::Page).await?;
    let body = html! {
        div.card.padded.stack {
            h1 { (id) " may serve" }
            p { "It serves within seconds, with exactly these bytes and permissions." }
            p { a.button.primary href=(context.href("/plugins")) { "Back to the plugins" } }
        }
    };
    layout::page(&api, &context, Page::new("Plugins", Place::Setup), body).await
}
