//! Films and shows that a person watched.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_store::{LibraryTitle, TitleFilter, TitleOrder};
use serde::Deserialize;

use crate::web::api::Api;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::{self, Shown, Tab};
use crate::web::pages::parts::{empty, icon, poster, title};

/// Titles of a page.
const ROWS: u32 = 60;
/// The orders, by their words in addresses, with what people read.
const ORDERS: [(&str, TitleOrder, &str); 4] = [
    ("", TitleOrder::LastWatched, "last watched"),
    ("name", TitleOrder::Name, "name"),
    ("plays", TitleOrder::Plays, "most watched"),
    ("year", TitleOrder::Year, "year"),
];

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    person: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    year: String,
    #[serde(default)]
    order: String,
    /// `without-ids` for those that no service could find.
    #[serde(default)]
    only: String,
    #[serde(default)]
    offset: u32,
}

impl Filter {
    fn is_empty(&self) -> bool {
        [&self.name, &self.year, &self.only].iter().all(|text| text.is_empty())
    }

    fn titles(&self, are_movies: bool) -> TitleFilter {
        let order = ORDERS.iter().find(|(word, ..)| *word == self.order).map(|(_, order, _)| *order);
        TitleFilter {
            are_movies,
            name: Some(self.name.trim().to_owned()).filter(|name| !name.is_empty()),
            year: self.year.trim().parse().ok(),
            without_ids: self.only == "without-ids",
            order: order.unwrap_or_default(),
            offset: self.offset,
            limit: ROWS,
        }
    }

    fn path(&self, tab: Tab, offset: u32) -> String {
        let offset = if offset == 0 { String::new() } else { offset.to_string() };
        let fields = [
            ("name", self.name.as_str()),
            ("year", &self.year),
            ("order", &self.order),
            ("only", &self.only),
            ("offset", &offset),
        ];
        frame::path(tab.path(), &self.person, &fields)
    }
}

/// Films.
pub(super) async fn films(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    page(&api, &context, &filter, Tab::Films).await
}

/// Shows.
pub(super) async fn shows(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    page(&api, &context, &filter, Tab::Shows).await
}

async fn page(api: &Api, context: &Context, filter: &Filter, tab: Tab) -> Result<Response, Problem> {
    let shown = Shown::find(api, context, &filter.person).await?;
    let viewers = shown.history.as_ref().map(|it| it.viewers()).unwrap_or_default();
    let titles = filter.titles(tab == Tab::Films);
    let without_ids = TitleFilter {
        without_ids: true,
        limit: 0,
        ..TitleFilter { are_movies: titles.are_movies, ..TitleFilter::default() }
    };
    let unmatched = api.store().library(viewers.clone(), without_ids).await?.total;
    let found = api.store().library(viewers, titles).await?;
    let what = if tab == Tab::Films { "film" } else { "show" };
    let has_pictures = api.app().artwork().is_some();
    let body = html! {
        (frame::head(context, &shown, tab))
        (search(context, filter, tab))
        p.small.muted {
            (found.total) " " (what) (if found.total == 1 { "" } else { "s" })
            @if unmatched > 0 && filter.only.is_empty() {
                " · " a href=(context.href(&frame::path(tab.path(), &filter.person, &[("only", "without-ids")]))) { (unmatched) " that no service could find" }
            }
        }
        @if found.titles.is_empty() {
            @if filter.is_empty() {
                (empty(&format!("Nobody has watched a {what} yet. Each {what} that counts as watched appears here, and so do those of an import."), Some((context.href(&frame::path(Tab::Import.path(), shown.name(), &[])), "Import a history"))))
            } @else {
                (empty("Nothing fits the filter.", Some((context.href(&frame::path(tab.path(), shown.name(), &[])), "Show all"))))
            }
        } @else {
            ul.posters.space { @for title in &found.titles { (entry(context, title, shown.name(), has_pictures)) } }
        }
        (frame::pages(context, filter.offset, ROWS, found.total, |offset| filter.path(tab, offset)))
    };
    layout::page(api, context, Page::new("Library", Place::Library), body).await
}

fn search(context: &Context, filter: &Filter, tab: Tab) -> Markup {
    html! {
        form.filters method="get" action=(context.href(tab.path())) role="search" {
            input type="hidden" name="person" value=(filter.person);
            @if !filter.only.is_empty() { input type="hidden" name="only" value=(filter.only); }
            label { "Title" input type="search" name="name" value=(filter.name); }
            label { "Year" input type="search" name="year" inputmode="numeric" value=(filter.year); }
            label { "Order" select name="order" data-send {
                @for (word, _, label) in ORDERS { option value=(word) selected[word == filter.order] { (label) } }
            } }
            button.button { (icon(context, "search")) "Search" }
        }
    }
}

fn entry(context: &Context, it: &LibraryTitle, person: &str, has_pictures: bool) -> Markup {
    let (name, year) = title(&it.title.item);
    let address = frame::path(&format!("/library/titles/{}", it.title.id), person, &[]);
    html! {
        li {
            a.title href=(context.href(&address)) {
                (poster(context, &it.title.item, has_pictures))
                span.strong.cut { (name) }
                span.small.muted.cut {
                    (year)
                    @if it.plays > 1 { " · " (it.plays) "×" }
                    @if let Some(rating) = it.rating { " · ★ " (stars(rating)) }
                }
            }
        }
    }
}

/// A rating without a fraction that says nothing.
pub(super) fn stars(rating: f64) -> String {
    if rating.fract() == 0.0 { format!("{rating:.0}") } else { format!("{rating:.1}") }
}
