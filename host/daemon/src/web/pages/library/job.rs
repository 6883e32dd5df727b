//! A job: how far it is, what became of each row, and what can be done with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_store::{Job, JobRow, JobState, SharedStore};
use serde::Deserialize;

use crate::jobs::spec::JobSpec;
use crate::operations::{import_rows, imports, jobs as operations};
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::{Path, Query};
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
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
    let trackers: Vec<String> = api.app().config.trackers.keys().cloned().collect();
    let next = rows.last().filter(|_| rows.len() == ROWS as usize).map(|row| row.number);
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/library/jobs")) { "Jobs" } " › " (name(&job)) }
        div #live { (head(&context, &job, &trackers, &store.count_job_rows(id).await?, &filter.state)) }
        (layout::connect(&api, &context, &format!("page=job&of={id}")))
        @if !rows.is_empty() {
            div.card.list { @for row in &rows { (row_of(&context, &job, row)) } }
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
    let trackers: Vec<String> = api.app().config.trackers.keys().cloned().collect();
    Ok(head(context, &job, &trackers, &store.count_job_rows(id).await?, ""))
}

fn head(
    context: &Context,
    job: &Job,
    trackers: &[String],
    counts: &BTreeMap<String, u64>,
    here: &str,
) -> Markup {
    let address = |state: &str| context.href(&format!("/library/jobs/{}?state={state}", job.id));
    html! {
        div.head {
            h1 { (name(job)) }
            @if !job.work.person.is_empty() { span.muted { "for " (job.work.person) } }
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
        @if context.may(Permission::OwnControl) { (actions(context, job, trackers)) }
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

fn actions(context: &Context, job: &Job, trackers: &[String]) -> Markup {
    let spec = JobSpec::read(&job.work.spec);
    let writes_history = spec.as_ref().is_some_and(JobSpec::writes_history);
    let is_import = matches!(spec, Some(JobSpec::HistoryImport { .. })) && context.may(Permission::Control);
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
                    @if writes_history { (action("undo", "Undo all of it", "")) }
                }
                JobState::Done => {
                    @if writes_history { (action("undo", "Undo all of it", "")) }
                    @if matches!(spec, Some(JobSpec::Export { .. })) {
                        a.button.primary download href=(context.href(&format!("/api/v1/jobs/{}/file", job.id))) { "Download" }
                    }
                    @if is_import {
                        @for tracker in trackers {
                            form.inline method="post" action=(context.href(&format!("/library/jobs/{}/tell", job.id))) {
                                input type="hidden" name="tracker" value=(tracker);
                                button.button { "Tell " (tracker) }
                            }
                        }
                    }
                }
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

fn row_of(context: &Context, job: &Job, row: &JobRow) -> Markup {
    let is_open = matches!(job.state, JobState::Ready | JobState::Done) && import_rows::is_open(row);
    html! {
        div.item.bare.line {
            div.grow {
                div.cut { (row.what) }
                @if !row.reason.is_empty() { div.small.muted { (row.reason) } }
            }
            div.row {
                @if is_open && context.may(Permission::OwnControl) {
                    a.button.small href=(context.href(&format!("/library/jobs/{}/rows/{}", job.id, row.number))) { "Fix match…" span.hidden { " of " (row.what) } }
                }
                span.small.muted { (in_words(&row.state)) }
            }
        }
    }
}

/// A job of somebody whose library the reader may see.
pub(super) async fn find(store: &SharedStore, context: &Context, id: i64) -> Result<Job, Problem> {
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

/// Asks for the job that sends an import to a tracker.
pub(super) async fn tell(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
    form: Form,
) -> Result<Response, Problem> {
    let job = find(&api.store(), &context, id).await?;
    let spec = imports::delivery(&api.app(), id, &form.text("tracker")).await?;
    let id = api.jobs.add(&job.work.person, &spec).await?;
    layout::see_other(&context, &format!("/library/jobs/{id}"))
}
