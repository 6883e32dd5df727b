//! What a person wants to watch.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_store::ListedTitle;
use serde::Deserialize;

use crate::operations::watchlist;
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::{self, Shown, Tab};
use crate::web::pages::parts::{TimeForm, chip, empty, time, title};

/// Titles of a page.
const ROWS: u32 = 100;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    person: String,
    #[serde(default)]
    offset: u32,
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let app = api.app();
    let shown = Shown::find(&api, &context, &filter.person).await?;
    let (listed, total) = match &shown.history {
        Some(history) => (
            app.store.watchlist(shown.name(), history.viewers(), filter.offset, ROWS).await?,
            app.store.count_watchlist(shown.name()).await?,
        ),
        None => (Vec::new(), 0),
    };
    let accounts = watchlist::readable(&app);
    let may_change = context.may(Permission::OwnControl);
    let body = html! {
        (frame::head(&context, &shown, Tab::Watchlist))
        @if may_change && shown.history.is_some() { (import(&context, shown.name(), &accounts)) }
        @if listed.is_empty() {
            (empty("The list is empty. Reading that of an account fills it; a file does, too.", Some((context.href(&frame::path(Tab::Import.path(), shown.name(), &[])), "Import a history"))))
        } @else {
            div.card.list { @for it in &listed { (row(&context, it, shown.name(), may_change)) } }
        }
        (frame::pages(&context, filter.offset, ROWS, total, |offset| {
            frame::path(Tab::Watchlist.path(), shown.name(), &[("offset", &offset.to_string())])
        }))
    };
    layout::page(&api, &context, Page::new("Watchlist", Place::Library), body).await
}

fn import(context: &Context, person: &str, accounts: &[String]) -> Markup {
    html! {
        @if accounts.is_empty() {
            p.small.muted { "No account keeps a watchlist that could be read. " a href=(context.href("/setup")) { "Add one" } }
        } @else {
            form.filters method="post" action=(context.href(Tab::Watchlist.path())) {
                input type="hidden" name="person" value=(person);
                label { "Read the list of" select name="account" { @for name in accounts { option { (name) } } } }
                button.button.primary name="action" value="import" { "Read it in" }
                p.small.muted { "What is missing here comes in front, in the order that it has there. Nothing is removed, and nothing is told to the account." }
            }
        }
    }
}

fn row(context: &Context, it: &ListedTitle, person: &str, may_change: bool) -> Markup {
    let (name, year) = title(&it.title.item);
    let address = frame::path(&format!("/library/titles/{}", it.title.id), person, &[]);
    html! {
        div.item.bare {
            div.grow {
                div.row.wrap {
                    a.strong href=(context.href(&address)) { (name) }
                    span.muted { (year) }
                    @if it.is_watched { (chip(context, "ok", "check", "watched")) }
                }
                div.small.muted { "from " (it.origin) " · " (time(it.added_at, TimeForm::Full)) }
            }
            @if may_change {
                form.actions method="post" action=(context.href(Tab::Watchlist.path())) {
                    input type="hidden" name="person" value=(person);
                    input type="hidden" name="title" value=(it.title.id);
                    button.button.small name="action" value="remove" { "Remove" span.hidden { " " (name) } }
                }
            }
        }
    }
}

/// Reads a list in, or takes a title off.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    let person = Shown::find(&api, &context, &form.text("person")).await?.name().to_owned();
    if form.text("action") == "import" {
        let (person, spec) = watchlist::import(&app, &person, &form.text("account")).await?;
        let id = api.jobs.add(&person, &spec).await?;
        return layout::see_other(&context, &format!("/library/jobs/{id}"));
    }
    let title = form.text("title").parse().unwrap_or_default();
    watchlist::remove(&app.store, &app.config, &person, title).await?;
    layout::see_other(&context, &frame::path(Tab::Watchlist.path(), &person, &[]))
}
