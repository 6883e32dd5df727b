//! Mappings: what is kept for titles that catalogues call otherwise.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_engine::mapping::notation::NotationError;
use playrelay_engine::mapping::numbering::Order;
use playrelay_engine::mapping::{TitleKind, TitleMapping, ToldTitle};
use playrelay_store::StoredMapping;
use serde::Deserialize;

use crate::operations::{OperationError, mappings};
use crate::web::access::permissions::Permission;
use crate::web::api::extract::Query;
use crate::web::api::problem::Problem;
use crate::web::api::{Api, publish_delivery};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::empty;

/// What the address asks for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    /// The mapping that is changed; absent for a new one.
    edit: Option<i64>,
}

/// The texts of the form.
#[derive(Default)]
struct Typed {
    kind: String,
    title: String,
    year: String,
    told_ids: String,
    ids: String,
    order: String,
    shifts: String,
    films: String,
}

/// The page.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Query(shown): Query<Shown>,
) -> Result<Response, Problem> {
    let typed = match shown.edit {
        Some(id) => Typed::of(mappings::find(&*api.store(), id).await?.mapping),
        None => Typed::default(),
    };
    page(&api, &context, shown.edit, &typed, None).await
}

/// Keeps, changes or forgets a mapping.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let id: Option<i64> = form.text("id").parse().ok();
    let store = api.store();
    if let (Some(id), "remove") = (id, form.text("action").as_str()) {
        mappings::remove(&*store, id).await?;
        return layout::see_other(&context, "/mappings");
    }
    let typed = Typed::from_form(&form);
    let done = match (typed.mapping(), id) {
        (Err(complaint), _) => Err(OperationError::Invalid(complaint)),
        (Ok(mapping), Some(id)) => mappings::replace(&*store, id, mapping).await.map(|()| Vec::new()),
        (Ok(mapping), None) => mappings::keep(&*store, mapping).await.map(|kept| kept.tried_again),
    };
    match done {
        Ok(tried_again) => {
            for id in tried_again {
                publish_delivery(&api, id).await?;
            }
            layout::see_other(&context, "/mappings")
        }
        Err(OperationError::Invalid(complaint) | OperationError::Conflict(complaint)) => {
            page(&api, &context, id, &typed, Some(&complaint)).await
        }
        Err(error) => Err(error.into()),
    }
}

impl Typed {
    fn of(mapping: TitleMapping) -> Self {
        let lines = |lines: Vec<String>| lines.join("\n");
        let pairs = |ids: &BTreeMap<String, String>| {
            ids.iter().map(|(name, id)| format!("{name} {id}")).collect::<Vec<_>>().join(", ")
        };
        Self {
            kind: if mapping.told.kind == TitleKind::Movie { "movie" } else { "show" }.to_owned(),
            title: mapping.told.title,
            year: mapping.told.year.map(|year| year.to_string()).unwrap_or_default(),
            told_ids: pairs(&mapping.told.ids),
            ids: pairs(&mapping.ids),
            order: mapping.order.map(|order| order.as_str().to_owned()).unwrap_or_default(),
            shifts: lines(mapping.shifts.iter().map(ToString::to_string).collect()),
            films: lines(mapping.films.iter().map(ToString::to_string).collect()),
        }
    }

    fn from_form(form: &Form) -> Self {
        Self {
            kind: form.text("kind"),
            title: form.text("title"),
            year: form.text("year"),
            told_ids: form.text("told_ids"),
            ids: form.text("ids"),
            order: form.text("order"),
            shifts: form.text("shifts"),
            films: form.text("films"),
        }
    }

    /// The mapping. An error says what is wrong, and what was expected.
    fn mapping(&self) -> Result<TitleMapping, String> {
        let year = match self.year.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| format!("The year is {text:?}; expected a number."))?),
        };
        let kind = if self.kind == "movie" { TitleKind::Movie } else { TitleKind::Show };
        Ok(TitleMapping {
            told: ToldTitle { kind, title: self.title.clone(), year, ids: pairs(&self.told_ids)? },
            ids: pairs(&self.ids)?,
            order: Order::parse(&self.order),
            shifts: lines(&self.shifts)?,
            films: lines(&self.films)?,
        })
    }
}

/// Shifts or films as they are typed, a line each.
fn lines<T: FromStr<Err = NotationError>>(typed: &str) -> Result<Vec<T>, String> {
    let lines = typed.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| line.parse().map_err(|error: NotationError| error.to_string())).collect()
}

/// Ids as they are typed: a catalogue and an id, with commas between.
fn pairs(typed: &str) -> Result<BTreeMap<String, String>, String> {
    let entries = typed.split([',', '\n']).map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let pair = entry.split_once([' ', ':', '=']);
            let pair = pair.filter(|(name, id)| !name.trim().is_empty() && !id.trim().is_empty());
            let (name, id) = pair.ok_or_else(|| {
                format!("{entry:?} is no id; expected a catalogue and an id such as tvdb 121361.")
            })?;
            Ok((name.trim().to_lowercase(), id.trim().to_owned()))
        })
        .collect()
}

