//! Settings: every key with its default and where it is set. One is changed at a time, and the file keeps its comments.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use crate::config::{Role, is_secret_key};
use crate::web::api::Api;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::api::settings::{KnownSetting, SettingChange, SettingView, Settings, settings};
use crate::web::pages::apply_settings::{apply, complaint, is_of_form};
use crate::web::pages::context::Context;
use crate::web::pages::form::{self, Form};
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::parts::{chip, icon};

/// The page.
pub(super) async fn show(State(api): State<Arc<Api>>, context: Context) -> Result<Response, Problem> {
    page(&api, &context, None, None).await
}

async fn page(
    api: &Api,
    context: &Context,
    diff: Option<&str>,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let settings = settings(api).await?;
    let set: BTreeMap<&str, &SettingView> =
        settings.items.iter().map(|item| (item.key.as_str(), item)).collect();
    let mut sections: Vec<&str> = settings.known.iter().map(|known| known.section).collect();
    sections.dedup();
    let own = sections.iter().filter(|section| !section.contains("NAME") && !section.starts_with("[["));
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Settings" }
        h1 { "Settings" }
        p.muted.space { "They stand in " code { (settings.file) } ", which stays the truth: a change here changes its line there, and keeps comments and order. Press return in a field to save it." }
        @if let Some(diff) = diff { div.notice { div.grow { b { "Saved." } pre.space { (diff) } } } }
        @if let Some(problem) = problem { (complaint(problem)) }
        @for section in own {
            h2 id=(section.trim_matches(['[', ']']).replace('.', "-")) { (section) }
            div.card.list {
                @for known in settings.known.iter().filter(|known| known.section == *section) {
                    (row(context, &settings, known, &set))
                }
            }
        }
        h2 { "Accounts and routes" }
        div.card.list {
            @for item in settings.items.iter().filter(|item| is_of_account(&item.key)) {
                div.item.bare {
                    div.grow { div { code { (item.key) } " = " (shown(item)) } }
                    (place(context, item))
                }
            }
        }
    };
    layout::page(api, context, Page::new("Settings", Place::Setup), body).await
}

fn is_of_account(key: &str) -> bool {
    let section = key.split(['.', '[']).next().unwrap_or_default();
    section == "routes" || Role::parse(section).is_some()
}

fn shown(item: &SettingView) -> String {
    match &item.value {
        None => "(a secret)".to_owned(),
        Some(value) => text(value),
    }
}

/// A value as a field has it: text without quotation marks, lists with commas.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn place(context: &Context, item: &SettingView) -> Markup {
    match item.locked {
        true => chip(context, "warn", "triangle-alert", &format!("locked: {}", item.place)),
        // The whole path stands above the list.
        false => {
            html! { span.small.muted title=(item.place) { (item.place.rsplit('/').next().unwrap_or_default()) } }
        }
    }
}

fn row(
    context: &Context,
    settings: &Settings,
    known: &KnownSetting,
    set: &BTreeMap<&str, &SettingView>,
) -> Markup {
    let key = format!("{}.{}", known.section.trim_matches(['[', ']']), known.name);
    let item = set.get(key.as_str()).copied();
    let is_secret = item.is_some_and(|item| item.secret);
    let is_locked = is_secret || item.is_some_and(|item| item.locked) || is_secret_key(known.name);
    let value = item.and_then(|item| item.value.as_ref()).map(text).unwrap_or_default();
    html! {
        div.item.bare id=(format!("key-{key}")) {
            form.grow.tight method="post" action=(context.href("/settings")) {
                input type="hidden" name="digest" value=(settings.digest.as_deref().unwrap_or_default());
                input type="hidden" name="key" value=(key);
                label {
                    code { (known.name) }
                    input name="value" value=(value) placeholder=(known.default) disabled[is_locked] autocomplete="off" spellcheck="false";
                    span.help { (known.meaning) @if known.default.is_empty() { " Without it: none." } @else { " Without it: " (known.default) "." } }
                }
                button.hidden { "Save " (known.name) }
            }
            @match item {
                Some(item) => (place(context, item)),
                None => span.small.muted { (icon(context, "circle-dot")) " default" },
            }
        }
    }
}

/// Changes a key. An empty field removes it, so that the default counts.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    form: Form,
) -> Result<Response, Problem> {
    let (key, typed) = (form.text("key"), form.text("value"));
    let known = settings(&api).await?;
    let of_key =
        |known: &&KnownSetting| key == format!("{}.{}", known.section.trim_matches(['[', ']']), known.name);
    let default = known.known.iter().find(of_key).map_or("", |known| known.default);
    let change = SettingChange::new(key, (!typed.is_empty()).then(|| value(&typed, default)));
    match apply(&api, &form.text("digest"), vec![change]).await {
        Ok(changed) => page(&api, &context, Some(&changed.diff), None).await,
        Err(problem) if is_of_form(&problem) || problem.code == ProblemCode::NotFound => {
            page(&api, &context, None, Some(&problem)).await
        }
        Err(problem) => Err(problem),
    }
}

/// What somebody has typed, as the kind of value that the default is.
fn value(typed: &str, default: &str) -> Value {
    let is_list = default.starts_with('[');
    match (typed, typed.parse::<i64>(), typed.parse::<f64>()) {
        ("true" | "false", ..) => Value::Bool(typed == "true"),
        _ if is_list => Value::Array(form::list(typed).into_iter().map(Value::from).collect()),
        (_, Ok(number), _) => Value::from(number),
        (_, _, Ok(number)) => Value::from(number),
        _ => Value::String(typed.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_read_as_what_the_key_takes() {
        assert_eq!(value("85", "80"), json!(85));
        assert_eq!(value("85.5", "80"), json!(85.5));
        assert_eq!(value("true", "false"), json!(true));
        assert_eq!(value("30d", "\"90d\""), json!("30d"));
        assert_eq!(value("10.0.0.2, 10.0.0.3", "[]"), json!(["10.0.0.2", "10.0.0.3"]));
        assert_eq!(text(&json!(["a", "b"])), "a, b");
    }
}
