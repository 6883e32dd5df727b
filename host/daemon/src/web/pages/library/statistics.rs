//! Counts over what a person watched: by month, weekday and hour, what most, and how many days in a row.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use maud::{Markup, html};
use playrelay_engine::library::import::UNKNOWN_TIME;
use playrelay_engine::library::statistics::{Statistics, Watch, count_genres};
use playrelay_util::clock;
use serde::Deserialize;

use crate::jobs::spec::{HOUSEHOLD, JobSpec};
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Query;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::{self, Shown, Tab};
use crate::web::pages::library::plot;
use crate::web::pages::parts::{empty, title};

/// The days of the week, from Monday on.
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Genres of the plot.
const MOST_GENRES: usize = 12;
/// Titles of the list of those that were watched most.
const MOST: usize = 10;
/// The spans that a click chooses, by their words in addresses.
const RANGES: [(&str, &str); 3] = [("30d", "30 days"), ("year", "this year"), ("", "all")];

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Filter {
    #[serde(default)]
    person: String,
    /// `30d`, `year`, or everything.
    #[serde(default)]
    range: String,
    /// The first day, where the span is said by its days.
    #[serde(default)]
    from: String,
    /// The last day.
    #[serde(default)]
    to: String,
    /// Which plot a table is of.
    #[serde(default)]
    plot: String,
}

impl Filter {
    /// The first day and the last; absent where there is no bound.
    fn span(&self, today: Date) -> Result<(Option<Date>, Option<Date>), Problem> {
        let day = |name: &str, text: &str| match text.trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                let detail = format!("`{name}` is {text:?}; expected a day such as 2026-01-31");
                Problem::new(ProblemCode::InvalidRequest, detail, "choose a day")
            }),
        };
        match self.range.as_str() {
            "30d" => Ok((today.checked_sub(29.days()).ok(), None)),
            "year" => Ok((Some(today.first_of_year()), None)),
            _ => Ok((day("from", &self.from)?, day("to", &self.to)?)),
        }
    }

    fn path(&self, path: &str, person: &str, plot: &str) -> String {
        let fields = [("range", self.range.as_str()), ("from", &self.from), ("to", &self.to), ("plot", plot)];
        frame::path(path, person, &fields)
    }
}

/// What is counted.
async fn count(api: &Api, shown: &Shown, filter: &Filter) -> Result<Statistics, Problem> {
    let Some(history) = &shown.history else { return Ok(Statistics::default()) };
    let zone = &history.person.zone;
    let today = clock::now().to_zoned(zone.clone()).date();
    let (from, to) = filter.span(today)?;
    let since = from.map_or(UNKNOWN_TIME, |day| midnight(day, zone));
    let until = to.and_then(|day| day.tomorrow().ok()).map_or(Timestamp::MAX, |day| midnight(day, zone));
    let watches = api.store().watches(history.viewers(), since).await?;
    let within = watches.into_iter().filter(|watch: &Watch| watch.at < until);
    Ok(Statistics::count(within, zone, today))
}

/// When a day begins in a zone.
fn midnight(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |start| start.timestamp())
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let shown = Shown::find(&api, &context, &filter.person).await?;
    let counts = count(&api, &shown, &filter).await?;
    let genres = count_genres(&counts.titles, &api.store().genres().await?);
    let csv = |plot: &str| context.href(&filter.path("/library/statistics.csv", shown.name(), plot));
    let body = html! {
        (frame::head(&context, &shown, Tab::Statistics))
        (choice(&context, &filter, shown.name()))
        @if counts.total() == 0 {
            (empty("Nothing was watched in this time. Whatever counts as watched is counted here.", None))
        } @else {
            (sums(&counts, shown.history.as_ref().and_then(|it| it.person.zone.iana_name())))
            div.plots {
                (plot::bars("Plays by month", ("Month", "Plays"), &months(&counts), &csv("months")))
                (plot::bars("Plays by day of the week", ("Day", "Plays"), &weekdays(&counts), &csv("weekdays")))
                (plot::bars("Plays by hour", ("Hour", "Plays"), &hours(&counts), &csv("hours")))
                (plot::heat_map("Plays by day and hour", DAYS, &counts.week))
            }
            (genre_plot(&genres, &csv("genres"), &api, &context))
            h2 { "Most watched" }
            (most_watched(&api, &context, &counts, shown.name()).await?)
        }
    };
    layout::page(&api, &context, Page::new("Statistics", Place::Library), body).await
}

/// Watches by genre; or how genres become known.
fn genre_plot(genres: &[(String, u32)], csv: &str, api: &Api, context: &Context) -> Markup {
    let has_catalogue = !api.app().config.catalogues.is_empty();
    html! {
        @if !genres.is_empty() {
            @let most = genres.iter().take(MOST_GENRES).cloned().collect::<Vec<_>>();
            div.plots { (plot::bars("Plays by genre", ("Genre", "Plays"), &most, csv)) }
        } @else if has_catalogue && context.may(Permission::Control) {
            form.card.padded.row.wrap.space method="post" action=(context.href("/library/genres")) {
                div.grow { "Genres are not known yet. Playrelay asks the catalogue for them within the hour." }
                button.button { "Ask now" }
            }
        } @else if !has_catalogue {
            p.small.muted.space { "Genres come from a catalogue. " a href=(context.href("/setup")) { "Add one" } }
        }
    }
}

