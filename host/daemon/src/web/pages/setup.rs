//! The set-up: four steps, each with what is there and what can be added. It may be left and found again at any time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::outbox::DeliveryState;
use playrelay_engine::routing::route::UserRule;
use playrelay_store::DeliveryFilter;

use crate::app::App;
use crate::config::Role;
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::missing_logins::missing;
use crate::web::pages::parts::{chip, empty, icon};
use crate::web::pages::{add_account, add_route, layout};

/// A step of the set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Password,
    Server,
    Tracker,
    Play,
}

impl Step {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Password, "Password"),
        (Self::Server, "Media server"),
        (Self::Tracker, "Tracker"),
        (Self::Play, "Play something"),
    ];
}

/// The steps, with those that are done.
pub(super) fn steps(context: &Context, here: Step, done: [bool; 4]) -> Markup {
    html! {
        ol.steps aria-label="Steps of the set-up" {
            @for (index, (step, label)) in Step::ALL.into_iter().enumerate() {
                li aria-current=[(step == here).then_some("step")] {
                    @if done[index] { span.ok { (icon(context, "circle-check")) } span.hidden { "done: " } } @else { span { (index + 1) "." } }
                    (label)
                }
            }
        }
    }
}

/// What is done of the set-up.
async fn done(api: &Api, app: &App, logged_out: &[String]) -> Result<[bool; 4], Problem> {
    let is_ready = |name: &String| app.accounts.contains_key(name) && !logged_out.contains(name);
    let delivered =
        DeliveryFilter { states: vec![DeliveryState::Delivered], limit: 1, ..DeliveryFilter::default() };
    Ok([
        true,
        app.config.sources.keys().any(is_ready),
        app.config.trackers.keys().any(is_ready) && !app.config.routes.is_empty(),
        !api.store().deliveries(delivered).await?.is_empty(),
    ])
}

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let body = region(&api, &context).await?;
    layout::page(&api, &context, Page::new("Set-up", Place::Setup).live("page=setup"), body).await
}

/// All of the page that changes.
pub(super) async fn region(api: &Api, context: &Context) -> Result<Markup, Problem> {
    let app = api.app();
    let logged_out: Vec<String> = missing(api).await?.into_iter().map(|(name, _)| name).collect();
    let done = done(api, &app, &logged_out).await?;
    let here =
        Step::ALL.into_iter().zip(done).find(|(_, done)| !done).map_or(Step::Play, |((step, _), _)| step);
    let may_change = context.may(Permission::Admin);
    let source_rows = app.config.sources.iter().map(|(name, account)| (name, &account.plugin));
    let tracker_rows = app.config.trackers.iter().map(|(name, account)| (name, &account.plugin));
    Ok(html! {
        h1.hidden { "Set-up" }
        (steps(context, here, done))
        @if app.config.file.is_none() && may_change {
            div.notice { div.grow { b { "There is no configuration file yet." } " The first account that you add writes " code { "playrelay.toml" } " where the daemon was started." } }
        }
        section {
            h2 { "Where do you watch?" }
            @if app.config.sources.is_empty() && !may_change { (empty("There is no media server yet. An admin can add one.", None)) }
            (accounts(context, source_rows.collect(), &logged_out, &app))
            @if may_change { (add_account::choices(context, &app, Role::Source)) }
        }
        section {
            h2 { "Where should it go?" }
            (accounts(context, tracker_rows.collect(), &logged_out, &app))
            @if may_change { (add_account::choices(context, &app, Role::Tracker)) }
        }
        section {
            h2 #routes { "Routes" }
            (routes(context, &app))
            @if may_change { (add_route::sentence(context, &app)) }
        }
        @if here == Step::Play {
            section {
                h2 { "The last step is yours" }
                @if done[3] {
                    div.card.padded.row.wrap { span.ok { (icon(context, "circle-check")) } div.grow { span.strong { "It works." } " A play has arrived at its tracker. " } a.button.primary href=(context.href("/")) { "Go to Now" } }
                } @else {
                    div.card.padded.row.wrap {
                        div.grow { span.strong { "Press play anywhere." } " This page waits, and says when the play has arrived." }
                        a.button href=(context.href("/doctor")) { (icon(context, "stethoscope")) "Nothing comes? Ask the doctor" }
                    }
                }
            }
        }
        h2 { "Also" }
        div.choices {
            a.card.choice href=(context.href("/people")) { h3 { (icon(context, "users")) " People" } span.small.muted { "Who was seen, and where their plays go." } }
            a.card.choice href=(context.href("/mappings")) { h3 { (icon(context, "film")) " Mappings" } span.small.muted { "What catalogues call a title that your server calls otherwise." } }
            @if may_change {
                a.card.choice href=(context.href("/webhooks")) { h3 { (icon(context, "webhook")) " Webhooks" } span.small.muted { "The addresses for your servers." } }
                a.card.choice href=(context.href("/setup/card")) { h3 { (icon(context, "tv")) " Playing card" } span.small.muted { "What plays, behind a secret link." } }
                a.card.choice href=(context.href("/settings")) { h3 { (icon(context, "list-checks")) " Settings" } span.small.muted { "Every key, its default, and where it is set." } }
            }
            a.card.choice href=(context.href("/notifications")) { h3 { (icon(context, "radio")) " Notifications" } span.small.muted { "On your phone or by mail when something needs you." } }
            a.card.choice href=(context.href("/plugins")) { h3 { (icon(context, "plug")) " Plugins" } span.small.muted { "What each may do, and what waits for you." } }
        }
    })
}

fn accounts(context: &Context, rows: Vec<(&String, &String)>, logged_out: &[String], app: &App) -> Markup {
    html! {
        @if !rows.is_empty() {
            div.card.list {
                @for (name, plugin) in rows {
                    a.item.bare.line href=(context.href(&format!("/accounts/{name}"))) {
                        span.cut { span.strong { (name) } " " span.muted { (plugin) } }
                        @if logged_out.contains(name) { (chip(context, "warn", "log-in", "log in")) }
                        @else if app.accounts.contains_key(name) { (chip(context, "ok", "check", "ready")) }
                        @else { (chip(context, "bad", "triangle-alert", "its plugin does not serve")) }
                    }
                }
            }
        }
    }
}

fn routes(context: &Context, app: &App) -> Markup {
    html! {
        @if app.config.routes.is_empty() {
            (empty("No route leads anywhere yet: what is watched is noted, and no tracker is told.", None))
        } @else {
            div.card.list {
                @for (index, route) in app.config.routes.iter().enumerate() {
                    div.item.bare.line {
                        div {
                            "What " (who(&route.users)) " on " span.strong { (route.source) } " goes to " span.strong { (route.tracker) } "."
                            " It counts at " span.rule { (route.policy.watched_threshold) " %" } "."
                        }
                        @if context.may(Permission::Admin) {
                            a.button.small href=(context.href(&format!("/setup/routes/{index}"))) { "Change" span.hidden { " the route to " (route.tracker) } }
                        } @else { (icon(context, "route")) }
                    }
                }
            }
        }
    }
}

fn who(users: &[UserRule]) -> String {
    let names: Vec<String> = users.iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "people that you assign watch".to_owned(),
        [all] if all == "*" => "everybody watches".to_owned(),
        [one] => format!("{one} watches"),
        several => format!("{} watch", several.join(", ")),
    }
}
