//! Rows of plays: what, who, how far, and what each tracker knows.

use std::collections::BTreeMap;

use maud::{Markup, html};
use playrelay_engine::event::DeliveryClass;
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::play::Play;

use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::delivery_group::DeliveryGroup;
use crate::web::pages::parts::{TimeForm, chip, delivery_chip, time, title};

/// The deliveries of plays, by play: the watch of each tracker, or else its newest presence.
pub(super) async fn deliveries(
    api: &Api,
    plays: &[Play],
) -> Result<BTreeMap<String, Vec<OutboxRow>>, Problem> {
    let trackers: Vec<String> = api.app().config.trackers.keys().cloned().collect();
    let subjects: Vec<String> = plays.iter().map(|play| play.id.0.clone()).collect();
    let mut found: BTreeMap<String, BTreeMap<String, OutboxRow>> = BTreeMap::new();
    for row in api.store().deliveries_of(trackers, subjects).await? {
        let of_play = found.entry(row.event.subject.clone()).or_default();
        let is_watch = |row: &OutboxRow| row.event.action.delivery_class() == DeliveryClass::Watch;
        match of_play.get(&row.event.tracker) {
            Some(known) if is_watch(known) && !is_watch(&row) => {}
            _ => {
                of_play.insert(row.event.tracker.clone(), row);
            }
        }
    }
    Ok(found.into_iter().map(|(play, rows)| (play, rows.into_values().collect())).collect())
}

/// A row of a play.
pub(super) fn row(context: &Context, play: &Play, rows: &[OutboxRow]) -> Markup {
    let (name, rest) = title(&play.item);
    // The event that led to a delivery says more than the last one.
    let event = rows.first().map_or(play.routing.reported_by, |row| row.inbox);
    html! {
        a.item href=(context.href(&format!("/events/{event}"))) {
            (time(play.ended_at.unwrap_or(play.last_seen_at), TimeForm::Time))
            div.grow {
                div.cut { span.strong { (name) } " " span.muted { (rest) } }
                div.small.muted.cut { (summary(play)) }
            }
            (delivered(context, play, rows))
        }
    }
}

fn summary(play: &Play) -> String {
    let user = play.user.name.clone().unwrap_or_else(|| play.user.to_string());
    let how_far = play.progress().map(|percent| format!("{percent:.0} %"));
    let what = match (play.watched_at.is_some(), play.is_open(), how_far) {
        (_, true, Some(percent)) => format!("plays, at {percent}"),
        (_, true, None) => "plays".to_owned(),
        (true, false, Some(percent)) => format!("watched to {percent}"),
        (true, false, None) => "watched".to_owned(),
        (false, false, Some(percent)) => format!("stopped at {percent}"),
        (false, false, None) => "stopped".to_owned(),
    };
    format!("{user} · {what}")
}

/// What the trackers know, in one chip: the gravest, or how many have it.
fn delivered(context: &Context, play: &Play, rows: &[OutboxRow]) -> Markup {
    let of = |group| rows.iter().find(|row| DeliveryGroup::of(row.state) == group);
    if let Some(row) = of(DeliveryGroup::NeedsYou).or_else(|| of(DeliveryGroup::OnItsWay)) {
        return delivery_chip(context, row);
    }
    let there: Vec<&OutboxRow> =
        rows.iter().filter(|row| DeliveryGroup::of(row.state) == DeliveryGroup::There).collect();
    match there.as_slice() {
        [] if play.routing.awaiting_route => chip(context, "warn", "triangle-alert", "held: whose?"),
        [] => chip(context, "", "ban", "not sent"),
        [only] if rows.len() == 1 => delivery_chip(context, only),
        several => chip(context, "ok", "check", &format!("{} of {}", several.len(), rows.len())),
    }
}
