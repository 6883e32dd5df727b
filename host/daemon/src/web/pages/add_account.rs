//! Adds an account at a server or a tracker: the form comes from the plugin's manifest. Secrets go to the vault, all else to the file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_plugin_host::manifest::{Manifest, Setting, SettingKind};
use playrelay_plugin_host::registry::Entry;
use playrelay_util::secret::Secret;
use serde_json::{Map, Value};

use crate::app::App;
use crate::config::Role;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::{Problem, ProblemCode};
use crate::web::api::settings::{SettingChange, current_digest};
use crate::web::pages::apply_settings::{complaint, is_of_form};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout;
use crate::web::pages::layout::{Page, Place};
use crate::web::pages::test_account::{Candidate, save};

/// The plugins for a role, those that ask for the least first.
pub(super) fn choices(context: &Context, app: &App, role: Role) -> Markup {
    let ids: BTreeSet<String> = app.plugins.entries().iter().map(Entry::id).collect();
    let mut plugins: Vec<(usize, Arc<Manifest>)> = ids
        .iter()
        .filter_map(|id| app.plugins.manifest(id))
        .filter(|manifest| role.fits(manifest))
        .map(|manifest| (asked(app, &manifest).count(), manifest))
        .collect();
    plugins
        .sort_by(|(few, one), (many, other)| few.cmp(many).then_with(|| one.plugin.id.cmp(&other.plugin.id)));
    html! {
        div.choices.space {
            @for (_, manifest) in plugins {
                a.card.choice href=(context.href(&format!("/setup/{}/{}", role.section(), manifest.plugin.id))) {
                    h3 { "Add " (manifest.plugin.name) }
                    span.small.muted { (effort(app, &manifest)) }
                }
            }
        }
    }
}

/// Whether the plugin can do nothing without the user's value.
fn is_asked(setting: &Setting) -> bool {
    setting.required && setting.default.is_none()
}

/// The settings that the user has to fill: those that are asked for, and that no distributor has built in.
fn asked<'a>(app: &App, manifest: &'a Manifest) -> impl Iterator<Item = &'a Setting> {
    let built_in = app.built_in_settings(&manifest.plugin.id);
    manifest
        .settings
        .iter()
        .filter(move |(key, setting)| {
            is_asked(setting) && !built_in.is_some_and(|known| known.contains_key(*key))
        })
        .map(|(_, setting)| setting)
}

/// What an account costs.
fn effort(app: &App, manifest: &Manifest) -> String {
    let asked: Vec<&str> = asked(app, manifest).map(|setting| setting.label.as_str()).collect();
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
    let account = NewAccount::of(&app, &section, &plugin, free_name(&app, &plugin))?;
    page(&api, &context, &account, &Form::default(), None).await
}

/// An account that is to be added.
#[derive(Clone)]
struct NewAccount {
    role: Role,
    manifest: Arc<Manifest>,
    /// What a distributor has built in for its plugin.
    built_in: Option<&'static BTreeMap<String, Secret>>,
    name: String,
}

impl NewAccount {
    /// An account of a plugin; a problem where no such plugin serves in this role.
    fn of(app: &App, section: &str, plugin: &str, name: String) -> Result<Self, Problem> {
        let role = Role::parse(section);
        let found = app.plugins.manifest(plugin);
        match (role, found) {
            (Some(role), Some(manifest)) if role.fits(&manifest) => {
                Ok(Self { role, built_in: app.built_in_settings(plugin), manifest, name })
            }
            _ => Err(Problem::not_found(
                format!("there is no plugin {plugin:?} for this"),
                "choose one in the set-up",
            )),
        }
    }
}

/// A name that no account has.
fn free_name(app: &App, id: &str) -> String {
    let taken = |name: &str| app.config.account(name).is_some();
    let mut names = std::iter::once(id.to_owned()).chain((2..).map(|number: u32| format!("{id}-{number}")));
    names.find(|name| !taken(name)).unwrap_or_else(|| id.to_owned())
}

async fn page(
    api: &Api,
    context: &Context,
    account: &NewAccount,
    typed: &Form,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let name = &account.manifest.plugin.name;
    let body = html! {
        div.crumbs.muted.small { a href=(context.href("/setup")) { "Set-up" } " › Add " (name) }
        (account_form(context, account, typed, problem, false))
    };
    layout::page(api, context, Page::new(format!("Add {name}"), Place::Setup), body).await
}

