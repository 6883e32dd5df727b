//! Whose library it is, and what is around each of its pages.

use maud::{Markup, html};
use playrelay_engine::model::normalize;
use url::form_urlencoded::Serializer;

use crate::operations::people;
use crate::operations::people::PersonHistory;
use crate::web::api::Api;
use crate::web::api::problem::Problem;
use crate::web::pages::context::Context;

/// A page of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Films,
    Shows,
    Watchlist,
    Statistics,
    Import,
    Jobs,
}

impl Tab {
    const ALL: [Self; 6] =
        [Self::Films, Self::Shows, Self::Watchlist, Self::Statistics, Self::Import, Self::Jobs];

    /// The path and the label.
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Films => ("/library", "Films"),
            Self::Shows => ("/library/shows", "Shows"),
            Self::Watchlist => ("/library/watchlist", "Watchlist"),
            Self::Statistics => ("/library/statistics", "Statistics"),
            Self::Import => ("/library/import", "Import, export"),
            Self::Jobs => ("/library/jobs", "Jobs"),
        }
    }

    /// The path.
    pub(super) fn path(self) -> &'static str {
        self.parts().0
    }
}

/// Whose library is shown, and whose could be.
pub(super) struct Shown {
    /// The names of all people.
    names: Vec<String>,
    /// The person; absent where there is nobody yet.
    pub(super) history: Option<PersonHistory>,
}

impl Shown {
    /// The person of a name; without one the reader, where they are one of the people, and the first of them otherwise.
    pub(super) async fn find(api: &Api, context: &Context, asked: &str) -> Result<Self, Problem> {
        let app = api.app();
        let mut people = people::all(&app.store, &app.config).await?;
        people.retain(|it| context.may_see(&it.person.name));
        let names: Vec<String> = people.iter().map(|it| it.person.name.clone()).collect();
        let called =
            |name: &str| people.iter().find(|it| normalize(&it.person.name) == normalize(name)).cloned();
        let history = match asked.is_empty() {
            false => Some(called(asked).ok_or_else(|| {
                Problem::not_found(
                    format!("there is nobody called {asked:?} in the library"),
                    "choose a name in the list",
                )
            })?),
            true => {
                let reader = context.principal.as_ref().map(|principal| principal.name());
                reader.and_then(called).or_else(|| people.first().cloned())
            }
        };
        Ok(Self { names, history })
    }

    /// The name of the person; empty where there is nobody.
    pub(super) fn name(&self) -> &str {
        self.history.as_ref().map(|it| it.person.name.as_str()).unwrap_or_default()
    }
}

/// The head of a page: the person, and the tabs.
pub(super) fn head(context: &Context, shown: &Shown, here: Tab) -> Markup {
    html! {
        div.head {
            h1 { "Library" }
            @if shown.names.len() > 1 {
                form.inline method="get" action=(context.href(here.path())) {
                    label.row { span.hidden { "Whose library" }
                        select name="person" data-send {
                            @for name in &shown.names { option selected[name == shown.name()] { (name) } }
                        } }
                    noscript { button.button.small { "Show" } }
                }
            } @else { span.muted { (shown.name()) } }
            span.grow {}
            nav.tabs aria-label="The library" {
                @for tab in Tab::ALL {
                    @let (_, label) = tab.parts();
                    a href=(context.href(&path(tab.path(), shown.name(), &[]))) aria-current=[(tab == here).then_some("page")] { (label) }
                }
            }
        }
    }
}

/// An address of the library: a path with the person and further fields; empty ones are left out.
pub(super) fn path(path: &str, person: &str, more: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    let fields = std::iter::once(("person", person)).chain(more.iter().copied());
    query.extend_pairs(fields.filter(|(_, value)| !value.is_empty()));
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// Links to the pages before and after a page of a list. `at` makes the address of a page from its offset.
pub(super) fn pages(
    context: &Context,
    offset: u32,
    rows: u32,
    total: u32,
    at: impl Fn(u32) -> String,
) -> Markup {
    let next = offset.saturating_add(rows);
    html! {
        @if offset > 0 || next < total {
            nav.row.space aria-label="Pages of the list" {
                @if offset > 0 { a.button href=(context.href(&at(offset.saturating_sub(rows)))) rel="prev" { "Back" } }
                span.small.muted { (offset + 1) "–" (next.min(total)) " of " (total) }
                @if next < total { a.button href=(context.href(&at(next))) rel="next" { "More" } }
            }
        }
    }
}
