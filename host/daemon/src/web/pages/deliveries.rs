//! Deliveries: what needs somebody, what is on its way, what is there, and what is not sent.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::outbox::{OutboxCommand, OutboxRow, OutboxSelection};
use playrelay_store::DeliveryFilter;
use serde::Deserialize;

use crate::operations::deliveries;
use crate::web::access::permissions::Permission;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::api::{Api, publish_delivery};
use crate::web::pages::context::Context;
use crate::web::pages::delivery_group::DeliveryGroup;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, empty, icon, time, title, until};

/// Rows of a page.
const ROWS: u32 = 50;
/// The tab with everything.
const ALL: &str = "all";

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    /// The tab: the name of a group, or `all`.
    #[serde(default)]
    show: String,
    /// Where the page before ended.
    before: Option<i64>,
}

impl Filter {
    /// The first page of a tab.
    pub(super) fn of(tab: &str) -> Self {
        Self { show: tab.to_owned(), before: None }
    }

    /// The group of the tab; absent for the one with everything.
    fn group(&self) -> Option<DeliveryGroup> {
        match self.show.as_str() {
            ALL => None,
            name => Some(DeliveryGroup::parse(name).unwrap_or(DeliveryGroup::NeedsYou)),
        }
    }

    fn tab(&self) -> &'static str {
        self.group().map_or(ALL, DeliveryGroup::as_str)
    }
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let body = region(&api, &context, &filter).await?;
    let page = Page::new("Deliveries", Place::Deliveries);
    // An older page stays as it is: new rows would push its own away.
    let page = if filter.before.is_none() {
        page.live(format!("page=deliveries&of={}", filter.tab()))
    } else {
        page
    };
    layout::page(&api, &context, page, body).await
}

/// All of the page that changes.
pub(super) async fn region(api: &Api, context: &Context, filter: &Filter) -> Result<Markup, Problem> {
    let group = filter.group();
    let store = api.store();
    let rows = store
        .deliveries(DeliveryFilter {
            before: filter.before,
            states: group.map(DeliveryGroup::states).unwrap_or_default(),
            tracker: None,
            limit: ROWS,
        })
        .await?;
    let needs = store.count_deliveries(DeliveryGroup::NeedsYou.states()).await?;
    let waiting = store.count_deliveries(DeliveryGroup::OnItsWay.states()).await?;
    let next = rows.last().filter(|_| rows.len() == ROWS as usize).map(|row| row.id);
    let may_change = context.may(Permission::Control) && group != Some(DeliveryGroup::There);
    let tab = |name: &'static str, label: &str, count: Option<u64>| {
        html! {
            a href=(context.href(&format!("/deliveries?show={name}"))) aria-current=[(filter.tab() == name).then_some("page")] {
                (label) @if let Some(count) = count.filter(|count| *count > 0) { " " span.muted { (count) } }
            }
        }
    };
    let list = html! { div.card.list { @for row in &rows { (self::row(context, row, may_change)) } } };
    Ok(html! {
        div.head {
            h1 { "Deliveries" }
            span.grow {}
            nav.tabs aria-label="What is shown" {
                (tab(DeliveryGroup::NeedsYou.as_str(), "Needs you", Some(needs)))
                (tab(DeliveryGroup::OnItsWay.as_str(), "On its way", Some(waiting)))
                (tab(DeliveryGroup::There.as_str(), "There", None))
                (tab(DeliveryGroup::NotSentByRule.as_str(), "Not sent", None))
                (tab(DeliveryGroup::NotSentByYou.as_str(), "Dropped", None))
                (tab(ALL, "All", None))
            }
        }
        @if rows.is_empty() {
            (empty(nothing(group), None))
        } @else if may_change {
            form method="post" action=(context.href("/deliveries/batch")) {
                input type="hidden" name="show" value=(filter.tab());
                (list)
                div.row.wrap.space {
                    label.check { input type="checkbox" data-all; "all of this page" }
                    button.button name="command" value="retry" { (icon(context, "refresh-cw")) "Retry the chosen" }
                    button.button name="command" value="drop" { (icon(context, "ban")) "Never send the chosen" }
                }
            }
        } @else {
            (list)
        }
        @if let Some(next) = next {
            p.space { a.button href=(context.href(&format!("/deliveries?show={}&before={next}", filter.tab()))) { "Older" } }
        }
    })
}

/// What an empty tab says.
fn nothing(group: Option<DeliveryGroup>) -> &'static str {
    match group {
        Some(DeliveryGroup::NeedsYou) => {
            "Nothing needs you. What a tracker does not know, or refuses for good, appears here."
        }
        Some(DeliveryGroup::OnItsWay) => "Nothing waits: every tracker was told of everything.",
        Some(DeliveryGroup::There) => "No tracker has taken anything yet.",
        Some(DeliveryGroup::NotSentByRule) => "No rule has kept anything from a tracker.",
        Some(DeliveryGroup::NotSentByYou) => "You have dropped nothing.",
        None => "There are no deliveries yet.",
    }
}

fn row(context: &Context, row: &OutboxRow, may_change: bool) -> Markup {
    let (name, rest) = title(&row.event.item);
    let group = DeliveryGroup::of(row.state);
    let (icon_name, class) = group.look();
    html! {
        div.item.bare id={ "delivery-" (row.id) } {
            div.row {
                @if may_change {
                    input type="checkbox" name="id" value=(row.id) aria-label={ "choose " (name) " for " (row.event.tracker) };
                }
                div.grow {
                    a.strong href=(context.href(&format!("/events/{}", row.inbox))) { (name) }
                    " " span.muted { (rest) }
                    div.small.muted {
                        (row.event.tracker) " · " (row.event.action.name()) " · " (time(row.event.at, TimeForm::Full))
                        @if let Some(note) = &row.note { " · " (note) }
                        @if group == DeliveryGroup::OnItsWay { " · next try " (until(row.next_at)) }
                    }
                }
            }
            div.row.wrap {
                span.chip.(class) title=(row.state.as_str()) { (icon(context, icon_name)) (group.label()) }
                @if may_change && group == DeliveryGroup::NeedsYou {
                    a.button.small href=(context.href(&format!("/deliveries/{}/match", row.id))) { "Fix match…" }
                }
            }
        }
    }
}

/// Does the same with all chosen deliveries, and says what became of each.
pub(super) async fn batch(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let (command, done): (fn() -> OutboxCommand, _) = match form.text("command").as_str() {
        "drop" => (|| OutboxCommand::Drop, "dropped"),
        "retry" => (|| OutboxCommand::Retry, "sent again"),
        other => return Err(form::unknown_choice("command", other)),
    };
    let ids: Vec<i64> = form.all("id").filter_map(|id| id.parse().ok()).collect();
    let mut refused = Vec::new();
    for id in &ids {
        match deliveries::apply(&*api.store(), OutboxSelection::One(*id), command()).await {
            Ok(_) => publish_delivery(&api, *id).await?,
            Err(error) => refused.push(error.to_string()),
        }
    }
    let back = context.href(&format!("/deliveries?show={}", Filter::of(&form.text("show")).tab()));
    let body = html! {
        div.card.padded.stack {
            h1 { (ids.len() - refused.len()) " of " (ids.len()) " " (done) }
            @if ids.is_empty() { p { "No delivery was chosen. Tick those that you mean, and press the button again." } }
            @if !refused.is_empty() { ul.tight { @for reason in &refused { li { (reason) } } } }
            p { a.button.primary href=(back) { "Back to the deliveries" } }
        }
    };
    layout::page(&api, &context, Page::new("Deliveries", Place::Deliveries), body).await
}