/// Has the catalogue asked for genres.
pub(super) async fn ask_genres(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    let id = api.jobs.add(HOUSEHOLD, &JobSpec::MetadataRefresh).await?;
    layout::see_other(&context, &format!("/library/jobs/{id}"))
}

fn choice(context: &Context, filter: &Filter, person: &str) -> Markup {
    let is_span = !filter.from.is_empty() || !filter.to.is_empty();
    html! {
        nav.chips aria-label="Which time" {
            @for (word, label) in RANGES {
                a.chip href=(context.href(&frame::path(Tab::Statistics.path(), person, &[("range", word)])))
                    aria-current=[(!is_span && filter.range == word).then_some("true")] { (label) }
            }
        }
        form.filters method="get" action=(context.href(Tab::Statistics.path())) {
            input type="hidden" name="person" value=(person);
            label { "From" input type="date" name="from" value=(filter.from); }
            label { "To" input type="date" name="to" value=(filter.to); }
            button.button { "Show" }
        }
    }
}

fn sums(counts: &Statistics, zone: Option<&str>) -> Markup {
    let hours = counts.runtime_ms / 3_600_000;
    let fact = |number: String, words: &str| html! { div.card.padded.tight { span.number { (number) } span.small.muted { (words) } } };
    html! {
        div.sums {
            (fact(counts.movies.to_string(), if counts.movies == 1 { "film" } else { "films" }))
            (fact(counts.episodes.to_string(), if counts.episodes == 1 { "episode" } else { "episodes" }))
            (fact(format!("{hours} h"), "as far as lengths are known"))
            (fact(counts.days.to_string(), "days with something watched"))
            (fact(counts.longest_streak.to_string(), "days in a row, at most"))
            (fact(counts.current_streak.to_string(), "days in a row, up to now"))
        }
        p.small.muted.space {
            "Days and hours are those of " (zone.unwrap_or("this machine")) "."
            @if counts.undated > 0 { " Of " (counts.undated) " plays nobody knows the day; the plots leave them out." }
        }
    }
}

async fn most_watched(
    api: &Api,
    context: &Context,
    counts: &Statistics,
    person: &str,
) -> Result<Markup, Problem> {
    let mut titles: Vec<(i64, u32)> = counts.titles.iter().map(|(id, plays)| (*id, *plays)).collect();
    titles.sort_by_key(|(id, plays)| (std::cmp::Reverse(*plays), *id));
    titles.truncate(MOST);
    let named = api.store().titles(titles.iter().map(|(id, _)| *id).collect()).await?;
    Ok(html! {
        ol.card.list {
            @for (id, plays) in &titles {
                @if let Some(known) = named.iter().find(|known| known.id == *id) {
                    @let (name, year) = title(&known.item);
                    li.item.bare.line {
                        div.grow.cut { a.strong href=(context.href(&frame::path(&format!("/library/titles/{id}"), person, &[]))) { (name) } " " span.muted { (year) } }
                        span.muted { (plays) "×" }
                    }
                }
            }
        }
    })
}

fn months(counts: &Statistics) -> Vec<(String, u32)> {
    counts.months.iter().map(|(month, count)| (month.strftime("%Y-%m").to_string(), *count)).collect()
}

fn weekdays(counts: &Statistics) -> Vec<(String, u32)> {
    DAYS.iter().zip(counts.weekdays).map(|(day, count)| ((*day).to_owned(), count)).collect()
}

fn hours(counts: &Statistics) -> Vec<(String, u32)> {
    counts.hours.iter().enumerate().map(|(hour, count)| (format!("{hour}:00"), *count)).collect()
}

/// The numbers of a plot, as a table.
pub(super) async fn table(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let shown = Shown::find(&api, &context, &filter.person).await?;
    let counts = count(&api, &shown, &filter).await?;
    let (column, rows) = match filter.plot.as_str() {
        "weekdays" => ("day", weekdays(&counts)),
        "hours" => ("hour", hours(&counts)),
        "months" => ("month", months(&counts)),
        "genres" => ("genre", count_genres(&counts.titles, &api.store().genres().await?)),
        other => {
            let detail = format!("there is no plot {other:?}; expected months, weekdays, hours or genres");
            return Err(Problem::not_found(detail, "follow the link below a plot"));
        }
    };
    let mut text = format!("{column},plays\n");
    for (label, count) in rows {
        text.push_str(&format!("{},{count}\n", label.replace(',', " ")));
    }
    let name = format!("attachment; filename=\"plays-by-{column}.csv\"");
    Ok((
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name.as_str())],
        text,
    )
        .into_response())
}
