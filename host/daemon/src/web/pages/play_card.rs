//! A card of something that plays.

use jiff::Timestamp;
use maud::{Markup, html};
use playrelay_engine::model::PlaybackState;
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::play::Play;

use crate::web::pages::context::Context;
use crate::web::pages::parts::{chip, clock, delivery_chip, icon, poster, title};

/// What a card shows beside the play.
pub(super) struct CardFacts<'a> {
    /// The newest delivery to each tracker.
    pub(super) deliveries: &'a [OutboxRow],
    /// From which percentage on it counts as watched.
    pub(super) watched_at: f64,
    /// Whether a catalogue has pictures.
    pub(super) has_pictures: bool,
    /// Whether the card says who watches, and where.
    pub(super) has_names: bool,
    /// Whether the card leads to the story of its play.
    pub(super) has_links: bool,
    /// Now.
    pub(super) now: Timestamp,
}

/// A card of a play that goes on.
pub(super) fn card(context: &Context, play: &Play, facts: &CardFacts<'_>) -> Markup {
    let (name, rest) = title(&play.item);
    let position = position(play, facts.now);
    let state = if play.state == PlaybackState::Paused { "paused" } else { "playing" };
    html! {
        article.card.play id={ "play-" (play.id.0) } {
            (poster(context, &play.item, facts.has_pictures))
            div.inside data-position=(position) data-at=(facts.now.as_millisecond()) data-state=(state)
                data-length=[play.item.runtime_ms] {
                h3.title.cut { (name) }
                div.muted.cut { (rest) }
                div.small.muted.cut { (icon(context, if state == "paused" { "pause" } else { "play" })) " " (whereabouts(play, facts)) }
                (progress(play, position, facts.watched_at))
                div.row.small.muted {
                    span {
                        span data-clock { (clock(position)) }
                        @if let Some(length) = play.item.runtime_ms { " / " (clock(length)) }
                    }
                    span.grow {}
                    span.cut { (counts(play, facts.watched_at)) }
                }
                div.chips {
                    @for row in facts.deliveries { (delivery_chip(context, row)) }
                    @if facts.has_names && facts.deliveries.is_empty() { (chip(context, "", "ban", "no tracker is told")) }
                    @if facts.has_links {
                        a.chip href=(context.href(&format!("/events/{}", play.routing.reported_by))) { "Why?" }
                    }
                }
            }
        }
    }
}

fn whereabouts(play: &Play, facts: &CardFacts<'_>) -> String {
    let state = match (play.state, play.position.moved_at) {
        (PlaybackState::Paused, Some(since)) => {
            let minutes = facts.now.duration_since(since).as_mins();
            if minutes > 0 { format!("Paused for {minutes} min") } else { "Paused".to_owned() }
        }
        (PlaybackState::Paused, None) => "Paused".to_owned(),
        _ => "Playing".to_owned(),
    };
    if !facts.has_names {
        return state;
    }
    let user = play.user.name.clone().unwrap_or_else(|| play.user.to_string());
    let device = play.player.name.clone().into_iter();
    [state, user].into_iter().chain(device).collect::<Vec<_>>().join(" · ")
}

/// Where the play is now: a report is a moment old.
fn position(play: &Play, now: Timestamp) -> u32 {
    let reported = play.position.ms.unwrap_or(0);
    let (PlaybackState::Playing, Some(at)) = (play.state, play.position.reported_at) else { return reported };
    let moved = u32::try_from(now.duration_since(at).as_millis().max(0)).unwrap_or(u32::MAX);
    reported.saturating_add(moved).min(play.item.runtime_ms.unwrap_or(u32::MAX))
}

fn progress(play: &Play, position: u32, watched_at: f64) -> Markup {
    let Some(length) = play.item.runtime_ms.filter(|length| *length > 0) else { return html! {} };
    let mark = format!("{watched_at:.1}%");
    html! {
        div.progress {
            progress value=(position) max=(length) aria-label="Position" {}
            svg aria-hidden="true" { line x1=(mark) x2=(mark) y1="-2" y2="8" {} }
        }
    }
}

/// When the play counts, or that it does.
fn counts(play: &Play, watched_at: f64) -> String {
    if play.watched_at.is_some() {
        return "counts as watched".to_owned();
    }
    let Some(length) = play.item.runtime_ms else { return "the length is unknown".to_owned() };
    // A runtime has less than 2^32 ms, and a percentage at most 100: the product fits, and its fraction is cut off.
    format!("counts at {}", clock((f64::from(length) * watched_at / 100.0) as u32))
}
