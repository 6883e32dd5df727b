//! Taking a play back: first what that means, then doing it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use playrelay_engine::play::{Play, PlayId};

use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::Shown;
use crate::web::pages::parts::{TimeForm, time};
use crate::web::pages::{layout, play_rows};

/// What would be taken back, and what stays.
pub(super) async fn confirm(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let play = find(&api, &context, &id).await?;
    let deliveries = play_rows::deliveries(&api, std::slice::from_ref(&play)).await?;
    let told: Vec<&str> = deliveries
        .values()
        .flatten()
        .filter(|row| row.state == playrelay_engine::outbox::DeliveryState::Delivered)
        .map(|row| row.event.tracker.as_str())
        .collect();
    let body = html! {
        h1 { "Undo this play?" }
        p.space { (play.item) ", watched by " (play.viewer.name(&play.user)) " " (time(play.started_at, TimeForm::Full)) }
        p.space { "It goes out of the library and out of all statistics. The event that led to it stays in the history." }
        @if !told.is_empty() {
            p.space { "These have been told of it, and keep it: " (told.join(", ")) ". Remove it there where it is wrong." }
        }
        form.row.space method="post" action=(context.href(&format!("/library/plays/{id}/remove"))) {
            button.button.primary { "Undo" }
            a.button href=(context.href("/library")) { "Keep it" }
        }
    };
    layout::page(&api, &context, Page::new("Undo a play", Place::Library), body).await
}

/// Takes it back.
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    find(&api, &context, &id).await?;
    match api.store().remove_play(&id).await? {
        Some(_) => layout::see_other(&context, "/library"),
        None => Err(Problem::new(ProblemCode::Conflict, "the play goes on", "wait for its end")),
    }
}

/// A play of somebody whose library the reader may see.
async fn find(api: &Api, context: &Context, id: &str) -> Result<Play, Problem> {
    let mut play = api.store().play(&PlayId(id.to_owned())).await?;
    if let (Some(found), Some(_)) = (&play, context.only_person()) {
        let own = Shown::find(api, context, "").await?.history;
        if own.is_none_or(|own| !own.viewers().contains(&found.viewer)) {
            play = None;
        }
    }
    play.ok_or_else(|| {
        Problem::not_found(format!("there is no play {id:?}"), "it may have been taken back already")
    })
}
