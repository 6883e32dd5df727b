//! `/api/docs`: the description of the API for people, and `/help/problems/CODE`. Nothing of it comes from another host, and it needs no
//! script.

use axum::Extension;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use crate::web::access::forwarded::Origin;
use crate::web::api::extract::Path;
use crate::web::api::openapi::document;
use crate::web::api::problem::{Problem, ProblemCode};

/// What a page may load.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The style of the page.
const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 60rem; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid; }
article { margin: 1.25rem 0; }
h3 { font: inherit; margin: 0; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
.method { font-weight: 700; }
.asks { font-size: 0.85em; border: 1px solid; border-radius: 1em; padding: 0 0.6em; margin-left: 0.5em; }
dl { margin: 0.25rem 0 0 1rem; display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: 0 1rem; }
dd { margin: 0; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin: 0 0 0.5rem 1rem; } }
";

/// The style of the page.
pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// All operations, for people.
pub(super) async fn operations(Extension(origin): Extension<Origin>) -> Response {
    let Ok(document) = serde_json::to_value(document()) else {
        return Problem::internal("the document cannot be written").into_response();
    };
    let mut tags: Vec<(String, Vec<Markup>)> = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Some(tag) = operation["tags"][0].as_str() else { continue };
            let shown = operation_for_people(&document, method, path, operation);
            match tags.iter_mut().find(|(known, _)| known == tag) {
                Some((_, operations)) => operations.push(shown),
                None => tags.push((tag.to_owned(), vec![shown])),
            }
        }
    }
    page(
        &origin,
        "The API of Playrelay",
        &html! {
            p { (document["info"]["description"].as_str().unwrap_or_default()) }
            p {
                "For programs: " a href={ (origin.base) "/api/openapi.json" } { "openapi.json" } "."
            }
            @for (tag, operations) in &tags {
                h2 { (tag) }
                @for operation in operations { (operation) }
            }
        },
    )
}

fn operation_for_people(document: &Value, method: &str, path: &str, operation: &Value) -> Markup {
    let text = |key: &str| operation[key].as_str().unwrap_or_default();
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    html! {
        article {
            h3 {
                code { span.method { (method.to_uppercase()) } " " (path) }
                span.asks { (text("x-permission")) }
            }
            div { (text("summary")) }
            dl {
                @for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    dt { code { (parameter["name"].as_str().unwrap_or_default()) } }
                    dd { (parameter["description"].as_str().unwrap_or_default()) }
                }
                @for (name, field) in fields(document, body) {
                    dt { code { (name) } }
                    dd { (field["description"].as_str().unwrap_or_default()) }
                }
            }
        }
    }
}

/// The fields of a body.
fn fields<'a>(document: &'a Value, schema: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let resolved = |schema: &'a Value| match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    };
    let schema = resolved(schema);
    let options = schema["oneOf"].as_array().into_iter().flatten().map(resolved);
    let mut all = std::iter::once(schema).chain(options);
    let fields = all.find_map(|schema| schema["properties"].as_object());
    fields.into_iter().flatten().collect()
}

/// What a problem means.
pub(super) async fn problem(
    Extension(origin): Extension<Origin>,
    Path(code): Path<String>,
) -> Result<Response, Problem> {
    let known = ProblemCode::ALL.into_iter().find(|known| known.as_str() == code);
    let known = known.ok_or_else(|| Problem::not_found(format!("there is no problem {code:?}"), ""))?;
    Ok(page(
        &origin,
        known.title(),
        &html! {
            p { "The status is " (known.status().as_u16()) ". The answer says in " code { "detail" }
                " what happened, and in " code { "remedy" } " what helps." }
            p { a href={ (origin.base) "/api/docs" } { "The API" } }
        },
    ))
}

fn page(origin: &Origin, title: &str, content: &Markup) -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="stylesheet" href={ (origin.base) "/api/docs.css" };
            }
            body {
                h1 { (title) }
                (content)
            }
        }
    };
    let headers = [(header::CONTENT_SECURITY_POLICY, POLICY), (header::CONTENT_TYPE, HTML)];
    (headers, page.into_string()).into_response()
}

/// The media type of a page.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
