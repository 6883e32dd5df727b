//! Searches the catalogue for what a delivery is about: a title is chosen instead of pasting its id.

use maud::{Markup, html};
use playrelay_engine::model::{Ids, Item, ItemKind, Movie, Show};
use serde::Deserialize;

use crate::app::App;
use crate::web::pages::context::Context;
use crate::web::pages::parts::{icon, poster, title};

/// Titles of a search.
const MAX_RESULTS: usize = 8;
/// Letters of a search.
const MAX_LETTERS: usize = 200;

/// What is searched for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Search {
    /// The words; empty where nothing was searched for yet.
    #[serde(default)]
    q: String,
    /// The year; empty for any.
    #[serde(default)]
    year: String,
}

/// The search, and what it has found. `action` is the address of the form that takes an id.
pub(super) async fn section(
    context: &Context,
    app: &App,
    action: &str,
    item: &Item,
    search: &Search,
) -> Markup {
    let Some(catalogue) = app.catalogue() else {
        return html! {
            p.muted.small.space { "Without a catalogue there is no search here: a " code { "[catalogues.NAME]" } " section adds one." }
        };
    };
    let words: String = search.q.trim().chars().take(MAX_LETTERS).collect();
    let found = match words.is_empty() {
        true => None,
        false => Some(catalogue.search(wanted(item, &words, search.year.trim().parse().ok())).await),
    };
    let (name, _) = title(item);
    let has_pictures = app.artwork().is_some();
    html! {
        form.filters.space method="get" action=(action) role="search" {
            label { "Title" input type="search" name="q" value=(if words.is_empty() { &name } else { &words }); }
            label { "Year" input name="year" value=(search.year) inputmode="numeric" pattern="[0-9]*" size="6"; }
            button.button { (icon(context, "search")) "Search the catalogue" }
        }
        @match &found {
            None => {}
            Some(Err(reason)) => p.bad role="alert" { "The search failed: " (reason) "." },
            Some(Ok(items)) if items.is_empty() => p.muted { "The catalogue has no such title." },
            Some(Ok(items)) => div.card.list #results {
                @for item in items.iter().take(MAX_RESULTS) { (result(context, action, item, has_pictures)) }
            },
        }
    }
}

fn result(context: &Context, action: &str, item: &Item, has_pictures: bool) -> Markup {
    let (name, rest) = title(item);
    html! {
        form.item method="post" action=(action) {
            (poster(context, item, has_pictures))
            div.grow { div.strong { (name) } div.small.muted { (rest) " " (item.describe_ids()) } }
            @match first_id(item) {
                Some((catalogue, id)) => {
                    input type="hidden" name="id" value={ (catalogue) " " (id) };
                    button.button.small { "Choose" span.hidden { " " (name) " " (rest) } }
                }
                None => span.small.muted { "without an id" },
            }
        }
    }
}

/// What the catalogue is asked for: the kind of the item with other words. Of an episode that is its show.
fn wanted(item: &Item, words: &str, year: Option<u16>) -> Item {
    let title = words.to_owned();
    Item::of(match &item.kind {
        ItemKind::Movie(_) => ItemKind::Movie(Movie { title, year, ..Movie::default() }),
        _ => ItemKind::Show(Show { title, year, ..Show::default() }),
    })
}

/// The first id of a title.
fn first_id(item: &Item) -> Option<(String, String)> {
    fn first<Kind>(ids: &Ids<Kind>) -> Option<(String, String)> {
        ids.iter().next().map(|(catalogue, id)| (catalogue.to_owned(), id.to_owned()))
    }
    match &item.kind {
        ItemKind::Movie(movie) => first(&movie.ids),
        ItemKind::Show(show) => first(&show.ids),
        ItemKind::Season(season) => first(&season.show.ids),
        ItemKind::Episode(episode) => first(&episode.show.ids),
    }
}
