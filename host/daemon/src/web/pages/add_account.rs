//! Adds an account at a server or a tracker: the form comes from the plugin's manifest. Secrets go to the vault, all else to the file.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_plugin_host::manifest::{Manifest, Setting, SettingKind};
use serde_json::{Map, Value};

use crate::app::App;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::api::settings::{SettingChange, current_digest};
use crate::web::pages::apply_settings::{apply, complaint, is_of_form};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Plays come from there.
    Source,
    /// Plays go there.
    Tracker,
}

impl Role {
    /// The section of the configuration.
    fn section(self) -> &'static str {
        match self {
            Self::Source => "sources",
            Self::Tracker => "trackers",
        }
    }

    fn parse(section: &str) -> Option<Self> {
        [Self::Source, Self::Tracker].into_iter().find(|role| role.section() == section)
    }

    fn fits(self, manifest: &Manifest) -> bool {
        let provided = manifest.provides.names();
        match self {
            Self::Source => provided.contains("webhook") || provided.contains("realtime"),
            Self::Tracker => provided.contains("sink"),
        }
    }
}

/// The plugins for a role, those that ask for the least first.
pub(super) fn choices(context: &Context, app: &App, role: Role) -> Markup {
    let mut plugins: Vec<(usize, &Manifest)> = app
        .plugins
        .entries()
        .iter()
        .filter_map(|entry| app.plugins.active(&entry.id()))
        .map(|plugin| &*plugin.manifest)
        .filter(|manifest| role.fits(manifest))
        .map(|manifest| (manifest.settings.values().filter(|setting| is_asked(setting)).count(), manifest))
        .collect();
    plugins
        .sort_by(|(few, one), (many, other)| few.cmp(many).then_with(|| one.plugin.id.cmp(&other.plugin.id)));
    html! {
        div.choices.space {
            @for (_, manifest) in plugins {
                a.card.choice href=(context.href(&format!("/setup/{}/{}", role.section(), manifest.plugin.id))) {
                    h3 { "Add " (manifest.plugin.name) }
                    span.small.muted { (effort(manifest)) }
                }
            }
        }
    }
}

/// Whether the plugin can do nothing without the user's value.
fn is_asked(setting: &Setting) -> bool {
    setting.required && setting.default.is_none()
}

/// What an account costs.
fn effort(manifest: &Manifest) -> String {
    let asked: Vec<&str> = manifest
        .settings
        .values()
        .filter(|setting| is_asked(setting))
        .map(|setting| setting.label.as_str())
        .collect();
    match (manifest.login.is_some(), asked.is_empty()) {
        (true, true) => "a login, or a key".to_owned(),
        (true, false) => format!("{}, and a login with a code", asked.join(", ").to_lowercase()),
        (false, true) => "nothing more".to_owned(),
        (false, false) => asked.join(", ").to_lowercase(),
    }
}

/// The form.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path((section, plugin)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let app = api.app();
    let (role, manifest) = chosen(&app, &section, &plugin)?;
    let name = free_name(&app, &manifest.plugin.id);
    page(&api, &context, role, &manifest, &Form::default(), &name, None).await
}

fn chosen(app: &App, section: &str, plugin: &str) -> Result<(Role, Arc<Manifest>), Problem> {
    let role = Role::parse(section);
    let found = app.plugins.active(plugin).map(|plugin| Arc::clone(&plugin.manifest));
    match (role, found) {
        (Some(role), Some(manifest)) if role.fits(&manifest) => Ok((role, manifest)),
        _ => Err(Problem::not_found(
            format!("there is no plugin {plugin:?} for this"),
            "choose one in the set-up",
        )),
    }
}

/// A name that no account has.
fn free_name(app: &App, id: &str) -> String {
    let taken = |name: &str| {
        app.config.sources.contains_key(name)
            || app.config.trackers.contains_key(name)
            || app.config.catalogues.contains_key(name)
    };
    let mut names = std::iter::once(id.to_owned()).chain((2..).map(|number: u32| format!("{id}-{number}")));
    names.find(|name| !taken(name)).unwrap_or_else(|| id.to_owned())
}

async fn page(
    api: &Api,
    context: &Context,
    role: Role,
    manifest: &Manifest,
    typed: &Form,
    name: &str,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let (section, id) = (role.section(), &manifest.plugin.id);
    let (rare, usual): (Vec<_>, Vec<_>) =
        manifest.settings.iter().partition(|(_, setting)| setting.default.is_some());
    let mut usual = usual;
    usual.sort_by_key(|(_, setting)| (!is_asked(setting), setting.kind != SettingKind::ServerUrl));
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Add " (manifest.plugin.name) }
        form.card.padded.stack method="post" action=(context.href(&format!("/setup/{section}/{id}"))) {
            h1 { "Add " (manifest.plugin.name) }
            @if let Some(problem) = problem { (complaint(problem)) }
            label { "Name" input name="name" value=(name) required pattern="[A-Za-z0-9_\\-]+" autocomplete="off" spellcheck="false";
                span.help { "By which routes and pages know it." } }
            @for (key, setting) in usual { (field(key, setting, typed, true)) }
            @if manifest.login.is_some() { p.muted.small { "What is left empty a login can fill: it comes next." } }
            @if !rare.is_empty() {
                details { summary.small.muted { "More" } div.stack.space { @for (key, setting) in rare { (field(key, setting, typed, true)) } } }
            }
            div.row.wrap { button.button.primary { "Add" } a.button href=(context.href("/setup")) { "Cancel" } }
        }
    };
    layout::page(api, context, Page::new(format!("Add {}", manifest.plugin.name), Place::Setup), body).await
}

