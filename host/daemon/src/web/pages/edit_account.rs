//! Changes the settings of an account in their place: its history, its routes and its login stay.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use playrelay_plugin_host::manifest::Manifest;

use crate::app::App;
use crate::web::api::Api;
use crate::web::api::extract::Path;
use crate::web::api::problem::Problem;
use crate::web::api::settings::{SettingChange, SettingView, current_digest, settings};
use crate::web::pages::add_account::{field, setting_value, test_first};
use crate::web::pages::apply_settings::{complaint, is_of_form};
use crate::web::pages::context::Context;
use crate::web::pages::form::Form;
use crate::web::pages::layout::{self, Page, Place};
use crate::web::pages::test_account::{Candidate, save};

/// The form.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let app = api.app();
    let (section, manifest) = known(&app, &name)?;
    let set = set(&api, section, &name).await?;
    let values = set.iter().filter_map(|item| {
        let key = item.key.rsplit('.').next()?;
        let value = item.value.as_ref()?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((format!("setting-{key}"), text))
    });
    let typed = Form::of(values);
    page(&api, &context, &name, &manifest, &typed, None).await
}

/// The section of an account and the manifest of its plugin.
fn known(app: &App, name: &str) -> Result<(&'static str, Arc<Manifest>), Problem> {
    let account = app.config.account(name);
    let manifest =
        account.and_then(|(role, account)| Some((role.section(), app.plugins.manifest(&account.plugin)?)));
    manifest.ok_or_else(|| {
        Problem::not_found(
            format!("there is no account {name:?}, or its plugin does not serve"),
            "see the set-up",
        )
    })
}

/// The settings of an account that are set.
async fn set(api: &Api, section: &str, name: &str) -> Result<Vec<SettingView>, Problem> {
    let prefix = format!("{section}.{name}.");
    let items = settings(api).await?.items.into_iter();
    Ok(items.filter(|item| item.key.starts_with(&prefix)).collect())
}

async fn page(
    api: &Api,
    context: &Context,
    name: &str,
    manifest: &Manifest,
    typed: &Form,
    problem: Option<&Problem>,
) -> Result<Response, Problem> {
    let digest = current_digest(&api.app())?;
    let body = html! {
        div.crumbs.muted.small { a href=(context.href(&format!("/accounts/{name}"))) { (name) } " › Settings" }
        (account_form(context, name, manifest, typed, problem, &digest, false))
    };
    layout::page(api, context, Page::new(format!("Settings of {name}"), Place::Setup), body).await
}

/// The form. `is_again` says that its connection was tested, and did not work.
fn account_form(
    context: &Context,
    name: &str,
    manifest: &Manifest,
    typed: &Form,
    problem: Option<&Problem>,
    digest: &str,
    is_again: bool,
) -> Markup {
    html! {
        form.card.padded.stack method="post" action=(context.href(&format!("/accounts/{name}/settings"))) {
            h1 { "Settings of " (name) }
            input type="hidden" name="digest" value=(digest);
            @if let Some(problem) = problem { (complaint(problem)) }
            @for (key, setting) in &manifest.settings {
                (field(key, setting, typed, false))
                @if setting.secret { p.help { "A secret is not shown. Empty leaves it as it is." } }
            }
            (test_first(is_again))
            div.row.wrap {
                button.button.primary { "Test and save" }
                a.button href=(context.href(&format!("/accounts/{name}"))) { "Cancel" }
            }
        }
    }
}

/// Changes what differs from what is set.
pub(super) async fn change(
    State(api): State<Arc<Api>>,
    context: Context,
    Path(name): Path<String>,
    form: Form,
) -> Result<Response, Problem> {
    let app = api.app();
    let (section, manifest) = known(&app, &name)?;
    let set = set(&api, section, &name).await?;
    let mut changes = Vec::new();
    for (key, setting) in &manifest.settings {
        let place = format!("{section}.{name}.{key}");
        let now = set.iter().find(|item| item.key == place);
        let wanted = setting_value(setting, &form.text(&format!("setting-{key}")));
        match (wanted, now) {
            // A secret is not shown, so that an empty field says nothing of it.
            (None, None) => {}
            (None, Some(_)) if setting.secret => {}
            (None, Some(_)) => changes.push(SettingChange::new(place, None)),
            (Some(wanted), Some(now)) if now.value.as_ref() == Some(&wanted) => {}
            (Some(wanted), _) => changes.push(SettingChange::new(place, Some(wanted))),
        }
    }
    if changes.is_empty() {
        return layout::see_other(&context, &format!("/accounts/{name}"));
    }
    let (digest, form) = (form.text("digest"), Arc::new(form));
    let next = format!("/accounts/{name}");
    let candidate = Candidate { name: name.clone(), digest: digest.clone(), changes, next };
    let again = {
        let (context, name) = (context.clone(), name.clone());
        let (manifest, form) = (Arc::clone(&manifest), Arc::clone(&form));
        move |problem: Option<&Problem>| {
            account_form(&context, &name, &manifest, &form, problem, &digest, problem.is_none())
        }
    };
    let is_untested = !form.text("untested").is_empty();
    match save(Arc::clone(&api), context.clone(), candidate, is_untested, Box::new(again)).await {
        Err(problem) if is_of_form(&problem) => {
            page(&api, &context, &name, &manifest, &form, Some(&problem)).await
        }
        answer => answer,
    }
}
