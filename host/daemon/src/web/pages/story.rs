//! The story of an event: one sentence first, then every step from its arrival to its deliveries, and what helps if it is wrong.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::code::Code;
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::timeline::{Outcome, Stage};
use playrelay_store::{EventSummary, TimelineRow};

use crate::replay;
use crate::web::access::permissions::Permission;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::api::{Api, event_bundle, replay_problem};
use crate::web::pages::context::Context;
use crate::web::pages::delivery_group::DeliveryGroup;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, chip, icon, poster, time, title, until};
use crate::web::pages::{history, layout};

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let story = region(&api, &context, id).await?;
    let body = html! {
        div.head {
            nav.muted.small aria-label="Place" { a href=(context.href("/history?show=inputs")) { "History" } " › Event " (id) }
            span.grow {}
            @if context.may(Permission::Control) {
                form.inline method="post" action=(context.href(&format!("/events/{id}/replay"))) {
                    button.button.small { (icon(&context, "refresh-cw")) "Replay dry" }
                }
            }
            @if context.may(Permission::Admin) {
                a.button.small href=(context.href(&format!("/events/{id}/share"))) { (icon(&context, "share-2")) "Share…" }
                a.button.small href=(context.href(&format!("/api/v1/events/{id}/request"))) { "Raw" }
            }
        }
        div #live { (story) }
        (layout::connect(&api, &context, &format!("page=event&of={id}")))
    };
    layout::page(&api, &context, Page::new(format!("Event {id}"), Place::History), body).await
}

/// All of the page that changes.
pub(super) async fn region(api: &Api, context: &Context, id: i64) -> Result<Markup, Problem> {
    let story = api.store().event(id).await?.ok_or_else(|| unknown(id))?;
    let (event, rows) = (&story.summary, &story.outbox);
    let has_pictures = api.app().artwork().is_some();
    let item = rows.first().map(|row| &row.event.item);
    let heading = item.map(title).unwrap_or_else(|| {
        (event.item.clone().unwrap_or_else(|| "A message without a title".to_owned()), String::new())
    });
    Ok(html! {
        section.card.verdict {
            @if let Some(item) = item { (poster(context, item, has_pictures)) }
            div.grow {
                h1 { (heading.0) " " span.muted { (heading.1) } }
                p { (sentence(event, rows)) }
                div.chips {
                    (chip(context, "", "server", &event.source))
                    @if let Some(user) = &event.user { (chip(context, "", "users", user)) }
                    @if let Some(verdict) = &event.verdict {
                        @let (class, icon_name) = history::look(verdict.outcome);
                        (chip(context, class, icon_name, &format!("{}: {}", verdict.outcome.as_str(), verdict.code)))
                    }
                }
            }
        }
        h2 { "What happened" }
        section.card.story {
            @for row in &story.timeline { (step(context, row)) }
            @if story.timeline.is_empty() { p.empty { "Its steps were deleted: Playrelay keeps them for `keep_events`." } }
        }
        @if !rows.is_empty() {
            h2 { "Deliveries" }
            div.card.list { @for row in rows { (delivery(context, row)) } }
        }
        (wrong(context, event, rows))
    })
}

/// What became of an event, in one sentence or two.
fn sentence(event: &EventSummary, rows: &[OutboxRow]) -> String {
    let Some(verdict) = &event.verdict else { return "Playrelay is working on it.".to_owned() };
    let meaning = meaning(&verdict.code);
    let who = event.user.clone().unwrap_or_else(|| "Somebody".to_owned());
    let outcome = match verdict.outcome {
        Outcome::Ignored => format!("Playrelay ignored it. {meaning}"),
        Outcome::Merged => format!("It says what Playrelay knew already. {meaning}"),
        Outcome::Filtered => format!("A rule of yours keeps it from all trackers. {meaning}"),
        Outcome::Held => format!("It waits for you: nobody knows where the plays of {who} go."),
        Outcome::Recorded => format!("Playrelay noted it, and told no tracker. {meaning}"),
        Outcome::Queued => match deed(&verdict.code) {
            Some(deed) => format!("{who} {deed}."),
            None => format!("{who}: {meaning}"),
        },
        Outcome::Malformed => format!("The message could not be read, and is kept for a replay. {meaning}"),
        Outcome::Failed => format!("The plugin failed, and the message is kept for a replay. {meaning}"),
    };
    let mut groups: Vec<String> = Vec::new();
    for group in DeliveryGroup::ALL {
        let mut trackers: Vec<&str> = rows
            .iter()
            .filter(|row| DeliveryGroup::of(row.state) == group)
            .map(|row| row.event.tracker.as_str())
            .collect();
        trackers.dedup();
        let names = trackers.join(" and ");
        let several = trackers.len() > 1;
        let verb = match group {
            DeliveryGroup::There => {
                if several {
                    "have it"
                } else {
                    "has it"
                }
            }
            DeliveryGroup::OnItsWay => {
                if several {
                    "are told soon"
                } else {
                    "is told soon"
                }
            }
            DeliveryGroup::NeedsYou => {
                if several {
                    "need you"
                } else {
                    "needs you"
                }
            }
            DeliveryGroup::NotSentByRule | DeliveryGroup::NotSentByYou => {
                if several {
                    "are not told"
                } else {
                    "is not told"
                }
            }
        };
        if !trackers.is_empty() {
            groups.push(format!("{names} {verb}"));
        }
    }
    match groups.is_empty() {
        true => outcome,
        false => format!("{outcome} {}.", groups.join("; ")),
    }
}

