//! The newest lines of the log.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use crate::logging::line::LogLine;
use crate::logging::ring::LineFilter;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::api::{Api, log};
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, empty, icon, time};

/// Lines of a page.
const LINES: usize = 200;
/// The levels, the gravest first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    /// Lines of this level, and graver ones; all for an empty text.
    #[serde(default)]
    level: String,
    /// Lines of this source or tracker.
    #[serde(default)]
    account: String,
    /// Lines with this text, in any case.
    #[serde(default)]
    text: String,
    /// Lines of this event.
    event: Option<i64>,
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let wanted = LineFilter {
        level: filter.level.parse().ok(),
        module: None,
        text: text(&filter.text),
        account: text(&filter.account),
        event: filter.event,
        before: None,
    };
    let lines = log()?.ring.lines(&wanted, LINES);
    let app = api.app();
    let accounts = app.config.sources.keys().chain(app.config.trackers.keys());
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/help")) { "Help" } " › Log" }
        h1 { "Log" }
        form.filters.space method="get" action=(context.href("/logs")) role="search" {
            label { "Text" input type="search" name="text" value=(filter.text); }
            label { "Level" select name="level" {
                option value="" { "all" }
                @for level in LEVELS { option selected[level == filter.level] { (level) } }
            } }
            label { "Account" select name="account" {
                option value="" { "all" }
                @for name in accounts { option selected[*name == filter.account] { (name) } }
            } }
            button.button { (icon(&context, "search")) "Search" }
        }
        @if lines.is_empty() {
            (empty("No line fits.", Some((context.href("/logs"), "Show all"))))
        } @else {
            div.card.list { @for line in &lines { (row(&context, line)) } }
        }
    };
    layout::page(&api, &context, Page::new("Log", Place::Help), body).await
}

fn row(context: &Context, line: &LogLine) -> Markup {
    let class = match line.level {
        "error" => "bad",
        "warn" => "warn",
        _ => "muted",
    };
    html! {
        div.item.wide {
            (time(line.at, TimeForm::Precise))
            div.grow.small {
                span.strong.(class) { (line.level) } " " (line.message)
                @for (name, value) in &line.fields { " " span.muted { (name) "=" (value) } }
                div.muted.mono { (line.module) }
            }
            @if let Some(event) = line.event { a.small href=(context.href(&format!("/events/{event}"))) { "event " (event) } } @else { span {} }
        }
    }
}
