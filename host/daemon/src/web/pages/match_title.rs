//! Says what a delivery is about: an id or an address is pasted, what will be sent is shown, then it is sent.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use playrelay_engine::mapping::TitleMapping;
use playrelay_engine::model::{Item, ItemKind};
use playrelay_engine::outbox::OutboxRow;

use crate::operations::deliveries::{self, Correction};
use crate::operations::mappings;
use crate::web::api::extract::{Path, Query};
use crate::web::api::problem::Problem;
use crate::web::api::{Api, publish_delivery};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::title;
use crate::web::pages::search_title::Search;
use crate::web::pages::title_input::TitleInput;
use crate::web::pages::{layout, search_title};

/// What somebody has typed.
#[derive(Default)]
struct Typed {
    id: String,
    season: String,
    episode: String,
    remember: bool,
}

impl Typed {
    /// All of it, in one text.
    fn as_text(&self) -> String {
        let remember = if self.remember { "later" } else { "" };
        [self.id.as_str(), &self.season, &self.episode, remember].join("|")
    }
}

/// What the page says to what was typed.
enum Answer {
    /// Nothing was typed yet.
    Nothing,
    /// It cannot be taken.
    Complaint(String),
    /// This will be sent, once it is confirmed.
    Preview(Box<Preview>),
}

/// What is sent once it is confirmed.
struct Preview {
    /// What it is.
    item: Item,
    /// What is kept for later plays; absent where nothing is.
    mapping: Option<TitleMapping>,
    /// How many other deliveries of the title are tried again by it.
    others: usize,
}

/// The form.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let row = stored(&api, id).await?;
    page(&api, &context, &row, &Typed { remember: true, ..Typed::default() }, &Answer::Nothing, &search).await
}

/// Shows what would be sent, or sends it.
pub(super) async fn send(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(id): Path<i64>,
    form: Form,
) -> Result<Response, Problem> {
    let row = stored(&api, id).await?;
    let typed = Typed {
        id: form.text("id"),
        season: form.text("season"),
        episode: form.text("episode"),
        remember: !form.text("remember").is_empty(),
    };
    let app = api.app();
    let input = TitleInput::new(&app, &row.event.item.kind);
    let correction = match input.correction(&row.event.item, &typed.id, &typed.season, &typed.episode) {
        Ok(correction) => Correction { remember: typed.remember, ..correction },
        Err(complaint) => {
            let answer = Answer::Complaint(complaint);
            return page(&api, &context, &row, &typed, &answer, &Search::default()).await;
        }
    };
    // What was shown, and nothing that was typed since.
    if form.text("shown") == typed.as_text() {
        for id in deliveries::correct(&*api.store(), id, &correction).await? {
            publish_delivery(&api, id).await?;
        }
        return layout::see_other(&context, &format!("/events/{}", row.inbox));
    }
    let answer = match deliveries::corrected(row.event.item.clone(), &correction) {
        Ok(item) => {
            let mapping = TitleMapping::from_correction(&row.event.item, &item).filter(|_| typed.remember);
            let others = match &mapping {
                Some(mapping) => mappings::waiting(&*api.store(), mapping).await?,
                None => Vec::new(),
            };
            let others = others.iter().filter(|(other, _)| other.id != row.id).count();
            Answer::Preview(Box::new(Preview { item, mapping, others }))
        }
        Err(error) => Answer::Complaint(error.to_string()),
    };
    page(&api, &context, &row, &typed, &answer, &Search::default()).await
}

async fn stored(api: &Api, id: i64) -> Result<OutboxRow, Problem> {
    let row = api.store().outbox_row(id).await?;
    row.ok_or_else(|| Problem::not_found(format!("there is no delivery {id}"), "look at the deliveries"))
}

async fn page(
    api: &Api,
    context: &Context,
    row: &OutboxRow,
    typed: &Typed,
    answer: &Answer,
    search: &Search,
) -> Result<Response, Problem> {
    let action = context.href(&format!("/deliveries/{}/match", row.id));
    let (name, rest) = title(&row.event.item);
    let is_sure = matches!(answer, Answer::Preview(_));
    let is_episode = matches!(row.event.item.kind, ItemKind::Episode(_));
    let app = api.app();
    let sites = TitleInput::new(&app, &row.event.item.kind).sites();
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/deliveries")) { "Deliveries" } " › Fix match" }
        h1 { (name) " " span.muted { (rest) } }
        p.muted.space {
            (row.event.tracker) " does not know what this is"
            @if let Some(note) = &row.note { ": " (note) }
            ". The server named it with " (ids(&row.event.item)) "."
        }
        (search_title::section(context, &app, &action, &row.event.item, search).await)
        form.card.padded.stack.space method="post" action=(action) {
            label {
                @if is_episode { "The show" } @else { "The title" }
                input name="id" value=(typed.id) placeholder="https://www.imdb.com/title/tt1375666/" autocomplete="off" required[!is_episode];
                span.help { "An address at " (sites) ", or a catalogue and an id: imdb tt1375666, tvdb 121361" }
            }
            @if is_episode {
                div.row {
                    label.grow { "Season" input name="season" value=(typed.season) inputmode="numeric" pattern="[0-9]*"; }
                    label.grow { "Episode" input name="episode" value=(typed.episode) inputmode="numeric" pattern="[0-9]*"; }
                }
                span.help { "What is left empty stays as the server said." }
            }
            label.check {
                input type="checkbox" name="remember" value="on" checked[typed.remember];
                "Also for later plays of this title"
            }
            @match answer {
                Answer::Nothing => {}
                Answer::Complaint(text) => p.bad role="alert" { (text) },
                Answer::Preview(preview) => {
                    div.notice { div.grow {
                        b { "This will be sent to " (row.event.tracker) ":" } " " (row.event.action.name()) " " (preview.item) ", " (ids(&preview.item))
                        @if let Some(mapping) = &preview.mapping {
                            div { b { "Kept for later plays of it:" } " " (mapping.summary()) }
                        }
                        @if preview.others > 0 { div { b { "Tried again with it:" } " " (preview.others) " more of the title" } }
                    } }
                    input type="hidden" name="shown" value=(typed.as_text());
                }
            }
            div.row.wrap {
                button.button.primary { @if is_sure { "Send" } @else { "Show what will be sent" } }
                a.button href=(context.href("/deliveries")) { "Cancel" }
            }
        }
    };
    layout::page(api, context, Page::new("Fix match", Place::Deliveries), body).await
}

/// The ids of a title, in words.
fn ids(item: &Item) -> String {
    let pairs: Vec<String> = match &item.kind {
        ItemKind::Movie(movie) => movie.ids.iter().map(|(name, id)| format!("{name} {id}")).collect(),
        ItemKind::Show(show) => show.ids.iter().map(|(name, id)| format!("{name} {id}")).collect(),
        ItemKind::Season(season) => season.show.ids.iter().map(|(name, id)| format!("{name} {id}")).collect(),
        ItemKind::Episode(episode) => {
            let of_show = episode.show.ids.iter().map(|(name, id)| format!("show {name} {id}"));
            of_show.chain(episode.ids.iter().map(|(name, id)| format!("{name} {id}"))).collect()
        }
    };
    if pairs.is_empty() { "no id".to_owned() } else { pairs.join(", ") }
}