/// What somebody did, by the code of what was decided; absent where the meaning of the code says it better.
fn deed(code: &Code) -> Option<&'static str> {
    match code {
        Code::Completed | Code::CompletedUnseen => Some("watched it"),
        Code::Started => Some("began to watch it"),
        Code::Continues | Code::Resumed => Some("went on watching it"),
        Code::Paused | Code::PausedUnseen => Some("paused it"),
        Code::Ended | Code::EndedUnseen => Some("stopped it"),
        Code::Marked => Some("marked it as watched"),
        Code::Unmarked => Some("marked it as unwatched"),
        Code::Rating => Some("rated it"),
        _ => None,
    }
}

/// What a code means, one sentence.
fn meaning(code: &Code) -> &'static str {
    Code::ALL.iter().find(|(known, _)| known == code).map_or("", |(_, meaning)| meaning)
}

/// The setting that a decision rests on, and its section; absent where none does.
fn setting(code: &Code) -> Option<(&'static str, &'static str)> {
    Some(match code {
        Code::TooShort => ("scrobble", "min_duration"),
        Code::LiveTv => ("scrobble", "live_tv"),
        Code::Recording => ("scrobble", "recordings"),
        Code::Extra => ("scrobble", "extras"),
        Code::Threshold | Code::BelowThreshold | Code::Completed | Code::NotWatched => {
            ("scrobble", "watched_at")
        }
        Code::Credits => ("scrobble", "credits"),
        Code::CreditsGrace => ("scrobble", "credits_grace"),
        Code::PositionUnknown => ("scrobble", "min_watched_with_unknown_runtime"),
        Code::NearTheEnd => ("scrobble", "suppress_start_at"),
        Code::Stale => ("scrobble", "stale_after"),
        Code::Skipped => ("scrobble", "offline_keep"),
        Code::Kind => ("routes", "kinds"),
        Code::Server | Code::ServerUnknown => ("routes", "servers"),
        Code::ServerExcepted => ("routes", "except_servers"),
        Code::Library | Code::LibraryUnknown => ("routes", "libraries"),
        Code::LibraryExcepted => ("routes", "except_libraries"),
        Code::Device | Code::DeviceUnknown => ("routes", "devices"),
        Code::DeviceExcepted => ("routes", "except_devices"),
        Code::Path | Code::PathUnknown => ("routes", "paths"),
        Code::PathExcepted => ("routes", "except_paths"),
        Code::EditionExcepted => ("routes", "except_editions"),
        Code::UnknownUser => ("routes", "users"),
        Code::MarksOff => ("routes", "marks"),
        Code::UnwatchedOff => ("routes", "unwatched"),
        _ => return None,
    })
}

/// A link to the setting that a decision rests on.
fn setting_link(context: &Context, code: &Code) -> Markup {
    html! {
        @match setting(code) {
            Some(("routes", name)) => { a.small href=(context.href("/setup#routes")) { code { (name) } " of the route" } },
            Some((section, name)) => {
                a.small href=(context.href(&format!("/settings#key-{section}.{name}"))) { code { (name) } }
            }
            None => {}
        }
    }
}

fn step(context: &Context, row: &TimelineRow) -> Markup {
    let name = match row.stage {
        Stage::Received => "Received",
        Stage::Parsed => "Read by the plugin",
        Stage::Enriched => "Looked up",
        Stage::Engine => "Decided",
        Stage::Route => "Route",
        Stage::Delivery => "Delivery",
    };
    let class = match row.code {
        Code::Waiting | Code::Held | Code::Unmatched => "wait",
        Code::Dead | Code::Malformed | Code::Trap => "bad",
        Code::NoChange | Code::LookedUpBefore | Code::FoundBefore => "quiet",
        _ => "",
    };
    html! {
        div.step.(class) {
            (time(row.at, TimeForm::Precise))
            span.mark {}
            div {
                div { span.strong { (name) } " " span.rule title=(meaning(&row.code)) { (row.code) } " " (setting_link(context, &row.code)) }
                div.small.muted { (row.text) }
            }
        }
    }
}