/// The field of a setting. `must` says whether the form can do nothing without what the plugin asks for.
pub(super) fn field(key: &str, setting: &Setting, typed: &Form, must: bool) -> Markup {
    let name = format!("setting-{key}");
    let value = if setting.secret { String::new() } else { typed.text(&name) };
    let default = setting.default.as_deref().unwrap_or_default();
    html! {
        @if setting.kind == SettingKind::Boolean {
            label { (setting.label) select name=(name) {
                option value="" { "as usual (" (if default == "true" { "yes" } else { "no" }) ")" }
                option value="true" selected[value == "true"] { "yes" }
                option value="false" selected[value == "false"] { "no" }
            } @if !setting.help.is_empty() { span.help { (setting.help) } } }
        } @else {
            label {
                (setting.label)
                input name=(name) value=(value) type=(if setting.secret { "password" } else { "text" }) placeholder=(default)
                    required[must && is_asked(setting)] autocomplete="off" spellcheck="false"
                    inputmode=[(setting.kind == SettingKind::Integer).then_some("numeric")];
                @if !setting.help.is_empty() { span.help { (setting.help) } }
            }
        }
    }
}

/// Adds the account, and leads the browser to its login.
pub(super) async fn add(
    State(api): State<Arc<Api>>,
    context: Context,
    Path((section, plugin)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    let (role, manifest) = chosen(&app, &section, &plugin)?;
    let name = form.text("name");
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let added = match is_name {
        true => {
            let values = values(&manifest, &form);
            let changes =
                vec![SettingChange::new(format!("{}.{name}", role.section()), Some(Value::Object(values)))];
            apply(&api, &current_digest(&app)?, changes).await.map(drop)
        }
        false => Err(Problem::new(
            ProblemCode::Invalid,
            format!("the name is {name:?}; expected letters, digits, hyphens and underscores"),
            "",
        )),
    };
    match added {
        Ok(()) => {}
        Err(problem) if is_of_form(&problem) => {
            return page(&api, &context, role, &manifest, &form, &name, Some(&problem)).await;
        }
        Err(problem) => return Err(problem),
    }
    match api.logins.accounts.get(&name).is_some_and(|account| account.needs_login()) {
        true => layout::see_other(&context, &format!("/accounts/{name}")),
        false => layout::see_other(&context, "/setup"),
    }
}

/// The section of the account.
fn values(manifest: &Manifest, form: &Form) -> Map<String, Value> {
    let mut values = Map::new();
    values.insert("plugin".to_owned(), Value::String(manifest.plugin.id.clone()));
    for (key, setting) in &manifest.settings {
        if let Some(value) = setting_value(setting, &form.text(&format!("setting-{key}"))) {
            values.insert(key.clone(), value);
        }
    }
    values
}

/// What somebody has typed into the field of a setting; absent for an empty field.
pub(super) fn setting_value(setting: &Setting, typed: &str) -> Option<Value> {
    if typed.is_empty() {
        return None;
    }
    Some(match setting.kind {
        SettingKind::Boolean => Value::Bool(typed == "true"),
        SettingKind::Integer => typed.parse::<i64>().map_or_else(|_| Value::from(typed), Value::from),
        SettingKind::String => Value::from(typed),
        SettingKind::ServerUrl => Value::String(address(typed)),
    })
}

/// An address as it is meant: without a scheme it is one at home, and the pages of a server are not its address.
fn address(typed: &str) -> String {
    let text = if typed.contains("://") { typed.to_owned() } else { format!("http://{typed}") };
    let end = text.find("/web/").or_else(|| text.find(['#', '?'])).unwrap_or(text.len());
    text[..end].trim_end_matches("/web").trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_understood_as_it_is_meant() {
        let cases = [
            ("192.168.1.10:8096", "http://192.168.1.10:8096"),
            ("https://media.example/", "https://media.example"),
            ("http://media.example:8096/web/index.html#!/home", "http://media.example:8096"),
            ("media.example/media/web", "http://media.example/media"),
            ("http://10.0.0.2:32400/?x=1", "http://10.0.0.2:32400"),
        ];
        for (typed, meant) in cases {
            assert_eq!(address(typed), meant);
        }
    }
}
