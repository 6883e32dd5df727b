//! Says what a row of an import is that nobody could match.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use playrelay_engine::model::ItemKind;

use crate::operations::{OperationError, import_rows};
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::job;
use crate::web::pages::title_input::TitleInput;

/// The form.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path((id, number)): Path<(i64, u32)>,
) -> Result<Response, Problem> {
    page(&api, &context, (id, number), &Form::default(), None).await
}

/// Takes what somebody says.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    Path((id, number)): Path<(i64, u32)>,
    form: Form,
) -> Result<Response, Problem> {
    job::find(&api.store(), &context, id).await?;
    let app = api.app();
    let (_, _, record) = import_rows::find(&app, id, number).await?;
    let (title, season, episode) = (form.text("id"), form.text("season"), form.text("episode"));
    let input = TitleInput::new(&app, &record.item.kind);
    let correction = match input.correction(&record.item, &title, &season, &episode) {
        Ok(correction) => correction,
        Err(complaint) => return page(&api, &context, (id, number), &form, Some(&complaint)).await,
    };
    match import_rows::match_row(&app, id, number, &correction).await {
        Ok(_) => {
            api.jobs.changed(id).await;
            layout::see_other(&context, &format!("/library/jobs/{id}"))
        }
        Err(OperationError::Invalid(complaint)) => {
            page(&api, &context, (id, number), &form, Some(&complaint)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    api: &Api,
    context: &Context,
    (id, number): (i64, u32),
    typed: &Form,
    complaint: Option<&str>,
) -> Result<Response, Problem> {
    job::find(&api.store(), context, id).await?;
    let app = api.app();
    let (_, row, record) = import_rows::find(&app, id, number).await?;
    let is_episode = matches!(record.item.kind, ItemKind::Episode(_));
    let sites = TitleInput::new(&app, &record.item.kind).sites();
    let back = context.href(&format!("/library/jobs/{id}"));
    let body = html! {
        div.crumbs.muted.small { a href=(back) { "Import" } " › Fix match" }
        h1 { (row.what) }
        p.muted { (row.reason) }
        form.card.padded.stack.space method="post" action=(context.href(&format!("/library/jobs/{id}/rows/{number}"))) {
            @if let Some(text) = complaint { p.bad role="alert" { (text) } }
            label {
                @if is_episode { "The show" } @else { "The title" }
                input name="id" value=(typed.text("id")) placeholder="https://www.imdb.com/title/tt1375666/" autocomplete="off" required[!is_episode];
                span.help { "An address at " (sites) ", or a catalogue and an id: imdb tt1375666, tvdb 121361" }
            }
            @if is_episode {
                div.row {
                    label.grow { "Season" input name="season" value=(typed.text("season")) inputmode="numeric" pattern="[0-9]*"; }
                    label.grow { "Episode" input name="episode" value=(typed.text("episode")) inputmode="numeric" pattern="[0-9]*"; }
                }
                span.help { "What is left empty stays as the row says." }
            }
            div.row.wrap {
                button.button.primary { "This is it" }
                a.button href=(back) { "Cancel" }
            }
        }
    };
    layout::page(api, context, Page::new("Fix match", Place::Library), body).await
}
