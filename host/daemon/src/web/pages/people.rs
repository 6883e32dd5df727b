//! People: who was seen on which server, and where their plays go.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::routing::users::{KnownUser, UserDecision};

use crate::app::App;
use crate::operations::{private_addresses, users};
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, chip, empty, icon, time};
use crate::webhooks::registration::encode_path_segment;

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let app = api.app();
    let known = app.store.users().await?;
    let routed = users::routed(&*app.store, &app.config).await?;
    let private = match context.may(Permission::Admin) {
        true => addresses(&app, &context).await?,
        false => Markup::default(),
    };
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › People" }
        h1 { "People" }
        p.muted.space { "Who was seen on which server, and where their plays go. Plays of people whom no route mentions are held: none is lost, and none goes to the wrong account." }
        h2 { "Whom no route mentions" }
        @if known.is_empty() {
            (empty("Nobody. Whoever watches and is mentioned by no route appears here.", None))
        } @else {
            div.card.list { @for user in &known { (held(&app, &context, user)) } }
        }
        h2 { "By your routes" }
        @if routed.is_empty() {
            (empty("Nobody whom a route mentions has watched anything in the last 90 days.", None))
        } @else {
            div.card.list {
                @for user in &routed {
                    div.item.bare {
                        div.grow {
                            div { span.strong { (user.user.name.as_deref().unwrap_or("without a name")) } " " span.muted { (user.source) } }
                            div.small.muted { (user.last_item) " · " (time(user.last_seen, TimeForm::Full)) }
                        }
                        div.row.wrap { @for tracker in &user.trackers { (chip(&context, "ok", "send", tracker)) } }
                    }
                }
            }
        }
        (private)
    };
    layout::page(&api, &context, Page::new("People", Place::Setup), body).await
}

/// The webhook addresses that belong to one person each.
async fn addresses(app: &App, context: &Context) -> Result<Markup, Problem> {
    let mut rows = Vec::new();
    for person in app.config.people.keys() {
        rows.push((person, private_addresses::list(app, person).await?));
    }
    Ok(html! {
        h2 { "Addresses of one person" }
        @if rows.is_empty() {
            (empty("A person with a section [people.NAME] in the configuration can have a webhook address of their own: what comes there is recorded for them alone.", None))
        }
        div.stack { @for (person, addresses) in &rows {
            article.card.padded.stack {
                h3 { (person) }
                @for (number, address) in addresses.iter().enumerate() {
                    @let field = format!("address-{person}-{number}");
                    div.row {
                        label.grow { span.small { (address.source) } input.mono #(field) value=(address.url) readonly; }
                        button.button.end type="button" data-copy=(field) { (icon(context, "copy")) span data-word { "Copy" } }
                    }
                }
                @if addresses.is_empty() { p.small.muted { "There is none yet. Keep it private: whoever has it can report plays." } }
                form.row.wrap method="post" action=(context.href(&format!("/people/addresses/{}", encode_path_segment(person)))) {
                    button.button name="action" value="renew" { @if addresses.is_empty() { "Make one" } @else { "Make another one" } }
                    @if !addresses.is_empty() { button.button name="action" value="remove" { "Take it away" } }
                }
            }
        } }
    })
}

/// Makes or takes away a person's addresses.
pub(super) async fn change_addresses(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(person): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    match form.text("action").as_str() {
        "renew" => {
            private_addresses::renew(&app, &person).await?;
        }
        "remove" => private_addresses::remove(&app, &person).await?,
        other => return Err(form::unknown_choice("action", other)),
    }
    api.reload.notify_one();
    layout::see_other(&context, "/people")
}

fn held(app: &App, context: &Context, user: &KnownUser) -> Markup {
    let reachable: Vec<&str> = app
        .config
        .trackers
        .keys()
        .map(String::as_str)
        .filter(|tracker| {
            app.config.routes.iter().any(|route| route.source == user.source && route.tracker == **tracker)
        })
        .collect();
    let (class, icon_name, words) = match &user.decision {
        UserDecision::Held => ("warn", "triangle-alert", "held".to_owned()),
        UserDecision::Ignored => ("", "ban", "goes nowhere".to_owned()),
        UserDecision::Assigned { trackers, .. } => ("ok", "send", trackers.join(", ")),
    };
    html! {
        div.item.bare {
            div.grow {
                div.row.wrap {
                    span.strong { (user.viewer.name(&user.user)) }
                    span.muted { (user.source) }
                    (chip(context, class, icon_name, &words))
                }
                div.small.muted { (user.last_item) " · " (time(user.last_seen, TimeForm::Full)) }
            }
            @if context.may(Permission::Control) {
                form.row.wrap.actions method="post" action=(context.href(&format!("/people/{}", users::id_of(user)))) {
                    @if user.decision == UserDecision::Held {
                        @if reachable.is_empty() {
                            span.small.muted { "No route leads from " (user.source) ". " a href=(context.href("/setup")) { "Add one" } }
                        } @else {
                            label { span.hidden { "Tracker for " (user.user) }
                                select name="tracker" { @for tracker in &reachable { option value=(tracker) { (tracker) } } } }
                            button.button.primary.small name="decision" value="assign" { "Assign" }
                            button.button.small name="decision" value="from-now" { "From now on" }
                        }
                        button.button.small name="decision" value="ignore" { "Goes nowhere" }
                    } @else {
                        button.button.small name="decision" value="hold" { "Take back" }
                    }
                }
            }
        }
    }
}

/// Takes a decision about somebody's plays.
pub(super) async fn decide(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    let known = app.store.users().await?;
    let user = known.iter().find(|user| users::id_of(user) == id);
    let user = user
        .ok_or_else(|| Problem::not_found("this person is not in the list any more", "look at the list"))?;
    let trackers: Vec<String> = form.all("tracker").map(str::to_owned).collect();
    match form.text("decision").as_str() {
        "assign" => users::assign(&*app.store, &app.config, user, &trackers, false).await?,
        "from-now" => users::assign(&*app.store, &app.config, user, &trackers, true).await?,
        "ignore" => users::ignore(&*app.store, user).await?,
        "hold" => users::unassign(&*app.store, user).await?,
        other => return Err(form::unknown_choice("decision", other)),
    }
    layout::see_other(&context, "/people")
}