async fn page(
    api: &Api,
    context: &Context,
    edited: Option<i64>,
    typed: &Typed,
    complaint: Option<&str>,
) -> Result<Response, Problem> {
    let stored = mappings::list(&*api.store()).await?;
    let may_change = context.may(Permission::Control);
    let app = api.app();
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Mappings" }
        h1 { "Mappings" }
        p.muted { "A mapping says what catalogues call a title that your server calls otherwise. It is used for every later play of the title, and the play's story says so." }
        @if let Some(file) = &app.config.mappings.anime {
            p.small.muted { "Anime is mapped by " code { (file) } ", which is read again by a schedule." }
        }
        @if stored.is_empty() {
            div.space { (empty("No title has a mapping. “Fix match” of a delivery keeps one, too.", Some((context.href("/deliveries"), "Look at the deliveries")))) }
        } @else {
            div.card.list.space { @for it in &stored { (row(context, it, may_change)) } }
        }
        @if may_change { (form(context, edited, typed, complaint)) }
    };
    layout::page(api, context, Page::new("Mappings", Place::Setup), body).await
}

fn row(context: &Context, it: &StoredMapping, may_change: bool) -> Markup {
    let told = &it.mapping.told;
    html! {
        div.item.bare {
            div.grow {
                div.row.wrap {
                    b { (told.title) }
                    @if let Some(year) = told.year { span.muted { (year) } }
                    span.muted.small { @for (name, id) in &told.ids { (name) " " (id) " " } }
                }
                div.small { (it.mapping.summary()) }
            }
            @if may_change {
                form.actions method="post" action=(context.href("/mappings")) {
                    input type="hidden" name="id" value=(it.id);
                    a.button.small href=(context.href(&format!("/mappings?edit={}", it.id))) { "Change" span.hidden { " " (told.title) } }
                    button.button.small name="action" value="remove" { "Forget" span.hidden { " " (told.title) } }
                }
            }
        }
    }
}

fn form(context: &Context, edited: Option<i64>, typed: &Typed, complaint: Option<&str>) -> Markup {
    let is_movie = typed.kind == "movie";
    html! {
        h2 { @if edited.is_some() { "Change a mapping" } @else { "Keep a mapping" } }
        form.card.padded.stack method="post" action=(context.href("/mappings")) {
            @if let Some(text) = complaint { p.bad role="alert" { (text) } }
            @if let Some(id) = edited { input type="hidden" name="id" value=(id); }
            h3 { "The title as your server tells it" }
            div.row.wrap {
                label.grow { "Title" input name="title" value=(typed.title) autocomplete="off"; }
                label { "Year" input name="year" value=(typed.year) inputmode="numeric" pattern="[0-9]*" size="6"; }
                label { "Kind" select name="kind" {
                    option value="show" selected[!is_movie] { "Series" }
                    option value="movie" selected[is_movie] { "Film" }
                } }
            }
            label { "Its ids there" input name="told_ids" value=(typed.told_ids) autocomplete="off";
                span.help { "A catalogue and an id such as tvdb 121361, with commas between. An id tells titles of one name apart." } }
            h3 { "What catalogues call it" }
            label { "Its right ids" input name="ids" value=(typed.ids) autocomplete="off"; span.help { "Empty where those above are right." } }
            label { "Order of the numbers" select name="order" {
                option value="" selected[typed.order.is_empty()] { "that of catalogues" }
                @for order in Order::ALL { option value=(order.as_str()) selected[typed.order == order.as_str()] { (order_words(order)) } }
            } span.help { "A catalogue that knows this order maps each episode." } }
            label { "Other numbers" textarea name="shifts" rows="3" { (typed.shifts) }
                span.help { "A line each: S2=S1E13 says that season 2 goes on at episode 13 of season 1; S2E1-E12=S1E13 says it of a part." } }
            label { "Episodes that are films" textarea name="films" rows="2" { (typed.films) }
                span.help { "A line each: S0E4=imdb:tt0000040" } }
            div.row.wrap {
                button.button.primary { @if edited.is_some() { "Change" } @else { "Keep" } }
                @if edited.is_some() { a.button href=(context.href("/mappings")) { "Cancel" } }
            }
        }
    }
}

fn order_words(order: Order) -> &'static str {
    match order {
        Order::Aired => "as first shown",
        Order::Absolute => "counted through all seasons",
        Order::Dvd => "as on discs",
        Order::Digital => "as shops sell them",
        Order::StoryArc => "by story",
        Order::Production => "as they were made",
        Order::Broadcast => "as a later broadcaster showed them",
        Order::AirDate => "none: by the day of the first showing",
    }
}
