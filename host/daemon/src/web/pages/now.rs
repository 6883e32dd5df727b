//! The first page: what needs somebody, what plays, the last plays, and how all connections stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::play::Play;
use playrelay_engine::routing::users::UserDecision;
use playrelay_store::AccountPause;
use playrelay_util::clock;

use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::delivery_group::DeliveryGroup;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::missing_logins::missing;
use crate::web::pages::parts::{empty, icon, until};
use crate::web::pages::play_card::{CardFacts, card};
use crate::web::pages::{layout, play_rows};

/// Plays of the list.
const LAST_PLAYS: u32 = 10;

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    if context.only_person().is_some() {
        return layout::see_other(&context, "/library");
    }
    let body = region(&api, &context).await?;
    layout::page(&api, &context, Page::new("Now", Place::Now).live("page=now"), body).await
}

/// All of the page that changes.
pub(super) async fn region(api: &Api, context: &Context) -> Result<Markup, Problem> {
    let now = clock::now();
    let open: Vec<Play> = api.store().plays_since(now).await?.into_iter().filter(Play::is_open).collect();
    let last = api.store().plays(None, LAST_PLAYS).await?;
    let all: Vec<Play> = open.iter().chain(&last).cloned().collect();
    let deliveries = play_rows::deliveries(api, &all).await?;
    let ended: Vec<&Play> = last.iter().filter(|play| !play.is_open()).collect();
    let missing = missing(api).await?;
    Ok(html! {
        h1.hidden { "Now" }
        (notices(api, context, &missing).await?)
        h2 { "Playing now" }
        (playing(api, context, &open, &deliveries))
        div.two {
            section {
                h2 { "Last plays" }
                @if ended.is_empty() {
                    (empty("Plays appear here as soon as somebody stops watching.", None))
                } @else {
                    div.card.list { @for play in ended { (play_rows::row(context, play, of(&deliveries, play))) } }
                    p.space { a href=(context.href("/history")) { "All plays" } }
                }
            }
            section { h2 { "Connections" } (connections(api, context, &missing).await?) }
        }
    })
}

fn of<'a>(deliveries: &'a BTreeMap<String, Vec<OutboxRow>>, play: &Play) -> &'a [OutboxRow] {
    deliveries.get(&play.id.0).map(Vec::as_slice).unwrap_or_default()
}

fn playing(
    api: &Api,
    context: &Context,
    open: &[Play],
    deliveries: &BTreeMap<String, Vec<OutboxRow>>,
) -> Markup {
    let app = api.app();
    if open.is_empty() {
        let (text, action) = match app.config.sources.is_empty() {
            true => ("Playrelay knows no media server yet.", Some((context.href("/setup"), "Set up"))),
            false => ("Nothing plays. Press play anywhere: the card appears by itself.", None),
        };
        return empty(text, action);
    }
    let mut open: Vec<&Play> = open.iter().collect();
    open.sort_by_key(|play| std::cmp::Reverse(play.started_at));
    html! {
        div.cards {
            @for play in open {
                (card(context, play, &CardFacts {
                    deliveries: of(deliveries, play),
                    watched_at: app.config.scrobble.watched_threshold,
                    has_pictures: app.artwork().is_some(),
                    has_names: true,
                    has_links: true,
                    now: clock::now(),
                }))
            }
        }
    }
}

