//! All plays, and all inputs: also those that were ignored, with the rule that decided.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::timeline::Outcome;
use playrelay_store::{EventFilter, EventSummary, PlayFilter};
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::api::{Api, play_cursor};
use crate::web::pages::context::Context;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{TimeForm, chip, empty, icon, time};
use crate::web::pages::{layout, play_rows};

/// Rows of a page.
const ROWS: u32 = 50;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    /// `inputs` for everything that was received; plays for anything else.
    #[serde(default)]
    show: String,
    /// Those with this in their user's name.
    #[serde(default)]
    user: String,
    /// Those about titles with this.
    #[serde(default)]
    title: String,
    /// Inputs of this source.
    #[serde(default)]
    source: String,
    /// Inputs that ended so.
    #[serde(default)]
    outcome: String,
    /// Where the page before ended.
    before: Option<String>,
}

impl Filter {
    fn is_of_inputs(&self) -> bool {
        self.show == "inputs"
    }

    fn is_empty(&self) -> bool {
        [&self.user, &self.title, &self.source, &self.outcome].iter().all(|text| text.is_empty())
    }

    /// The path of the page that begins at a place.
    fn path(&self, before: Option<&str>) -> String {
        let mut query = Serializer::new(String::new());
        let pairs = [
            ("show", self.show.as_str()),
            ("title", &self.title),
            ("user", &self.user),
            ("source", &self.source),
            ("outcome", &self.outcome),
            ("before", before.unwrap_or_default()),
        ];
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        format!("/history?{}", query.finish())
    }
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let (rows, next) = match filter.is_of_inputs() {
        true => inputs(&api, &context, &filter).await?,
        false => plays(&api, &context, &filter).await?,
    };
    let tab = |name: &str, label: &str, is_here: bool| {
        html! {
            a href=(context.href(&format!("/history?show={name}"))) aria-current=[is_here.then_some("page")] { (label) }
        }
    };
    let body = html! {
        div.head {
            h1 { "History" }
            span.grow {}
            nav.tabs aria-label="What is shown" {
                (tab("plays", "Plays", !filter.is_of_inputs()))
                (tab("inputs", "Everything received", filter.is_of_inputs()))
            }
        }
        (search(&api, &context, &filter))
        @if rows.is_empty() {
            @if filter.is_empty() && filter.before.is_none() {
                (empty("Nothing has been received yet. Whatever a media server sends appears here, also what is ignored.", Some((context.href("/setup"), "Set up"))))
            } @else {
                (empty("Nothing fits the filter.", Some((context.href(&format!("/history?show={}", filter.show)), "Show all"))))
            }
        } @else {
            div.card.list { @for row in &rows { (row) } }
        }
        @if let Some(next) = next {
            p.space { a.button href=(context.href(&filter.path(Some(&next)))) { "Older" } }
        }
    };
    layout::page(&api, &context, Page::new("History", Place::History), body).await
}

fn search(api: &Api, context: &Context, filter: &Filter) -> Markup {
    const OUTCOMES: [Outcome; 8] = [
        Outcome::Queued,
        Outcome::Recorded,
        Outcome::Held,
        Outcome::Filtered,
        Outcome::Merged,
        Outcome::Ignored,
        Outcome::Malformed,
        Outcome::Failed,
    ];
    let app = api.app();
    html! {
        form.filters method="get" action=(context.href("/history")) role="search" {
            input type="hidden" name="show" value=(filter.show);
            label { "Title" input type="search" name="title" value=(filter.title); }
            label { "Viewer" input type="search" name="user" value=(filter.user); }
            @if filter.is_of_inputs() {
                label { "Source" select name="source" {
                    option value="" { "all" }
                    @for name in app.config.sources.keys() { option selected[*name == filter.source] { (name) } }
                } }
                label { "How it ended" select name="outcome" {
                    option value="" { "all" }
                    @for outcome in OUTCOMES {
                        option value=(outcome.as_str()) selected[outcome.as_str() == filter.outcome] { (outcome.as_str()) }
                    }
                    // The address may name the code of a rule.
                    @if !filter.outcome.is_empty() && OUTCOMES.iter().all(|outcome| outcome.as_str() != filter.outcome) {
                        option selected { (filter.outcome) }
                    }
                } }
            }
            button.button { (icon(context, "search")) "Search" }
        }
    }
}

async fn plays(
    api: &Api,
    context: &Context,
    filter: &Filter,
) -> Result<(Vec<Markup>, Option<String>), Problem> {
    let before = filter.before.as_deref().and_then(play_cursor::read);
    let wanted = PlayFilter {
        before,
        user: Some(filter.user.clone()).filter(|user| !user.is_empty()),
        title: Some(filter.title.clone()).filter(|title| !title.is_empty()),
        limit: ROWS,
    };
    let plays = api.store().plays_matching(wanted).await?;
    let deliveries = play_rows::deliveries(api, &plays).await?;
    let next = plays.last().filter(|_| plays.len() == ROWS as usize).map(play_cursor::write);
    let rows = plays.iter().map(|play| {
        let of_play = deliveries.get(&play.id.0).map(Vec::as_slice).unwrap_or_default();
        play_rows::row(context, play, of_play)
    });
    Ok((rows.collect(), next))
}

async fn inputs(
    api: &Api,
    context: &Context,
    filter: &Filter,
) -> Result<(Vec<Markup>, Option<String>), Problem> {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let wanted = EventFilter {
        before: filter.before.as_deref().and_then(|before| before.parse().ok()),
        source: text(&filter.source),
        user: text(&filter.user),
        title: text(&filter.title),
        outcome: text(&filter.outcome),
        without_repeats: false,
        limit: ROWS,
    };
    let events = api.store().events(&wanted).await?;
    let next = events.last().filter(|_| events.len() == ROWS as usize).map(|event| event.id.to_string());
    Ok((events.iter().map(|event| input(context, event)).collect(), next))
}

/// The colour and the icon of an outcome.
pub(super) fn look(outcome: Outcome) -> (&'static str, &'static str) {
    match outcome {
        Outcome::Queued => ("ok", "check"),
        Outcome::Held => ("warn", "triangle-alert"),
        Outcome::Malformed | Outcome::Failed => ("bad", "triangle-alert"),
        Outcome::Ignored | Outcome::Merged | Outcome::Filtered | Outcome::Recorded => ("", "circle-dot"),
    }
}

fn input(context: &Context, event: &EventSummary) -> Markup {
    let what = event.item.clone().unwrap_or_else(|| "No title".to_owned());
    let who = event.user.clone().unwrap_or_else(|| "nobody named".to_owned());
    html! {
        a.item.wide href=(context.href(&format!("/events/{}", event.id))) {
            (time(event.received_at, TimeForm::Full))
            div.grow {
                div.strong.cut { (what) }
                div.small.muted.cut {
                    (event.source) " · " (who)
                    @if let Some(verdict) = &event.verdict { " · " (verdict.code) ": " (verdict.detail) }
                }
            }
            @match &event.verdict {
                Some(verdict) => {
                    @let (class, icon_name) = look(verdict.outcome);
                    (chip(context, class, icon_name, verdict.outcome.as_str()))
                }
                None => (chip(context, "", "clock", "is processed")),
            }
        }
    }
}
