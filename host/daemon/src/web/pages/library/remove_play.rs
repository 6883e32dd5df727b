//! Taking a play back: first what that means, then doing it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::play::{Play, PlayId};

use crate::operations::plays;
use crate::operations::plays::ToldTracker;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::Shown;
use crate::web::pages::parts::{TimeForm, time};

/// The field of the form with a tracker that is to remove the play too.
const TRACKER: &str = "tracker";

/// What would be taken back, and what stays.
pub(super) async fn confirm(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let play = find(&api, &context, &id).await?;
    let told = plays::told_trackers(&api.app(), &play).await?;
    let body = html! {
        h1 { "Undo this play?" }
        p.space { (play.item) ", watched by " (play.viewer.name(&play.user)) " " (time(play.started_at, TimeForm::Full)) }
        p.space { "It goes out of the library and out of all statistics. The event that led to it stays in the history." }
        form method="post" action=(context.href(&format!("/library/plays/{id}/remove"))) {
            @if !told.is_empty() {
                h2.space { "Trackers that have it" }
                div.card.list { @for tracker in &told { (told_tracker(tracker)) } }
            }
            div.row.space {
                button.button.primary { "Undo" }
                a.button href=(context.href("/library")) { "Keep it" }
            }
        }
    };
    layout::page(&api, &context, Page::new("Undo a play", Place::Library), body).await
}

/// A tracker, with the choice to remove the play there too.
fn told_tracker(tracker: &ToldTracker) -> Markup {
    let name = &tracker.delivery.event.tracker;
    html! {
        div.item.bare {
            @match &tracker.remote_id {
                Ok(_) => {
                    div.grow { span.strong { (name) } div.small.muted { "It can remove this one play, and nothing else." } }
                    label.check { input type="checkbox" name=(TRACKER) value=(name); "Remove it there too" }
                },
                Err(why) => div.grow {
                    span.strong { (name) }
                    div.small.muted { "It keeps the play: " (why) ". Remove it there where it is wrong." }
                },
            }
        }
    }
}

/// Takes it back.
pub(super) async fn remove(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let play = find(&api, &context, &id).await?;
    let trackers: Vec<String> = form.all(TRACKER).map(str::to_owned).collect();
    plays::undo(&api.app(), &play, &trackers).await?;
    layout::see_other(&context, "/library")
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