/// What needs somebody, the gravest first.
async fn notices(api: &Api, context: &Context, missing: &[(String, String)]) -> Result<Markup, Problem> {
    let app = api.app();
    let store = api.store();
    let config_error = api.connections.config_error();
    let mut logins = Vec::new();
    for name in app.config.trackers.keys().chain(app.config.sources.keys()) {
        if let Some(AccountPause::Login { reason }) = store.pause(name).await? {
            let waiting = if app.config.trackers.contains_key(name) {
                store.outbox_stats(name).await?.waiting
            } else {
                0
            };
            logins.push((name.clone(), reason, waiting));
        }
    }
    let missing = missing.iter().filter(|(name, _)| !logins.iter().any(|(known, ..)| known == name));
    let users = store.users().await?;
    let held: Vec<&str> = users
        .iter()
        .filter(|user| user.decision == UserDecision::Held)
        .map(|user| user.viewer.name(&user.user))
        .collect();
    let needs = store.count_deliveries(DeliveryGroup::NeedsYou.states()).await?;
    let log_in = |name: &str| {
        html! {
            @if context.may(Permission::Admin) {
                a.button.primary href=(context.href(&format!("/accounts/{name}"))) { (icon(context, "log-in")) "Log in again" }
            }
        }
    };
    Ok(html! {
        @if let Some(error) = &config_error {
            div.notice.bad { div.grow { b { "The changed configuration is not taken over." } " " (error) } }
        }
        @for (name, reason, waiting) in &logins {
            div.notice {
                div.grow {
                    b { (name) " wants a new login." } " "
                    @if *waiting > 0 { (waiting) " deliveries wait; nothing is lost. " }
                    span.muted { (reason) }
                }
                (log_in(name))
            }
        }
        @for (name, reason) in missing {
            div.notice { div.grow { b { (name) " is not logged in." } " " span.muted { (reason) } } (log_in(name)) }
        }
        @for waiting in &app.waiting { div.notice { div.grow { b { "An account cannot work yet." } " " (waiting) } } }
        @if !held.is_empty() {
            div.notice {
                div.grow { b { "Whose plays are these?" } " " (held.join(", ")) ": no route mentions them. What they watch is held." }
                a.button href=(context.href("/people")) { "Assign…" }
            }
        }
        @if needs > 0 {
            div.notice {
                div.grow { b { (needs) @if needs == 1 { " delivery needs you." } @else { " deliveries need you." } } " Nothing leaves by itself." }
                a.button href=(context.href("/deliveries")) { "Look" }
            }
        }
    })
}

/// How each source and tracker stands.
async fn connections(api: &Api, context: &Context, missing: &[(String, String)]) -> Result<Markup, Problem> {
    let app = api.app();
    let is_logged_out = |name: &String| missing.iter().any(|(logged_out, _)| logged_out == name);
    let reports: BTreeMap<String, _> =
        api.connections.all().into_iter().map(|(name, status)| (name, status.report())).collect();
    let mut rows = Vec::new();
    for (name, source) in &app.config.sources {
        let (class, state) = match reports.get(name) {
            _ if is_logged_out(name) => ("warn", html! { "log in" }),
            Some(report) if report.connected => {
                ("ok", html! { (report.by.unwrap_or("connected").trim_start_matches("a ")) })
            }
            Some(report) => (
                "bad",
                match report.again_at {
                    Some(at) => html! { "tries again " (until(at)) },
                    None => html! { "no connection" },
                },
            ),
            None => ("ok", html! { "by webhook" }),
        };
        rows.push((name.clone(), source.plugin.clone(), class, state));
    }
    for (name, tracker) in &app.config.trackers {
        let waiting = api.store().outbox_stats(name).await?.waiting;
        let left = match app.accounts.get(name).and_then(|account| account.outbound.meter()) {
            Some(meter) => meter.remaining().await.ok().map(|(left, _)| left),
            None => None,
        };
        let (class, state) = match api.store().pause(name).await? {
            _ if is_logged_out(name) => ("warn", html! { "log in" }),
            Some(AccountPause::Login { .. }) => ("warn", html! { "log in again" }),
            Some(AccountPause::Until { until: at, .. } | AccountPause::Blocked { until: at, .. }) => {
                ("warn", html! { "tries again " (until(at)) })
            }
            None if waiting > 0 => ("ok", html! { (waiting) " on their way" }),
            None => ("ok", html! { @if let Some(left) = left { (left) " left today" } @else { "ready" } }),
        };
        rows.push((name.clone(), tracker.plugin.clone(), class, state));
    }
    if rows.is_empty() {
        return Ok(empty("Sources and trackers appear here.", Some((context.href("/setup"), "Set up"))));
    }
    Ok(html! {
        div.card.list {
            @for (name, plugin, class, state) in rows {
                a.conn href=(context.href(&format!("/accounts/{name}"))) {
                    span.dot.(class) {}
                    span.cut { (name) " " span.muted.small { (plugin) } }
                    span.small.(if class == "ok" { "muted" } else { class }) { (state) }
                }
            }
        }
    })
}
