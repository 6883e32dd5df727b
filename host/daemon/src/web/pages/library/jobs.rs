//! Jobs: how far each is, and how it ended.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_store::{Job, JobState};
use serde::Deserialize;

use crate::web::api::Api;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::{self, Shown, Tab};
use crate::web::pages::parts::{TimeForm, chip, empty, time, until};

/// Jobs of a page.
const ROWS: u32 = 50;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    person: String,
    before: Option<i64>,
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let shown = Shown::find(&api, &context, &filter.person).await?;
    let jobs = api.store().jobs(context.only_person(), filter.before, ROWS).await?;
    let next = jobs.last().filter(|_| jobs.len() == ROWS as usize).map(|job| job.id.to_string());
    let body = html! {
        (frame::head(&context, &shown, Tab::Jobs))
        div #live { (rows(&context, &jobs)) }
        @if filter.before.is_none() { (layout::connect(&api, &context, "page=jobs")) }
        @if let Some(next) = next {
            p.space { a.button href=(context.href(&frame::path(Tab::Jobs.path(), shown.name(), &[("before", &next)]))) { "Older" } }
        }
    };
    layout::page(&api, &context, Page::new("Jobs", Place::Library), body).await
}

/// The newest jobs.
pub(crate) async fn region(api: &Api, context: &Context) -> Result<Markup, Problem> {
    Ok(rows(context, &api.store().jobs(context.only_person(), None, ROWS).await?))
}

fn rows(context: &Context, jobs: &[Job]) -> Markup {
    html! {
        @if jobs.is_empty() {
            (empty("There has been no job yet. Imports, and lists that are read in, appear here with how far they are.", None))
        } @else {
            div.card.list { @for job in jobs { (row(context, job)) } }
        }
    }
}

fn row(context: &Context, job: &Job) -> Markup {
    html! {
        a.item.wide href=(context.href(&format!("/library/jobs/{}", job.id))) {
            (time(job.created_at, TimeForm::Full))
            div.grow {
                div.cut { span.strong { (name(job)) } " " @if !job.work.person.is_empty() { span.muted { "for " (job.work.person) } } }
                div.small.muted { (standing(job)) }
            }
            (state_chip(context, job.state))
        }
    }
}

/// What a job does, in words.
pub(super) fn name(job: &Job) -> String {
    match job.work.kind.as_str() {
        "watchlist-import" => format!("Watchlist of {}", job.work.about),
        "history-import" => format!("Import of {}", job.work.about),
        "import-delivery" => format!("Telling of {}", job.work.about),
        "catch-up" => format!("History of {}", job.work.about),
        "export" => format!("Export as {}", job.work.about),
        "metadata-refresh" => "Genres and ids of titles".to_owned(),
        "anime-refresh" => format!("Mappings of anime from {}", job.work.about),
        other => format!("{other} of {}", job.work.about),
    }
}

/// How a job stands, in words.
pub(super) fn standing(job: &Job) -> Markup {
    let message = job.message.as_deref().unwrap_or_default();
    html! {
        @match (job.state, job.total) {
            (JobState::Running, Some(total)) => { (job.done) " of " (total) }
            (JobState::Running, None) => { (job.done) " read" }
            (JobState::Waiting, _) if message.is_empty() => { "begins at once" }
            (JobState::Waiting, _) => { (message) "; goes on " (until(job.next_at)) }
            _ => { (message) }
        }
    }
}

/// The state of a job.
pub(super) fn state_chip(context: &Context, state: JobState) -> Markup {
    let (class, icon_name, words) = match state {
        JobState::Waiting => ("", "clock", "waits"),
        JobState::Running => ("", "refresh-cw", "runs"),
        JobState::Ready => ("warn", "triangle-alert", "needs you"),
        JobState::Done => ("ok", "check", "done"),
        JobState::Failed => ("bad", "triangle-alert", "failed"),
        JobState::Cancelled => ("", "ban", "cancelled"),
        JobState::Undone => ("", "ban", "taken back"),
    };
    chip(context, class, icon_name, words)
}
