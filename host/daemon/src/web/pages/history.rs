//! All plays, and all inputs: also those that were ignored, with the rule that decided.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use playrelay_engine::timeline::Outcome;
use playrelay_store::{EventFilter, EventSummary, PlayFilter};
use playrelay_util::clock;
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
/// The days whose inputs are counted.
const COUNTED_DAYS: SignedDuration = SignedDuration::from_hours(7 * 24);

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
    /// The newest row that a page shows, for what is newer.
    #[serde(default)]
    newest: String,
}

impl Filter {
    fn is_of_inputs(&self) -> bool {
        self.show == "inputs"
    }

    fn is_empty(&self) -> bool {
        [&self.user, &self.title, &self.source, &self.outcome].iter().all(|text| text.is_empty())
    }

    /// The plays that are wanted.
    fn plays(&self) -> PlayFilter {
        PlayFilter {
            before: self.before.as_deref().and_then(play_cursor::read),
            user: Some(self.user.clone()).filter(|user| !user.is_empty()),
            title: Some(self.title.clone()).filter(|title| !title.is_empty()),
            limit: ROWS,
        }
    }

    /// The inputs that are wanted.
    fn inputs(&self) -> EventFilter {
        let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        EventFilter {
            before: self.before.as_deref().and_then(|before| before.parse().ok()),
            source: text(&self.source),
            user: text(&self.user),
            title: text(&self.title),
            outcome: text(&self.outcome),
            without_repeats: false,
            limit: ROWS,
        }
    }

    /// The path of the page that begins at a place.
    fn path(&self, before: Option<&str>) -> String {
        format!("/history?{}", self.query(before, ""))
    }

    fn query(&self, before: Option<&str>, newest: &str) -> String {
        let mut query = Serializer::new(String::new());
        let pairs = [
            ("show", self.show.as_str()),
            ("title", &self.title),
            ("user", &self.user),
            ("source", &self.source),
            ("outcome", &self.outcome),
            ("before", before.unwrap_or_default()),
            ("newest", newest),
        ];
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        query.finish()
    }
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let Rows { markup: rows, next, newest } = match filter.is_of_inputs() {
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
        @if filter.is_of_inputs() && filter.before.is_none() { (counts(&api, &context, &filter).await?) }
        // New rows would push these away: they wait behind a button.
        @if filter.before.is_none() {
            @let of: String = Serializer::new(String::new()).append_pair("of", &filter.query(None, &newest)).finish();
            div #live {}
            (layout::connect(&api, &context, &format!("page=history&{of}")))
        }
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

/// How the inputs of the last days ended, by the code of the rule that decided.
async fn counts(api: &Api, context: &Context, filter: &Filter) -> Result<Markup, Problem> {
    let since = clock::now().saturating_sub(COUNTED_DAYS).unwrap_or(Timestamp::MIN);
    let counts = api.store().count_codes(since).await?;
    Ok(html! {
        @if !counts.is_empty() {
            nav.chips.space aria-label="How the inputs of the last 7 days ended" {
                span.small.muted { "Last 7 days:" }
                @for row in counts {
                    @let (class, _) = look(row.outcome);
                    @let code = row.code.as_str();
                    a.chip.(class) href=(context.href(&format!("/history?show=inputs&outcome={code}"))) title=(row.outcome.as_str())
                        aria-current=[(filter.outcome == code).then_some("true")] { (code) " " b { (row.count) } }
                }
            }
        }
    })
}

/// What is newer than the rows of a page: a button that loads it.
pub(super) async fn news(api: &Api, context: &Context, filter: &Filter) -> Result<Markup, Problem> {
    let newer: Vec<String> = match filter.is_of_inputs() {
        true => {
            api.store().events(&filter.inputs()).await?.iter().map(|event| event.id.to_string()).collect()
        }
        false => api
            .store()
            .plays_matching(filter.plays())
            .await?
            .iter()
            .map(|play| play.id.0.to_string())
            .collect(),
    };
    let count = newer.iter().take_while(|id| **id != filter.newest).count();
    Ok(html! {
        @if count > 0 {
            p.space { a.button href=(context.href(&filter.path(None))) {
                @if count >= ROWS as usize { (ROWS) " and more new" } @else { (count) " new" }
            } }
        }
    })
}

/// The rows of a page.
struct Rows {
    markup: Vec<Markup>,
    /// Where the next page begins; absent on the last one.
    next: Option<String>,
    /// The id of the first row; empty for an empty page.
    newest: String,
}

async fn plays(api: &Api, context: &Context, filter: &Filter) -> Result<Rows, Problem> {
    let plays = api.store().plays_matching(filter.plays()).await?;
    let deliveries = play_rows::deliveries(api, &plays).await?;
    let next = plays.last().filter(|_| plays.len() == ROWS as usize).map(play_cursor::write);
    let rows = plays.iter().map(|play| {
        let of_play = deliveries.get(&play.id.0).map(Vec::as_slice).unwrap_or_default();
        play_rows::row(context, play, of_play)
    });
    let newest = plays.first().map(|play| play.id.0.to_string()).unwrap_or_default();
    Ok(Rows { markup: rows.collect(), next, newest })
}

async fn inputs(api: &Api, context: &Context, filter: &Filter) -> Result<Rows, Problem> {
    let events = api.store().events(&filter.inputs()).await?;
    let next = events.last().filter(|_| events.len() == ROWS as usize).map(|event| event.id.to_string());
    let newest = events.first().map(|event| event.id.to_string()).unwrap_or_default();
    Ok(Rows { markup: events.iter().map(|event| input(context, event)).collect(), next, newest })
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