fn delivery(context: &Context, row: &OutboxRow) -> Markup {
    let group = DeliveryGroup::of(row.state);
    let (icon_name, class) = group.look();
    html! {
        div.item.bare {
            div.grow {
                div { span.strong { (row.event.tracker) } " " span.muted { (row.event.action.name()) } }
                div.small.muted {
                    @if let Some(note) = &row.note { (note) }
                    @if group == DeliveryGroup::OnItsWay { " Next try " (until(row.next_at)) "." }
                }
            }
            div.row.wrap {
                span.chip.(class) title=(row.state.as_str()) { (icon(context, icon_name)) (group.label()) }
                @if context.may(Permission::Control) && group == DeliveryGroup::NeedsYou {
                    a.button.small href=(context.href(&format!("/deliveries/{}/match", row.id))) { "Fix match…" }
                }
            }
        }
    }
}

/// The doors to every remedy.
fn wrong(context: &Context, event: &EventSummary, rows: &[OutboxRow]) -> Markup {
    if !context.may(Permission::Control) {
        return html! {};
    }
    html! {
        details.space {
            summary.small.muted { "Wrong?" }
            ul.space.tight.small {
                @for row in rows {
                    li { a href=(context.href(&format!("/deliveries/{}/match", row.id))) { "It is another title" } " (" (row.event.tracker) ")" }
                }
                li { a href=(context.href("/people")) { "It was somebody else" } ": who watches on which server, and where it goes" }
                li { a href=(context.href("/settings#scrobble")) { "It should not have counted, or should have" } ": the thresholds" }
                li { a href=(context.href(&format!("/logs?event={}", event.id))) { "What the log says of it" } }
            }
        }
    }
}

/// What the event would lead to now, beside what it led to.
pub(super) async fn replay(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let run = replay::replay_recorded(&api.app(), id, None).await.map_err(replay_problem)?;
    let body = html! {
        div.crumbs.muted.small {
            a href=(context.href("/history?show=inputs")) { "History" } " › "
            a href=(context.href(&format!("/events/{id}"))) { "Event " (id) } " › Replay"
        }
        h1 { "What it would lead to now" }
        p.muted.space { "Read again by " (run.plugin) ", with the settings of now. Nothing was sent, asked or stored." }
        section.card.padded.space.stack {
            p { span.rule { (run.verdict.outcome.as_str()) } " " span.rule { (run.verdict.code) } " " (run.verdict.detail) }
            @match &run.differences {
                Some(lines) if lines.is_empty() => p.ok { (icon(&context, "circle-check")) " The same as what happened." },
                Some(lines) => {
                    h3 { "What differs from what happened" }
                    pre.diff { @for line in lines { span.(line_class(line)) { (line) "\n" } } }
                }
                None => p.muted { "It was never processed, so that there is nothing to compare." },
            }
        }
        h2 { "Steps" }
        section.card.story {
            @for row in &run.steps {
                div.step { span {} span.mark {} div { span.strong { (row.stage.as_str()) } " " span.rule { (row.code) } div.small.muted { (row.text) } } }
            }
        }
        h2 { "Trackers would be told" }
        div.card.list {
            @for event in &run.events { div.item.bare { (replay::describe_event(event)) } }
            @if run.events.is_empty() { p.empty { "Nothing." } }
        }
    };
    layout::page(&api, &context, Page::new(format!("Replay of event {id}"), Place::History), body).await
}

fn line_class(line: &str) -> &'static str {
    match line.trim_start().chars().next() {
        Some('+') => "added",
        Some('-') => "removed",
        _ => "muted",
    }
}

/// The redacted bundle of an event, shown before it leaves.
pub(super) async fn share(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
) -> Result<Response, Problem> {
    let bundle = event_bundle(&api, id).await?;
    let text = serde_json::to_string_pretty(&bundle).map_err(|error| Problem::internal(error.to_string()))?;
    let body = html! {
        div.crumbs.muted.small { a href=(context.href(&format!("/events/{id}"))) { "Event " (id) } " › Share" }
        h1 { "What would leave" }
        p.muted.space { "Secrets, addresses and names of people are taken out. Read it once more: titles stay." }
        div.row.wrap.space {
            a.button.primary href=(context.href(&format!("/api/v1/events/{id}/bundle"))) download { "Download" }
            button.button type="button" data-copy="bundle" { (icon(&context, "copy")) span data-word { "Copy" } }
        }
        label.space { "The bundle" textarea #bundle rows="30" readonly { (text) } }
    };
    layout::page(&api, &context, Page::new(format!("Share event {id}"), Place::History), body).await
}

fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("there is no event {id}"), "look in the history; Playrelay deletes old ones")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::KEYS;

    #[test]
    fn a_decision_leads_to_a_setting_that_exists() {
        let linked = Code::ALL.iter().filter_map(|(code, _)| setting(code));
        let mut count = 0;
        for (section, name) in linked {
            count += 1;
            let is_known =
                KEYS.iter().any(|key| key.section.trim_matches(['[', ']']) == section && key.name == name);
            assert!(is_known, "{section}.{name}");
        }
        assert!(count > 20);
    }
}