/// The form. `is_again` says that its connection was tested, and did not work.
fn account_form(
    context: &Context,
    account: &NewAccount,
    typed: &Form,
    problem: Option<&Problem>,
    is_again: bool,
) -> Markup {
    let NewAccount { role, manifest, built_in, name } = account;
    let (section, id) = (role.section(), &manifest.plugin.id);
    // What is built in need not be seen, as what has a default.
    let (rare, usual): (Vec<_>, Vec<_>) = manifest.settings.iter().partition(|(key, setting)| {
        setting.default.is_some() || built_in.is_some_and(|known| known.contains_key(*key))
    });
    let mut usual = usual;
    usual.sort_by_key(|(_, setting)| (!is_asked(setting), setting.kind != SettingKind::ServerUrl));
    html! {
        form.card.padded.stack method="post" action=(context.href(&format!("/setup/{section}/{id}"))) {
            h1 { "Add " (manifest.plugin.name) }
            @if let Some(problem) = problem { (complaint(problem)) }
            label { "Name" input name="name" value=(name) required pattern="[A-Za-z0-9_\\-]+" autocomplete="off" spellcheck="false";
                span.help { "By which routes and pages know it." } }
            @for (key, setting) in usual { (field(key, setting, typed, true)) }
            @if manifest.login.is_some() { p.muted.small { "What is left empty a login can fill: it comes next." } }
            @if !rare.is_empty() {
                details { summary.small.muted { "More" } div.stack.space { @for (key, setting) in rare { (field(key, setting, typed, false)) } } }
            }
            (test_first(is_again))
            div.row.wrap { button.button.primary { "Test and add" } a.button href=(context.href("/setup")) { "Cancel" } }
        }
    }
}

/// What a form says of the test before it saves; after a test that failed it offers to go without.
pub(super) fn test_first(is_again: bool) -> Markup {
    html! {
        @if is_again {
            div.notice.bad role="alert" { div.grow { "The connection does not work, so nothing was saved. Correct what is wrong; secrets have to be entered again." } }
            label.check { input type="checkbox" name="untested" value="yes"; "Save it without a test" }
        }
    }
}

/// The field of a setting. `must` says whether the form can do nothing without what the plugin asks for.
pub(super) fn field(key: &str, setting: &Setting, typed: &Form, must: bool) -> Markup {
    let name = format!("setting-{key}");
    let value = match setting.kind {
        _ if setting.secret => String::new(),
        // What was understood is shown.
        SettingKind::ServerUrl => {
            Some(typed.text(&name)).filter(|it| !it.is_empty()).map_or_else(String::new, |it| address(&it))
        }
        _ => typed.text(&name),
    };
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
            @if let Some(link) = &setting.link {
                p.help { "You get it at " a href=(link) target="_blank" rel="noreferrer" { (link.trim_start_matches("https://")) } "." }
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
    let name = form.text("name");
    let account = NewAccount::of(&app, &section, &plugin, name.clone())?;
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let form = Arc::new(form);
    let added = match is_name {
        true => {
            let values = Value::Object(values(&account.manifest, &form));
            let changes =
                vec![SettingChange::new(format!("{}.{name}", account.role.section()), Some(values))];
            let digest = current_digest(&app)?;
            let next = if account.role == Role::Notifier { "/notifications" } else { "/setup" };
            let candidate = Candidate { name, digest, changes, next: next.to_owned() };
            let again = {
                let (context, account, form) = (context.clone(), account.clone(), Arc::clone(&form));
                move |problem: Option<&Problem>| {
                    account_form(&context, &account, &form, problem, problem.is_none())
                }
            };
            let is_untested = !form.text("untested").is_empty();
            save(Arc::clone(&api), context.clone(), candidate, is_untested, Box::new(again)).await
        }
        false => Err(Problem::new(
            ProblemCode::Invalid,
            format!("the name is {name:?}; expected letters, digits, hyphens and underscores"),
            "",
        )),
    };
    match added {
        Err(problem) if is_of_form(&problem) => page(&api, &context, &account, &form, Some(&problem)).await,
        answer => answer,
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
