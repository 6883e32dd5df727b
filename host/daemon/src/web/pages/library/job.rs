//! A job: how far it is, what became of each row, and what can be done with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_store::{Job, JobRow, JobState, SharedStore};
use serde::Deserialize;

use crate::operations::jobs as operations;
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::{Path, Query};
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::jobs::{name, standing, state_chip};
use crate::web::pages::parts::{TimeForm, time};

/// Rows of a page.
const ROWS: u32 = 100;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    /// Only rows in this state.
    #[serde(default)]
    state: String,
    after: Option<u32>,
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let store = api.store();
    let job = find(&store, &context, id).await?;
    let state = Some(filter.state.as_str()).filter(|state| !state.is_empty());
    let rows = store.job_rows(id, state, filter.after, ROWS).await?;
    let next = rows.last().filter(|_| rows.len() == ROWS as usize).map(|row| row.number);
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/library/jobs")) { "Jobs" } " › " (name(&job)) }
        div #live { (head(&context, &job, &store.count_job_rows(id).await?, &filter.state)) }
        (layout::connect(&api, &context, &format!("page=job&of={id}")))
        @if !rows.is_empty() {
            div.card.list { @for row in &rows { (row_of(row)) } }
            @if let Some(next) = next {
                p.space { a.button href=(context.href(&format!("/library/jobs/{id}?state={}&after={next}", filter.state))) { "More" } }
            }
        }
    };
    layout::page(&api, &context, Page::new(name(&job), Place::Library), body).await
}

/// How a job stands.
pub(crate) async fn region(api: &Api, context: &Context, id: i64) -> Result<Markup, Problem> {
    let store = api.store();
    let job = find(&store, context, id).await?;
    Ok(head(context, &job, &store.count_job_rows(id).await?, ""))
}

fn head(context: &Context, job: &Job, counts: &BTreeMap<String, u64>, here: &str) -> Markup {
    let address = |state: &str| context.href(&format!("/library/jobs/{}?state={state}", job.id));
    html! {
        div.head {
            h1 { (name(job)) }
            span.muted { "for " (job.work.person) }
            (state_chip(context, job.state))
        }
        @if job.state.is_active() {
            div.progress {
                @match job.total {
                    Some(total) => { progress value=(job.done) max=(total.max(1)) aria-label="How far it is" {} }
                    None => { progress aria-label="How far it is" {} }
                }
            }
        }
        p.space { (standing(job)) }
        p.small.muted {
            "Asked for " (time(job.created_at, TimeForm::Full))
            @if let Some(at) = job.ended_at { ", ended " (time(at, TimeForm::Full)) }
            "."
        }
        @if context.may(Permission::OwnControl) { (actions(context, job)) }
        @if !counts.is_empty() {
            nav.chips.space aria-label="Rows by what becomes of them" {
                a.chip href=(address("")) aria-current=[here.is_empty().then_some("true")] { "all " b { (counts.values().sum::<u64>()) } }
                @for (state, count) in counts {
                    a.chip href=(address(state)) aria-current=[(here == state).then_some("true")] { (in_words(state)) " " b { (count) } }
                }
            }
        }
    }
}

fn actions(context: &Context, job: &Job) -> Markup {
    let action = |command: &str, label: &str, class: &str| {
        html! {
            form.inline method="post" action=(context.href(&format!("/library/jobs/{}/{command}", job.id))) {
                button.button.(class) { (label) }
            }
        }
    };
    html! {
        div.row.wrap.space {
            @match job.state {
                JobState::Waiting | JobState::Running => { (action("cancel", "Cancel", "")) }
                JobState::Ready => {
                    (action("continue", "Import what is new", "primary"))
                    (action("cancel", "Leave it", ""))
                }
                JobState::Failed | JobState::Cancelled => {
                    (action("continue", "Go on", "primary"))
                    (action("undo", "Undo all of it", ""))
                }
                JobState::Done => { (action("undo", "Undo all of it", "")) }
                JobState::Undone => { span.small.muted { "All that it wrote was taken back." } }
            }
        }
    }
}

/// The state of a row, in words.
fn in_words(state: &str) -> &str {
    match state {
        "repeated" => "twice in the file",
        "no-identity" => "without identity",
        "not-for-us" => "not for us",
        "written" => "imported",
        other => other,
    }
}

fn row_of(row: &JobRow) -> Markup {
    html! {
        div.item.bare.line {
            div.grow {
                div.cut { (row.what) }
                @if !row.reason.is_empty() { div.small.muted { (row.reason) } }
            }
            span.small.muted { (in_words(&row.state)) }
        }
    }
}

/// A job of somebody whose library the reader may see.
async fn find(store: &SharedStore, context: &Context, id: i64) -> Result<Job, Problem> {
    let job = operations::find(store, id).await?;
    match context.may_see(&job.work.person) {
        true => Ok(job),
        false => Err(Problem::not_found(format!("there is no job {id}"), "look at your jobs")),
    }
}

/// Cancels a job, has it go on, or takes it back.
pub(super) async fn command(
    State(api): State<Arc<Api>>,
    context: Context,
    Path((id, command)): Path<(i64, String)>,
) -> Result<Response, Problem> {
    let store = api.store();
    find(&store, &context, id).await?;
    match command.as_str() {
        "cancel" => operations::cancel(&store, id).await?,
        "continue" => operations::go_on(&store, id).await?,
        "undo" => {
            operations::undo(&store, id).await?;
        }
        other => return Err(form::unknown_choice("command", other)),
    }
    api.jobs.changed(id).await;
    layout::see_other(&context, &format!("/library/jobs/{id}"))
}
