//! The newest lines of the log.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::logging::line::LogLine;
use crate::logging::ring::LineFilter;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::api::{Api, log};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, empty, icon, time};

/// Lines of a page.
const LINES: usize = 200;
/// The levels, the gravest first.
const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// What the address asks for.
#[derive(Clone, Debug, Default, Deserialize)]
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
    /// Whether the page stays as it is; empty where new lines appear.
    #[serde(default)]
    pause: String,
}

impl Filter {
    fn query(&self) -> String {
        let event = self.event.map(|event| event.to_string()).unwrap_or_default();
        let pairs = [
            ("level", self.level.as_str()),
            ("account", &self.account),
            ("text", &self.text),
            ("event", &event),
        ];
        let mut query = Serializer::new(String::new());
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    page(&api, &context, &filter, None).await
}

/// All of the page that changes.
pub(super) fn region(context: &Context, filter: &Filter) -> Result<Markup, Problem> {
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
    Ok(html! {
        @if lines.is_empty() {
            (empty("No line fits.", Some((context.href("/logs"), "Show all"))))
        } @else {
            div.card.list { @for line in &lines { (row(context, line)) } }
        }
    })
}

async fn page(
    api: &Api,
    context: &Context,
    filter: &Filter,
    problem: Option<&str>,
) -> Result<Response, Problem> {
    let (query, is_paused) = (filter.query(), !filter.pause.is_empty());
    let app = api.app();
    let accounts = app.config.sources.keys().chain(app.config.trackers.keys());
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/help")) { "Help" } " › Log" }
        div.head {
            h1 { "Log" }
            span.grow {}
            @if is_paused {
                a.button.small href=(context.href(&format!("/logs?{query}"))) { (icon(context, "play")) "Go on" }
            } @else {
                a.button.small href=(context.href(&format!("/logs?{query}&pause=1"))) { (icon(context, "pause")) "Pause" }
            }
        }
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
            button.button { (icon(context, "search")) "Search" }
        }
        (levels(context, problem)?)
        div.space #live { (region(context, filter)?) }
        @if !is_paused {
            @let of: String = Serializer::new(String::new()).append_pair("of", &query).finish();
            (layout::connect(api, context, &format!("page=logs&{of}")))
        }
    };
    layout::page(api, context, Page::new("Log", Place::Help), body).await
}

/// What is logged, and the form that changes it.
fn levels(context: &Context, problem: Option<&str>) -> Result<Markup, Problem> {
    let log = log()?;
    let mut modules: Vec<String> =
        log.ring.lines(&LineFilter::default(), usize::MAX).iter().map(|line| line.module.clone()).collect();
    modules.sort();
    modules.dedup();
    Ok(html! {
        details.space open[problem.is_some()] {
            summary.small.muted { "What is logged: " code { (log.filter()) } }
            form.filters.space method="post" action=(context.href("/logs")) {
                label { "Module" input name="module" list="modules" placeholder="all of them" autocomplete="off" spellcheck="false";
                    datalist #modules { @for module in modules { option value=(module) {} } } }
                label { "Level" select name="level" { @for level in LEVELS { option selected[level == "info"] { (level) } } } }
                button.button { "Set" }
            }
            @if let Some(problem) = problem { p.bad role="alert" { (problem) } }
            p.help { "It holds until the daemon ends." }
        }
    })
}

/// Sets the level of a module, or of all where none is named.
pub(super) async fn set_level(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let (module, level) = (form.text("module"), form.text("level"));
    let log = log()?;
    match log.set_filter(&with_level(&log.filter(), &module, &level)) {
        Ok(()) => {
            tracing::info!(filter = log.filter(), "what is logged was changed");
            layout::see_other(&context, "/logs")
        }
        Err(error) => page(&api, &context, &Filter::default(), Some(&error.to_string())).await,
    }
}

/// A filter with another level for a module, or for all.
fn with_level(filter: &str, module: &str, level: &str) -> String {
    let is_replaced = |entry: &&str| match entry.split_once('=') {
        Some((known, _)) => known == module,
        None => module.is_empty(),
    };
    let mut entries: Vec<String> =
        filter.split(',').filter(|entry| !is_replaced(entry)).map(str::to_owned).collect();
    entries.push(if module.is_empty() { level.to_owned() } else { format!("{module}={level}") });
    entries.join(",")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_takes_the_place_of_the_one_before() {
        assert_eq!(with_level("info", "", "debug"), "debug");
        assert_eq!(with_level("info", "playrelay::delivery", "debug"), "info,playrelay::delivery=debug");
        let both = "info,playrelay::delivery=debug,hyper=warn";
        assert_eq!(
            with_level(both, "playrelay::delivery", "trace"),
            "info,hyper=warn,playrelay::delivery=trace"
        );
        assert_eq!(with_level(both, "", "warn"), "playrelay::delivery=debug,hyper=warn,warn");
    }
}
