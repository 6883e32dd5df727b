//! A history of another program, uploaded.

use std::sync::Arc;

use axum::extract::{FromRequest, Multipart, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;
use url::form_urlencoded;

use crate::exports::history::ExportFormat;
use crate::imports::{ImportFormat, MAX_UPLOAD_BYTES};
use crate::operations::imports::{self, Upload};
use crate::web::access::permissions::Permission;
use crate::web::api::Api;
use crate::web::api::extract::Query;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::pages::context::Context;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::library::frame::{self, Shown, Tab};
use crate::web::pages::parts::empty;

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
    Query(filter): Query<Filter>,
) -> Result<Response, Problem> {
    let shown = Shown::find(&api, &context, &filter.person).await?;
    let body = html! {
        (frame::head(&context, &shown, Tab::Import))
        @if shown.history.is_none() {
            (empty("A history belongs to somebody: to whoever watches on a server, or has a section [people.NAME] in the configuration.", Some((context.href("/setup"), "Set up"))))
        } @else if !context.may(Permission::OwnControl) {
            (exports(&context, shown.name()))
            (empty("Only an admin, and whoever it belongs to, imports a history.", None))
        } @else {
            p.muted { "A file is read and shown first: what is new, what is known, and what is not clear. Nothing is written before you say so, no tracker is told unless you ask for it, and all of it can be taken back here." }
            form.card.padded.stack.space method="post" enctype="multipart/form-data" action=(context.href(Tab::Import.path())) {
                input type="hidden" name="person" value=(shown.name());
                label { "Where it comes from" select name="format" {
                    @for format in ImportFormat::ALL { option value=(format.as_str()) { (format.description().0) } }
                } }
                label { "File" input type="file" name="file" required accept=".zip,.csv,.json"; span.help { "At most " (MAX_UPLOAD_BYTES >> 20) " MB." } }
                @let trackers = api.app().config.trackers.keys().cloned().collect::<Vec<_>>();
                @if context.may(Permission::Control) && !trackers.is_empty() {
                    fieldset {
                        legend { "Tell these trackers of what is imported" }
                        @for tracker in &trackers { label.check { input type="checkbox" name="tell" value=(tracker); (tracker) } }
                        span.help { "Choose none that has these plays already: it would count them twice." }
                    }
                }
                div { button.button.primary { "Show what is in it" } }
            }
            h2 { "Where to get it" }
            dl.facts.card.padded { @for format in ImportFormat::ALL {
                @let (name, expected) = format.description();
                dt { (name) } dd { (expected) }
            } }
            (exports(&context, shown.name()))
        }
    };
    layout::page(&api, &context, Page::new("Import and export", Place::Library), body).await
}

/// The forms in which a history can be taken along.
fn exports(context: &Context, person: &str) -> Markup {
    let path: String =
        form_urlencoded::byte_serialize(person.as_bytes()).collect::<String>().replace('+', "%20");
    html! {
        h2 { "Take it with you" }
        p.muted { "All that " (person) " has watched and rated, as files in a zip archive." }
        div.card.list { @for format in ExportFormat::ALL {
            @let (name, content) = format.description();
            a.item.bare download href=(context.href(&format!("/api/v1/people/{path}/export?format={}", format.as_str()))) {
                div.grow { span.strong { (name) } div.small.muted { (content) } }
                span.muted.small { ".zip" }
            }
        } }
    }
}

/// Takes a file, and shows what is in it.
pub(super) async fn upload(
    State(api): State<Arc<Api>>,
    context: Context,
    request: Request,
) -> Result<Response, Problem> {
    let unreadable =
        |text: String| Problem::new(ProblemCode::InvalidRequest, text, "send the form of the page");
    let mut parts =
        Multipart::from_request(request, &()).await.map_err(|error| unreadable(error.body_text()))?;
    let app = api.app();
    let (mut person, mut format, mut uploaded) = (String::new(), String::new(), None);
    let mut tell: Vec<String> = Vec::new();
    while let Some(mut field) = parts.next_field().await.map_err(|error| unreadable(error.body_text()))? {
        match field.name() {
            Some("person") => person = field.text().await.map_err(|error| unreadable(error.body_text()))?,
            Some("format") => format = field.text().await.map_err(|error| unreadable(error.body_text()))?,
            Some("tell") => tell.push(field.text().await.map_err(|error| unreadable(error.body_text()))?),
            Some("file") => {
                let name = field.file_name().unwrap_or_default().to_owned();
                let mut upload = Upload::begin(&app.config.server.data_dir)?;
                while let Some(piece) = field.chunk().await.map_err(|error| unreadable(error.body_text()))? {
                    upload.write(&piece)?;
                }
                uploaded = Some((name, upload));
            }
            _ => {}
        }
    }
    if !tell.is_empty() && !context.may(Permission::Control) {
        let detail = "trackers are told by whoever may change deliveries";
        return Err(Problem::new(ProblemCode::Forbidden, detail, Permission::Control.remedy()));
    }
    let format = ImportFormat::parse(&format);
    let (Some(format), Some((name, upload))) = (format, uploaded) else {
        return Err(unreadable("the form has no file, or no format that the page offers".to_owned()));
    };
    let person = Shown::find(&api, &context, &person).await?.name().to_owned();
    let (person, spec) = imports::job(&app, &person, format, &upload.finish(), &name, &tell).await?;
    let id = api.jobs.add(&person, &spec).await?;
    layout::see_other(&context, &format!("/library/jobs/{id}"))
}
