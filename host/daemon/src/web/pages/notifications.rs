//! Notifications: who tells people what they have to know, and what needs somebody now.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::notifications::Urgency;

use crate::config::Role;
use crate::operations::notifications;
use crate::operations::notifications::{ConditionSummary, NotifierSummary};
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, chip, empty, icon, time};
use crate::web::pages::{add_account, layout};

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    page(&api, &context, None).await
}

/// Renders the page. `answer` is a message above the list, and whether the message is good news.
pub(super) async fn page(
    api: &Api,
    context: &Context,
    answer: Option<(&str, bool)>,
) -> Result<Response, Problem> {
    let app = api.app();
    let report = notifications::report(&app).await?;
    let options = &app.config.notify;
    let may_change = context.may(Permission::Admin);
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Notifications" }
        h1 { "Notifications" }
        p.muted.space { "Playrelay tells you when it needs you: once, and once more when all is well again. It says nothing of single plays"
            @if options.plays { ", except that " code { "plays" } " asks for it" } "."
            @if let Some(quiet) = options.quiet { " From " (quiet.from.strftime("%H:%M")) " to " (quiet.until.strftime("%H:%M")) " it waits." } }
        @if let Some((text, is_good)) = answer {
            div.notice.(if is_good { "" } else { "bad" }) role=(if is_good { "status" } else { "alert" }) { div.grow { (text) } }
        }
        @if report.notifiers.is_empty() {
            (empty("Nobody is told yet. Choose below where notifications go.", None))
        } @else {
            div.card.list.space { @for notifier in &report.notifiers { (row(context, notifier, may_change)) } }
            h2 { "What needs you" }
            @if report.conditions.is_empty() { (empty("Nothing. All is well.", None)) }
            @else { div.card.list { @for condition in &report.conditions { (condition_row(context, condition)) } } }
        }
        @if may_change {
            h2 { "Where should it go?" }
            (add_account::choices(context, &app, Role::Notifier))
            @if app.config.notify.email.is_none() {
                div.choices.space {
                    a.card.choice href=(context.href("/notifications/email")) {
                        h3 { "Add e-mail" }
                        span.small.muted { "a mail server, and an account there" }
                    }
                }
            }
            p.small.muted.space { "What is said, and when, stands in " a href=(context.href("/settings#notify")) { "the settings" } "." }
        }
    };
    layout::page(api, context, Page::new("Notifications", Place::Setup), body).await
}

fn row(context: &Context, notifier: &NotifierSummary, may_change: bool) -> Markup {
    let NotifierSummary { name, plugin, ready, waiting, sent_at, failure } = notifier;
    html! {
        div.item.bare.line {
            div.grow {
                span.strong { @match plugin {
                    Some(_) => a href=(context.href(&format!("/accounts/{name}"))) { (name) },
                    None if may_change => a href=(context.href("/notifications/email")) { (name) },
                    None => (name),
                } }
                " " span.muted { (plugin.as_deref().unwrap_or("sent by Playrelay itself")) }
                div.small.muted {
                    @match sent_at { Some(at) => { "Sent last " (time(*at, TimeForm::Full)) "." } None => "Nothing was sent yet." }
                    @if *waiting > 0 { " " (waiting) @if *waiting == 1 { " waits." } @else { " wait." } }
                }
                @if let Some(failure) = failure { div.small.warn { (failure) } }
            }
            @if !ready { (chip(context, "bad", "triangle-alert", "its plugin does not serve")) }
            @else if failure.is_some() { (chip(context, "warn", "triangle-alert", "did not get through")) }
            @else { (chip(context, "ok", "check", "ready")) }
            @if may_change {
                form method="post" action=(context.href(&format!("/notifications/{name}/test"))) {
                    button.button.small { (icon(context, "send")) "Send a test" span.hidden { " to " (name) } }
                }
            }
        }
    }
}

fn condition_row(context: &Context, condition: &ConditionSummary) -> Markup {
    let ConditionSummary { title, text, urgency, since, said_at, .. } = condition;
    let (class, icon_name) = match urgency {
        Urgency::High => ("bad", "triangle-alert"),
        Urgency::Normal => ("warn", "triangle-alert"),
        Urgency::Low => ("", "clock"),
    };
    html! {
        div.item.bare.line {
            span.(class) { (icon(context, icon_name)) }
            div.grow {
                div.strong { (title) }
                @if !text.is_empty() { div.small.muted { (text) } }
            }
            span.small.muted {
                "since " (time(*since, TimeForm::Full))
                @if said_at.is_none() { ", not said yet" }
            }
        }
    }
}

/// Sends a test, and says what came of it.
pub(super) async fn test(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(notifier): Path<String>,
) -> Result<Response, Problem> {
    match notifications::send_test(&api.app(), &notifier).await {
        Ok(()) => page(&api, &context, Some((&format!("A test went to {notifier}."), true))).await,
        Err(error) => {
            page(&api, &context, Some((&format!("The test did not get through: {error}."), false))).await
        }
    }
}
