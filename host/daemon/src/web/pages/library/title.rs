//! A title, with all its plays and ratings.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::outbox::OutboxRow;
use playrelay_engine::play::Play;
use playrelay_engine::transition::Rating;
use playrelay_store::KeptPlay;
use serde::Deserialize;

use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::{Path, Query};
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::{self, Shown};
use crate::web::pages::library::titles::stars;
use crate::web::pages::parts::{TimeForm, delivery_chip, empty, poster, time, title};
use crate::web::pages::{layout, play_rows};

/// Plays of a title that are shown.
const ROWS: u32 = 200;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    person: String,
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let found = api.store().title(id).await?;
    let found = found
        .ok_or_else(|| Problem::not_found(format!("there is no title {id}"), "look for it in the library"))?;
    let shown = Shown::find(&api, &context, &filter.person).await?;
    let viewers = shown.history.as_ref().map(|it| it.viewers()).unwrap_or_default();
    let plays = api.store().plays_of_title(viewers.clone(), id, ROWS).await?;
    let ratings = api.store().ratings_of_title(viewers, id).await?;
    let only: Vec<Play> = plays.iter().map(|kept| kept.play.clone()).collect();
    let deliveries = play_rows::deliveries(&api, &only).await?;
    let (name, year) = title(&found.item);
    let counted = plays.iter().filter(|kept| kept.play.counted_at().is_some()).count();
    let body = html! {
        div.crumbs.muted.small { a href=(context.href(&frame::path("/library", shown.name(), &[]))) { "Library" } " › " (name) }
        section.card.verdict {
            (poster(&context, &found.item, api.app().artwork().is_some()))
            div.grow {
                h1 { (name) " " span.muted { (year) } }
                p.muted { (shown.name()) @match counted {
                    0 => { " has not watched it." }
                    1 => { " has watched it once." }
                    several => { " has watched it " (several) " times." }
                } }
                @if let Some(rating) = ratings.iter().find_map(|it| it.rated.rating) { p { "★ " (stars(rating)) } }
                p.small.muted { (found.item.describe_ids()) }
            }
        }
        h2 { "Plays" }
        @if plays.is_empty() {
            (empty("No play of this title is kept. It may stand on a watchlist, or only be rated.", None))
        } @else {
            div.card.list { @for kept in &plays {
                (play(&context, kept, deliveries.get(&kept.play.id.0).map(Vec::as_slice).unwrap_or_default()))
            } }
            @if plays.len() == ROWS as usize { p.small.muted.space { "The newest " (ROWS) " plays. An export has all of them." } }
        }
        @if !ratings.is_empty() {
            h2 { "Ratings" }
            div.card.list { @for rating in &ratings { (rated(rating)) } }
        }
    };
    layout::page(&api, &context, Page::new(name, Place::Library), body).await
}

fn play(context: &Context, kept: &KeptPlay, deliveries: &[OutboxRow]) -> Markup {
    let KeptPlay { play, job } = kept;
    let (_, part) = title(&play.item);
    let is_episode = play.item.to_string() != title(&play.item).0;
    html! {
        div.item.wide {
            (time(play.counted_at().unwrap_or(play.started_at), TimeForm::Full))
            div.grow {
                div.cut { @if is_episode { (part) } @else { (play.item) } }
                div.small.muted.cut {
                    @if let Some(device) = &play.player.name { (device) " · " }
                    @match job {
                        Some(job) => { a href=(context.href(&format!("/library/jobs/{job}"))) { "imported" } }
                        None if context.may(Permission::Read) => {
                            a href=(context.href(&format!("/events/{}", play.routing.reported_by))) { "why" }
                        }
                        None => {}
                    }
                    @if play.counted_at().is_none() { " · does not count as watched" }
                }
            }
            div.row.wrap {
                @for row in deliveries { (delivery_chip(context, row)) }
                @if context.may(Permission::OwnControl) && !play.is_open() {
                    a.button.small href=(context.href(&format!("/library/plays/{}/remove", play.id.0))) { "Undo" }
                }
            }
        }
    }
}

fn rated(rating: &Rating) -> Markup {
    let rated = &rating.rated;
    html! {
        div.item.wide {
            @if rated.at.as_millisecond() == 0 { span.small.muted { "unknown day" } } @else { (time(rated.at, TimeForm::Full)) }
            div.grow.cut { (rated.item) }
            span.strong { @match rated.rating { Some(stars_of) => { "★ " (stars(stars_of)) } None => { "cleared" } } }
        }
    }
}
